"""What fingers do: on the window that they hit, or on the phone itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentkit_android.phone import actions, keys, system_acts, windows
from agentkit_android.screen.acts import Act
from agentkit_android.screen.layout import Box, hit
from agentkit_android.screen.scene import Scene, Window

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

LONG = 500
"""Milliseconds after which a press is a long one."""
SMALL = 24  # dp: a finger that moves less has not moved
EDGE = 32  # dp from the left or right where a swipe means back


def _under(scene: Scene, x: int, y: int) -> Window | None:
    """The window that a touch goes to; a modal one takes what is beside it too."""
    for window in reversed(scene.windows):
        if window.name == "toast":
            continue
        if window.modal or window.root.contains(x, y):
            return window
    return None


def _inside(phone: Phone, x: int, y: int) -> bool:
    display = phone.display
    return phone.plain.awake and 0 <= x < display.width and 0 <= y < display.height


def tap(phone: Phone, x: int, y: int) -> bool:
    """True where something took it."""
    phone.pass_time(keys.STEP)
    if not _inside(phone, x, y):
        return False
    window = _under(windows.scene(phone), x, y)
    if window is None:
        return False
    if window.modal and not window.root.contains(x, y):
        if phone.asked is not None:
            return False
        front = phone.activities.front
        front.overlays.pop()
        keys.leave(phone)
        return True
    box = hit(window.root, x, y)
    if box is None:
        return False
    if box.view.kind == "field":
        keys.focus(phone, box)
    elif box.view.seek:
        left, _, right, _ = box.bounds
        part = min(1.0, max(0.0, (x - left) / max(1, right - left - 1)))
        _perform(phone, box.view.seek.with_(value=part), window)
    elif box.view.tap:
        _perform(phone, box.view.tap, window)
    return True


def _perform(phone: Phone, act: Act, window: Window) -> None:
    if act.kind != "system" and window.package != phone.activities.front.package:
        return
    actions.perform(phone, act, window.package)


def hold(phone: Phone, x: int, y: int) -> bool:
    """A long press: what it means there, else on a text field its selection, else a tap."""
    phone.pass_time(keys.STEP)
    if not _inside(phone, x, y):
        return False
    window = _under(windows.scene(phone), x, y)
    box = hit(window.root, x, y, "hold") if window else None
    if window is None or box is None:
        return False
    if box.view.hold:
        _perform(phone, box.view.hold, window)
    else:
        keys.focus(phone, box)
        phone.activities.front.everything = bool(box.view.text)
        phone.activities.front.toolbar = True
    return True


def swipe(phone: Phone, start: tuple[int, int], end: tuple[int, int], milliseconds: int) -> None:
    px, display = phone.display.px, phone.display
    right, down = end[0] - start[0], end[1] - start[1]
    if abs(right) < px(SMALL) and abs(down) < px(SMALL):
        (hold if milliseconds >= LONG else tap)(phone, *start)
        return
    phone.pass_time(keys.STEP)
    if not _inside(phone, *start):
        return
    scene = windows.scene(phone)
    upright = abs(down) > abs(right)
    if phone.asked is None and _gesture(phone, start, right, down, upright, milliseconds):
        return
    window = _under(scene, *start)
    if window is None:
        return
    under = [b for b in window.root.walk() if b.contains(*start)]
    if seek := next((b for b in reversed(under) if b.view.seek), None):
        left, _, far, _ = seek.bounds
        part = min(1.0, max(0.0, (end[0] - left) / max(1, far - left - 1)))
        assert seek.view.seek is not None
        _perform(phone, seek.view.seek.with_(value=part), window)
        return
    if panned := next((b for b in reversed(under) if b.view.pan), None):
        left, top, far, low = panned.bounds
        assert panned.view.pan is not None
        act = panned.view.pan.with_(x=right / (far - left), y=down / (low - top))
        _perform(phone, act, window)
        return
    if not upright:
        _aside(phone, window, under)
        return
    moved = -down
    if milliseconds < 250:  # a fling goes on by itself
        moved = moved * 2
    _scroll(phone, window, under, moved, display.height)


def _scroll(phone: Phone, window: Window, under: list[Box], moved: int, height: int) -> None:
    lists = [b for b in under if b.view.kind == "list" and b.beyond > 0]
    if window.package == phone.activities.front.package and window.name != "recents" and lists:
        box = lists[-1]
        scrolls = phone.activities.front.scrolls
        scrolls[box.view.resource] = min(max(0, box.scroll + moved), box.beyond)
    elif window.name == "screen" and moved > height // 8:
        _perform(phone, Act("system", "swipe_up"), window)


def _gesture(
    phone: Phone, start: tuple[int, int], right: int, down: int, upright: bool, milliseconds: int
) -> bool:
    """What a swipe from an edge of the screen means."""
    display, plain, px = phone.display, phone.plain, phone.display.px
    if plain.shade:
        if upright and down < 0 and not _on_list(phone, start):
            plain.shade = 0 if plain.shade == 1 else 1
            return True
        if upright and down > 0:
            plain.shade = 2
            return True
        return False
    if upright and down > px(48) and start[1] < px(32):
        plain.shade = 2 if start[0] > display.width * 2 // 3 else 1
        keys.leave(phone)
        return True
    if upright and down < 0 and start[1] > display.height - px(28):
        keys.press(phone, "APP_SWITCH" if milliseconds >= LONG else "HOME", passed=True)
        return True
    near = px(EDGE)
    inwards = right > 0 if start[0] < near else right < 0
    if not upright and inwards and (start[0] < near or start[0] > display.width - near):
        keys.back(phone)
        return True
    return False


def _on_list(phone: Phone, point: tuple[int, int]) -> bool:
    shade = windows.scene(phone).window("shade")
    boxes = shade.root.walk() if shade else ()
    return any(b.view.kind == "list" and b.contains(*point) and b.beyond for b in boxes)


def _aside(phone: Phone, window: Window, under: list[Box]) -> None:
    """A notification or a card of the recents that is swiped away."""
    for box in reversed(under):
        act = box.view.tap
        if act and act.kind == "system" and act.name in ("notice", "recent"):
            name = "dismiss_notice" if act.name == "notice" else "dismiss_task"
            system_acts.do(phone, name, act.given())
            return
