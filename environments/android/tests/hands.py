"""What tests do with a phone: find, tap, and try everything that an app shows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter, deque
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
            if any(_is_field(n, name) for n in nodes(phone)):
                break
            scroll(phone)
        box = next(n for n in nodes(phone) if _is_field(n, name))
        left, top, right, bottom = bounds(box)
        assert phone.tap((left + right) // 2, (top + bottom) // 2)
        phone.erase()
        assert phone.type(text)
        phone.press("BACK")


def _is_field(node: dict[str, str], name: str) -> bool:
    return node["resource-id"].endswith(f":id/{name}") and node["class"].endswith("EditText")


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
def untranslated(package: str) -> Iterator[set[str]]:
    """The texts of an app that nobody has translated, though they are asked for."""
    found: set[str] = set()
    real = context.translated

    def watched(app: App, text: str, language: str) -> str:
        told = real(app, text, language)
        if (
            app.package == package
            and language != "en"
            and told == text
            and re.search("[A-Za-z]{2}", text)
        ):
            found.add(text)
        return told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "translated", watched)
        yield found


Place = tuple[tuple[int, int] | None, bool]
"""A point, or None for the back key; and whether it is pressed long."""


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
        for point, held in [*look(phone), (None, False)]:
            taps -= 1
            phone.restore(start)
            if point is None:
                phone.press("BACK")
            else:
                (phone.hold if held else phone.tap)(*point)
            scene = phone.scene()
            crashed = [d.kind for d in phone.plain.dialogs if d.kind == "crash"]
            assert not crashed, (point, [line for _, _, line in phone.log][-4:])
            if phone.plain.dialogs and phone.plain.dialogs[-1].kind == "permission":
                phone.act("answer", value="allow")
                scene = phone.scene()
            front = phone.activities.front
            if front.package != package or scene.root is None:
                continue
            place = (front.name, *(o.name for o in front.overlays))
            resources = frozenset(b.view.resource for b in scene.root.walk())
            seen.add(place)
            if (place, resources) not in kinds:
                kinds.add((place, resources))
                waiting.append(phone.snapshot())
    return seen


def look(phone: Phone) -> list[Place]:
    """Holds a screen to what every screen must be; where it can be tapped or pressed long, twice
    at most for places that do the same in kind."""
    scene: Scene = phone.scene()
    image = draw.image(scene)
    assert scene.root is not None
    places: list[Place] = []
    tried: Counter[object] = Counter()
    for box in scene.root.walk():
        if not box.is_seen:
            continue
        left, top, right, bottom = box.seen
        view, told = box.view, tree.told(box)
        assert 0 <= left < right <= image.width and 0 <= top < bottom <= image.height, view
        if told and box.seen == box.bounds:
            assert len(image.crop(box.seen).getcolors(10_000) or [0] * 9) > 2, ("not drawn", told)
            assert not missing(told), ("no glyph", told)
        if phone.locale.startswith("ko") and view.resource.startswith("android:id/button"):
            assert re.search("[가-힣]", told), ("a button of a dialog is not translated", told)
        for act, held in ((view.tap or view.seek, False), (view.hold, True)):
            if not (act or (view.kind == "field" and not held)):
                continue
            found = hit(scene.root, *box.middle, "hold" if held else "tap")
            assert found is not None and found.seen == box.seen, ("covered", view)
            inside = [b.view for b in box.walk()]
            named = any(v.text or v.description or v.hint or v.label for v in inside)
            assert named, ("has no name", view)
            does = act and (act.kind, act.name, act.args if act.kind == "put" else ())
            kind = (does, view.resource, view.icon, held)
            tried[kind] += 1
            if tried[kind] <= 2:
                places.append((box.middle, held))
    return places
