"""A call: dialled, ringing, going on, ended."""

from __future__ import annotations

import re

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.dialer.app import (
    APP,
    BLOCKED,
    INCOMING,
    MISSED,
    OUTGOING,
    REJECTED,
    given,
    is_blocked,
)
from agentkit_android.apps.dialer.lists import KEYS
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, go, show
from agentkit_android.screen.views import Overlay, View

RINGS, ANSWERS = 30, 3
"""Seconds that an incoming call rings, and until an outgoing one is answered."""


@APP.opened(".Place")
def place(do: Do) -> None:
    begin_call(do, given(do))


@APP.on("call")
def call(do: Do) -> None:
    number = str(do.args.get("number") or do.text("number", given(do))).strip()
    if not number:  # as on a phone: the last number comes back
        return do.type(
            "number",
            str(
                do.one(f"SELECT number FROM calls WHERE type = {OUTGOING} ORDER BY date DESC") or ""
            ),
        )
    return begin_call(do, number)


def begin_call(do: Do, number: str) -> None:
    if do.setting("global", "airplane_mode_on") == "1":
        return do.toast(do.t("Turn off airplane mode to make a call"))
    if not re.search(r"\d", number):
        return do.toast(do.t("Enter a phone number"))
    if do.row("SELECT * FROM ongoing"):
        return do.go(".Call")
    do.run("INSERT INTO ongoing (number, state, started) VALUES (?, 'dialing', ?)", number, do.now)
    do.wake("answered", do.now + ANSWERS, Act("do", "answer"))
    return _show_call(do, number, "Ongoing call", (("Hang up", Act("do", "hang_up")),))


def _show_call(do: Do, number: str, title: str, buttons: tuple[tuple[str, Act], ...]) -> None:
    named = tuple((do.t(name), act) for name, act in buttons)
    do.notify("call", do.t(title), do.name_of(number), go(".Call"), buttons=named, fixed=True)
    do.go(".Call")


@APP.on("ring")
def ring(do: Do) -> None:
    """A call comes in. args: number."""
    number = str(do.args["number"])
    busy = do.row("SELECT * FROM ongoing") is not None
    if is_blocked(do, number) or busy:
        kind = MISSED if busy else BLOCKED
        do.run("INSERT INTO calls (number, date, type, new) VALUES (?, ?, ?, 1)",
               number, do.now * 1000, kind)  # fmt: skip
        return
    do.run("INSERT INTO ongoing (number, state, started) VALUES (?, 'ringing', ?)", number, do.now)
    do.wake("missed", do.now + RINGS, Act("do", "miss"))
    buttons = (("Decline", Act("do", "hang_up")), ("Answer", Act("do", "answer")))
    _show_call(do, number, "Incoming call", buttons)


@APP.on("answer")
def answer(do: Do) -> None:
    one = do.row("SELECT * FROM ongoing WHERE state <> 'active'")
    if one is None:
        return
    kind = INCOMING if one["state"] == "ringing" else OUTGOING
    do.run("UPDATE ongoing SET state = 'active', started = ?", do.now)
    do.prefer("kind", kind)
    do.unwake("missed")
    do.notify("call", do.t("Ongoing call"), do.name_of(one["number"]), go(".Call"),
              buttons=((do.t("Hang up"), Act("do", "hang_up")),), fixed=True)  # fmt: skip


@APP.on("hang_up")
def hang_up(do: Do) -> None:
    one = do.row("SELECT * FROM ongoing")
    if one is None:
        return do.finish()
    seconds, kind = 0, REJECTED if one["state"] == "ringing" else OUTGOING
    if one["state"] == "active":
        seconds, kind = do.now - one["started"], int(do.preference("kind", str(OUTGOING)))
    _ended(do, one["number"], seconds, kind)
    if do.args.get("here"):
        do.finish()
    return None


@APP.on("miss")
def miss(do: Do) -> None:
    one = do.row("SELECT * FROM ongoing WHERE state = 'ringing'")
    if one:
        _ended(do, one["number"], 0, MISSED)
        do.notify("missed", do.t("Missed call"), do.name_of(one["number"]),
                  go(".Details", number=one["number"]))  # fmt: skip


def _ended(do: Do, number: str, seconds: int, kind: int) -> None:
    do.run("INSERT INTO calls (number, date, duration, type, new) VALUES (?, ?, ?, ?, ?)",
           number, (do.now - seconds) * 1000, seconds, kind, int(kind == MISSED))  # fmt: skip
    do.run("DELETE FROM ongoing")
    do.unnotify("call")
    for key in ("answered", "missed"):
        do.unwake(key)


@APP.screen(".Call", ".Place")
def in_call(see: See) -> View:
    one = see.row("SELECT * FROM ongoing")
    if one is None:
        return ui.page(see.t("Phone"), ui.empty(see.t("Call ended"), "phone-hangup"))
    name, state = see.name_of(one["number"]), one["state"]
    seconds = see.now - one["started"]
    told = {"dialing": see.t("Calling…"), "ringing": see.t("Incoming call")}.get(
        state, f"{seconds // 60:02}:{seconds % 60:02}"
    )
    if one["held"]:
        told = see.t("On hold")
    head = View(
        "column", centred=True, gap=12, padding=(24, 48, 24, 24), weight=1,
        children=(
            ui.avatar(name, size=96), View("text", text=name, style="headline", centred=True),
            ui.text(one["number"] if name != one["number"] else "", centred=True),
            ui.text(told, "subtitle", "on-surface-variant", centred=True, resource="call_state"),
            ui.text(one["tones"], "headline", centred=True, resource="tones"),
        ),
    )  # fmt: skip
    end = _round(see, "phone-hangup", "Decline" if state == "ringing" else "Hang up", "hang_up",
                 "#B3261E")  # fmt: skip
    foot = [ui.space(None), end, ui.space(None)]
    if state == "ringing":
        foot += [_round(see, "phone", "Answer", "answer", "#146C2E"), ui.space(None)]
    marks = (
        ("muted", "microphone", "Mute"), ("speaker", "volume-high", "Speaker"),
        ("held", "pause", "Hold"),
    )  # fmt: skip
    switches = tuple(
        ui.chip(see.t(label), do("switch", name=key), selected=bool(one[key]), icon=mark)
        for key, mark, label in marks
    )
    pad = ui.chip(see.t("Keypad"), show("tones"), icon="dialpad")
    middle = (ui.chips(*switches, pad),) if state == "active" else ()
    line = View("row", children=tuple(foot), padding=(0, 16, 0, 48))
    return View("column", children=(head, *middle, line), fill="surface-container")


def _round(see: See, mark: str, name: str, reducer: str, fill: str) -> View:
    return View(
        "icon", icon=mark, description=see.t(name), width=72, height=72, corner=36, fill=fill,
        colour="white", tap=do(reducer, here=True), resource=reducer,
    )  # fmt: skip


@APP.on("switch")
def switch(do: Do) -> None:
    if (name := str(do.args["name"])) in ("muted", "speaker", "held"):
        do.run(f"UPDATE ongoing SET {name} = 1 - {name}")


@APP.overlay("tones")
def tones(see: See) -> Overlay:
    keys = tuple(
        ui.button(digit, do("tone", digit=digit), kind="tonal", resource=f"tone_{digit}")
        for digit, _ in KEYS
    )
    grid = View("grid", children=keys, columns=3, gap=8, padding=(24, 8, 24, 8))
    return ui.dialog(see.t("Keypad"), grid, actions=(ui.cancel(see.t("Close")),))


@APP.on("tone")
def tone(do: Do) -> None:
    do.run("UPDATE ongoing SET tones = substr(tones || ?, -20)", str(do.args["digit"]))
    do.show("tones")
