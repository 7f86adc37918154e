"""Code and data files: blocks are what blank lines part; the definition above is the heading."""

from __future__ import annotations

import re

from agentkit_sources.blocks import Headings, Parsed, TextWriter, clean
from agentkit_sources.readers import decode, plain_title

_DEFINITION = re.compile(
    r"(?P<indent>[ \t]*)(?:(?:export|default|public|private|protected|static|abstract|final|async|"
    r"pub(?:\([^)]*\))?|inline|virtual|const|unsafe)\s+)*"
    r"(?P<what>class|def|func|function|fn|struct|enum|trait|impl|interface|module|namespace|type|"
    r"(?:create|CREATE)\s+(?:table|TABLE|view|VIEW|index|INDEX))\s+(?P<name>[A-Za-z_]\w*)"
)
_SECTION = re.compile(r"\[{1,2}(?P<name>[^\]\n]+)\]{1,2}\s*\Z")


def read(path: str, data: bytes) -> Parsed:
    """Reads a file of code. Its title is its name."""
    text, notes = decode(data)
    writer, headings = TextWriter(), Headings()
    for paragraph in re.split(r"\n(?:[ \t]*\n)+", clean(text)):
        lines = paragraph.strip("\n").split("\n")
        for line in lines:
            found = _DEFINITION.match(line)
            section = _SECTION.match(line)
            if found:
                indent = len(found["indent"].expandtabs(4))
                headings.push(1 + indent, f"{found['what'].lower()} {found['name']}")
            elif section:
                headings.push(1, section["name"])
            elif line[:1].isalnum():  # code at the margin ends what was indented
                headings.close(2)
            if found or section:
                break
        writer.add("code", "\n".join(lines), headings.path)
    return writer.done(plain_title(path), "text/x-code", notes)
