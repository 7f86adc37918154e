"""What tests do with a phone: find, tap, and try everything that an app shows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agentkit_android.apps import context
from agentkit_android.apps.app import App
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw, tree
from agentkit_android.screen.layout import hit
from agentkit_android.screen.scene import Scene
from agentkit_android.screen.text import missing


def nodes(phone: Phone, *, every: bool = False) -> list[dict[str, str]]:
    root = ET.fromstring(tree.xml(phone.scene(), every_window=every))
    return [n.attrib for n in root.iter("node")]


def bounds(node: dict[str, str]) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(int, re.findall(r"-?\d+", node["bounds"]))
    return left, top, right, bottom


def find(phone: Phone, name: str) -> tuple[int, int]:
    """The middle of what has this text, description or resource, of the front-most window first."""
    for node in (*nodes(phone), *nodes(phone, every=True)[::-1]):
        resource = node["resource-id"].rpartition("/")[2]
        if name in (node["text"], node["content-desc"], resource, node["resource-id"]):
            left, top, right, bottom = bounds(node)
            return (left + right) // 2, (top + bottom) // 2
    raise AssertionError(f"{name!r} is not on the screen: {texts(phone)}")


def tap(phone: Phone, *names: str) -> None:
    for name in names:
        assert phone.tap(*find(phone, name)), name


def fill(phone: Phone, **fields: str) -> None:
    """Types into fields, in place of what stands there."""
    for name, text in fields.items():
        for _ in range(6):
            if any(n["resource-id"].endswith(f":id/{name}") for n in nodes(phone)):
                break
            scroll(phone)
        tap(phone, name)
        phone.erase()
        assert phone.type(text)
        phone.press("BACK")


def scroll(phone: Phone) -> None:
    display = phone.display
    x, high = display.width // 2, display.height
    phone.swipe((x, high * 7 // 10), (x, high * 4 // 10), 600)


def texts(phone: Phone, *, every: bool = False) -> list[str]:
    named = [(n["text"], n["content-desc"]) for n in nodes(phone, every=every)]
    return [a or b for a, b in named if a or b]


def whole(phone: Phone) -> list[str]:
    """What a person reads who scrolls to the end."""
    seen = texts(phone)
    for _ in range(8):
        scroll(phone)
        seen += texts(phone)
    return seen


@contextmanager
def untranslated() -> Iterator[set[str]]:
    """The texts that are asked for in another language, and that nobody has translated."""
    found: set[str] = set()
    real = context.translated

    def watched(app: App, text: str, language: str) -> str:
        told = real(app, text, language)
        if language != "en" and told == text and re.search("[A-Za-z]{2}", text):
            found.add(f"{app.package}: {text}")
        return told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "translated", watched)
        yield found


def explore(phone: Phone, package: str, *, taps: int = 150) -> set[tuple[str, ...]]:
    """Taps what can be tapped, from every kind of screen that this leads to, and looks at each.

    Returns:
        the activities and overlays that were seen.
    """
    seen: set[tuple[str, ...]] = set()
    kinds: set[object] = set()
    waiting = deque([phone.snapshot()])
    while waiting and taps > 0:
        start = waiting.popleft()
        phone.restore(start)
        for point, held in dict.fromkeys(look(phone)):
            taps -= 1
            phone.restore(start)
            (phone.hold if held else phone.tap)(*point)
            front = phone.activities.front
            crashed = [d.kind for d in phone.plain.dialogs if d.kind == "crash"]
            assert not crashed, (point, [line for _, _, line in phone.log][-4:])
            if phone.plain.dialogs and phone.plain.dialogs[-1].kind == "permission":
                phone.act("answer", value="allow")
                front = phone.activities.front
            if front.package != package:
                continue
            place = (front.name, *(o.name for o in front.overlays))
            resources = frozenset(n["resource-id"] for n in nodes(phone))
            seen.add(place)
            if (place, resources) not in kinds:
                kinds.add((place, resources))
                waiting.append(phone.snapshot())
    return seen


def look(phone: Phone) -> list[tuple[tuple[int, int], bool]]:
    """Holds a screen to what every screen must be; the points where it can be tapped, or (True)
    pressed long."""
    scene: Scene = phone.scene()
    image = draw.image(scene)
    assert scene.active is not None
    points = []
    for node in nodes(phone):
        left, top, right, bottom = inner = bounds(node)
        assert 0 <= left < right <= image.width and 0 <= top < bottom <= image.height, node
        if node["text"] and bottom - top > 24:  # of a line at the edge nothing may be seen
            assert len(image.crop(inner).getcolors(10_000) or [0] * 9) > 2, ("not drawn", node)
            assert not missing(node["text"]), ("no glyph", node["text"])
        if node["clickable"] == "true":
            point = ((left + right) // 2, (top + bottom) // 2)
            found = hit(scene.active.root, *point)
            assert found is not None and found.seen == inner, ("covered", node)
            named = node["text"] or node["content-desc"] or node["class"].endswith("EditText")
            box = [b for b in scene.active.root.walk() if b.seen == inner]
            assert named or any(v.view.text or v.view.description for b in box for v in b.walk()), (
                "has no name", node,
            )  # fmt: skip
            points.append((point, False))
        if node["long-clickable"] == "true" and not node["class"].endswith("EditText"):
            points.append((((left + right) // 2, (top + bottom) // 2), True))
    return points
