"""Camera, Gallery and Recorder: what is taken, kept in albums, and recorded."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from random import Random
from typing import Literal

from agentkit.capabilities import Action
from agentkit_android.apps import media
from agentkit_android.client.actions import Answer, Finish
from agentkit_android.tasks.names import CAMERA, GALLERY, RECORDER
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template, said

TAKEN = "/sdcard/DCIM/Camera"
ALBUMS = "/sdcard/Pictures"
RECORDINGS = "/sdcard/Recordings"
TITLES = (
    "balcony", "old bridge", "bicycle", "garden gate", "market", "ticket", "whiteboard", "parcel",
    "river bank", "menu card", "notice board", "red door",
)  # fmt: skip
ALBUM_NAMES = ("Receipts", "Family", "Work", "Garden", "Summer", "Recipes", "Walks")
TALKS = (
    "Lecture 4", "Choir bass part", "Interview Rao", "Idea for the song", "Team meeting",
    "Bird in the yard", "Piano lesson", "Speech draft", "Bedtime story", "Phone message",
)  # fmt: skip


# Camera.


class Shot(Params):
    kind: Literal["photo", "video"]
    lens: Literal["back", "front"]


class TakeOne(Template[Shot]):
    """A photo by the lens that is asked for, or a video."""

    name, goal = "photo-take", "Take one photo with the {lens} camera"
    params = Shot
    apps = (CAMERA,)
    held = "app"
    complexity = 1.2

    def draw(self, random: Random) -> Shot:
        return Shot(kind="photo", lens=random.choice(("back", "front")))

    def begin(self, phone: PhoneState, p: Shot, random: Random) -> None:
        other = "front" if p.lens == "back" else "back"
        phone.rows(CAMERA, "INSERT OR REPLACE INTO preferences VALUES ('lens', ?)", other)

    def check(self, phone: PhoneState, p: Shot, answer: str) -> Sequence[Part]:
        made = [n for n in phone.names(TAKEN) if n.endswith(".jpg") and n not in BEFORE]
        lens = _lens(phone)
        return [
            Part(f"there are {len(made)} new photos", len(made) == 1),
            Part(f"the {lens} camera is in use", len(made) == 1 and lens == p.lens),
        ]

    def expert(self, see: Sight, p: Shot) -> Action:
        if all(part.met for part in self.check(see.phone, p, "")):
            return Finish()
        if see.look.package == CAMERA and _lens(see.phone) != p.lens:
            return see.reach(CAMERA, "Switch camera")
        return see.reach(CAMERA, "Take photo")


def _lens(phone: PhoneState) -> str:
    return phone.one(CAMERA, "SELECT value FROM preferences WHERE key = 'lens'")


class TakeVideo(TakeOne):
    name, goal = "video-take", "Record a short video with the camera that is set"
    complexity = 1.4

    def draw(self, random: Random) -> Shot:
        return Shot(kind="video", lens=random.choice(("back", "front")))

    def check(self, phone: PhoneState, p: Shot, answer: str) -> Sequence[Part]:
        made = [n for n in phone.names(TAKEN) if n.startswith("VID") and n not in BEFORE]
        running = phone.one(CAMERA, "SELECT count(*) FROM clip")
        return [
            Part(f"there are {len(made)} new videos", len(made) == 1),
            Part("nothing is being recorded", len(made) == 1 and running == "0"),
        ]

    def spoil(self, phone: PhoneState, p: Shot) -> bool:
        for name in phone.names(TAKEN):
            if name.startswith("VID"):
                phone.remove(f"{TAKEN}/{name}")
        return True

    def expert(self, see: Sight, p: Shot) -> Action:
        if all(part.met for part in self.check(see.phone, p, "")):
            return Finish()
        return see.reach(CAMERA, "Video", "Start recording", "Stop recording")


BEFORE = frozenset(
    (
        "IMG_20231014_091207.jpg", "IMG_20231014_091544.jpg", "IMG_20231012_183010.jpg",
        "IMG_20231002_140322.jpg",
    )
)  # fmt: skip
"""What a new phone's camera has taken."""


# Gallery.


class Picture(Params):
    title: str
    album: str
    new: str

    @property
    def file(self) -> str:
        return f"{self.title}.jpg"


class OfPicture(Template[Picture]):
    """About one picture of the downloads, with others beside it."""

    params = Picture
    apps = (GALLERY,)
    held = "app"

    def draw(self, random: Random) -> Picture:
        title, new = random.sample(TITLES, 2)
        return Picture(title=title, album=random.choice(ALBUM_NAMES), new=new)

    def begin(self, phone: PhoneState, p: Picture, random: Random) -> None:
        others = random.sample([t for t in TITLES if t not in (p.title, p.new)], 2)
        for number, title in enumerate((p.title, *others)):
            view = media.view(200 + number + random.randrange(50), 240, 320)
            phone.write(f"/sdcard/Download/{title}.jpg", media.jpeg(view, phone.now()))
        phone.write(f"{ALBUMS}/{p.album}/.keep", "")

    def places(self, phone: PhoneState, name: str) -> list[str]:
        """The folders that hold a picture of that name."""
        folders = ("/sdcard/Download", *(f"{ALBUMS}/{n}" for n in phone.names(ALBUMS)))
        return [f for f in folders if name in phone.names(f)]

    def done(self, see: Sight, p: Picture) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))

    def shown(self, p: Picture) -> dict[str, object]:
        return {**p.model_dump(), "file": p.file}

    def open(self, see: Sight, p: Picture, *, held: bool = False) -> Action:
        return see.reach(GALLERY, p.file, held=held)


class LikePicture(OfPicture):
    name, goal = "picture-like", "Make the picture {file} one of my favourites"
    complexity = 1.2

    def check(self, phone: PhoneState, p: Picture, answer: str) -> Sequence[Part]:
        paths = [r[0] for r in phone.rows(GALLERY, "SELECT path FROM favourites")]
        return [Part(f"the favourites are {paths}", paths == [f"Download/{p.file}"])]

    def expert(self, see: Sight, p: Picture) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.activity == ".Photo" and see.title == p.file:
            return see.reach(GALLERY, "Add to favourites")
        return self.open(see, p)


class BinPicture(OfPicture):
    name, goal = "picture-delete", "Move the picture {file} to the bin"
    complexity = 1.2

    def check(self, phone: PhoneState, p: Picture, answer: str) -> Sequence[Part]:
        kept = [r[0] for r in phone.rows(GALLERY, "SELECT path FROM trash")]
        left = [n for n in phone.names("/sdcard/Download") if n.endswith(".jpg")]
        return [
            Part(f"in the bin: {kept}", kept == [f"Download/{p.file}"]),
            Part(f"{len(left)} others are there", p.file not in left and len(left) == 2),
        ]

    def expert(self, see: Sight, p: Picture) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Move to bin?"):
            return see.reach(GALLERY, "Move to bin")
        if see.look.activity == ".Photo" and see.title == p.file:
            return see.reach(GALLERY, "Delete")
        return self.open(see, p)


class RenamePicture(OfPicture):
    name, goal = "picture-rename", "Rename the picture {file} to {new}, with the same ending"
    complexity = 1.8

    def check(self, phone: PhoneState, p: Picture, answer: str) -> Sequence[Part]:
        names = phone.names("/sdcard/Download")
        return [
            Part(f"there is {p.new}.jpg", f"{p.new}.jpg" in names),
            Part("the old name is gone", f"{p.new}.jpg" in names and p.file not in names),
        ]

    def expert(self, see: Sight, p: Picture) -> Action:
        if self.done(see, p):
            return Finish()
        if see.field("stem"):
            return see.form("Save", stem=p.new)
        if see.look.activity == ".Photo" and (see.has("Rename") or see.title == p.file):
            return see.reach(GALLERY, "More options", "Rename")
        return self.open(see, p)


class FilePicture(OfPicture):
    name, goal = "picture-to-album", "Put the picture {file} into the album {album}"
    complexity = 1.6

    def check(self, phone: PhoneState, p: Picture, answer: str) -> Sequence[Part]:
        places = self.places(phone, p.file)
        return [Part(f"it is in {places}", places == [f"{ALBUMS}/{p.album}"])]

    def begin(self, phone: PhoneState, p: Picture, random: Random) -> None:
        super().begin(phone, p, random)
        for number, album in enumerate((p.album, random.choice([*_without(p.album)]))):
            view = media.view(300 + number, 240, 320)
            phone.write(f"{ALBUMS}/{album}/cover {number}.jpg", media.jpeg(view, phone.now()))

    def expert(self, see: Sight, p: Picture) -> Action:
        if self.done(see, p):
            return Finish()
        if see.title in ("1 selected", "Move to album"):
            return see.reach(GALLERY, "Move to album", p.album)
        if see.look.activity == ".Photo":
            return see.reach(GALLERY, "Navigate up")
        return self.open(see, p, held=True)


def _without(album: str) -> list[str]:
    return [a for a in ALBUM_NAMES if a != album]


# Recorder.


class Recording(Params):
    title: str
    new: str
    seconds: int


class OfRecording(Template[Recording]):
    """About one recording, with others beside it."""

    params = Recording
    apps = (RECORDER,)
    held = "app"

    def draw(self, random: Random) -> Recording:
        title, new = random.sample(TALKS, 2)
        return Recording(title=title, new=new, seconds=random.randint(61, 170))

    def begin(self, phone: PhoneState, p: Recording, random: Random) -> None:
        others = random.sample([t for t in TALKS if t not in (p.title, p.new)], 2)
        for number, title in enumerate((p.title, *others)):
            seconds = p.seconds + number * random.randint(5, 20)
            phone.write(f"{RECORDINGS}/{title}.wav", media.wav(seconds, 500))

    def done(self, see: Sight, p: Recording) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))


class Record(OfRecording):
    name, goal = "recording-new", "Record a few seconds of sound and save it as “{new}”"
    complexity = 2.0

    def nearly(self, p: Recording, random: Random) -> Recording:
        other = [t for t in TALKS if t not in (p.title, p.new)]
        return p.model_copy(update={"new": random.choice(other)})

    def check(self, phone: PhoneState, p: Recording, answer: str) -> Sequence[Part]:
        path = f"{RECORDINGS}/{p.new}.wav"
        seconds = _seconds(phone.read(path)) if phone.is_file(path) else 0.0
        running = phone.one(RECORDER, "SELECT count(*) FROM recording")
        return [
            Part(f"{p.new}.wav holds {seconds:.0f} seconds", seconds >= 1),
            Part("nothing is being recorded", seconds >= 1 and running == "0"),
        ]

    def expert(self, see: Sight, p: Recording) -> Action:
        if self.done(see, p):
            return Finish()
        if see.field("name"):
            return see.form("Save", name=p.new)
        return see.reach(RECORDER, "Record", "While using the app", "Done")


def _seconds(content: bytes) -> float:
    try:
        with wave.open(io.BytesIO(content)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        return 0.0


class RenameRecording(OfRecording):
    name, goal = "recording-rename", "Rename the recording “{title}” to “{new}”"
    complexity = 1.6

    def check(self, phone: PhoneState, p: Recording, answer: str) -> Sequence[Part]:
        names = phone.names(RECORDINGS)
        return [
            Part(f"the recordings are {names}", f"{p.new}.wav" in names),
            Part("the old name is gone", f"{p.new}.wav" in names and f"{p.title}.wav" not in names),
        ]

    def expert(self, see: Sight, p: Recording) -> Action:
        if self.done(see, p):
            return Finish()
        if see.field("title"):
            return see.form("Save", title=p.new)
        if see.look.activity == ".Play" and see.title == p.title:
            return see.reach(RECORDER, "Rename")
        return see.reach(RECORDER, p.title)


class HowLong(OfRecording):
    name, goal = "recording-how-long", "How long is the recording “{title}”? Say it as 2:05."
    kind = "question"

    def nearly(self, p: Recording, random: Random) -> Recording:
        return p.model_copy(update={"seconds": p.seconds + random.randint(3, 30)})

    def check(self, phone: PhoneState, p: Recording, answer: str) -> Sequence[Part]:
        wanted = media.minutes(p.seconds)
        return [Part(f"{wanted} was asked for, {answer[:40]!r} said", said(answer, wanted))]

    def expert(self, see: Sight, p: Recording) -> Action:
        if see.look.activity == ".Play" and see.title == p.title:
            found = see.find("#duration")
            return Answer(text=found.label if found else "")
        return see.reach(RECORDER, p.title)


TEMPLATES = (
    TakeOne(), TakeVideo(), LikePicture(), BinPicture(), RenamePicture(), FilePicture(), Record(),
    RenameRecording(), HowLong(),
)  # fmt: skip
