"""Calendar: a month, the days of a week, events that repeat, and reminders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from agentkit_android.apps import pickers
from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, Value, do, go, put, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.android.calendar"
SCHEMA = """
CREATE TABLE events (
    _id INTEGER PRIMARY KEY, title TEXT NOT NULL, location TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '', dtstart INTEGER NOT NULL, dtend INTEGER NOT NULL,
    all_day INTEGER NOT NULL DEFAULT 0, repeat TEXT NOT NULL DEFAULT '',
    reminder INTEGER NOT NULL DEFAULT -1
);
"""
DAY = 86400
REPEATS = {
    "": "Does not repeat", "daily": "Every day", "weekly": "Every week",
    "monthly": "Every month", "yearly": "Every year",
}  # fmt: skip
REMINDERS = {
    -1: "No reminder", 0: "At the time of the event", 10: "10 minutes before",
    30: "30 minutes before", 60: "1 hour before", 1440: "1 day before",
}  # fmt: skip
MAX_TURNS = 4000
APP = App(
    PACKAGE, "Calendar", "#1A73E8", icon="calendar", strings=own("calendar"), schema=SCHEMA,
    filters=(
        Filter(intents.INSERT, ".Edit", kinds=("vnd.android.cursor.item/event",),
               schemes=("content",)),
        Filter(intents.VIEW, ".Event", schemes=("content",)),
    ),
    providers={"com.android.calendar/events": "events"},
)  # fmt: skip
BEGUN = (
    ("Team breakfast", "Room 204", 1, "09:00", 60, ""), ("Dentist", "12 Mill Lane", 2, "14:30",
    45, ""),
    ("Yoga", "Studio", 0, "18:30", 60, "weekly"), ("Call with Olga", "", 3, "11:00", 30, ""),
    ("Rent is due", "", 17, "00:00", 1440, "monthly"), ("Book club", "Library", 11, "19:00", 90,
    ""),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    first = do.now - do.now % DAY
    for title, location, days, time, minutes, repeat in BEGUN:
        hour, minute = (int(p) for p in time.split(":"))
        start = first + days * DAY + hour * 3600 + minute * 60
        do.run(
            "INSERT INTO events (title, location, dtstart, dtend, repeat, all_day)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            title, location, start, start + minutes * 60, repeat, int(minutes == 1440),
        )  # fmt: skip


def turns(start: int, repeat: str, low: int, high: int) -> Iterator[int]:
    """When an event begins, of all its repetitions, from `low` to before `high`."""
    first = datetime.fromtimestamp(start, UTC)
    for number in range(MAX_TURNS):
        when: datetime | None = first
        if repeat in ("daily", "weekly"):
            step = 1 if repeat == "daily" else 7
            skipped = max(0, (low - start) // (step * DAY))
            when = first + timedelta(days=step * (number + skipped))
        elif repeat:
            months = number * (1 if repeat == "monthly" else 12)
            year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
            try:
                when = first.replace(year=year, month=month + 1)
            except ValueError:
                when = None  # there is no 31st of this month
        if when is not None:
            seconds = int(when.timestamp())
            if seconds >= high:
                return
            if seconds >= low:
                yield seconds
        if not repeat:
            return


def events(see: See, low: int, high: int) -> list[tuple[int, dict[str, Value]]]:
    """(begin, event) of a time, in order; events that began before and go on are in it."""
    found = []
    for row in see.rows("SELECT * FROM events"):
        length = row["dtend"] - row["dtstart"]
        for begin in turns(row["dtstart"], row["repeat"], low - length + 1, high):
            if begin + max(length, 1) > low:
                found.append((begin, dict(row)))
    return sorted(found, key=lambda pair: (pair[0], str(pair[1]["title"])))


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY


@APP.screen(".Main")
def month(see: See) -> View:
    chosen = pickers.read_date(see.get("day"), see.today)
    shown = pickers.read_date(see.get("month"), chosen).replace(day=1)
    grid = pickers.weeks(shown)
    busy: set[int] = set()
    for begin, row in events(see, _day(grid[0][0]), _day(grid[-1][-1]) + DAY):
        length = max(1, int(str(row["dtend"])) - int(str(row["dtstart"])))
        busy |= set(range(begin // DAY * DAY, begin + length, DAY))
    cells = tuple(_cell(see, day, shown, chosen, _day(day) in busy) for w in grid for day in w)
    bar = View(
        "row", height=48, padding=(16, 0, 4, 0),
        children=(
            ui.text(see.month(shown), "title", resource="month"),
            ui.icon("chevron-left", see.t("Previous month"),
                    put("month", str(pickers.moved(shown, -1)))),
            ui.icon("chevron-right", see.t("Next month"),
                    put("month", str(pickers.moved(shown, 1)))),
        ),
    )  # fmt: skip
    days = View("grid", children=cells, columns=7, padding=(8, 0, 8, 0))
    listed = [_row(see, begin, row) for begin, row in events(see, _day(chosen), _day(chosen) + DAY)]
    head = ui.header(see.day(_day(chosen), year=True))
    return ui.page(
        see.t("Calendar"), head, *(listed or [ui.paragraph(see.t("No events"))]), up=False,
        under=(bar, View("column", children=(pickers.week_row(see),), padding=(8, 0, 8, 0)), days),
        actions=(
            ui.icon("calendar-check", see.t("Today"), do("today")),
            ui.icon("magnify", see.t("Search events"), go(".Search")),
        ),
        floating=ui.fab("plus", see.t("New event"), go(".Edit", day=chosen.isoformat())),
    )  # fmt: skip


def _cell(see: See, day: date, shown: date, chosen: date, busy: bool) -> View:
    on, now = day == chosen, day == see.today
    inside = day.month == shown.month
    ink = "on-primary" if on else "primary" if now else "on-surface"
    number = View(
        "text", text=str(day.day), style="button" if now else "body", centred=True, width=32,
        height=32, colour=ink if inside or on else "disabled", fill="primary" if on else "",
        corner=16,
    )  # fmt: skip
    dot = View("space", width=6, height=6, corner=3, fill="primary" if busy else "")
    return View(
        "column", children=(number, dot), centred=True, height=44, padding=(0, 2, 0, 0), gap=1,
        tap=put("day", day.isoformat()), selected=on, resource="day",
        description=see.day(_day(day), year=True),
    )  # fmt: skip


@APP.on("today")
def today(do: Do) -> None:
    do.put("day", None)
    do.put("month", None)


def _when(see: See, begin: int, row: dict[str, Value]) -> str:
    if row["all_day"]:
        return see.t("All day")
    end = begin + int(str(row["dtend"])) - int(str(row["dtstart"]))
    return f"{see.clock(begin)} – {see.clock(end)}"


def _row(see: See, begin: int, row: dict[str, Value], *, dated: bool = False) -> View:
    told = _when(see, begin, row)
    told = f"{see.day(begin, year=True)} · {told}" if dated else told
    told += f" · {row['location']}" if row["location"] else ""
    mark = View("space", width=4, height=40, fill="primary", corner=2)
    return ui.row(str(row["title"]), told, tap=go(".Event", id=row["_id"], begin=begin), lead=mark)


@APP.screen(".Search")
def search(see: See) -> View:
    wanted = see.text("query").strip()
    rows = see.rows(
        "SELECT * FROM events WHERE title LIKE '%' || ?1 || '%' OR location LIKE '%' || ?1 || '%'"
        " OR description LIKE '%' || ?1 || '%' ORDER BY dtstart",
        wanted,
    )
    listed = [_row(see, row["dtstart"], dict(row), dated=True) for row in rows]
    none = [ui.empty(see.t("No events"), "calendar")]
    bar = ui.search_bar("query", "", see.t("Search events"))
    return ui.page("", *(listed or none), bar=bar)


@APP.screen(".Event")
def event(see: See) -> View:
    ident = str(see.args.get("data", "")).rpartition("/")[2] or see.arg("id")
    row = see.row("SELECT * FROM events WHERE _id = ?", ident)
    if row is None:
        return ui.page(see.t("Event"), ui.empty(see.t("This event does not exist"), "calendar"))
    begin = see.arg("begin", row["dtstart"])
    rows = [
        ui.paragraph(row["title"], style="headline", resource="event_title"),
        ui.row(see.day(begin, year=True), _when(see, begin, dict(row)),
        lead=ui.icon("clock-outline")),
    ]  # fmt: skip
    if row["location"]:
        rows.append(ui.row(row["location"], see.t("Location"), lead=ui.icon("map-marker")))
    if row["repeat"]:
        rows.append(ui.row(see.t(REPEATS[row["repeat"]]), lead=ui.icon("repeat")))
    if row["reminder"] >= 0:
        told = REMINDERS.get(row["reminder"], "{count} minutes before")
        rows.append(ui.row(see.t(told, count=row["reminder"]), lead=ui.icon("bell")))
    if row["description"]:
        rows += [ui.header(see.t("Description")), ui.paragraph(row["description"])]
    edit = ui.icon("pencil", see.t("Edit event"), go(".Edit", id=row["_id"]))
    gone = ui.icon("delete-outline", see.t("Delete event"), show("delete", id=row["_id"]))
    return ui.page(see.t("Event"), *rows, actions=(edit, gone))


@APP.overlay("delete")
def ask(see: See) -> Overlay:
    title = see.one("SELECT title FROM events WHERE _id = ?", see.arg("id"))
    return ui.confirm(
        see.t("Delete event?"), str(title), see.t("Delete"), do("delete"), see.t("Cancel")
    )


@APP.on("delete")
def delete(do: Do) -> None:
    ident = do.arg("id")
    do.run("DELETE FROM events WHERE _id = ?", ident)
    do.unwake(f"event-{ident}")
    do.toast(do.t("Event deleted"))
    do.finish()


def _draft(see: See) -> dict[str, str]:
    """What the form shows: what was picked, or of the event, or of a new one."""
    row = see.row("SELECT * FROM events WHERE _id = ?", see.arg("id"))
    hour = (see.now // 3600 + 1) * 3600
    start, end = (row["dtstart"], row["dtend"]) if row else (hour, hour + 3600)
    if not row and str(see.args.get("beginTime", "")).isdecimal():
        start = int(str(see.args["beginTime"])) // 1000
        end = start + 3600
    (day, time), (last, until) = see.iso(start), see.iso(end)
    if not row and see.args.get("day"):
        day = last = str(see.args["day"])
    day = see.get("day", day)
    moved = see.at(day) - see.at(see.iso(start)[0])
    return {
        "title": row["title"] if row else str(see.args.get("title", "")),
        "location": row["location"] if row else str(see.args.get("eventLocation", "")),
        "description": row["description"] if row else str(see.args.get("description", "")),
        "day": day, "time": see.get("time", time),
        "last": see.get("last", see.iso(see.at(last) + moved)[0] if row else day),
        "until": see.get("until", _later(see, time, until)),
        "all_day": see.get("all_day", str(row["all_day"] if row else 0)),
        "repeat": see.get("repeat", row["repeat"] if row else ""),
        "reminder": see.get("reminder", str(row["reminder"] if row else 10)),
    }  # fmt: skip


def _later(see: See, time: str, until: str) -> str:
    """The end, moved as far as the begin was."""
    picked = see.get("time")
    if not picked:
        return until
    (h1, m1), (h2, m2), (h3, m3) = (pickers.read_time(t) or (0, 0) for t in (time, picked, until))
    minutes = (h3 * 60 + m3 + (h2 * 60 + m2) - (h1 * 60 + m1)) % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


@APP.screen(".Edit")
def edit(see: See) -> View:
    draft = _draft(see)
    whole = draft["all_day"] == "1"
    times = [] if whole else [_time(see, draft, "time", "Start time")]
    ends = [] if whole else [_time(see, draft, "until", "End time")]
    reminder = int(draft["reminder"])
    return ui.page(
        see.t("Edit event" if see.arg("id") else "New event"),
        ui.form(ui.field("title", draft["title"], label=see.t("Title")),
                ui.field("location", draft["location"], label=see.t("Location"))),
        ui.toggle(see.t("All day"), whole, do("set", key="all_day", value="0" if whole else "1")),
        _date(see, draft, "day", "Start date"), *times, _date(see, draft, "last", "End date"),
        *ends,
        ui.pick(see.t("Repeat"), see.t(REPEATS[draft["repeat"]]), show("repeat"), icon="repeat"),
        ui.pick(see.t("Reminder"), see.t(REMINDERS.get(reminder, "{count} minutes before"),
                count=reminder), show("reminder"), icon="bell"),
        ui.form(ui.field("description", draft["description"], label=see.t("Description"),
                         multiline=True)),
        actions=(ui.button(see.t("Save"), do("save"), kind="text", resource="save"),),
    )  # fmt: skip


def _date(see: See, draft: dict[str, str], key: str, label: str) -> View:
    shown = see.day(see.at(draft[key]), year=True)
    act = show("pick_date", key=key, value=draft[key])
    return ui.pick(see.t(label), shown, act, icon="calendar")


def _time(see: See, draft: dict[str, str], key: str, label: str) -> View:
    shown = see.clock(see.at(draft["day"], draft[key]))
    act = show("pick_time", key=key, value=draft[key])
    return ui.pick(see.t(label), shown, act, icon="clock-outline")


@APP.overlay("repeat")
def repeat(see: See) -> Overlay:
    choices = [(value, see.t(name)) for value, name in REPEATS.items()]
    return ui.options(
        see.t("Repeat"), do("set", key="repeat"), choices, _draft(see)["repeat"], see.t("Cancel")
    )


@APP.overlay("reminder")
def reminder(see: See) -> Overlay:
    choices = [(str(value), see.t(name)) for value, name in REMINDERS.items()]
    return ui.options(
        see.t("Reminder"),
        do("set", key="reminder"),
        choices,
        _draft(see)["reminder"],
        see.t("Cancel"),
    )


@APP.on("set")
def set_(do: Do) -> None:
    do.put(str(do.args["key"]), do.args["value"])


@APP.on("save")
def save(do: Do) -> None:
    draft = _draft(do)
    for key in ("title", "location", "description"):
        draft[key] = do.text(key, draft[key]).strip()
    whole = draft["all_day"] == "1"
    start = do.at(draft["day"], "00:00" if whole else draft["time"])
    end = do.at(draft["last"], "00:00" if whole else draft["until"]) + (DAY if whole else 0)
    if not draft["title"]:
        return do.toast(do.t("Enter a title"))
    if end < start:
        return do.toast(do.t("The event cannot end before it starts"))
    values: dict[str, Value] = {
        "title": draft["title"], "location": draft["location"], "dtstart": start, "dtend": end,
        "description": draft["description"], "all_day": int(whole), "repeat": draft["repeat"],
        "reminder": int(draft["reminder"]),
    }  # fmt: skip
    ident = do.arg("id")
    if ident:
        do.change("events", ident, **values)
    else:
        ident = do.add("events", **values)
    do.unwake(f"event-{ident}")
    _remind(do, ident)
    do.toast(do.t("Event saved"))
    return do.finish()


def _remind(do: Do, ident: int) -> None:
    row = do.row("SELECT * FROM events WHERE _id = ?", ident)
    if row is None or row["reminder"] < 0:
        return
    early = row["reminder"] * 60
    low = do.now + early + 1
    coming = next(turns(row["dtstart"], row["repeat"], low, low + 400 * DAY), None)
    if coming is not None:
        do.wake(f"event-{ident}", coming - early, Act("do", "remind", (("id", ident),)))


@APP.on("remind")
def remind(do: Do) -> None:
    ident = do.arg("id")
    row = do.row("SELECT * FROM events WHERE _id = ?", ident)
    if row is None:
        return
    told = f"{do.clock(do.now + row['reminder'] * 60)} {row['location']}".strip()
    do.notify(f"event-{ident}", row["title"], told, go(".Event", id=ident))
    _remind(do, ident)
