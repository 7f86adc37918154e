"""The accessibility tree of a page: Playwright's own snapshot, read into elements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# "- button "Save" [disabled] [ref=e7] [box=257,66,34,21]: text"
_LINE = re.compile(
    r'^\s*- (?P<role>[a-z]+)(?: "(?P<name>(?:[^"\\]|\\.)*)")?'
    r"(?P<marks>(?: \[[^\]]*\])*)(?P<value>:.*)?$"
)
_MARK = re.compile(r"\[([a-z]+)(?:=([^\]]*))?\]")
_BOX = re.compile(r" \[box=[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Element:
    """One element that has an id. box: x, y, width, height in CSS pixels of its frame; states:
    "checked", "disabled", "selected" … as the tree names them."""

    id: str
    role: str
    name: str
    value: str
    box: tuple[int, int, int, int]
    states: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """For observations."""
        return {
            "id": self.id,
            "role": self.role,
            "name": self.name,
            "value": self.value,
            "box": list(self.box),
            "states": list(self.states),
        }


def elements(snapshot: str) -> list[Element]:
    """The elements of a snapshot in "ai" mode with boxes."""
    found = []
    for line in snapshot.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        marks = {name: value for name, value in _MARK.findall(match["marks"] or "")}
        if "ref" not in marks:
            continue
        x, y, width, height = (round(float(n)) for n in marks.get("box", "0,0,0,0").split(","))
        states = tuple(
            f"{name}={value}" if value else name
            for name, value in marks.items()
            if name not in ("ref", "box", "cursor", "active")
        )
        name = (match["name"] or "").replace('\\"', '"')
        value = (match["value"] or "").removeprefix(":").strip().strip('"')
        box = (x, y, width, height)
        found.append(Element(marks["ref"], match["role"], name, value, box, states))
    return found


def without_boxes(snapshot: str) -> str:
    """The tree as a model reads it."""
    return _BOX.sub("", snapshot)
