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
def xml(scene: Scene) -> str:
    """What is on the screen, with bounds cut to it; nothing that is not seen."""
    parts = [HEADER, '<hierarchy rotation="0">']
    if scene.root is not None:
        _node(scene.root, 0, scene.package, parts)
    parts.append("</hierarchy>")
    return "".join(parts)


def _node(box: Box, index: int, package: str, parts: list[str]) -> None:
    view = box.view
    left, top, right, bottom = box.seen
    tapped = bool(view.on_tap or view.on_seek)
    values = {
        "index": str(index),
        "text": view.text if view.kind == "text" else "",
        "resource-id": f"{package}:id/{view.resource}" if view.resource else "",
        "class": CLASSES[view.kind],
        "package": package,
        "content-desc": view.description,
        "checkable": _flag(view.checked is not None),
        "checked": _flag(bool(view.checked)),
        "clickable": _flag(tapped),
        "enabled": _flag(view.enabled),
        "focusable": _flag(tapped or view.kind == "list"),
        "focused": "false",
        "scrollable": _flag(view.kind == "list" and box.beyond > 0),
        "long-clickable": "false",
        "password": "false",
        "selected": "false",
        "bounds": f"[{left},{top}][{right},{bottom}]",
    }
    told = " ".join(f"{name}={_quoted(value)}" for name, value in values.items())
    seen = [child for child in box.children if child.is_seen]
    if not seen:
        parts.append(f"<node {told} />")
        return
    parts.append(f"<node {told}>")
    for number, child in enumerate(seen):
        _node(child, number, package, parts)
    parts.append("</node>")


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _quoted(value: str) -> str:
    value = quoteattr(FORBIDDEN.sub(".", value), {'"': "&quot;"})
    return value
