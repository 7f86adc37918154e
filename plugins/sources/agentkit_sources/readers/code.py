"""Code and data files. Where the language is known, blocks are its functions, methods and classes;
else what blank lines part, with the definition above as the heading."""

from __future__ import annotations

import re

from agentkit_sources.blocks import Headings, Parsed, TextWriter, clean
from agentkit_sources.readers import decode
from agentkit_sources.readers.units import Unit, units

_DEFINITION = re.compile(
    r"(?P<indent>[ \t]*)(?:(?:export|default|public|private|protected|static|abstract|final|async|"
    r"pub(?:\([^)]*\))?|inline|virtual|const|unsafe)\s+)*"
    r"(?P<what>class|def|func|function|fn|struct|enum|trait|impl|interface|module|namespace|type|"
    r"(?:create|CREATE)\s+(?:table|TABLE|view|VIEW|index|INDEX))\s+(?P<name>[A-Za-z_]\w*)"
)
_SECTION = re.compile(r"\[{1,2}(?P<name>[^\]\n]+)\]{1,2}\s*\Z")


def read(path: str, data: bytes) -> Parsed:
    """Reads a file of code. Its title is its path; anchors are lines: "L12"."""
    text, notes = decode(data)
    text = clean(text)
    found = units(path, text)
    writer = _by_units(text, found) if found else _by_blank_lines(text)
    return writer.done(path, "text/x-code", notes)


def _by_units(text: str, found: list[Unit]) -> TextWriter:
    """A block for each definition; of a class, its head and what stands between its methods."""
    lines = text.split("\n")
    owner: list[Unit | None] = [None] * (len(lines) + 2)
    for one in found:  # inner ones come after what they stand in
        last = min(one.last, len(lines))
        owner[one.first : last + 1] = [one] * (last - one.first + 1)
    writer = TextWriter()
    start = 1
    for line in range(2, len(lines) + 2):
        if line > len(lines) or owner[line] is not owner[start]:
            body = "\n".join(lines[start - 1 : line - 1])
            unit = owner[start]
            pieces = [(start, body)] if unit and not unit.container else _pieces(start, body)
            for first, piece in pieces:
                writer.add("code", piece, unit.path if unit else (), anchor=f"L{first}")
            start = line
    return writer


def _pieces(first: int, body: str) -> list[tuple[int, str]]:
    """(line, text) of what blank lines part, between definitions."""
    found, at = [], first
    for piece in re.split(r"(\n(?:[ \t]*\n)+)", body):
        if piece.strip():
            lead = len(piece) - len(piece.lstrip("\n"))
            found.append((at + lead, piece))
        at += piece.count("\n")
    return found


def _by_blank_lines(text: str) -> TextWriter:
    writer, headings = TextWriter(), Headings()
    for first, paragraph in _pieces(1, text):
        lines = paragraph.strip("\n").split("\n")
        for line in lines:
            found = _DEFINITION.match(line)
            section = _SECTION.match(line)
            if found:
                indent = len(found["indent"].expandtabs(4))
                headings.push(1 + indent, f"{found['what'].lower()} {found['name']}")
            elif section:
                headings.push(0, section["name"])
            elif line[:1].isalnum():  # code at the margin ends what was defined above it
                headings.close(1)
            if found or section:
                break
        writer.add("code", "\n".join(lines), headings.path, anchor=f"L{first}")
    return writer
