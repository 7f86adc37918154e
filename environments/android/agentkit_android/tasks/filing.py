"""Files: the shared storage, moved, renamed, deleted and looked through."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish
from agentkit_android.tasks.names import FILES, SENTENCES
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template

ROOT = "/sdcard"
FOLDERS = ("Download", "Documents", "Music", "Movies", "Pictures")
NAMES = (
    "lease.txt", "photo list.txt", "minutes.txt", "score.txt", "label.txt", "price list.csv",
    "letter.txt", "members.csv", "timetable.txt", "inventory.csv", "readings.csv", "draft 7.txt",
)  # fmt: skip


class File(Params):
    file: str
    folder: str
    to: str
    new: str


class OfFile(Template[File]):
    """About one file, with another of nearly its name beside it."""

    params = File
    apps = (FILES,)

    def draw(self, random: Random) -> File:
        folder, to = random.sample(FOLDERS, 2)
        file, new = random.sample(NAMES, 2)
        return File(file=file, folder=folder, to=to, new=new)

    def begin(self, phone: PhoneState, p: File, random: Random) -> None:
        phone.write(f"{ROOT}/{p.folder}/{p.file}", random.choice(SENTENCES))
        phone.write(f"{ROOT}/{p.folder}/old {p.file}", random.choice(SENTENCES))

    def there(self, phone: PhoneState, p: File) -> list[str]:
        return phone.names(f"{ROOT}/{p.folder}")

    def done(self, see: Sight, p: File) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))

    def marked(self, see: Sight, p: File, choice: str) -> Action:
        """Marks the file by a long press, and then takes what the bar offers."""
        if see.has("1 selected"):
            return see.reach(FILES, choice)
        if see.look.package == FILES and see.title == p.folder:
            return see.reach(FILES, p.file, held=True)
        if see.look.package == FILES and see.title != "Files":
            return see.reach(FILES, "Navigate up")
        return see.reach(FILES, p.folder)


class DeleteFile(OfFile):
    name, goal = "file-delete", "Delete the file “{file}” in {folder}"
    complexity = 1.4

    def check(self, phone: PhoneState, p: File, answer: str) -> Sequence[Part]:
        names = self.there(phone, p)
        gone = p.file not in names
        return [
            Part(f"{p.folder} holds {names}", gone),
            Part("the other one is there", gone and f"old {p.file}" in names),
        ]

    def expert(self, see: Sight, p: File) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Delete?"):
            return see.reach(FILES, "Delete")
        return self.marked(see, p, "Delete")


class RenameFile(OfFile):
    name, goal = "file-rename", "Rename the file “{file}” in {folder} to “{new}”"
    complexity = 1.6

    def check(self, phone: PhoneState, p: File, answer: str) -> Sequence[Part]:
        names = self.there(phone, p)
        return [
            Part(f"{p.folder} holds {names}", p.new in names),
            Part("the old name is gone", p.new in names and p.file not in names),
        ]

    def expert(self, see: Sight, p: File) -> Action:
        if self.done(see, p):
            return Finish()
        if see.field("rename"):
            return see.form("OK", rename=p.new)
        return self.marked(see, p, "Rename")


class MoveFile(OfFile):
    """Over two folders, with a bar at the bottom that waits for the second."""

    name, goal = "file-move", "Move the file “{file}” from {folder} to {to}"
    complexity = 2.0

    how = "Move"

    def check(self, phone: PhoneState, p: File, answer: str) -> Sequence[Part]:
        moved = p.file in phone.names(f"{ROOT}/{p.to}")
        return [
            Part(f"it is {'' if moved else 'not '}in {p.to}", moved),
            Part("it is not where it was", moved and p.file not in self.there(phone, p)),
        ]

    def expert(self, see: Sight, p: File) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has(f"{self.how} here"):
            if see.title == p.to:
                return see.reach(FILES, f"{self.how} here")
            return see.reach(FILES, p.to if see.title == "Files" else "Navigate up")
        return self.marked(see, p, self.how)


class CopyFile(MoveFile):
    name, goal = "file-copy", "Put a copy of “{file}”, which is in {folder}, into {to}"
    how = "Copy"
    held = "template"

    def check(self, phone: PhoneState, p: File, answer: str) -> Sequence[Part]:
        copied = p.file in phone.names(f"{ROOT}/{p.to}")
        return [
            Part(f"it is {'' if copied else 'not '}in {p.to}", copied),
            Part("it is where it was, too", copied and p.file in self.there(phone, p)),
        ]


class NewFolder(OfFile):
    name, goal = "file-folder", "Make a folder “{new}” in {folder}"
    complexity = 1.4

    def draw(self, random: Random) -> File:
        made = super().draw(random)
        return made.model_copy(update={"new": made.new.partition(".")[0].title()})

    def check(self, phone: PhoneState, p: File, answer: str) -> Sequence[Part]:
        names = self.there(phone, p)
        return [Part(f"{p.folder} holds {names}", p.new in names)]

    def expert(self, see: Sight, p: File) -> Action:
        if self.done(see, p):
            return Finish()
        if see.field("name"):
            return see.form("OK", name=p.new)
        if see.look.package == FILES and see.title == p.folder:
            return see.reach(FILES, "New folder")
        return see.reach(FILES, p.folder)


TEMPLATES = (DeleteFile(), RenameFile(), MoveFile(), CopyFile(), NewFolder())
