"""What keys do, and what is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agentkit_android.phone import actions, hangul, system_acts, windows
from agentkit_android.screen.acts import Act, clean
from agentkit_android.screen.layout import Box, reveal

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

STEP = 1.0
"""Seconds that one action takes on the phone's clock."""
MAX_TEXT = 100_000


def press(phone: Phone, key: str, *, passed: bool = False) -> None:
    if not passed:
        phone.pass_time(STEP)
    plain = phone.plain
    if key == "POWER":
        plain.awake = not plain.awake
    elif key in ("SLEEP", "WAKEUP"):
        plain.awake = key == "WAKEUP"
    elif plain.awake and key in KEYS:
        KEYS[key](phone)
    elif plain.awake and len(key) == 1:
        type_text(phone, key.lower(), passed=True)


def back(phone: Phone) -> None:
    """Closes what is top-most: a dialog of the phone, the shade, recents, the keyboard, an overlay,
    the activity."""
    plain, front = phone.plain, phone.activities.front
    if phone.asked is not None:
        answer = "deny" if phone.asked.kind in ("permission", "popup") else "close"
        system_acts.do(phone, "answer", {"value": answer})
    elif plain.shade:
        plain.shade = 0
    elif plain.recents:
        plain.recents = False
    elif plain.keyboard:
        plain.keyboard = False
    elif front.overlays:
        front.overlays.pop()
        front.leave_field()
    elif front.name in phone.apps[front.package].backs:
        app = phone.apps[front.package]
        app.reducers.setdefault("<back>" + front.name, app.backs[front.name])
        actions.reduce(phone, Act("do", "<back>" + front.name), front.package, front, None)
    else:
        phone.activities.back()


def home(phone: Phone) -> None:
    plain = phone.plain
    plain.shade, plain.recents, plain.keyboard = 0, False, False
    phone.activities.front.leave_field()
    was_home = phone.activities.at_home
    phone.activities.home()
    if was_home:
        phone.activities.launcher.state.clear()
        phone.activities.launcher.scrolls.clear()
        phone.activities.launcher.overlays.clear()


def recents(phone: Phone) -> None:
    phone.plain.shade, phone.plain.keyboard = 0, False
    phone.plain.recents = not phone.plain.recents


def _volume(phone: Phone, step: int) -> None:
    value = phone.settings.get("system", "volume_music") or "0"
    now = int(value) if value.isdecimal() and len(value) < 4 else 0
    phone.settings.put("system", "volume_music", str(min(15, max(0, now + step))))


def enter(phone: Phone) -> None:
    box = focused(phone)
    if box is None:
        return
    if box.view.multiline:
        type_text(phone, "\n", passed=True)
    elif box.view.enter:
        act, front = box.view.enter, phone.activities.front
        actions.perform(phone, act, front.package)
        leave(phone)
    else:
        phone.plain.keyboard = False


def _tab(phone: Phone) -> None:
    """The focus goes to the next field."""
    window = windows.scene(phone).window("screen") if phone.plain.awake else None
    scene = windows.scene(phone)
    root = scene.root or (window.root if window else None)
    fields = [b for b in root.walk() if b.view.kind == "field"] if root else []
    if not fields:
        return
    names = [b.view.name for b in fields]
    front = phone.activities.front
    number = names.index(front.focus) + 1 if front.focus in names else 0
    focus(phone, fields[number % len(fields)])


def _move(letters: int | None) -> Callable[[Phone], None]:
    def move(phone: Phone) -> None:
        box, front = focused(phone), phone.activities.front
        if box is not None:
            whole = len(box.view.text)
            now = front.cursor + letters if letters is not None else whole
            front.cursor, front.everything = min(max(0, now), whole), False

    return move


def _select_all(phone: Phone) -> None:
    box = focused(phone)
    phone.activities.front.everything = bool(box and box.view.text)


def _copy(phone: Phone, *, cut: bool = False) -> None:
    box = focused(phone)
    if box is not None and phone.activities.front.everything:
        phone.plain.clipboard = box.view.text
        if cut:
            erase(phone)


# Typing.


def focused(phone: Phone) -> Box | None:
    """The field that is typed into."""
    name = phone.activities.front.focus
    if not name or not phone.plain.awake:
        return None
    for window in reversed(windows.scene(phone).windows):
        if window.package == phone.activities.front.package and (box := reveal(window.root, name)):
            return box
    return None


def type_text(phone: Phone, text: str, *, passed: bool = False) -> bool:
    """Puts a text where the cursor is; False where no field has the focus."""
    if not passed:
        phone.pass_time(STEP)
    box, front = focused(phone), phone.activities.front
    if box is None:
        return False
    old = "" if front.everything else box.view.text
    at = len(old) - min(front.cursor, len(old))
    text = clean(text)
    if not box.view.multiline:
        text = text.replace("\n", " ")
    front.texts[box.view.name] = (old[:at] + text + old[at:])[:MAX_TEXT]
    front.everything = front.toolbar = False
    return True


def edit(phone: Phone, change: Callable[[str, str], tuple[str, str]]) -> None:
    """Changes what is before and after the cursor."""
    box, front = focused(phone), phone.activities.front
    if box is None:
        return
    if front.everything:
        front.texts[box.view.name], front.everything, front.cursor = "", False, 0
        return
    at = len(box.view.text) - min(front.cursor, len(box.view.text))
    before, after = change(box.view.text[:at], box.view.text[at:])
    front.texts[box.view.name], front.cursor = before + after, len(after)


def delete(phone: Phone) -> None:
    korean = phone.plain.layer.startswith("korean")
    edit(phone, lambda a, b: (hangul.erased(a) if korean else a[:-1], b))


def _enter_text(phone: Phone, text: str) -> None:
    type_text(phone, text, passed=True)


def erase(phone: Phone) -> bool:
    box, front = focused(phone), phone.activities.front
    if box is None:
        return False
    front.texts[box.view.name], front.cursor, front.everything = "", 0, False
    return True


KEYS: dict[str, Callable[[Phone], None]] = {
    "HOME": home,
    "BACK": back,
    "ESCAPE": back,
    "APP_SWITCH": recents,
    "VOLUME_UP": lambda phone: _volume(phone, 1),
    "VOLUME_DOWN": lambda phone: _volume(phone, -1),
    "VOLUME_MUTE": lambda phone: _volume(phone, -15),
    "ENTER": enter,
    "NUMPAD_ENTER": enter,
    "DEL": delete,
    "FORWARD_DEL": lambda phone: edit(phone, lambda a, b: (a, b[1:])),
    "SPACE": lambda phone: _enter_text(phone, " "),
    "TAB": _tab,
    "DPAD_LEFT": _move(1),
    "DPAD_RIGHT": _move(-1),
    "MOVE_END": _move(-MAX_TEXT),
    "MOVE_HOME": _move(None),
    "SELECT_ALL": _select_all,
    "COPY": _copy,
    "CUT": lambda phone: _copy(phone, cut=True),
    "PASTE": lambda phone: _enter_text(phone, phone.plain.clipboard),
    "NOTIFICATION": lambda phone: system_acts.do(phone, "shade", {"value": 1}),
}


def focus(phone: Phone, box: Box) -> None:
    front = phone.activities.front
    if front.focus != box.view.name:
        front.leave_field()
        front.focus = box.view.name
        layers = {True: "korean", False: "lower"}
        phone.plain.layer = layers[phone.locale.startswith("ko")]
    front.everything = front.toolbar = False
    front.multiline = box.view.multiline
    phone.plain.keyboard = True


def leave(phone: Phone) -> None:
    phone.plain.keyboard = False
    phone.activities.front.leave_field()
