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
HEIGHT, GAP, ACROSS = 400, 6, 12
MAX_TAPS, MAX_SCREENS = 400, 30


def screens(phone: Phone, package: str) -> dict[tuple[str, ...], State]:
    """A state for each activity and overlay of an app that taps lead to."""
    phone.start(package, phone.apps[package].main)
    found: dict[tuple[str, ...], State] = {}
    waiting = deque([phone.snapshot()])
    taps = 0
    while waiting and len(found) < MAX_SCREENS:
        state = waiting.popleft()
        phone.restore(state)
        front = phone.activities.front
        tab = str(front.state.get("tab", ""))
        place = (front.name, tab, *(o.name for o in front.overlays))
        if place in found or front.package != package:
            continue
        found[place] = state
        for box in _touchable(phone):
            if taps < MAX_TAPS:
                taps += 1
                phone.restore(state)
                (phone.hold if box.view.hold and not box.view.tap else phone.tap)(*box.middle)
                if phone.plain.dialogs and phone.plain.dialogs[-1].kind == "permission":
                    phone.act("answer", value="allow")
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
    shots = []
    for state in screens(phone, package).values():
        for (width, height, density), locale, night in LOOKS:
            phone.restore(state)
            phone.resize(width, height, density)
            phone.settings.put("system", "system_locales", locale)
            phone.settings.put("secure", "ui_night_mode", night)
            image = draw.image(phone.scene())
            size = (round(image.width * HEIGHT / image.height), HEIGHT)
            shots.append(image.resize(size, Image.Resampling.LANCZOS))
    cell = max(s.width for s in shots) + GAP
    rows = -(-len(shots) // ACROSS)
    page = Image.new("RGB", (cell * min(ACROSS, len(shots)), rows * (HEIGHT + GAP)), "#808080")
    for number, shot in enumerate(shots):
        page.paste(shot, (number % ACROSS * cell, number // ACROSS * (HEIGHT + GAP)))
    return page


def png(page: Image.Image, limit: int = 300_000) -> bytes:
    """A picture in as many colours as fit into `limit` bytes."""
    for colours, scale in ((128, 1.0), (64, 1.0), (32, 1.0), (32, 0.75), (16, 0.6), (16, 0.45)):
        size = (round(page.width * scale), round(page.height * scale))
        small = page if scale == 1 else page.resize(size, Image.Resampling.LANCZOS)
        out = io.BytesIO()
        small.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            out, "PNG", optimize=True
        )
        if out.tell() <= limit:
            break
    return out.getvalue()
