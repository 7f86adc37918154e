"""Tasks: things to do, with lists, days and priorities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Answer, Finish, Press
from agentkit_android.tasks.names import THINGS, TODO
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template, said

TODAY = date(2023, 10, 15)
PRIORITIES = {"Low": 1, "Medium": 2, "High": 3}


class Thing(Params):
    title: str
    due: date
    priority: str

    @property
    def told(self) -> str:
        return f"{self.due:%B} {self.due.day}"


def put(phone: PhoneState, title: str, due: str = "", priority: int = 0, done: int = 0) -> None:
    phone.rows(TODO, "INSERT INTO tasks (title, due, priority, done) VALUES (?, ?, ?, ?)",
               title, due, priority, done)  # fmt: skip


def get(phone: PhoneState, title: str, column: str) -> list[str]:
    return [r[0] for r in phone.rows(TODO, f"SELECT {column} FROM tasks WHERE title = ?", title)]


class OfThing(Template[Thing]):
    """About one thing to do, which is there from the start where `known`."""

    params = Thing
    apps = (TODO,)
    known = True

    def draw(self, random: Random) -> Thing:
        due = TODAY + timedelta(days=random.randint(1, 40))
        return Thing(title=random.choice(THINGS), due=due, priority=random.choice(list(PRIORITIES)))

    def shown(self, p: Thing) -> dict[str, object]:
        return {**p.model_dump(), "due": p.told, "priority": p.priority.lower()}

    def begin(self, phone: PhoneState, p: Thing, random: Random) -> None:
        for title in random.sample([t for t in THINGS if t != p.title], 2):
            put(phone, title)
        if self.known:
            put(phone, p.title)

    def value(self, phone: PhoneState, p: Thing, column: str, wanted: str) -> Sequence[Part]:
        now = get(phone, p.title, column)
        return [
            Part(f"there are {len(now)} tasks {p.title!r}", len(now) == 1),
            Part(f"its {column} is {now}, not {wanted!r}", now == [wanted]),
        ]

    def done(self, see: Sight, p: Thing) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))


class AddThing(OfThing):
    name, goal = "task-add", "Add “{title}” to my tasks"
    known = False

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        now = get(phone, p.title, "done")
        return [Part(f"there are {len(now)} open tasks {p.title!r}", now == ["0"])]

    def expert(self, see: Sight, p: Thing) -> Action:
        if self.done(see, p):
            return Finish()
        if see.title == "New task":
            return see.form("#save", "Save", title=p.title)
        return see.reach(TODO, "New task")


class AddThingDue(OfThing):
    name, goal = "task-add-due", "Add a task: “{title}”, due on {due}"
    complexity = 2.0
    known = False

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        return self.value(phone, p, "due", p.due.isoformat())

    def expert(self, see: Sight, p: Thing) -> Action:
        if self.done(see, p):
            return Finish()
        if see.find("#month") and see.has("OK"):
            return see.day(p.due)
        if see.title == "New task":
            box = see.field("title")
            if box is not None and (step := see.fill(box, p.title)) is not None:
                return step
            if see.value("Due date") != short(p.due):
                return see.reach(TODO, "Due date")
            return see.reach(TODO, "Save")
        return see.reach(TODO, "New task")


class Prioritise(OfThing):
    name, goal = "task-priority", "Give the task “{title}” {priority} priority"
    complexity = 1.2

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        return self.value(phone, p, "priority", str(PRIORITIES[p.priority]))

    def nearly(self, p: Thing, random: Random) -> Thing:
        other = next(name for name in PRIORITIES if name != p.priority)
        return p.model_copy(update={"priority": other})

    def expert(self, see: Sight, p: Thing) -> Action:
        if self.done(see, p):
            return Finish()
        if see.title == "Priority":
            return see.reach(TODO, p.priority)
        if see.look.activity == ".Edit":
            ready = p.priority in (see.find("Priority") or see.look.elements[0]).label
            return see.reach(TODO, "Save" if ready else "Priority")
        return see.reach(TODO, p.title)


class Complete(OfThing):
    name, goal = "task-complete", "Tick off the task “{title}”"

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        return self.value(phone, p, "done", "1")

    def expert(self, see: Sight, p: Thing) -> Action:
        if self.done(see, p):
            return Finish()
        box = see.find(p.title, role="checkbox")
        return see.tap(box) if box is not None else see.reach(TODO, "nothing of this name")


class Reschedule(OfThing):
    name, goal = "task-move", "Move the task “{title}” to {due}"
    complexity = 1.8
    held = "template"

    def begin(self, phone: PhoneState, p: Thing, random: Random) -> None:
        super().begin(phone, p, random)
        old = TODAY + timedelta(days=50)
        phone.rows(TODO, "UPDATE tasks SET due = ? WHERE title = ?", old.isoformat(), p.title)

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        return self.value(phone, p, "due", p.due.isoformat())

    def expert(self, see: Sight, p: Thing) -> Action:
        if self.done(see, p):
            return Finish()
        if see.find("#month") and see.has("OK"):
            return see.day(p.due)
        if see.look.activity == ".Edit":
            return see.reach(TODO, "Save" if see.value("Due date") == short(p.due) else "Due date")
        return see.reach(TODO, p.title)


class DeleteThing(OfThing):
    name, goal = "task-delete", "Delete the task “{title}”; it is not to be ticked off"
    complexity = 1.2

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        left = get(phone, p.title, "done")
        count = int(phone.one(TODO, "SELECT count(*) FROM tasks"))
        return [
            Part(f"{len(left)} tasks {p.title!r} are left", not left),
            Part(f"{count} others are there", not left and count == 10),
        ]

    def expert(self, see: Sight, p: Thing) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Delete"):
            return see.reach(TODO, "Delete")
        row = see.find(p.title, role="row")
        return see.hold(row) if row is not None else see.reach(TODO, p.title)


class HowManyHigh(Template[Thing]):
    """To be counted."""

    name, goal = "task-count-high", "How many of my open tasks have high priority?"
    params = Thing
    apps = (TODO,)
    kind = "question"

    def draw(self, random: Random) -> Thing:
        return Thing(title=str(random.randint(1, 4)), due=TODAY, priority="High")

    def shown(self, p: Thing) -> dict[str, object]:
        return {}

    def begin(self, phone: PhoneState, p: Thing, random: Random) -> None:
        phone.rows(TODO, "DELETE FROM tasks")
        titles = random.sample(THINGS, 8)
        for n, title in enumerate(titles[: int(p.title)]):
            put(phone, title, str(TODAY + timedelta(days=n)), 3)
        for title in titles[int(p.title) : 6]:
            put(phone, title, "", random.randint(0, 2))
        put(phone, titles[6], "", 3, done=1)

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        return [Part(f"{p.title} was asked for, {answer[:40]!r} said", said(answer, p.title))]

    def expert(self, see: Sight, p: Thing) -> Action:
        if see.look.package != TODO or see.look.activity != ".Main":
            return see.reach(TODO)
        boxes = {e.label: e.checked for e in see.look.elements if e.role == "checkbox"}
        rows = [e.label for e in see.look.elements if e.role == "row"]
        high = [r for r in rows if r.endswith("High") and not boxes.get(r.partition(", ")[0])]
        return Answer(text=str(len(high)))


class WhatDue(OfThing):
    name, goal = "task-what-due", "Which of my tasks is due on {due}?"
    kind = "question"

    def begin(self, phone: PhoneState, p: Thing, random: Random) -> None:
        phone.rows(TODO, "DELETE FROM tasks")
        put(phone, p.title, p.due.isoformat())
        for n, title in enumerate(random.sample([t for t in THINGS if t != p.title], 4), 1):
            put(phone, title, (p.due + timedelta(days=n)).isoformat())

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        return [Part(f"{p.title!r} was asked for, {answer[:60]!r} said", said(answer, p.title))]

    def expert(self, see: Sight, p: Thing) -> Action:
        if see.look.package != TODO:
            return see.reach(TODO)
        row = see.find(f"{p.due:%b} {p.due.day}", role="row")
        return Answer(text=row.label.partition(", ")[0]) if row else Press(button="back")

    def nearly(self, p: Thing, random: Random) -> Thing:
        """Another answer; another day may have the same."""
        return p.model_copy(update={"title": random.choice([t for t in THINGS if t != p.title])})


def short(day: date) -> str:
    """A day as the form shows it."""
    return f"{day:%a, %b} {day.day}, {day.year}"


TEMPLATES = (
    AddThing(), AddThingDue(), Prioritise(), Complete(), Reschedule(), DeleteThing(),
    HowManyHigh(), WhatDue(),
)  # fmt: skip
