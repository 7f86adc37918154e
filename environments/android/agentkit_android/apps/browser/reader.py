"""Reads the part of HTML that a phone's small browser shows: no scripts, no style."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Literal

MAX_BYTES, MAX_BLOCKS = 200_000, 2000
Kind = Literal[
    "heading", "text", "item", "link", "image", "rule", "cells", "field", "area", "password",
    "check", "radio", "select", "hidden", "submit",
]  # fmt: skip
SKIPPED = {"script", "style", "template", "noscript", "svg", "title"}
BREAKS = {
    "p", "div", "br", "section", "article", "main", "header", "footer", "nav", "ul", "ol", "dl",
    "dt", "dd", "form", "fieldset", "figure", "figcaption", "table", "blockquote", "body", "html",
}  # fmt: skip
FIELDS: dict[str, Kind] = {
    "password": "password", "checkbox": "check", "radio": "radio", "hidden": "hidden",
    "submit": "submit", "button": "submit",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """One thing on a page, on lines of its own.

    Attributes:
        level: of a heading, 1 to 6. href: where a link leads, or what an image shows.
        form: the number of the form that it belongs to, from 1; 0 is none.
        name, value: of a field. options: (value, text) of a select. cells: of a table's row.
    """

    kind: Kind
    text: str = ""
    level: int = 0
    href: str = ""
    form: int = 0
    name: str = ""
    value: str = ""
    checked: bool = False
    options: tuple[tuple[str, str], ...] = ()
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    action: str
    post: bool


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    blocks: tuple[Block, ...]
    forms: tuple[Form, ...] = ()

    def fields(self, form: int) -> list[Block]:
        return [b for b in self.blocks if b.form == form and b.name]


def read(html: str) -> Page:
    """Whatever the text is, it gives a page."""
    reader = _Reader()
    reader.feed(html[:MAX_BYTES])
    reader.close()
    reader.end()
    return Page(reader.title.strip(), tuple(reader.blocks[:MAX_BLOCKS]), tuple(reader.forms))


@dataclass
class _Select:
    name: str
    options: list[tuple[str, str]] = field(default_factory=list)
    chosen: str | None = None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.blocks: list[Block] = []
        self.forms: list[Form] = []
        self.form = 0
        self.now = Block("text")
        self.label = ""
        self.skipped = 0
        self.row: list[str] | None = None
        self.select: _Select | None = None
        self.area: Block | None = None
        self.option: str | None = None

    def end(self, following: Block | None = None) -> None:
        """What was read so far is a block; the next one begins."""
        text = " ".join(self.now.text.split())
        if (text and self.now.kind != "submit") or self.now.kind == "submit":
            self.blocks.append(replace(self.now, text=text))
        self.now = following or Block("text")

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in pairs}
        if tag in SKIPPED:
            self.skipped += tag != "title"
            self.label = "title" if tag == "title" else self.label
        elif tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.end(Block("heading", level=int(tag[1])))
        elif tag == "li":
            self.end(Block("item"))
        elif tag == "a" and "href" in given:
            self.end(Block("link", href=given["href"]))
        elif tag == "img":
            self.end()
            self.blocks.append(Block("image", given.get("alt", ""), href=given.get("src", "")))
        elif tag == "hr":
            self.end()
            self.blocks.append(Block("rule"))
        elif tag == "tr":
            self.end()
            self.row = []
        elif tag in ("td", "th") and self.row is not None:
            self.now = Block("text")
        elif tag == "button":
            self.end(Block("submit", form=self.form, name=given.get("name", ""),
                           value=given.get("value", "")))  # fmt: skip
        elif tag in ("input", "select", "textarea", "option"):
            self.field(tag, given)
        elif tag in BREAKS:
            self.end()
            if tag == "form":
                post = given.get("method", "").lower() == "post"
                self.forms.append(Form(given.get("action", ""), post))
                self.form = len(self.forms)

    def field(self, tag: str, given: dict[str, str]) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "option" and self.select is not None:
            self.flush_option()
            self.option, self.now = value, Block("text")
            if "selected" in given:
                self.select.chosen = value
            return
        label = " ".join(self.now.text.split())
        self.now = Block("text")
        if tag == "select":
            self.select, self.label = _Select(name), label
        elif tag == "textarea":
            self.area = Block("area", label, form=self.form, name=name)
        elif tag == "input":
            kind = FIELDS.get(given.get("type", "text").lower(), "field")
            text = value or "Submit" if kind == "submit" else label or given.get("placeholder", "")
            self.blocks.append(
                Block(kind, text, form=self.form, name=name, value=value,
                      checked="checked" in given)
            )  # fmt: skip

    def flush_option(self) -> None:
        if self.select is not None and self.option is not None:
            text = " ".join(self.now.text.split())
            self.select.options.append((self.option or text, text))
        self.option, self.now = None, Block("text")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self.label = ""
        elif tag in SKIPPED:
            self.skipped = max(0, self.skipped - 1)
        elif tag == "select" and self.select is not None:
            self.flush_option()
            one = self.select
            chosen = (
                one.chosen if one.chosen is not None else one.options[0][0] if one.options else ""
            )
            self.blocks.append(
                Block("select", self.label, form=self.form, name=one.name, value=chosen,
                      options=tuple(one.options))
            )  # fmt: skip
            self.select, self.label = None, ""
        elif tag == "textarea" and self.area is not None:
            self.blocks.append(replace(self.area, value=self.now.text.strip()))
            self.area, self.now = None, Block("text")
        elif tag in ("td", "th") and self.row is not None:
            self.row.append(" ".join(self.now.text.split()))
            self.now = Block("text")
        elif tag == "tr" and self.row is not None:
            if any(self.row):
                self.blocks.append(Block("cells", cells=tuple(self.row[:6])))
            self.row, self.now = None, Block("text")
        elif tag in ("a", "button", "li", "h1", "h2", "h3", "h4", "h5", "h6", *BREAKS):
            if tag == "a" and self.row is not None:
                return
            self.end()
            if tag == "form":
                self.form = 0

    def handle_data(self, data: str) -> None:
        if self.label == "title":
            self.title += data
        elif not self.skipped:
            self.now = replace(self.now, text=self.now.text + data)
