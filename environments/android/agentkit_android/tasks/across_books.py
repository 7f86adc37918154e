"""Tasks over two apps about amounts, things to do, recipes and files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish
from agentkit_android.tasks import household, people, planning, texting, todo, writing
from agentkit_android.tasks.names import (
    CALENDAR,
    EXPENSES,
    FILES,
    GOODS,
    MESSAGES,
    NOTES,
    RECIPES,
    THINGS,
    TODO,
    number,
    person,
)
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template
from agentkit_android.tasks.texting import RECEIVED


class Bill(Params):
    what: str
    cents: int

    @property
    def amount(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02}"


class OfBill(Template[Bill]):
    params = Bill
    kind = "composite"
    complexity = 2.6

    def draw(self, random: Random) -> Bill:
        return Bill(what=random.choice(GOODS), cents=random.randrange(200, 9000))

    def nearly(self, p: Bill, random: Random) -> Bill:
        return p.model_copy(update={"what": random.choice([g for g in GOODS if g != p.what])})

    def expense(self, p: Bill, cents: int = 0) -> household.Expense:
        return household.Expense(
            what=p.what, cents=cents or p.cents, category="Other", day=household.TODAY
        )

    def check(self, phone: PhoneState, p: Bill, answer: str) -> Sequence[Part]:
        return household.AddExpense().check(phone, self.expense(p), answer)


class ExpenseFromText(OfBill):
    name = "sms-to-expense"
    goal = "A message says what “{what}” cost. Note it as an expense of today, under Other."
    apps = (MESSAGES, EXPENSES)

    def begin(self, phone: PhoneState, p: Bill, random: Random) -> None:
        texting.put(phone, "SHOP", f"{p.what}: {p.amount} EUR paid", RECEIVED, 5)

    def expert(self, see: Sight, p: Bill) -> Action:
        if "amount" not in see.memory.facts:
            row = see.find(f"{p.what}: ", whole=False)
            if see.look.package != MESSAGES or row is None:
                return see.reach(MESSAGES)
            told = row.label.partition(f"{p.what}: ")[2].partition(" ")[0]
            see.memory.facts["amount"] = told
        cents = round(float(see.memory.facts["amount"]) * 100)
        return household.AddExpense().expert(see, self.expense(p, cents))


class ExpenseFromNote(OfBill):
    name = "note-to-expense"
    goal = (
        "The note “receipts” says what “{what}” cost. Note it as an expense of today, under Other."
    )
    apps = (NOTES, EXPENSES)

    def begin(self, phone: PhoneState, p: Bill, random: Random) -> None:
        others = random.sample([g for g in GOODS if g != p.what], 3)
        lines = [f"{g} {random.randrange(100, 900) / 100:.2f}" for g in others]
        lines.insert(random.randint(0, 3), f"{p.what} {p.amount}")
        phone.write(f"{writing.ROOT}/receipts.md", "\n".join(lines))

    def expert(self, see: Sight, p: Bill) -> Action:
        if "amount" not in see.memory.facts:
            box = see.field("text")
            if see.look.activity != ".Edit" or box is None or not see.has("receipts.md"):
                return see.reach(NOTES, "receipts.md")
            lines = [n for n in box.text.splitlines() if n.startswith(f"{p.what} ")]
            see.memory.facts["amount"] = lines[0].rpartition(" ")[2] if lines else "0.01"
        cents = round(float(see.memory.facts["amount"]) * 100)
        return household.AddExpense().expert(see, self.expense(p, cents))


class ThingFromText(Template[todo.Thing]):
    name = "sms-to-task"
    goal = "What {priority} asks me to do in a message shall be one of my tasks, in the same words"
    params = todo.Thing
    apps = (MESSAGES, TODO)
    kind = "composite"
    complexity = 2.0

    def draw(self, random: Random) -> todo.Thing:
        return todo.Thing(title=random.choice(THINGS), due=todo.TODAY, priority=person(random))

    def begin(self, phone: PhoneState, p: todo.Thing, random: Random) -> None:
        people.add(phone, p.priority, "+1 555 777 0044")
        texting.put(phone, "+1 555 777 0044", p.title, RECEIVED, 45)
        others = [t for t in THINGS if t != p.title]
        texting.put(phone, number(random), random.choice(others), RECEIVED, 35)

    def check(self, phone: PhoneState, p: todo.Thing, answer: str) -> Sequence[Part]:
        return todo.AddThing().check(phone, p, answer)

    def expert(self, see: Sight, p: todo.Thing) -> Action:
        if "title" not in see.memory.facts:
            row = see.find(p.priority, role="row")
            if see.look.package != MESSAGES or row is None:
                return see.reach(MESSAGES, p.priority)
            see.memory.facts["title"] = row.label.split(", ")[1]
        title = see.memory.facts["title"]
        return todo.AddThing().expert(see, p.model_copy(update={"title": title}))

    def nearly(self, p: todo.Thing, random: Random) -> todo.Thing:
        return p.model_copy(update={"priority": "Ben Okafor"})


class IngredientsToNote(Template[household.Recipe]):
    name = "recipe-to-note"
    goal = "Write what “{dish}” needs into a new note “shop”, one thing a line"
    params = household.Recipe
    apps = (RECIPES, NOTES)
    kind = "composite"
    complexity = 2.6
    held = "app"

    def draw(self, random: Random) -> household.Recipe:
        return household.AddRecipe().draw(random)

    def begin(self, phone: PhoneState, p: household.Recipe, random: Random) -> None:
        household.HowLong().begin(phone, p, random)

    def nearly(self, p: household.Recipe, random: Random) -> household.Recipe:
        return p.model_copy(update={"dish": "Pancakes"})

    def check(self, phone: PhoneState, p: household.Recipe, answer: str) -> Sequence[Part]:
        text = phone.text(f"{writing.ROOT}/shop.md").casefold()
        return [Part(f"the note has {x!r}", x.casefold() in text) for x in p.stuff]

    def expert(self, see: Sight, p: household.Recipe) -> Action:
        if all(part.met for part in self.check(see.phone, p, "")):
            return Finish()
        if "stuff" not in see.memory.facts:
            if not household.HowLong().opened(see, p):
                return see.reach(RECIPES, p.dish)
            labels = [e.label for e in see.look.elements]
            found = [x for x in household.STUFF if any(x in label for label in labels)]
            see.memory.facts["stuff"] = "\n".join(found) or "nothing"
        note = writing.Note(title="shop", text=see.memory.facts["stuff"], folder="Work")
        return writing.NewNote().expert(see, note)


class TaskFromEvent(Template[planning.Event]):
    """The day before an event, something has to be done."""

    name = "event-to-task"
    goal = "Add a task “Prepare {title}”, due on the day before “{title}” in the calendar"
    params = planning.Event
    apps = (CALENDAR, TODO)
    kind = "composite"
    complexity = 3.2

    def draw(self, random: Random) -> planning.Event:
        return planning.AddEvent().draw(random)

    def begin(self, phone: PhoneState, p: planning.Event, random: Random) -> None:
        planning.WhenIs().begin(phone, p, random)

    def thing(self, p: planning.Event) -> todo.Thing:
        due = p.day - timedelta(days=1)
        return todo.Thing(title=f"Prepare {p.title}", due=due, priority="Low")

    def check(self, phone: PhoneState, p: planning.Event, answer: str) -> Sequence[Part]:
        return todo.AddThingDue().check(phone, self.thing(p), answer)

    def expert(self, see: Sight, p: planning.Event) -> Action:
        if "seen" not in see.memory.facts:
            when = planning.WhenIs()
            if not when.opened(see, p):
                return when.open(see, p)
            see.memory.facts["seen"] = "yes"
        return todo.AddThingDue().expert(see, self.thing(p))


class FileToNotes(Template[writing.Note]):
    """From the downloads into the notes, by the file manager; the notes then have it."""

    name = "file-to-notes"
    goal = "Move “{title}.txt” from Download to the folder Notes in Documents, where Notes finds it"
    params = writing.Note
    apps = (FILES, NOTES)
    kind = "composite"
    complexity = 2.4

    def draw(self, random: Random) -> writing.Note:
        return writing.NewNote().draw(random)

    def begin(self, phone: PhoneState, p: writing.Note, random: Random) -> None:
        phone.write(f"/sdcard/Download/{p.title}.txt", p.text)

    def check(self, phone: PhoneState, p: writing.Note, answer: str) -> Sequence[Part]:
        there = phone.text(f"{writing.ROOT}/{p.title}.txt").strip() == p.text
        gone = not phone.exists(f"/sdcard/Download/{p.title}.txt")
        return [Part("it is in the notes", there), Part("it is not in Download", there and gone)]

    def expert(self, see: Sight, p: writing.Note) -> Action:
        if all(part.met for part in self.check(see.phone, p, "")):
            return Finish()
        if see.has("Move here"):
            if see.title == "Notes":
                return see.reach(FILES, "Move here")
            if see.title in ("Files", "Documents"):
                return see.reach(FILES, "Documents" if see.title == "Files" else "Notes")
            return see.reach(FILES, "Navigate up")
        if see.has("1 selected"):
            return see.reach(FILES, "Move")
        if see.look.package == FILES and see.title == "Download":
            return see.reach(FILES, f"{p.title}.txt", held=True)
        return see.reach(FILES, "Download")


TEMPLATES = (
    ExpenseFromText(), ExpenseFromNote(), ThingFromText(), IngredientsToNote(), TaskFromEvent(),
    FileToNotes(),
)  # fmt: skip
