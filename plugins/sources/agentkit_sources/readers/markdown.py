"""Markdown: the text as it is written, cut into blocks by markdown-it."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agentkit_sources.blocks import Headings, Kind, Parsed, TextWriter, clean
from agentkit_sources.readers import decode, plain_title

_FRONT = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.S)
_NAMED = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.M | re.I)
_KINDS: dict[str, Kind] = {
    "paragraph_open": "paragraph",
    "fence": "code",
    "code_block": "code",
    "html_block": "paragraph",
    "tr_open": "row",
}


def read(path: str, data: bytes) -> Parsed:
    """Reads a page. Its title is the first of: `title:` in its front matter, the first heading of
    the highest level, the file's name."""
    text, notes = decode(data)
    text = clean(text)
    front = _FRONT.match(text)
    named = _NAMED.search(front[1]) if front else None
    lines = text[front.end() :].split("\n") if front else text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(lines))
    writer, headings = TextWriter(), Headings()
    tops: list[tuple[int, str]] = []
    anchor = ""
    for token, inside, item in _with_context(tokens):
        if token.type == "heading_open":
            level, heading = int(token.tag[1]), inside
            anchor = _slug(heading)
            headings.close(level)
            writer.add("heading", heading, headings.path, anchor=anchor)
            headings.push(level, heading)
            tops.append((level, heading))
        elif token.type in _KINDS and token.map:
            start, end = token.map
            kind = _KINDS[token.type]
            body = "\n".join(lines[start:end])
            if kind == "paragraph" and item:
                kind = "item"
            writer.add(kind, body, headings.path, anchor=anchor)
    title = named[1] if named else min(tops, key=lambda t: t[0])[1] if tops else plain_title(path)
    return writer.done(title, "text/markdown", notes)


def _with_context(tokens: list[Token]) -> list[tuple[Token, str, bool]]:
    """(block token, the plain text inside it, whether it stands in a list)."""
    found = []
    depth = 0
    for number, token in enumerate(tokens):
        if token.type == "list_item_open":
            depth += 1
        elif token.type == "list_item_close":
            depth -= 1
        inline = tokens[number + 1] if number + 1 < len(tokens) else None
        inside = _plain(inline) if inline is not None and inline.type == "inline" else ""
        found.append((token, inside, depth > 0))
    return found


def _plain(inline: Token) -> str:
    kept = (c.content if c.type in ("text", "code_inline") else " " for c in inline.children or [])
    return " ".join("".join(kept).split())


def _slug(heading: str) -> str:
    """The anchor that code hosts give a heading."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())
