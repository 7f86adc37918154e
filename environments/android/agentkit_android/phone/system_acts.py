"""What the phone's own windows do: the keyboard, the shade, recents, its dialogs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agentkit_android.phone import actions, hangul, intents, keyboard, keys
from agentkit_android.phone.plain import Notice
from agentkit_android.phone.system_ui import TILES
from agentkit_android.screen.acts import Value

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone


def _key(phone: Phone, given: dict[str, Value]) -> None:
    text, plain = str(given.get("text", "")), phone.plain
    if text == "<shift>":
        plain.layer = keyboard.SHIFTED[plain.layer]
    elif text == "<symbols>":
        letters = "korean" if phone.locale.startswith("ko") else "lower"
        plain.layer = "symbols" if plain.layer in keyboard.LETTERS else letters
    elif text == "<language>":
        plain.layer = "lower" if plain.layer.startswith("korean") else "korean"
    elif text == "<delete>":
        keys.delete(phone)
    elif text == "<enter>":
        keys.enter(phone)
    elif plain.layer.startswith("korean") and len(text) == 1:
        if phone.activities.front.everything:
            keys.erase(phone)
        keys.edit(phone, lambda a, b: (hangul.typed(a, text), b))
    else:
        keys.type_text(phone, text, passed=True)
    if len(text) == 1:
        plain.layer = keyboard.ONCE.get(plain.layer, plain.layer)


def _edit(phone: Phone, given: dict[str, Value]) -> None:
    """Of the toolbar beside a text."""
    front = phone.activities.front
    keys.press(phone, str(given.get("key")), passed=True)
    front.toolbar = given.get("key") == "SELECT_ALL"


def _tile(phone: Phone, given: dict[str, Value]) -> None:
    table, key = next(t[3] for t in TILES if t[0] == given.get("name"))
    if key == "ui_night_mode":
        phone.settings.put(table, key, "1" if phone.dark else "2")
    else:
        phone.settings.flip(table, key)


def _notice(phone: Phone, given: dict[str, Value]) -> Notice | None:
    wanted = (given.get("package"), given.get("key"))
    return next((n for n in phone.plain.notices if (n.package, n.key) == wanted), None)


def _open_notice(phone: Phone, given: dict[str, Value]) -> None:
    notice = _notice(phone, given)
    if notice is None:
        return
    phone.plain.shade = 0
    if not notice.fixed:
        actions.forget_notice(phone, notice.package, notice.key)
    if notice.act:
        actions.perform(phone, notice.act, notice.package, depth=1)
    else:
        intents.start(phone, notice.package, phone.apps[notice.package].main, {})


def _notice_button(phone: Phone, given: dict[str, Value]) -> None:
    notice = _notice(phone, given)
    if notice is not None:
        _, act = notice.buttons[int(str(given["number"]))]
        actions.perform(phone, act, notice.package, depth=1)


def _dismiss_notice(phone: Phone, given: dict[str, Value]) -> None:
    notice = _notice(phone, given)
    if notice is not None and not notice.fixed:
        actions.forget_notice(phone, notice.package, notice.key)


def _clear_notices(phone: Phone, given: dict[str, Value]) -> None:
    phone.plain.notices = [n for n in phone.plain.notices if n.fixed]
    phone.plain.shade = 0


def _recent(phone: Phone, given: dict[str, Value]) -> None:
    package = str(given.get("package"))
    phone.plain.recents = False
    intents.start(phone, package, phone.apps[package].main, {})


def _dismiss_task(phone: Phone, given: dict[str, Value]) -> None:
    package = given.get("package")
    stack = phone.activities
    front = stack.tasks[-1] if stack.tasks and not stack.at_home else None
    stack.tasks = [t for t in stack.tasks if t[0].package != package]
    if front is not None and not any(t is front for t in stack.tasks):
        stack.at_home = True


def _clear_tasks(phone: Phone, given: dict[str, Value]) -> None:
    phone.activities.tasks.clear()
    phone.activities.at_home = True
    phone.plain.recents = False


def _answer(phone: Phone, given: dict[str, Value]) -> None:
    """To the phone's own dialog."""
    dialog, value = phone.asked, given.get("value")
    if dialog is None:
        return
    phone.plain.dialogs.remove(dialog)
    if dialog.kind == "popup":
        if value == "allow" and dialog.allowed:
            actions.perform(phone, dialog.allowed, dialog.package, depth=1)
        return
    if dialog.kind != "permission":
        if value == "close":
            phone.stop(dialog.package)
        return
    if value == "allow":
        phone.grant(dialog.package, dialog.permission)
    act = dialog.allowed if value == "allow" else dialog.denied
    if act:
        actions.perform(phone, act, dialog.package, depth=1)


def _brightness(phone: Phone, given: dict[str, Value]) -> None:
    part = float(str(given.get("value", 0)))
    phone.settings.put("system", "screen_brightness", str(max(1, round(part * 255))))


def _hide_keyboard(phone: Phone, given: dict[str, Value]) -> None:
    phone.plain.keyboard = False


def _shade(phone: Phone, how: int) -> None:
    phone.plain.shade = how


SYSTEM: dict[str, Callable[[Phone, dict[str, Value]], None]] = {
    "key": _key,
    "hide_keyboard": _hide_keyboard,
    "home": lambda phone, given: keys.home(phone),
    "recents": lambda phone, given: keys.recents(phone),
    "shade": lambda phone, given: _shade(phone, int(str(given.get("value", 1)))),
    "edit": _edit,
    "tile": _tile,
    "notice": _open_notice,
    "notice_button": _notice_button,
    "dismiss_notice": _dismiss_notice,
    "clear_notices": _clear_notices,
    "recent": _recent,
    "dismiss_task": _dismiss_task,
    "clear_tasks": _clear_tasks,
    "answer": _answer,
    "brightness": _brightness,
    "swipe_up": lambda phone, given: (
        phone.activities.launcher.state.update(drawer=True) if phone.activities.at_home else None
    ),
}


def do(phone: Phone, name: str, given: dict[str, Value]) -> None:
    """One of SYSTEM."""
    SYSTEM[name](phone, given)
