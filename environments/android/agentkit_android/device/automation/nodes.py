"""The nodes of a screen, and which of them a selector of UiAutomator means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from agentkit_android.phone.phone import Phone
from agentkit_android.screen import tree

BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")
ATTRIBUTES = {
    "text": "text",
    "className": "class",
    "description": "content-desc",
    "packageName": "package",
    "resourceId": "resource-id",
}
FLAGS = {
    "checkable": "checkable",
    "checked": "checked",
    "clickable": "clickable",
    "longClickable": "long-clickable",
    "scrollable": "scrollable",
    "enabled": "enabled",
    "focusable": "focusable",
    "focused": "focused",
    "selected": "selected",
}
MAX_PATTERN = 500


@dataclass(slots=True, eq=False)
class Node:
    """One node of the dumped tree. path: the indices that lead to it from the root."""

    attributes: Mapping[str, str]
    path: tuple[int, ...]
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    def has(self, name: str) -> bool:
        return self.get(name) == "true"

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        found = BOUNDS.fullmatch(self.get("bounds"))
        left, top, right, bottom = map(int, found.groups()) if found else (0, 0, 0, 0)
        return left, top, right, bottom

    @property
    def middle(self) -> tuple[int, int]:
        left, top, right, bottom = self.bounds
        return (left + right) // 2, (top + bottom) // 2


def screen(phone: Phone) -> Node:
    """The root, whose children are the windows."""
    made = fromstring(tree.xml(phone.scene()))  # of our own making, so that it can be trusted
    root = Node(dict(made.attrib), ())
    _fill(root, made)
    return root


def _fill(node: Node, made: Element) -> None:
    for number, child in enumerate(made):
        one = Node(dict(child.attrib), (*node.path, number), node)
        node.children.append(one)
        _fill(one, child)


def found(root: Node, selector: Mapping[str, Any]) -> list[Node]:
    """The nodes that a selector means, in the order of the tree. `instance` picks one of them."""
    nodes = [n for child in root.children for n in child.walk() if _fits(n, selector)]
    if "instance" in selector:
        number = int(selector["instance"])
        nodes = nodes[number : number + 1] if number >= 0 else []
    steps = zip(selector.get("childOrSibling", ()), selector.get("childOrSiblingSelector", ()))
    for way, inner in steps:
        bases = nodes if way == "child" else [n.parent for n in nodes if n.parent is not None]
        nodes = list({id(n): n for base in bases for n in found(base, inner)}.values())
    return nodes


def _fits(node: Node, selector: Mapping[str, Any]) -> bool:
    for name, wanted in selector.items():
        if name in FLAGS:
            if node.has(FLAGS[name]) is not bool(wanted):
                return False
        elif name == "index":
            if node.path[-1] != int(wanted):
                return False
        elif (
            (split := re.fullmatch(r"(\w+?)(Contains|Matches|StartsWith)?", name))
            and (key := ATTRIBUTES.get(split[1]))
            and not _says(node.get(key), split[2] or "", str(wanted))
        ):
            return False
    return True


def _says(text: str, how: str, wanted: str) -> bool:
    if how == "Contains":
        return wanted.casefold() in text.casefold()
    if how == "StartsWith":
        return text.casefold().startswith(wanted.casefold())
    if how == "Matches":
        if len(wanted) > MAX_PATTERN:
            raise ValueError("the pattern is too long")
        return re.fullmatch(wanted, text, re.DOTALL) is not None
    return text == wanted
