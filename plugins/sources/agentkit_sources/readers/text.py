"""Plain text: paragraphs are what blank lines part; underlined and numbered lines are headings."""

from __future__ import annotations

import re

from agentkit_sources.blocks import Headings, Parsed, TextWriter, clean
from agentkit_sources.readers import decode, plain_title

_RULE = re.compile(r"([=\-~^\"'*+#])\1{2,}\s*\Z")
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*)\.?\s+[A-Z]\S.{0,78}\Z")
_LEVELS = "=-~^\"'*+#"


def read(path: str, data: bytes) -> Parsed:
    """Reads a text. Its title is its first heading, else the file's name."""
    text, notes = decode(data)
    writer, headings = TextWriter(), Headings()
    title = ""
    for paragraph in re.split(r"\n[ \t]*\n+", clean(text)):
        lines = paragraph.strip("\n").split("\n")
        heading = _heading(lines)
        if heading:
            level, words, rest = heading
            headings.close(level)
            writer.add("heading", words, headings.path)
            headings.push(level, words)
            title = title or words
            lines = lines[rest:]
        writer.add("paragraph", "\n".join(lines), headings.path)
    return writer.done(title or plain_title(path), "text/plain", notes)


def _heading(lines: list[str]) -> tuple[int, str, int] | None:
    """(level, text, lines it takes) where a paragraph begins with a heading."""
    if len(lines) > 1 and lines[0].strip() and len(lines[0]) <= 100 and _RULE.match(lines[1]):
        return 1 + _LEVELS.index(lines[1][0]), lines[0].strip(), 2
    if len(lines) == 1 and (numbered := _NUMBERED.match(lines[0].strip())):
        return len(_LEVELS) + 1 + numbered[1].count("."), lines[0].strip(), 1
    return None
