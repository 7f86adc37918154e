"""Contacts: adding, changing, deleting, and what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from agentkit.capabilities import Action
from agentkit_android.client.actions import Answer, Finish, Press
from agentkit_android.tasks.names import CONTACTS, alike, number, person
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Held, Params, Part, Template, said


class Person(Params):
    name: str
    number: str


def add(phone: PhoneState, name: str, number: str, **more: str) -> None:
    """A contact. more: further columns, as email or note."""
    columns = {"name": name, "number": number, **more}
    marks = ", ".join("?" for _ in columns)
    phone.rows(
        CONTACTS, f"INSERT INTO people ({', '.join(columns)}) VALUES ({marks})", *columns.values()
    )


def find(phone: PhoneState, name: str, column: str = "number") -> list[str]:
    return [r[0] for r in phone.rows(CONTACTS, f"SELECT {column} FROM people WHERE name = ?", name)]


def open_person(see: Sight, name: str) -> Action:
    """On the way to somebody's page: by the search, which finds those far down too."""
    if see.look.package == CONTACTS and not see.find(name):
        return see.search(name) or see.reach(CONTACTS, name)
    return see.reach(CONTACTS, name)


class OfPerson(Template[Person]):
    """About one of the contacts, among others whose names are nearly the same."""

    params = Person
    apps = (CONTACTS,)
    known = True

    def draw(self, random: Random) -> Person:
        return Person(name=person(random), number=number(random))

    def begin(self, phone: PhoneState, p: Person, random: Random) -> None:
        add(phone, alike(p.name, random), number(random))
        if self.known:
            add(phone, p.name, p.number)


class AddContact(OfPerson):
    name, goal = "contact-add", "Add {name} to the contacts, with the number {number}"
    goals = ("Make a new contact: {name}, {number}",)
    complexity = 1.6
    known = False

    def check(self, phone: PhoneState, p: Person, answer: str) -> Sequence[Part]:
        numbers = find(phone, p.name)
        return [
            Part(f"there are {len(numbers)} contacts {p.name}", len(numbers) == 1),
            Part(f"the number is {numbers}", numbers == [p.number]),
        ]

    def expert(self, see: Sight, p: Person) -> Action:
        if find(see.phone, p.name) == [p.number]:
            return Finish()
        if see.title == "Create contact":
            return see.form("#save", name=p.name, number=p.number)
        return see.reach(CONTACTS, "Create contact")


class DeleteContact(OfPerson):
    name, goal = "contact-delete", "Delete the contact {name}"
    goals = ("I no longer need {name} in my contacts; remove the entry",)
    complexity = 1.4

    def check(self, phone: PhoneState, p: Person, answer: str) -> Sequence[Part]:
        first = p.name.partition(" ")[0]
        near = phone.rows(CONTACTS, "SELECT name FROM people WHERE name LIKE ?", f"{first} %")
        gone = not find(phone, p.name)
        return [
            Part(f"{p.name} is {'gone' if gone else 'still there'}", gone),
            Part("the one with nearly that name is there", gone and bool(near)),
        ]

    def expert(self, see: Sight, p: Person) -> Action:
        if all(part.met for part in self.check(see.phone, p, "")):
            return Finish()
        if see.has("Delete"):  # in the menu, and in the question
            return see.reach(CONTACTS, "Delete")
        if see.look.activity == ".Person" and see.has(p.name):
            return see.reach(CONTACTS, "More options")
        return open_person(see, p.name)


class ChangeNumber(OfPerson):
    name, goal = "contact-number", "Change the phone number of {name} to {number}"
    complexity = 1.8

    def begin(self, phone: PhoneState, p: Person, random: Random) -> None:
        super().begin(phone, p, random)
        old = number(random)
        phone.rows(CONTACTS, "UPDATE people SET number = ? WHERE name = ?", old, p.name)

    def check(self, phone: PhoneState, p: Person, answer: str) -> Sequence[Part]:
        numbers = find(phone, p.name)
        return [Part(f"the number of {p.name} is {numbers}", numbers == [p.number])]

    def expert(self, see: Sight, p: Person) -> Action:
        if find(see.phone, p.name) == [p.number]:
            return Finish()
        if see.title == "Edit contact":
            return see.form("#save", number=p.number)
        if see.look.activity == ".Person" and see.has(p.name):
            return see.reach(CONTACTS, "Edit contact")
        return open_person(see, p.name)


class Favourite(OfPerson):
    name, goal = "contact-favourite", "Mark {name} as a favourite in the contacts"

    def check(self, phone: PhoneState, p: Person, answer: str) -> Sequence[Part]:
        others = phone.rows(CONTACTS, "SELECT name FROM people WHERE starred = 1")
        return [
            Part(f"the favourites are {others}", [p.name] in others),
            Part("nobody else became one", others == [[p.name]]),
        ]

    def expert(self, see: Sight, p: Person) -> Action:
        if find(see.phone, p.name, "starred") == ["1"]:
            return Finish()
        if see.look.activity == ".Person" and see.has(p.name):
            return see.reach(CONTACTS, "Add to favourites")
        return open_person(see, p.name)


class WhichNumber(OfPerson):
    name, goal = "contact-which-number", "What is the phone number of {name}?"
    goals = ("Tell me the number of {name} from my contacts",)
    kind = "question"

    def check(self, phone: PhoneState, p: Person, answer: str) -> Sequence[Part]:
        return [Part(f"{p.number} was asked for, {answer[:60]!r} said", said(answer, p.number))]

    def expert(self, see: Sight, p: Person) -> Action:
        if see.look.activity == ".Person" and see.has(p.name):
            row = see.find("+1 555", whole=False)
            return Answer(text=row.label.partition(",")[0]) if row else Press(button="back")
        return open_person(see, p.name)


class WhoseNumber(OfPerson):
    name, goal = "contact-whose-number", "Who in my contacts has the number {number}?"
    kind = "question"

    def check(self, phone: PhoneState, p: Person, answer: str) -> Sequence[Part]:
        return [Part(f"{p.name} was asked for, {answer[:60]!r} said", said(answer, p.name))]

    def expert(self, see: Sight, p: Person) -> Action:
        if see.look.package != CONTACTS:
            return see.reach(CONTACTS)
        if (step := see.search(p.number)) is not None:
            return step
        row = next((e for e in see.look.elements if e.role == "row" and e.label), None)
        return Answer(text=row.label.partition(",")[0]) if row else Press(button="back")


class Email(Params):
    name: str
    email: str


class AddEmail(Template[Email]):
    name, goal = "contact-email", "{name} has the e-mail address {email}: note it with the contact"
    params = Email
    apps = (CONTACTS,)
    complexity = 1.8
    held: ClassVar[Held] = "template"

    def draw(self, random: Random) -> Email:
        name = person(random)
        first, last = name.casefold().split(" ")
        return Email(name=name, email=f"{first.replace('-', '')}.{last}@example.org")

    def begin(self, phone: PhoneState, p: Email, random: Random) -> None:
        add(phone, p.name, number(random))
        add(phone, alike(p.name, random), number(random))

    def check(self, phone: PhoneState, p: Email, answer: str) -> Sequence[Part]:
        emails = find(phone, p.name, "email")
        return [Part(f"the e-mail address of {p.name} is {emails}", emails == [p.email])]

    def expert(self, see: Sight, p: Email) -> Action:
        if find(see.phone, p.name, "email") == [p.email]:
            return Finish()
        if see.title == "Edit contact":
            return see.form("#save", email=p.email)
        if see.look.activity == ".Person" and see.has(p.name):
            return see.reach(CONTACTS, "Edit contact")
        return open_person(see, p.name)


class WhichEmail(AddEmail):
    name, goal = "contact-which-email", "What is the e-mail address of {name}?"
    kind = "question"
    complexity = 1.2
    held = ""

    def begin(self, phone: PhoneState, p: Email, random: Random) -> None:
        add(phone, p.name, number(random), email=p.email)
        other = alike(p.name, random)
        mail = f"{other.casefold().replace(' ', '.')}@example.org"
        add(phone, other, number(random), email=mail)

    def check(self, phone: PhoneState, p: Email, answer: str) -> Sequence[Part]:
        return [Part(f"{p.email} was asked for, {answer[:60]!r} said", said(answer, p.email))]

    def expert(self, see: Sight, p: Email) -> Action:
        if see.look.activity == ".Person" and see.has(p.name):
            row = see.find("@", whole=False)
            return Answer(text=row.label.partition(",")[0]) if row else Press(button="back")
        return open_person(see, p.name)


TEMPLATES = (
    AddContact(), DeleteContact(), ChangeNumber(), Favourite(), WhichNumber(), WhoseNumber(),
    AddEmail(), WhichEmail(),
)  # fmt: skip
