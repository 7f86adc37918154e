"""One picture with every screen of an app: at two sizes, in English and Korean, and dark."""

from __future__ import annotations

import io
from collections import deque
from typing import TYPE_CHECKING

from PIL import Image

from agentkit_android.screen import draw
from agentkit_android.screen.layout import Box

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone
    from agentkit_android.phone.snapshots import State

LOOKS = (
    ((1080, 2400, 420), "en-US", "1"), ((1080, 2400, 420), "ko-KR", "1"),
    ((720, 1520, 280), "en-US", "1"), ((720, 1520, 280), "ko-KR", "2"),
)  # fmt: skip
"""(width, height, density), locale, ui_night_mode."""
HEIGHT, GAP, WIDTH = 400, 6, 2300
MAX_TAPS, MAX_SCREENS = 400, 24
PARTS = ("tab", "view", "drawer", "marked")
"""Of an activity's state, what makes another screen of it."""


def screens(phone: Phone, package: str) -> dict[tuple[str, ...], State]:
    """A state for each activity and overlay of an app that taps lead to, and for each that shows
    something of a kind which none before it did."""
    for permission in phone.apps[package].permissions:
        phone.grant(package, permission)
    phone.start(package, phone.apps[package].main)
    found: dict[tuple[str, ...], State] = {}
    waiting = deque([phone.snapshot()])
    taps, known = 0, set[str]()
    while waiting and len(found) < MAX_SCREENS:
        state = waiting.popleft()
        phone.restore(state)
        front = phone.activities.front
        parts = (str(front.state.get(key) or "")[:9] for key in PARTS)
        place = (front.name, *parts, *sorted(front.args), *(o.name for o in front.overlays))
        window = phone.scene().active
        shown = {b.view.resource for b in window.root.walk() if b.is_seen} if window else set()
        if front.package != package or (place in found and shown <= known):
            continue
        known |= shown
        found[place if place not in found else (*place, str(len(found)))] = state
        for box in _touchable(phone):
            if taps < MAX_TAPS:
                taps += 1
                phone.restore(state)
                (phone.hold if box.view.hold and not box.view.tap else phone.tap)(*box.middle)
                waiting.append(phone.snapshot())
                if box.view.hold and box.view.tap:
                    phone.restore(state)
                    phone.hold(*box.middle)
                    waiting.append(phone.snapshot())
    return found


def _touchable(phone: Phone) -> list[Box]:
    """Of things that are alike the first two."""
    window = phone.scene().active
    seen: dict[object, int] = {}
    found = []
    for box in window.root.walk() if window else ():
        view = box.view
        if not box.is_seen or not (view.tap or view.hold) or view.kind == "field":
            continue
        act = view.tap or view.hold
        alike = (view.kind, act.kind, act.name, view.resource) if act else ()
        seen[alike] = seen.get(alike, 0) + 1
        if seen[alike] <= 2 or (act and act.kind == "put"):
            found.append(box)
    return found


def sheet(phone: Phone, package: str) -> Image.Image:
    """Every screen of an app in every one of LOOKS, side by side."""
    return side_by_side(phone, list(screens(phone, package).values()))


def side_by_side(phone: Phone, states: list[State]) -> Image.Image:
    """The screens of states in every one of LOOKS."""
    shots = []
    for state in states:
        for (width, height, density), locale, night in LOOKS:
            phone.restore(state)
            phone.resize(width, height, density)
            phone.settings.put("system", "system_locales", locale)
            phone.settings.put("secure", "ui_night_mode", night)
            image = draw.image(phone.scene())
            high = HEIGHT if image.height > image.width else HEIGHT // 2
            size = (round(image.width * high / image.height), high)
            shots.append(image.resize(size, Image.Resampling.LANCZOS))
    places, x, y = [], 0, 0
    for shot in shots:
        if x + shot.width > WIDTH:
            x, y = 0, y + HEIGHT + GAP
        places.append((x, y))
        x += shot.width + GAP
    page = Image.new("RGB", (WIDTH, y + HEIGHT), "#808080")
    for shot, place in zip(shots, places):
        page.paste(shot, place)
    return page


def png(page: Image.Image, limit: int = 300_000) -> bytes:
    """A picture in as many colours as fit into `limit` bytes."""
    for colours, scale in ((256, 1.0), (256, 0.8), (128, 0.7), (64, 0.6), (32, 0.5)):
        size = (round(page.width * scale), round(page.height * scale))
        small = page if scale == 1 else page.resize(size, Image.Resampling.LANCZOS)
        out = io.BytesIO()
        small.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            out, "PNG", optimize=True
        )
        if out.tell() <= limit:
            break
    return out.getvalue()
