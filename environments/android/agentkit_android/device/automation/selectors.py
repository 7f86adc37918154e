"""Appium's ways to name elements, as nodes of the screen."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from agentkit_android.device.automation.nodes import Node, found

MAX_QUERY = 4000
CALL = re.compile(r"\.\s*(\w+)\s*\(")
TEXT = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*\)', re.DOTALL)
PLAIN = re.compile(r"\s*(true|false|\d+)\s*\)")
SELECTOR = re.compile(r"\s*new\s+UiSelector\s*\(\s*\)")
SCROLLABLE = re.compile(r"\s*new\s+UiScrollable\s*\(")
INSIDE = {"childSelector": "child", "fromParent": "sibling"}
LANGUAGE = "-android uiautomator"


class BadSelector(ValueError):
    """It cannot be read."""


def look(root: Node, strategy: str, query: str) -> list[Node]:
    """The nodes that a strategy and its query mean, in the order of the tree.

    Raises:
        BadSelector: the query cannot be read, or there is no such strategy.
    """
    if len(query) > MAX_QUERY:
        raise BadSelector("the query is too long")
    nodes = [n for child in root.children for n in child.walk()]
    if strategy == "id":
        wanted = query if ":" in query else f":id/{query}"
        return [n for n in nodes if n.get("resource-id").endswith(wanted)]
    if strategy == "accessibility id":
        return [n for n in nodes if n.get("content-desc") == query]
    if strategy == "class name":
        return [n for n in nodes if n.get("class") == query]
    if strategy == "xpath":
        return _xpath(root, query)
    if strategy == LANGUAGE:
        return found(root, ui_selector(query))
    raise BadSelector(f"there is no strategy {strategy[:40]!r}")


# The screen as Appium shows it: a tag for each class.


def source(root: Node, width: int, height: int) -> str:
    rotation = root.get("rotation") or "0"
    head = f'<hierarchy index="0" class="hierarchy" rotation="{rotation}" width="{width}" '
    inside = "".join(_shown(child) for child in root.children)
    start = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n"
    return f'{start}{head}height="{height}">{inside}</hierarchy>'


def _shown(node: Node) -> str:
    name = tag(node)
    values = " ".join(f"{k}={quoteattr(v)}" for k, v in node.attributes.items() if k != "NAF")
    inside = "".join(map(_shown, node.children))
    return f'<{name} {values} displayed="true">{inside}</{name}>'


def tag(node: Node) -> str:
    """A class as the name of an element."""
    name = re.sub(r"[^\w.-]", ".", node.get("class"))
    return name if re.match(r"[A-Za-z_]", name) else "node"


def _xpath(root: Node, query: str) -> list[Node]:
    made = etree.Element("hierarchy", dict(root.attributes))
    nodes: dict[Any, Node] = {}

    def fill(above: Any, node: Node) -> None:
        one = etree.SubElement(above, tag(node), {**node.attributes, "displayed": "true"})
        nodes[one] = node
        for child in node.children:
            fill(one, child)

    for child in root.children:
        fill(made, child)
    try:
        chosen = etree.ElementTree(made).xpath(query)
    except etree.XPathError as error:
        raise BadSelector(f"not an XPath expression: {error}") from error
    return [nodes[one] for one in chosen if one in nodes] if isinstance(chosen, list) else []


# new UiSelector().text("A").childSelector(new UiSelector().clickable(true))


def ui_selector(text: str) -> dict[str, Any]:
    """Reads a selector written in Java.

    Raises:
        BadSelector: it is none.
    """
    selector, end = _selector(text, 0)
    if text[end:].strip(" ;\n\t"):
        raise BadSelector(f"cannot read {text[end : end + 40]!r}")
    return selector


def scrolled(text: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(list, wanted) of `new UiScrollable(…).scrollIntoView(…)`; None where it is none."""
    start = SCROLLABLE.match(text)
    if start is None:
        return None
    inner, at = _selector(text, start.end())
    rest = re.compile(r"\s*\)").match(text, at)
    while rest is not None:
        call = CALL.match(text, rest.end())
        if call is None:
            break
        if call[1] == "scrollIntoView":
            return inner, _selector(text, call.end())[0]
        rest = PLAIN.match(text, call.end()) or re.compile(r"\s*\)").match(text, call.end())
    raise BadSelector("a UiScrollable without scrollIntoView")


def _selector(text: str, at: int) -> tuple[dict[str, Any], int]:
    start = SELECTOR.match(text, at)
    if start is None:
        raise BadSelector(f"no UiSelector in {text[at : at + 40]!r}")
    made: dict[str, Any] = {}
    at = start.end()
    while call := CALL.match(text, at):
        name, at = call[1], call.end()
        if name in INSIDE:
            inner, at = _selector(text, at)
            made.setdefault("childOrSibling", []).append(INSIDE[name])
            made.setdefault("childOrSiblingSelector", []).append(inner)
            end = re.compile(r"\s*\)").match(text, at)
        elif end := TEXT.match(text, at):
            made[name] = re.sub(r"\\(.)", r"\1", end[1])
        elif end := PLAIN.match(text, at):
            made[name] = {"true": True, "false": False}.get(end[1], end[1])
        if end is None:
            raise BadSelector(f"cannot read {text[at : at + 40]!r}")
        at = end.end()
    return made, at
