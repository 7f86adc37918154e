"""Clock: alarms, a timer, other cities."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish
from agentkit_android.tasks.names import CLOCK, EVENTS
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template


class Alarm(Params):
    hour: int
    minute: int
    label: str

    @property
    def time(self) -> str:
        return f"{self.hour:02}:{self.minute:02}"


class OfAlarm(Template[Alarm]):
    params = Alarm
    apps = (CLOCK,)

    def draw(self, random: Random) -> Alarm:
        return Alarm(hour=random.randint(4, 23), minute=random.randint(1, 29) + 30,
                     label=random.choice(EVENTS))  # fmt: skip

    def shown(self, p: Alarm) -> dict[str, object]:
        return {"time": p.time, "label": p.label}

    def begin(self, phone: PhoneState, p: Alarm, random: Random) -> None:
        self.put(phone, (p.hour + 3) % 24, p.minute, 1)

    def put(self, phone: PhoneState, hour: int, minute: int, enabled: int) -> None:
        phone.rows(CLOCK, "INSERT INTO alarms (hour, minute, enabled) VALUES (?, ?, ?)",
                   hour, minute, enabled)  # fmt: skip

    def get(self, phone: PhoneState, p: Alarm, column: str) -> list[str]:
        query = f"SELECT {column} FROM alarms WHERE hour = ? AND minute = ?"
        return [r[0] for r in phone.rows(CLOCK, query, p.hour, p.minute)]

    def done(self, see: Sight, p: Alarm) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))

    def sheet(self, see: Sight, p: Alarm, *route: str) -> Action:
        """What opens where an alarm is tapped."""
        if see.has("Change time") or see.look.package != CLOCK:
            return see.reach(CLOCK, *route)
        row = next((e for e in see.look.elements if e.label.startswith(f"{p.time}, ")), None)
        return see.tap(row) if row else see.reach(CLOCK, "Alarm")


class SetAlarm(OfAlarm):
    name, goal = "alarm-set", "Set an alarm for {time}"
    complexity = 1.8

    def check(self, phone: PhoneState, p: Alarm, answer: str) -> Sequence[Part]:
        now = self.get(phone, p, "enabled")
        return [Part(f"alarms at {p.time} that are on: {now}", now == ["1"])]

    def expert(self, see: Sight, p: Alarm) -> Action:
        if self.done(see, p):
            return Finish()
        if see.field("hour"):
            return see.clock(p.hour, p.minute, "")
        return see.reach(CLOCK, "Add alarm")


class SwitchAlarm(OfAlarm):
    name, goal = "alarm-on", "Switch the alarm at {time} on again"

    def begin(self, phone: PhoneState, p: Alarm, random: Random) -> None:
        self.put(phone, p.hour, p.minute, 0)
        self.put(phone, (p.hour + 1) % 24, p.minute, 0)

    def check(self, phone: PhoneState, p: Alarm, answer: str) -> Sequence[Part]:
        on = phone.rows(CLOCK, "SELECT hour, minute FROM alarms WHERE enabled = 1")
        return [Part(f"on are {on}", on == [[str(p.hour), str(p.minute)]])]

    def nearly(self, p: Alarm, random: Random) -> Alarm:
        return p.model_copy(update={"hour": (p.hour + 1) % 24})

    def expert(self, see: Sight, p: Alarm) -> Action:
        if self.done(see, p):
            return Finish()
        switch = see.find(p.time, role="switch")
        return see.tap(switch) if switch else see.reach(CLOCK, "Alarm")


class DeleteAlarm(OfAlarm):
    name, goal = "alarm-delete", "Delete the alarm at {time}"

    def begin(self, phone: PhoneState, p: Alarm, random: Random) -> None:
        super().begin(phone, p, random)
        self.put(phone, p.hour, p.minute, 1)

    def check(self, phone: PhoneState, p: Alarm, answer: str) -> Sequence[Part]:
        left, count = self.get(phone, p, "_id"), phone.one(CLOCK, "SELECT count(*) FROM alarms")
        return [Part(f"{len(left)} of {count} are at {p.time}", not left and count == "3")]

    def expert(self, see: Sight, p: Alarm) -> Action:
        return Finish() if self.done(see, p) else self.sheet(see, p, "Delete")


class LabelAlarm(OfAlarm):
    name, goal = "alarm-label", "Give the alarm at {time} the label “{label}”"
    complexity = 1.6
    held = "template"

    def begin(self, phone: PhoneState, p: Alarm, random: Random) -> None:
        super().begin(phone, p, random)
        self.put(phone, p.hour, p.minute, 1)

    def check(self, phone: PhoneState, p: Alarm, answer: str) -> Sequence[Part]:
        now = self.get(phone, p, "label")
        return [Part(f"its label is {now}", now == [p.label])]

    def expert(self, see: Sight, p: Alarm) -> Action:
        if self.done(see, p):
            return Finish()
        if see.field("label"):
            return see.form("OK", label=p.label)
        return self.sheet(see, p, "Add label")


class City(Params):
    city: str


class AddCity(Template[City]):
    name, goal = "clock-city", "Show me the time in {city} in the clock, too"
    params = City
    apps = (CLOCK,)
    complexity = 1.2

    def draw(self, random: Random) -> City:
        return City(city=random.choice(("Berlin", "Cairo", "Delhi", "Tokyo", "Sydney", "Chicago",
                                        "New York", "Lagos", "Nairobi", "Bangkok")))  # fmt: skip

    def begin(self, phone: PhoneState, p: City, random: Random) -> None:
        """Nothing to prepare: two other cities are shown."""

    def check(self, phone: PhoneState, p: City, answer: str) -> Sequence[Part]:
        names = [r[0] for r in phone.rows(CLOCK, "SELECT name FROM cities")]
        return [Part(f"the cities are {names}", p.city in names and len(names) == 3)]

    def expert(self, see: Sight, p: City) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if see.title == "Add city":
            return see.reach(CLOCK, p.city)
        return see.reach(CLOCK, "Clock", "Add city")


class Minutes(Params):
    minutes: int


class StartTimer(Template[Minutes]):
    """Digits are typed on a pad of its own."""

    name, goal = "timer-start", "Start a timer of {minutes} minutes"
    params = Minutes
    apps = (CLOCK,)
    complexity = 1.6

    def draw(self, random: Random) -> Minutes:
        return Minutes(minutes=random.randint(2, 59))

    def begin(self, phone: PhoneState, p: Minutes, random: Random) -> None:
        phone.rows(CLOCK, "DELETE FROM timers")

    def check(self, phone: PhoneState, p: Minutes, answer: str) -> Sequence[Part]:
        now = phone.rows(CLOCK, "SELECT seconds, state FROM timers")
        return [Part(f"timers: {now}", now == [[str(60 * p.minutes), "running"]])]

    def expert(self, see: Sight, p: Minutes) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        shown = see.find("#timer_setup_time")
        if see.look.package != CLOCK or shown is None:
            return see.reach(CLOCK, "Timer")
        wanted = f"{p.minutes}00"
        typed = "".join(c for c in shown.label if c.isdigit()).lstrip("0")
        if typed == wanted:
            return see.reach(CLOCK, "Start")
        if wanted.startswith(typed):
            return see.reach(CLOCK, wanted[len(typed)])
        return see.reach(CLOCK, "Delete")


TEMPLATES = (
    SetAlarm(), SwitchAlarm(), DeleteAlarm(), LabelAlarm(), AddCity(), StartTimer(),
)  # fmt: skip
