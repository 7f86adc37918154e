"""Notes: files in folders, written, changed, moved and read."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Answer, Finish, Press
from agentkit_android.tasks.names import GOODS, NOTES, SENTENCES
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template, said

ROOT = "/sdcard/Documents/Notes"
TITLES = (
    "packing list", "gift ideas", "book notes", "garden", "interview", "house rules", "wish list",
    "trip diary", "phrases", "measurements", "songs", "questions for the doctor",
)  # fmt: skip
FOLDERS = ("Travel", "Work", "Home", "Club")


class Note(Params):
    title: str
    text: str
    folder: str


def path(p: Note, folder: bool = False) -> str:
    return f"{ROOT}/{p.folder}/{p.title}.md" if folder else f"{ROOT}/{p.title}.md"


def at_main(see: Sight) -> bool:
    return see.look.package == NOTES and see.look.activity == ".Main"


class OfNote(Template[Note]):
    """About one note, which is there from the start where `known`."""

    params = Note
    apps = (NOTES,)
    known = True

    def draw(self, random: Random) -> Note:
        return Note(
            title=random.choice(TITLES),
            text=random.choice(SENTENCES),
            folder=random.choice(FOLDERS),
        )

    def begin(self, phone: PhoneState, p: Note, random: Random) -> None:
        for title in random.sample([t for t in TITLES if t != p.title], 2):
            phone.write(f"{ROOT}/{title}.md", random.choice(SENTENCES))
        phone.write(f"{ROOT}/{p.folder}/readme.md", "Kept here.")
        if self.known:
            phone.write(path(p), "Begun on a train.")

    def done(self, see: Sight, p: Note) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))


class NewNote(OfNote):
    name, goal = "note-new", "Write a note “{title}” with the text “{text}”"
    complexity = 1.8
    known = False

    def check(self, phone: PhoneState, p: Note, answer: str) -> Sequence[Part]:
        text = phone.text(path(p)).strip()
        return [Part(f"{p.title}.md holds {text[:60]!r}", text == p.text)]

    def expert(self, see: Sight, p: Note) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.package == NOTES and see.look.activity == ".Edit":
            if not see.has(f"{p.title}.md"):
                return Press(button="back")
            return see.form("Save", text=p.text)
        if see.title == "New note":
            return see.form("Create", new_name=p.title)
        return see.reach(NOTES, "New note")


class ReplaceNote(OfNote):
    name, goal = "note-replace", "Let the note “{title}” say “{text}”, and nothing else"
    complexity = 1.4

    def check(self, phone: PhoneState, p: Note, answer: str) -> Sequence[Part]:
        text = phone.text(path(p)).strip()
        return [Part(f"{p.title}.md holds {text[:60]!r}", text == p.text)]

    def expert(self, see: Sight, p: Note) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.activity == ".Edit" and see.has(f"{p.title}.md"):
            return see.form("Save", text=p.text)
        return see.reach(NOTES, f"{p.title}.md")


class OnNote(OfNote):
    """By the menu of a long press."""

    choice: str

    def menu(self, see: Sight, p: Note) -> Action:
        if see.has(self.choice):
            return see.reach(NOTES, self.choice)
        return see.reach(NOTES, f"{p.title}.md", held=True)


class DeleteNote(OnNote):
    name, goal, choice = "note-delete", "Delete the note “{title}”", "Delete"
    complexity = 1.2

    def check(self, phone: PhoneState, p: Note, answer: str) -> Sequence[Part]:
        names = phone.names(ROOT)
        gone = f"{p.title}.md" not in names
        return [
            Part(f"{p.title}.md is {'gone' if gone else 'still there'}", gone),
            Part(f"the others are there: {names}", gone and len(names) >= 7),
        ]

    def expert(self, see: Sight, p: Note) -> Action:
        return Finish() if self.done(see, p) else self.menu(see, p)


class RenameNote(OnNote):
    """The text is its new name here."""

    name, goal, choice = "note-rename", "Rename the note “{title}” to “{text}”", "Rename"
    complexity = 1.4

    def draw(self, random: Random) -> Note:
        one, other = random.sample(TITLES, 2)
        return Note(title=one, text=f"{other} {random.randint(2, 9)}", folder="Work")

    def check(self, phone: PhoneState, p: Note, answer: str) -> Sequence[Part]:
        text = phone.text(f"{ROOT}/{p.text}.md")
        return [
            Part(f"{p.text}.md holds {text!r}", text == "Begun on a train."),
            Part("the old name is gone", bool(text) and not phone.exists(path(p))),
        ]

    def expert(self, see: Sight, p: Note) -> Action:
        if self.done(see, p):
            return Finish()
        box = see.field("rename")
        return see.form("Rename", rename=f"{p.text}.md") if box else self.menu(see, p)


class MoveNote(OnNote):
    name, goal, choice = "note-move", "Move the note “{title}” into the folder {folder}", "Move"
    complexity = 1.2

    def check(self, phone: PhoneState, p: Note, answer: str) -> Sequence[Part]:
        there = phone.exists(path(p, folder=True))
        return [
            Part(f"it is {'' if there else 'not '}in {p.folder}", there),
            Part("it is not where it was", there and not phone.exists(path(p))),
        ]

    def nearly(self, p: Note, random: Random) -> Note:
        return p.model_copy(update={"folder": "Travel" if p.folder != "Travel" else "Work"})

    def expert(self, see: Sight, p: Note) -> Action:
        if self.done(see, p):
            return Finish()
        if see.title == "Move to":
            return see.reach(NOTES, p.folder)
        return self.menu(see, p)


class NewFolder(OfNote):
    name, goal = "note-folder", "Make a folder “{title}” in the notes"
    known = False
    held = "template"

    def check(self, phone: PhoneState, p: Note, answer: str) -> Sequence[Part]:
        names = phone.names(ROOT)
        return [Part(f"there are {names}", p.title in names)]

    def expert(self, see: Sight, p: Note) -> Action:
        if self.done(see, p):
            return Finish()
        if see.field("folder_name") is not None:
            return see.form("Create", folder_name=p.title)
        return see.reach(NOTES, "New folder")


class WhatSays(OfNote):
    name, goal = "note-what-says", "What does the note “{title}” in the folder {folder} say?"
    kind = "question"
    complexity = 1.2

    def begin(self, phone: PhoneState, p: Note, random: Random) -> None:
        super().begin(phone, p, random)
        phone.write(path(p, folder=True), p.text)

    def nearly(self, p: Note, random: Random) -> Note:
        return p.model_copy(update={"text": random.choice([s for s in SENTENCES if s != p.text])})

    def check(self, phone: PhoneState, p: Note, answer: str) -> Sequence[Part]:
        return [Part(f"{p.text!r} was asked for, {answer[:60]!r} said", said(answer, p.text))]

    def expert(self, see: Sight, p: Note) -> Action:
        box = see.field("text")
        if see.look.activity == ".Edit" and see.has(f"{p.title}.md") and box is not None:
            return (
                Answer(text=box.text) if box.text != "Begun on a train." else Press(button="back")
            )
        if at_main(see) and see.has("Navigate up"):
            return see.reach(NOTES, f"{p.title}.md")
        return see.reach(NOTES, p.folder)


class List(Params):
    items: list[str]
    open: int


class HowManyOpen(Template[List]):
    """Boxes without a tick, of a list that has both."""

    name, goal = "note-count-open", "How many things in the note “errands” are not ticked yet?"
    params = List
    apps = (NOTES,)
    kind = "question"
    held = "template"

    def draw(self, random: Random) -> List:
        items = random.sample(GOODS, 6)
        return List(items=items, open=random.randint(1, 5))

    def shown(self, p: List) -> dict[str, object]:
        return {}

    def nearly(self, p: List, random: Random) -> List:
        return p.model_copy(update={"open": p.open % 5 + 1})

    def begin(self, phone: PhoneState, p: List, random: Random) -> None:
        lines = [f"- [{' ' if n < p.open else 'x'}] {item}" for n, item in enumerate(p.items)]
        random.shuffle(lines)
        phone.write(f"{ROOT}/errands.md", "\n".join(["# Errands", *lines]))

    def check(self, phone: PhoneState, p: List, answer: str) -> Sequence[Part]:
        wanted = str(p.open)
        return [Part(f"{wanted} was asked for, {answer[:40]!r} said", said(answer, wanted))]

    def expert(self, see: Sight, p: List) -> Action:
        box = see.field("text")
        if see.look.activity == ".Edit" and see.has("errands.md") and box is not None:
            return Answer(text=str(box.text.count("- [ ]")))
        return see.reach(NOTES, "errands.md")


TEMPLATES = (
    NewNote(), ReplaceNote(), DeleteNote(), RenameNote(), MoveNote(), NewFolder(), WhatSays(),
    HowManyOpen(),
)  # fmt: skip
