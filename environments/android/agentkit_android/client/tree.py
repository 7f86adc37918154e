"""From the tree that uiautomator dumps to what can be read and touched on the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from agentkit_android.client.errors import BadAnswer

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element as Node

MAX_TREE = 4 << 20
MAX_LABEL = 1000
MAX_DEPTH = 200
BOUNDS = re.compile(r"\[(-?\d{1,6}),(-?\d{1,6})\]\[(-?\d{1,6}),(-?\d{1,6})\]")


@dataclass(frozen=True, slots=True)
class Element:
    """Something on the screen that says something or can be touched.

    Attributes:
        role: button, switch, field, … from the class of the view.
        label: what it says: its text or description, or the texts in it.
        bounds: left, top, right, bottom in pixels.
        text, description: its own alone; the text of a field is what it holds, or its hint.
        checked: None where it cannot be.
        seen: it, or its label, was read in the picture; the tree does not say it.
    """

    role: str
    label: str
    bounds: tuple[int, int, int, int]
    text: str = ""
    description: str = ""
    resource: str = ""
    clickable: bool = False
    long_clickable: bool = False
    scrollable: bool = False
    editable: bool = False
    enabled: bool = True
    focused: bool = False
    selected: bool = False
    password: bool = False
    checked: bool | None = None
    seen: bool = False

    @property
    def middle(self) -> tuple[int, int]:
        left, top, right, bottom = self.bounds
        return (left + right) // 2, (top + bottom) // 2

    @property
    def height(self) -> int:
        return self.bounds[3] - self.bounds[1]

    def line(self, index: int) -> str:
        """As a model reads it: `3 switch "Wi-Fi" on`."""
        words = [str(index), self.role]
        if self.label:
            words.append('"' + " ".join(self.label.split()).replace('"', "'") + '"')
        if self.checked is not None:
            words.append("on" if self.checked else "off")
        states = {"disabled": not self.enabled, "focused": self.focused, "selected": self.selected}
        states["scrolls"] = self.scrollable
        return " ".join([*words, *(name for name, is_so in states.items() if is_so)])


ROLES = {
    "Button": "button", "ImageButton": "button", "EditText": "field", "Switch": "switch",
    "CheckBox": "checkbox", "RadioButton": "radio", "SeekBar": "slider", "ImageView": "icon",
    "TextView": "text", "RecyclerView": "list", "ListView": "list", "ScrollView": "list",
    "Spinner": "menu", "WebView": "page", "ProgressBar": "progress",
}  # fmt: skip


def parse(xml: bytes | str, where: str = "the phone") -> list[Element]:
    """The elements of a dump, from top left as they are drawn.

    Raises:
        BadAnswer: it is empty, larger than MAX_TREE bytes, not XML, or not a tree of a screen.
    """
    size = len(xml)
    if size > MAX_TREE:
        raise BadAnswer(
            f"{where}: the tree of the screen has {size >> 20} MB", "scroll, or leave that screen"
        )
    if not xml.strip():
        raise BadAnswer(f"{where}: the tree of the screen is empty", "look again in a moment")
    try:
        root = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadAnswer(
            f"{where}: the tree of the screen is no XML: {error}", "look again in a moment"
        ) from error
    if root.tag != "hierarchy":
        raise BadAnswer(f"{where}: a tree of <{root.tag[:40]}> is not of a screen", "")
    found: list[Element] = []
    for node in root:
        _collect(node, found, 0)
    return found


def _collect(node: Node, found: list[Element], depth: int) -> None:
    """An element for a node that can be touched, with the words of what is in it; and for words
    that belong to nothing that can be touched."""
    if depth > MAX_DEPTH:
        return
    acts = _is(node, "clickable") or _is(node, "long-clickable") or _is(node, "checkable")
    own = node.get("text") or node.get("content-desc") or ""
    if acts or _is(node, "scrollable") or _editable(node) or own.strip():
        made = _element(node, own, acts)
        if made is not None:
            found.append(made)
    for child in node:
        if not acts or _is(child, "clickable") or _has_touchable(child):
            _collect(child, found, depth + 1)


def _element(node: Node, own: str, acts: bool) -> Element | None:
    place = BOUNDS.fullmatch(node.get("bounds", ""))
    if place is None:
        return None
    left, top, right, bottom = map(int, place.groups())
    if left >= right or top >= bottom:
        return None
    texts = [own] if own.strip() else list(_words(node)) if acts else []
    knob = node if _is(node, "checkable") else _knob(node) if acts else None
    role = _role(node if knob is None else knob)
    return Element(
        role="row" if role == "view" and acts else role,
        label=", ".join(dict.fromkeys(texts))[:MAX_LABEL],
        bounds=(left, top, right, bottom),
        text=node.get("text", "")[:MAX_LABEL],
        description=node.get("content-desc", "")[:MAX_LABEL],
        resource=node.get("resource-id", "").rpartition("/")[2][:200],
        clickable=_is(node, "clickable"),
        long_clickable=_is(node, "long-clickable"),
        scrollable=_is(node, "scrollable"),
        editable=_editable(node),
        enabled=node.get("enabled") != "false",
        focused=_is(node, "focused"),
        selected=_is(node, "selected"),
        password=_is(node, "password"),
        checked=None if knob is None else _is(knob, "checked"),
    )


def _is(node: Node, name: str) -> bool:
    return node.get(name) == "true"


def _editable(node: Node) -> bool:
    return node.get("class", "").endswith("EditText")


def _role(node: Node) -> str:
    name = node.get("class", "").rpartition(".")[2]
    return ROLES.get(name, "view")


def _has_touchable(node: Node) -> bool:
    return any(_is(one, "clickable") for one in node.iter())


def _words(node: Node) -> Iterator[str]:
    """Texts below a node, as far as nothing else that is clickable owns them."""
    for child in node:
        if not _is(child, "clickable"):
            own = child.get("text") or child.get("content-desc") or ""
            if own.strip():
                yield own
            yield from _words(child)


def _knob(node: Node) -> Node | None:
    """The one thing with a check mark in a row."""
    found = [n for n in node.iter() if n is not node and _is(n, "checkable")]
    return found[0] if len(found) == 1 and not _is(found[0], "clickable") else None
