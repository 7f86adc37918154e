"""Tasks over two apps about people: what one tells is needed in the other."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish
from agentkit_android.tasks import people, planning, texting, writing
from agentkit_android.tasks.names import (
    CALENDAR,
    CONTACTS,
    MESSAGES,
    NOTES,
    alike,
    number,
    person,
)
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template

RECEIVED = texting.RECEIVED


class PersonNote(Params):
    name: str
    number: str
    title: str


class Across(Template[PersonNote]):
    """About a person, with whom a note or a message has to do."""

    params = PersonNote
    kind = "composite"
    complexity = 2.4

    def draw(self, random: Random) -> PersonNote:
        return PersonNote(
            name=person(random), number=number(random), title=random.choice(writing.TITLES)
        )

    def done(self, see: Sight, p: PersonNote) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))

    def people(self, phone: PhoneState, p: PersonNote, random: Random) -> None:
        people.add(phone, p.name, p.number)
        people.add(phone, alike(p.name, random), number(random))


class NumberToNote(Across):
    name = "contact-to-note"
    goal = "Write the phone number of {name} into a new note “{title}”"
    apps = (CONTACTS, NOTES)

    def begin(self, phone: PhoneState, p: PersonNote, random: Random) -> None:
        self.people(phone, p, random)

    def check(self, phone: PhoneState, p: PersonNote, answer: str) -> Sequence[Part]:
        text = phone.text(f"{writing.ROOT}/{p.title}.md")
        return [
            Part(f"the note says {text[:60]!r}", texting.same_number(text, p.number)),
            Part("it is in the notes", bool(text)),
        ]

    def expert(self, see: Sight, p: PersonNote) -> Action:
        if self.done(see, p):
            return Finish()
        known = see.memory.facts.get("number")
        if known is None:
            if see.look.activity == ".Person" and see.has(p.name):
                row = see.find("+1 555", whole=False)
                see.memory.facts["number"] = row.label.partition(",")[0] if row else ""
            else:
                return people.open_person(see, p.name)
        note = writing.Note(title=p.title, text=see.memory.facts["number"], folder="Work")
        return writing.NewNote().expert(see, note)


class NumberFromNote(Across):
    name = "note-to-contact"
    goal = "The note “{title}” has the number of {name}. Add {name} to the contacts with it."
    apps = (NOTES, CONTACTS)
    held = "template"

    def begin(self, phone: PhoneState, p: PersonNote, random: Random) -> None:
        others = "\n".join(f"{alike(p.name, random)}: {number(random)}" for _ in range(2))
        text = f"# People\n{others}\n{p.name}: {p.number}\n"
        phone.write(f"{writing.ROOT}/{p.title}.md", text)

    def check(self, phone: PhoneState, p: PersonNote, answer: str) -> Sequence[Part]:
        numbers = people.find(phone, p.name)
        same = [texting.same_number(n, p.number) for n in numbers]
        return [Part(f"the contact {p.name} has {numbers}", same == [True])]

    def expert(self, see: Sight, p: PersonNote) -> Action:
        if self.done(see, p):
            return Finish()
        if "number" not in see.memory.facts:
            box = see.field("text")
            if see.look.activity != ".Edit" or box is None or not see.has(f"{p.title}.md"):
                return see.reach(NOTES, f"{p.title}.md")
            lines = [n for n in box.text.splitlines() if n.startswith(f"{p.name}: ")]
            see.memory.facts["number"] = lines[0].partition(": ")[2] if lines else ""
        wanted = people.Person(name=p.name, number=see.memory.facts["number"])
        return people.AddContact().expert(see, wanted)


class NumberToPerson(Across):
    """The title is the other person's name here."""

    name = "contact-by-sms"
    goal = "Send the phone number of {name} to {title} by text message"
    apps = (CONTACTS, MESSAGES)

    def draw(self, random: Random) -> PersonNote:
        one = super().draw(random)
        return one.model_copy(update={"title": person(random)})

    def begin(self, phone: PhoneState, p: PersonNote, random: Random) -> None:
        self.people(phone, p, random)
        people.add(phone, p.title, "+1 555 777 0042")

    def check(self, phone: PhoneState, p: PersonNote, answer: str) -> Sequence[Part]:
        texts = texting.sent(phone, "+1 555 777 0042")
        told = bool(texts) and texting.same_number(texts[-1], p.number)
        return [Part(f"{p.title} was sent {texts}", told)]

    def expert(self, see: Sight, p: PersonNote) -> Action:
        if self.done(see, p):
            return Finish()
        if "number" not in see.memory.facts:
            if not (see.look.activity == ".Person" and see.has(p.name)):
                return people.open_person(see, p.name)
            row = see.find("+1 555", whole=False)
            see.memory.facts["number"] = row.label.partition(",")[0] if row else ""
        return texting.write(see, p.title, "", see.memory.facts["number"])


class NewNumber(Across):
    """A message says who wrote it; its sender becomes a contact."""

    name = "sms-to-contact"
    goal = (
        "{name} wrote from a new number, as one of the messages says. Add {name} to the contacts."
    )
    apps = (MESSAGES, CONTACTS)

    def begin(self, phone: PhoneState, p: PersonNote, random: Random) -> None:
        text = f"Hi, this is {p.name}, my new number!"
        texting.put(phone, p.number, text, RECEIVED, 12)
        other = f"Hi, this is {alike(p.name, random)}, my new number!"
        texting.put(phone, number(random), other, RECEIVED, 15)

    def check(self, phone: PhoneState, p: PersonNote, answer: str) -> Sequence[Part]:
        numbers = people.find(phone, p.name)
        same = [texting.same_number(n, p.number) for n in numbers]
        return [Part(f"the contact {p.name} has {numbers}", same == [True])]

    def expert(self, see: Sight, p: PersonNote) -> Action:
        if self.done(see, p):
            return Finish()
        if "number" not in see.memory.facts:
            row = see.find(f"this is {p.name},", whole=False)
            if see.look.package != MESSAGES or row is None:
                return see.reach(MESSAGES)
            see.memory.facts["number"] = row.label.partition(",")[0]
        wanted = people.Person(name=p.name, number=see.memory.facts["number"])
        return people.AddContact().expert(see, wanted)


class EventFromText(Template[planning.Event]):
    """A message says when and where."""

    name = "sms-to-event"
    goal = "Put “{title}” into the calendar; a message says when and where it is."
    params = planning.Event
    apps = (MESSAGES, CALENDAR)
    kind = "composite"
    complexity = 4.2

    def draw(self, random: Random) -> planning.Event:
        return planning.AddEvent().draw(random)

    def begin(self, phone: PhoneState, p: planning.Event, random: Random) -> None:
        shown = planning.AddEvent().shown(p)
        text = f"{p.title}: {shown['day']}, {p.time}, {p.place}"
        texting.put(phone, number(random), text, RECEIVED, 25)

    def check(self, phone: PhoneState, p: planning.Event, answer: str) -> Sequence[Part]:
        return planning.AddEvent().check(phone, p, answer)

    def expert(self, see: Sight, p: planning.Event) -> Action:
        if "read" not in see.memory.facts:
            row = see.find(f"{p.title}: ", whole=False)
            if see.look.package != MESSAGES or row is None:
                return see.reach(MESSAGES)
            see.memory.facts["read"] = row.label
        return planning.AddEvent().expert(see, p)


class PlaceByText(Template[planning.Event]):
    """The repeat is the name of whom to tell here."""

    name = "event-place-by-sms"
    goal = "Tell {repeat} by text message where “{title}” takes place; the calendar knows"
    params = planning.Event
    apps = (CALENDAR, MESSAGES)
    kind = "composite"
    complexity = 3.0
    held = "template"

    def draw(self, random: Random) -> planning.Event:
        made = planning.AddEvent().draw(random)
        return made.model_copy(update={"repeat": person(random)})

    def begin(self, phone: PhoneState, p: planning.Event, random: Random) -> None:
        planning.WhereIs().begin(phone, p, random)
        people.add(phone, p.repeat, "+1 555 777 0043")

    def nearly(self, p: planning.Event, random: Random) -> planning.Event:
        return p.model_copy(update={"repeat": "Ben Okafor"})

    def check(self, phone: PhoneState, p: planning.Event, answer: str) -> Sequence[Part]:
        texts = texting.sent(phone, "+1 555 777 0043")
        return [Part(f"{p.repeat} was sent {texts}", bool(texts) and p.place in texts[-1])]

    def expert(self, see: Sight, p: planning.Event) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if "place" not in see.memory.facts:
            where = planning.WhereIs()
            if not where.opened(see, p):
                return where.open(see, p)
            see.memory.facts["place"] = see.value("Location", above=True)
        return texting.write(see, p.repeat, "", see.memory.facts["place"])


TEMPLATES = (
    NumberToNote(), NumberFromNote(), NumberToPerson(), NewNumber(), EventFromText(),
    PlaceByText(),
)  # fmt: skip
