"""The timers of Clock, and its stopwatch."""

from __future__ import annotations

from agentkit_android.apps.clock.app import APP, told
from agentkit_android.apps.context import Do, See
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, put
from agentkit_android.screen.views import View


def timers(see: See) -> tuple[list[View], View | None]:
    rows: list[View] = []
    for one in see.rows("SELECT * FROM timers ORDER BY _id"):
        running = one["state"] == "running" and one["ends"] > see.now
        left = one["ends"] - see.now if one["state"] == "running" else one["remaining"]
        state = see.t("Running" if running else "Time’s up" if left <= 0 else "Paused")
        buttons = ui.buttons(
            ui.button(see.t("Pause" if running else "Start"), do("timer", id=one["_id"])),
            ui.button(see.t("Reset"), do("reset_timer", id=one["_id"]), kind="tonal"),
            ui.button(see.t("Delete"), do("delete_timer", id=one["_id"]), kind="text"),
        )  # fmt: skip
        rows += [ui.paragraph(told(left), style="display", resource="timer"),
                 ui.row(state, told(one["seconds"])), buttons, ui.divider()]  # fmt: skip
    if rows and not see.get("new"):
        return rows, ui.fab("plus", see.t("Add timer"), put("new", "1"))
    return _keypad(see), None


def _keypad(see: See) -> list[View]:
    digits = see.get("digits").rjust(6, "0")
    shown = f"{digits[:2]}h {digits[2:4]}m {digits[4:]}s"
    keys = [*"123456789", "00", "0", "⌫"]
    cells = tuple(
        View("button", text="" if key == "⌫" else key, icon="backspace" if key == "⌫" else "",
             height=64, corner=32, style="headline", fill="surface-container-high",
             description=see.t("Delete") if key == "⌫" else key, resource="timer_setup_digit",
             tap=do("digit", key=key))
        for key in keys
    )  # fmt: skip
    pad = View("grid", children=cells, columns=3, gap=8, padding=(48, 8, 48, 8))
    start = View(
        "row", children=(ui.space(None), ui.button(see.t("Start"), do("start_timer"), icon="play"),
                         ui.space(None)), padding=(16, 16, 16, 16),
    )  # fmt: skip
    return [ui.paragraph(shown, style="display", resource="timer_setup_time"), pad, start]


@APP.on("digit")
def digit(do: Do) -> None:
    key, now = str(do.args["key"]), do.get("digits")
    do.put("digits", now[:-1] if key == "⌫" else (now + key).lstrip("0")[:6])


@APP.on("start_timer")
def start_timer(do: Do) -> None:
    digits = do.get("digits").rjust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
    if not seconds:
        return
    ident = do.run("INSERT INTO timers (seconds, state, ends) VALUES (?, 'running', ?)",
                   seconds, do.now + seconds)  # fmt: skip
    _wake_timer(do, ident, do.now + seconds)
    do.put("digits", "")
    do.put("new", None)


def _wake_timer(do: Do, ident: int, when: float) -> None:
    do.wake(f"timer-{ident}", when, Act("do", "timer_ends", (("id", ident),)))


@APP.on("timer_ends")
def timer_ends(do: Do) -> None:
    row = do.row("SELECT * FROM timers WHERE _id = ?", do.arg("id"))
    if row:
        do.run("UPDATE timers SET state = 'paused', remaining = 0 WHERE _id = ?", row["_id"])
        do.notify(f"timer-{row['_id']}", do.t("Time’s up"), told(row["seconds"]))


@APP.on("timer")
def timer(do: Do) -> None:
    """Pauses or goes on."""
    row = do.row("SELECT * FROM timers WHERE _id = ?", do.arg("id"))
    if row is None:
        return
    if row["state"] == "running":
        do.run("UPDATE timers SET state = 'paused', remaining = ? WHERE _id = ?",
               row["ends"] - do.now, row["_id"])  # fmt: skip
        do.unwake(f"timer-{row['_id']}")
        return
    left = row["remaining"] if row["remaining"] > 0 else row["seconds"]
    do.run("UPDATE timers SET state = 'running', ends = ? WHERE _id = ?", do.now + left, row["_id"])
    _wake_timer(do, row["_id"], do.now + left)


@APP.on("reset_timer")
def reset_timer(do: Do) -> None:
    ident = do.arg("id")
    do.run("UPDATE timers SET state = 'paused', remaining = seconds WHERE _id = ?", ident)
    do.unwake(f"timer-{ident}")


@APP.on("delete_timer")
def delete_timer(do: Do) -> None:
    do.run("DELETE FROM timers WHERE _id = ?", do.arg("id"))
    do.unwake(f"timer-{do.arg('id')}")


# The stopwatch.


def _elapsed(see: See) -> float:
    row = see.row("SELECT * FROM stopwatch WHERE _id = 1")
    if row is None:
        return 0.0
    return float(row["elapsed"] + (see.now - row["began"] if row["state"] == "running" else 0))


def stopwatch(see: See) -> tuple[list[View], View | None]:
    state = see.one("SELECT state FROM stopwatch")
    running = state == "running"
    main = ui.button(see.t("Pause" if running else "Start"), do("watch"),
                     icon="pause" if running else "play")  # fmt: skip
    extra = []
    if running:
        extra = [ui.button(see.t("Lap"), do("lap"), kind="tonal", icon="flag")]
    elif state == "paused":
        extra = [ui.button(see.t("Reset"), do("reset_watch"), kind="tonal", icon="restart")]
    rows = [ui.paragraph(told(_elapsed(see)), style="display", resource="stopwatch_time"),
            ui.buttons(main, *extra)]  # fmt: skip
    before = 0.0
    laps = []
    for number, (at,) in enumerate(see.rows("SELECT at FROM laps ORDER BY _id"), 1):
        laps.append(ui.row(f"# {number}", told(at), trail=ui.aside(f"+{told(at - before)}")))
        before = at
    return rows + laps[::-1], None


@APP.on("watch")
def watch(do: Do) -> None:
    if do.one("SELECT state FROM stopwatch") == "running":
        do.run("UPDATE stopwatch SET elapsed = ?, state = 'paused'", _elapsed(do))
    else:
        do.run("UPDATE stopwatch SET began = ?, state = 'running'", do.now)


@APP.on("lap")
def lap(do: Do) -> None:
    do.run("INSERT INTO laps (at) VALUES (?)", _elapsed(do))


@APP.on("reset_watch")
def reset_watch(do: Do) -> None:
    do.run("UPDATE stopwatch SET elapsed = 0, state = 'reset'")
    do.run("DELETE FROM laps")
