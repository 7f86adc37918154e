"""Reads the part of HTML that the phone's pages are written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal

BLOCKS = {"p", "div", "h1", "h2", "h3", "li", "br", "tr", "ul", "ol", "form", "body", "title"}
SILENT = {"script", "style"}
MAX_PARTS = 2000


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a page from top to bottom. target: of a link, or the hint of a field; name: of a
    field; form: the number of the form that it belongs to, -1 where to none."""

    kind: Literal["heading", "text", "item", "link", "field", "button", "hidden"]
    text: str
    target: str = ""
    name: str = ""
    form: int = -1


@dataclass(slots=True)
class Page:
    """actions: where each form leads. hidden: fields that nobody sees."""

    title: str = ""
    parts: list[Part] = field(default_factory=list)
    hidden: list[Part] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.text: list[str] = []
        self.kind = "text"
        self.link: str | None = None
        self.form, self.silent = -1, 0
        self.in_title = self.in_button = False

    def flush(self) -> None:
        text = " ".join("".join(self.text).split())
        self.text.clear()
        if self.in_title:
            self.page.title = text
        elif text and len(self.page.parts) < MAX_PARTS:
            if self.in_button:
                self.page.parts.append(Part("button", text, form=self.form))
            elif self.link is not None:
                self.page.parts.append(Part("link", text, self.link))
            elif self.kind == "heading":
                self.page.parts.append(Part("heading", text))
            else:
                self.page.parts.append(Part("item" if self.kind == "item" else "text", text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.silent += tag in SILENT
        if tag in BLOCKS or tag in ("a", "button", "input"):
            self.flush()
        if tag in ("h1", "h2", "h3", "li"):
            self.kind = "item" if tag == "li" else "heading"
        elif tag == "title":
            self.in_title = True
        elif tag == "a":
            self.link = given.get("href", "")
        elif tag == "form":
            self.form = len(self.page.actions)
            self.page.actions.append(given.get("action", ""))
        elif tag == "button":
            self.in_button = True
        elif tag == "input":
            self.field(given)

    def field(self, given: dict[str, str]) -> None:
        kind, name, value = given.get("type", "text"), given.get("name", ""), given.get("value", "")
        if kind == "hidden":
            self.page.hidden.append(Part("hidden", value, name=name, form=self.form))
        elif kind == "submit":
            self.page.parts.append(Part("button", value or "Submit", form=self.form))
        elif len(self.page.parts) < MAX_PARTS:
            hint = given.get("placeholder", "")
            self.page.parts.append(Part("field", value, hint, name, self.form))

    def handle_endtag(self, tag: str) -> None:
        self.silent = max(0, self.silent - (tag in SILENT))
        if tag in BLOCKS or tag in ("a", "button"):
            self.flush()
        if tag in ("h1", "h2", "h3", "li"):
            self.kind = "text"
        elif tag == "title":
            self.in_title = False
        elif tag == "a":
            self.link = None
        elif tag == "button":
            self.in_button = False
        elif tag == "form":
            self.form = -1

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.text.append(data)


def read(html: str) -> Page:
    """What is on a page; nothing of it is run."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.flush()
    return reader.page
