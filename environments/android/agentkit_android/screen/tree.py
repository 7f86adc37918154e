"""The tree of a scene as `uiautomator dump` writes it."""

from __future__ import annotations

import re
from functools import lru_cache
from xml.sax.saxutils import quoteattr

from agentkit_android.screen.layout import Box
from agentkit_android.screen.scene import Scene
from agentkit_android.screen.views import CLASSES

HEADER = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@lru_cache(16)
def xml(scene: Scene, *, every_window: bool = False) -> str:
    """What is on the screen, with bounds cut to it; nothing that is not seen.

    every_window: the status bar, the keyboard and the screen under a dialog too. `uiautomator dump`
    of a real phone shows the active window alone, and so does this without.
    """
    parts = [HEADER, f'<hierarchy rotation="{scene.display.rotation}">']
    for number, window in enumerate(w for w in scene.windows if every_window or w is scene.active):
        _node(window.root, number, window.package, parts, scene.silent)
    parts.append("</hierarchy>")
    return "".join(parts)


def _node(box: Box, index: int, package: str, parts: list[str], silent: bool) -> None:
    values = attributes(box, index, package)
    if silent:
        values["content-desc"] = ""
    told = " ".join(f"{name}={_quoted(value)}" for name, value in values.items())
    seen = [child for child in box.children if child.is_seen]
    if not seen:
        parts.append(f"<node {told} />")
        return
    parts.append(f"<node {told}>")
    for number, child in enumerate(seen):
        _node(child, number, package, parts, silent)
    parts.append("</node>")


def attributes(box: Box, index: int, package: str) -> dict[str, str]:
    """Of one node, in the order in which Android writes them."""
    view = box.view
    left, top, right, bottom = box.seen
    resource = view.resource
    if resource and ":" not in resource:
        resource = f"{package}:id/{resource}"
    return {
        "index": str(index),
        "text": told(box),
        "resource-id": resource,
        "class": CLASSES[view.kind],
        "package": package,
        "content-desc": view.description,
        "checkable": _flag(view.checked is not None),
        "checked": _flag(bool(view.checked)),
        "clickable": _flag(view.touchable),
        "enabled": _flag(view.enabled),
        "focusable": _flag(view.touchable or view.kind == "list"),
        "focused": _flag(view.focused),
        "scrollable": _flag(view.kind == "list" and box.beyond > 0),
        "long-clickable": _flag(view.hold is not None or view.kind == "field"),
        "password": _flag(view.password),
        "selected": _flag(view.selected),
        "bounds": f"[{left},{top}][{right},{bottom}]",
    }


def told(box: Box) -> str:
    """The text of a node; an empty field tells its hint, as Android's do."""
    view = box.view
    if view.kind == "field":
        if view.password:
            return "•" * len(view.text)
        return view.text or view.hint or view.label
    return view.text if view.kind in ("text", "button", "checkbox", "radio", "switch") else ""


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _quoted(value: str) -> str:
    return quoteattr(FORBIDDEN.sub(".", value), {'"': "&quot;"})
