"""Does what acts say, and what reducers have asked for; an app that fails crashes alone."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, cast

from agentkit_android.apps import pickers
from agentkit_android.apps.context import Do, See
from agentkit_android.phone.activities import Activity, Shown
from agentkit_android.phone.plain import Alarm, Dialog, Notice
from agentkit_android.screen.acts import Act, Value

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

MAX_NOTICES = 100
MAX_DEPTH = 20


def perform(phone: Phone, act: Act, package: str, *, depth: int = 0) -> None:
    """Does an act in the name of an app.

    An act of an overlay closes it first, unless it puts a value or shows another one.
    """
    from agentkit_android.phone import intents, keys, system_acts

    front = phone.activities.front
    mine = front if front.package == package else None
    shown = mine.overlays[-1] if mine and mine.overlays else None
    if act.kind == "put":
        if mine:
            mine.state[act.name] = act.given().get("value")
            mine.scrolls.pop("dialog_list", None)
        return
    if act.kind == "show":
        if mine:
            if shown and depth == 0 and _closes(phone, mine, shown):
                mine.overlays.pop()
            mine.overlays.append(Shown(act.name, {**(shown.args if shown else {}), **act.given()}))
            mine.leave_field()
            phone.plain.keyboard = False
        return
    if act.kind == "system":
        system_acts.do(phone, act.name, act.given())
        return
    if shown and mine and depth == 0:
        mine.overlays.pop()
        mine.leave_field()
        phone.plain.keyboard = False
    if act.kind == "do":
        reduce(phone, act, package, mine, shown, depth)
    elif act.kind == "go":
        intents.start(phone, package, act.name, act.given(), on_top=mine is not None)
    elif act.kind == "intent" and act.intent:
        intents.send(phone, act.intent, package)
    elif act.kind == "back":
        keys.back(phone)


def _closes(phone: Phone, activity: Activity, shown: Shown) -> bool:
    """Whether what is chosen in an overlay closes it: in a menu and a sheet, not in a dialog."""
    app = phone.apps[activity.package]
    made = app.overlays.get(shown.name)
    return made is not None and made(See(phone, app, activity, shown)).kind != "dialog"


def reduce(
    phone: Phone, act: Act, package: str, mine: Activity | None, shown: Shown | None, depth: int = 0
) -> None:
    """Runs a reducer, and then what it asked for."""
    app = phone.apps[package]
    turn = Do(phone, app, mine, shown)
    turn.args.update(act.given())
    database = phone.databases[package]
    database.begin()
    try:
        pickers.reducer(app, act.name)(turn)
    except Exception:
        database.undo()
        crash(phone, package, traceback.format_exc(limit=-3))
        return
    database.keep()
    settle(phone, turn, depth)


def settle(phone: Phone, turn: Do, depth: int = 0) -> None:
    """What a reducer asked for, in its order."""
    package, plain = turn._app.package, phone.plain
    if depth > MAX_DEPTH:
        crash(phone, package, "its reducers call each other without end")
        return
    for kind, what in turn.effects:
        if kind == "act":
            perform(phone, cast(Act, what), package, depth=depth + 1)
        elif kind == "finish":
            finish(phone, cast("dict[str, Value]", what))
        elif kind == "toast":
            phone.toast(str(what))
        elif kind == "copy":
            plain.clipboard = str(what)
        elif kind == "notify":
            notice = cast(Notice, what)
            forget_notice(phone, package, notice.key)
            plain.notices = [*plain.notices[-MAX_NOTICES:], notice]
        elif kind == "unnotify":
            forget_notice(phone, package, str(what))
        elif kind == "wake":
            alarm = cast(Alarm, what)
            _forget_alarm(phone, package, alarm.key)
            plain.alarms.append(alarm)
        elif kind == "unwake":
            _forget_alarm(phone, package, str(what))
        elif kind == "ask":
            plain.dialogs.append(cast(Dialog, what))


def finish(phone: Phone, answer: dict[str, Value]) -> None:
    """Ends the activity in front; who started it for an answer is told."""
    stack = phone.activities
    ended, below = stack.front, stack.below
    if ended is stack.launcher:
        return
    stack.back()
    phone.plain.keyboard = False
    if ended.result and below is not None and answer:
        act = Act("do", ended.result, tuple(answer.items()))
        reduce(phone, act, below.package, below, None)


def forget_notice(phone: Phone, package: str, key: str) -> None:
    phone.plain.notices = [n for n in phone.plain.notices if (n.package, n.key) != (package, key)]


def _forget_alarm(phone: Phone, package: str, key: str) -> None:
    phone.plain.alarms = [a for a in phone.plain.alarms if (a.package, a.key) != (package, key)]


def crash(phone: Phone, package: str, reason: str) -> None:
    """An app is gone; the phone says so, and why in its log."""
    phone.note("AndroidRuntime", f"FATAL EXCEPTION: main Process: {package}")
    for line in reason.strip().splitlines():
        phone.note("AndroidRuntime", line)
    if package == phone.activities.launcher.package:
        phone.activities.launcher.state.clear()
        phone.activities.launcher.overlays.clear()
    phone.activities.stop(package)
    phone.plain.keyboard = False
    phone.plain.dialogs = [d for d in phone.plain.dialogs if d.package != package]
    phone.plain.dialogs.append(Dialog("crash", package))
