"""Calendar: events, added, moved, repeated, and what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Answer, Finish, Press
from agentkit_android.tasks.names import CALENDAR, EVENTS, PLACES
from agentkit_android.tasks.sight import Sight, day
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template, said

TODAY = date(2023, 10, 15)
REPEATS = {"every day": "daily", "every week": "weekly", "every month": "monthly"}


class Event(Params):
    title: str
    day: date
    hour: int
    minute: int
    place: str
    repeat: str

    @property
    def time(self) -> str:
        return f"{self.hour:02}:{self.minute:02}"

    @property
    def start(self) -> int:
        return int(datetime.combine(self.day, time(self.hour, self.minute), UTC).timestamp())


def put(phone: PhoneState, title: str, start: int, place: str = "", minutes: int = 60) -> None:
    phone.rows(CALENDAR, "INSERT INTO events (title, dtstart, dtend, location) VALUES (?, ?, ?, ?)",
               title, start, start + 60 * minutes, place)  # fmt: skip


def get(phone: PhoneState, title: str, column: str) -> list[str]:
    return [
        r[0] for r in phone.rows(CALENDAR, f"SELECT {column} FROM events WHERE title = ?", title)
    ]


class OfEvent(Template[Event]):
    """About one event, which is there from the start where `known`."""

    params = Event
    apps = (CALENDAR,)
    known = True

    def draw(self, random: Random) -> Event:
        return Event(
            title=random.choice(EVENTS), day=TODAY + timedelta(days=random.randint(1, 45)),
            hour=random.randint(8, 20), minute=random.choice((0, 15, 30, 45)),
            place=random.choice(PLACES), repeat=random.choice(list(REPEATS)),
        )  # fmt: skip

    def shown(self, p: Event) -> dict[str, object]:
        return {**p.model_dump(), "day": f"{p.day:%A}, {p.day:%B} {p.day.day}", "time": p.time}

    def begin(self, phone: PhoneState, p: Event, random: Random) -> None:
        for n, title in enumerate(random.sample([e for e in EVENTS if e != p.title], 3), 1):
            put(phone, title, p.start + n * 5400, random.choice(PLACES))
        if self.known:
            put(phone, p.title, p.start, p.place)

    def done(self, see: Sight, p: Event) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))

    def opened(self, see: Sight, p: Event) -> bool:
        return see.look.activity == ".Event" and see.has(p.title)

    def open(self, see: Sight, p: Event) -> Action:
        """By the search, which finds every month."""
        if see.look.package == CALENDAR and see.look.activity == ".Search":
            if (step := see.search(p.title)) is not None:
                return step
            return see.reach(CALENDAR, p.title)
        return see.reach(CALENDAR, "Search events")

    def form(self, see: Sight, p: Event) -> Action:
        """Title, place, day and time of a new event."""
        if see.find("#month") and see.has("OK"):
            return see.day(p.day)
        if see.field("_hour"):
            return see.clock(p.hour, p.minute)
        for name, wanted in (("title", p.title), ("location", p.place)):
            box = see.field(name)
            if box is not None and (step := see.fill(box, wanted)) is not None:
                return step
        if see.value("Start date") != day(p.day):
            return see.reach(CALENDAR, "Start date")
        if see.value("Start time") != p.time:
            return see.reach(CALENDAR, "Start time")
        return see.reach(CALENDAR, "Save")


class AddEvent(OfEvent):
    name = "event-add"
    goal = "Put “{title}” into the calendar: {day}, {time}, at {place}"
    complexity = 3.6
    known = False

    def check(self, phone: PhoneState, p: Event, answer: str) -> Sequence[Part]:
        starts, places = get(phone, p.title, "dtstart"), get(phone, p.title, "location")
        return [
            Part(f"there are {len(starts)} events {p.title!r}", len(starts) == 1),
            Part(f"it begins at {starts}, not {p.start}", starts == [str(p.start)]),
            Part(f"it is at {places}", places == [p.place]),
        ]

    def expert(self, see: Sight, p: Event) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.package == CALENDAR and see.look.activity == ".Edit":
            return self.form(see, p)
        return see.reach(CALENDAR, "New event")


class DeleteEvent(OfEvent):
    name, goal = "event-delete", "“{title}” is cancelled. Take it out of the calendar."
    complexity = 1.4

    def check(self, phone: PhoneState, p: Event, answer: str) -> Sequence[Part]:
        left = get(phone, p.title, "_id")
        count = phone.one(CALENDAR, "SELECT count(*) FROM events")
        return [
            Part(f"{len(left)} of it are left", not left),
            Part(f"{count} others are there", not left and count == "9"),
        ]

    def expert(self, see: Sight, p: Event) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Delete event?"):
            return see.reach(CALENDAR, "Delete")
        if self.opened(see, p):
            return see.reach(CALENDAR, "Delete event")
        return self.open(see, p)


class Relocate(OfEvent):
    name, goal = "event-place", "“{title}” will be at {place} now. Change it in the calendar."
    complexity = 1.8

    def begin(self, phone: PhoneState, p: Event, random: Random) -> None:
        super().begin(phone, p, random)
        old = random.choice([x for x in PLACES if x != p.place])
        phone.rows(CALENDAR, "UPDATE events SET location = ? WHERE title = ?", old, p.title)

    def nearly(self, p: Event, random: Random) -> Event:
        other = random.choice([x for x in PLACES if x != p.place])
        return p.model_copy(update={"place": other})

    def check(self, phone: PhoneState, p: Event, answer: str) -> Sequence[Part]:
        places, starts = get(phone, p.title, "location"), get(phone, p.title, "dtstart")
        return [
            Part(f"it is at {places}", places == [p.place]),
            Part("its time is as it was", places == [p.place] and starts == [str(p.start)]),
        ]

    def expert(self, see: Sight, p: Event) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.activity == ".Edit":
            return see.form("#save", location=p.place)
        if self.opened(see, p):
            return see.reach(CALENDAR, "Edit event")
        return self.open(see, p)


class Postpone(OfEvent):
    """To another day, at the same time."""

    name, goal = "event-postpone", "Move “{title}” to {day}, at the same time of the day"
    complexity = 2.4
    held = "template"

    def begin(self, phone: PhoneState, p: Event, random: Random) -> None:
        super().begin(phone, p, random)
        days = 86_400 * random.randint(1, 6)
        phone.rows(
            CALENDAR, "UPDATE events SET dtstart = dtstart - ?, dtend = dtend - ? WHERE title = ?",
            days, days, p.title,
        )  # fmt: skip

    def check(self, phone: PhoneState, p: Event, answer: str) -> Sequence[Part]:
        starts = get(phone, p.title, "dtstart")
        return [Part(f"it begins at {starts}, not {p.start}", starts == [str(p.start)])]

    def expert(self, see: Sight, p: Event) -> Action:
        if self.done(see, p):
            return Finish()
        if see.find("#month") and see.has("OK"):
            return see.day(p.day)
        if see.look.activity == ".Edit":
            ready = see.value("Start date") == day(p.day)
            return see.reach(CALENDAR, "Save" if ready else "Start date")
        if self.opened(see, p):
            return see.reach(CALENDAR, "Edit event")
        return self.open(see, p)


class Repeat(OfEvent):
    name, goal = "event-repeat", "Let “{title}” take place {repeat}"
    complexity = 1.8

    def check(self, phone: PhoneState, p: Event, answer: str) -> Sequence[Part]:
        now = get(phone, p.title, "repeat")
        return [Part(f"it repeats {now}", now == [REPEATS[p.repeat]])]

    def nearly(self, p: Event, random: Random) -> Event:
        other = random.choice([r for r in REPEATS if r != p.repeat])
        return p.model_copy(update={"repeat": other})

    def expert(self, see: Sight, p: Event) -> Action:
        if self.done(see, p):
            return Finish()
        wanted = p.repeat.capitalize()
        if see.title == "Repeat":
            return see.reach(CALENDAR, wanted)
        if see.look.activity == ".Edit":
            return see.reach(CALENDAR, "Save" if see.value("Repeat") == wanted else "Repeat")
        if self.opened(see, p):
            return see.reach(CALENDAR, "Edit event")
        return self.open(see, p)


class WhereIs(OfEvent):
    name, goal = "event-where", "Where does “{title}” take place?"
    kind = "question"

    def check(self, phone: PhoneState, p: Event, answer: str) -> Sequence[Part]:
        return [Part(f"{p.place} was asked for, {answer[:40]!r} said", said(answer, p.place))]

    def nearly(self, p: Event, random: Random) -> Event:
        other = random.choice([x for x in PLACES if x != p.place])
        return p.model_copy(update={"place": other})

    def expert(self, see: Sight, p: Event) -> Action:
        if self.opened(see, p):
            return Answer(text=see.value("Location", above=True))
        return self.open(see, p)


class WhenIs(OfEvent):
    name, goal = "event-when", "At what time does “{title}” begin? Say it as 18:05."
    kind = "question"

    def check(self, phone: PhoneState, p: Event, answer: str) -> Sequence[Part]:
        return [Part(f"{p.time} was asked for, {answer[:40]!r} said", said(answer, p.time))]

    def nearly(self, p: Event, random: Random) -> Event:
        return p.model_copy(update={"hour": p.hour + 1})

    def expert(self, see: Sight, p: Event) -> Action:
        if self.opened(see, p):
            row = see.find(" – ", whole=False)
            return Answer(text=row.label.rpartition(", ")[2].partition(" – ")[0] if row else "")
        return self.open(see, p)


class WhatOnDay(OfEvent):
    name, goal = "event-what-on-day", "What is in my calendar for {day}? Its title will do."
    kind = "question"
    held = "template"

    def begin(self, phone: PhoneState, p: Event, random: Random) -> None:
        phone.rows(CALENDAR, "DELETE FROM events")
        put(phone, p.title, p.start, p.place)
        for n, title in enumerate(random.sample([e for e in EVENTS if e != p.title], 4), 1):
            put(phone, title, p.start + n * 86_400 * random.choice((1, -1)), p.place)

    def check(self, phone: PhoneState, p: Event, answer: str) -> Sequence[Part]:
        return [Part(f"{p.title!r} was asked for, {answer[:60]!r} said", said(answer, p.title))]

    def expert(self, see: Sight, p: Event) -> Action:
        if see.look.package != CALENDAR or see.look.activity != ".Main":
            return see.reach(CALENDAR)
        cell = see.find(day(p.day))
        if cell is None:
            return see.reach(CALENDAR, "Next month")
        if not cell.selected:
            return see.tap(cell)
        row = next((e for e in see.look.elements if " – " in e.label and e.clickable), None)
        return Answer(text=row.label.partition(", ")[0]) if row else Press(button="back")


TEMPLATES = (
    AddEvent(), DeleteEvent(), Relocate(), Postpone(), Repeat(), WhereIs(), WhenIs(), WhatOnDay(),
)  # fmt: skip
