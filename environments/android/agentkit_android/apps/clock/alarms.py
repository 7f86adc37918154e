"""The alarms of Clock."""

from __future__ import annotations

from datetime import UTC, datetime

from agentkit_android.apps import pickers
from agentkit_android.apps.clock.app import APP
from agentkit_android.apps.context import Do, See
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, show
from agentkit_android.screen.views import Overlay, View


def _days(see: See, days: str) -> str:
    if not days:
        return see.t("Not repeating")
    return (
        see.t("Every day")
        if len(days) == 7
        else " ".join(see.t(pickers.WEEK[int(d)]) for d in days)
    )


def alarms(see: See) -> tuple[list[View], View | None]:
    rows = []
    for one in see.rows("SELECT * FROM alarms ORDER BY hour, minute, _id"):
        knob = View(
            "switch", checked=bool(one["enabled"]), width=52, height=32, resource="onoff",
            description=f"{one['hour']:02}:{one['minute']:02}", tap=do("flip", id=one["_id"]),
        )  # fmt: skip
        time = see.clock(one["hour"] * 3600 + one["minute"] * 60)
        told = _days(see, one["days"]) + (f" · {one['label']}" if one["label"] else "")
        text = View(
            "column",
            children=(ui.text(time, "display", resource="digital_clock"),
                      ui.text(told, colour="on-surface-variant", resource="days")),
        )  # fmt: skip
        rows.append(
            View("row", children=(text, knob), gap=16, padding=(16, 12, 16, 12),
                 tap=show("alarm", id=one["_id"]), description="")
        )  # fmt: skip
    none = [ui.empty(see.t("No alarms"), "alarm")]
    return rows or none, ui.fab("plus", see.t("Add alarm"), show("pick_alarm"))


@APP.overlay("pick_alarm")
def pick_alarm(see: See) -> Overlay:
    ident = see.arg("id")
    row = see.row("SELECT * FROM alarms WHERE _id = ?", ident)
    hour, minute = (row["hour"], row["minute"]) if row else (8, 0)
    fields = View(
        "row", gap=12, padding=(24, 8, 24, 8),
        children=(
            ui.field("hour", f"{hour:02}", label=see.t("Hour")),
            View("text", text=":", style="headline", width=12, height=56),
            ui.field("minute", f"{minute:02}", label=see.t("Minute")),
        ),
    )  # fmt: skip
    return ui.dialog(
        see.t("Set alarm time"), fields,
        actions=(ui.cancel(see.t("Cancel"), do("unset")), ui.accept(see.t("OK"), do("set_alarm"))),
    )  # fmt: skip


@APP.on("unset")
def unset(do: Do) -> None:
    for field in ("hour", "minute", "label"):
        do.type(field, None)


@APP.on("set_alarm")
def set_alarm(do: Do) -> None:
    ident = do.arg("id")
    row = do.row("SELECT * FROM alarms WHERE _id = ?", ident)
    hour, minute = (row["hour"], row["minute"]) if row else (8, 0)
    time = pickers.read_time(f"{do.text('hour', str(hour))}:{do.text('minute', str(minute))}")
    unset(do)
    if time is None:
        return do.toast(do.t("Enter a valid time"))
    if row:
        do.run("UPDATE alarms SET hour = ?, minute = ?, enabled = 1 WHERE _id = ?", *time, ident)
    else:
        ident = do.run("INSERT INTO alarms (hour, minute) VALUES (?, ?)", *time)
    return _schedule(do, ident)


def _next(do: Do, ident: int) -> int | None:
    row = do.row("SELECT * FROM alarms WHERE _id = ?", ident)
    if row is None or not row["enabled"]:
        return None
    midnight = do.now - do.now % 86400
    for day in range(8):
        when = midnight + day * 86400 + row["hour"] * 3600 + row["minute"] * 60
        weekday = str(datetime.fromtimestamp(when, UTC).weekday())
        if when > do.now and (not row["days"] or weekday in row["days"]):
            return int(when)
    return None


def _schedule(do: Do, ident: int) -> None:
    do.unwake(f"alarm-{ident}")
    when = _next(do, ident)
    if when is not None:
        do.wake(f"alarm-{ident}", when, Act("do", "ring", (("id", ident),)))
        hours, minutes = divmod((when - do.now) // 60, 60)
        do.toast(do.t("Alarm set for {hours} hours and {minutes} minutes from now",
                      hours=hours, minutes=minutes))  # fmt: skip


@APP.on("ring")
def ring(do: Do) -> None:
    ident = do.arg("id")
    row = do.row("SELECT * FROM alarms WHERE _id = ?", ident)
    if row is None:
        return
    buttons = (
        (do.t("Snooze"), Act("do", "snooze", (("id", ident),))),
        (do.t("Dismiss"), Act("do", "dismiss", (("id", ident),))),
    )
    time = do.clock(row["hour"] * 3600 + row["minute"] * 60)
    do.notify(f"alarm-{ident}", do.t("Alarm"), f"{time} {row['label']}".strip(),
              buttons=buttons, fixed=True)  # fmt: skip
    if row["days"]:
        _schedule(do, ident)
    else:
        do.run("UPDATE alarms SET enabled = 0 WHERE _id = ?", ident)


@APP.on("snooze")
def snooze(do: Do) -> None:
    ident = do.arg("id")
    do.unnotify(f"alarm-{ident}")
    do.wake(f"alarm-{ident}", do.now + 600, Act("do", "ring", (("id", ident),)))


@APP.on("dismiss")
def dismiss(do: Do) -> None:
    do.unnotify(f"alarm-{do.arg('id')}")


@APP.on("flip")
def flip(do: Do) -> None:
    do.run("UPDATE alarms SET enabled = 1 - enabled WHERE _id = ?", do.arg("id"))
    _schedule(do, do.arg("id"))


@APP.overlay("alarm")
def alarm(see: See) -> Overlay:
    ident = see.arg("id")
    row = see.row("SELECT * FROM alarms WHERE _id = ?", ident)
    if row is None:
        return ui.dialog(see.t("Alarm"), actions=(ui.cancel(see.t("Cancel")),))
    chips = ui.chips(
        *(ui.chip(see.t(name), do("day", id=ident, day=str(n)), selected=str(n) in row["days"])
          for n, name in enumerate(pickers.WEEK))
    )  # fmt: skip
    return ui.sheet(
        see.clock(row["hour"] * 3600 + row["minute"] * 60),
        ui.row(see.t("Change time"), lead=ui.icon("clock-outline"), tap=show("pick_alarm",
        id=ident)),
        chips,
        ui.row(row["label"] or see.t("Add label"), lead=ui.icon("label"), tap=show("label",
        id=ident)),
        ui.toggle(see.t("Vibrate"), bool(row["vibrate"]), do("vibrate", id=ident)),
        ui.row(see.t("Delete"), lead=ui.icon("delete-outline"), tap=do("delete", id=ident)),
    )  # fmt: skip


@APP.overlay("label")
def label(see: See) -> Overlay:
    now = see.one("SELECT label FROM alarms WHERE _id = ?", see.arg("id"))
    return ui.dialog(
        see.t("Label"), ui.form(ui.field("label", str(now or ""), hint=see.t("Label"))),
        actions=(ui.cancel(see.t("Cancel"), do("unset")), ui.accept(see.t("OK"), do("set_label"))),
    )  # fmt: skip


@APP.on("set_label")
def set_label(do: Do) -> None:
    now = str(do.one("SELECT label FROM alarms WHERE _id = ?", do.arg("id")) or "")
    do.run("UPDATE alarms SET label = ? WHERE _id = ?", do.text("label", now).strip(), do.arg("id"))
    unset(do)


@APP.on("day")
def day(do: Do) -> None:
    ident, which = do.arg("id"), str(do.args["day"])
    days = str(do.one("SELECT days FROM alarms WHERE _id = ?", ident) or "")
    changed = days.replace(which, "") if which in days else "".join(sorted(days + which))
    do.run("UPDATE alarms SET days = ?, enabled = 1 WHERE _id = ?", changed, ident)
    _schedule(do, ident)
    do.show("alarm", id=ident)


@APP.on("vibrate")
def vibrate(do: Do) -> None:
    do.run("UPDATE alarms SET vibrate = 1 - vibrate WHERE _id = ?", do.arg("id"))
    do.show("alarm", id=do.arg("id"))


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM alarms WHERE _id = ?", do.arg("id"))
    do.unwake(f"alarm-{do.arg('id')}")
    do.toast(do.t("Alarm deleted"))


@APP.screen(".Set")
def set_from_outside(see: See) -> View:
    hour, minute = (
        see.arg("android.intent.extra.alarm.HOUR"),
        see.arg("android.intent.extra.alarm.MINUTES"),
    )
    return ui.page(
        see.t("Set alarm time"), ui.paragraph(see.clock(hour * 3600 + minute * 60),
        style="display"),
        ui.buttons(ui.button(see.t("OK"), do("set_given", hour=hour, minute=minute))),
    )  # fmt: skip


@APP.on("set_given")
def set_given(do: Do) -> None:
    ident = do.run(
        "INSERT INTO alarms (hour, minute) VALUES (?, ?)", do.arg("hour"), do.arg("minute")
    )
    _schedule(do, ident)
    do.finish()
