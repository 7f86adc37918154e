"""Music and Maps: songs, playlists and places."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from agentkit.capabilities import Action
from agentkit_android.apps.maps import town
from agentkit_android.client.actions import Answer, Finish
from agentkit_android.tasks.names import MAPS, MUSIC
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template, said

SONGS = {
    "Attic": "Mara Lindt", "Blue Door": "Mara Lindt", "Kitchen Light": "Mara Lindt",
    "Cold Brew": "DJ Okoro", "Second Cup": "DJ Okoro", "Corner Shop": "Paper Suns",
    "Night Bus": "Paper Suns", "Rain on Tin": "Paper Suns", "Low Tide": "The Ferrymen",
    "Saltwater": "The Ferrymen",
}  # fmt: skip
LISTS = ("Sunday", "Running", "Dinner", "Deep focus", "Old friends", "Rainy day")


class Song(Params):
    song: str
    list: str


class OfSong(Template[Song]):
    params = Song
    apps = (MUSIC,)

    def draw(self, random: Random) -> Song:
        return Song(song=random.choice(list(SONGS)), list=random.choice(LISTS))

    def begin(self, phone: PhoneState, p: Song, random: Random) -> None:
        other = random.choice([n for n in LISTS if n != p.list])
        phone.rows(MUSIC, "INSERT INTO playlists (name, created) VALUES (?, ?)", other, phone.now())

    def done(self, see: Sight, p: Song) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))

    def more(self, see: Sight, p: Song, choice: str) -> Action:
        """What the menu of a song offers; found by the search."""
        if see.has(choice):
            return see.reach(MUSIC, choice)
        if see.look.package == MUSIC and (step := see.search(p.song)) is not None:
            return step
        return see.reach(MUSIC, f"More about {p.song}")


class LikeSong(OfSong):
    name, goal = "song-like", "Add the song “{song}” to my favourites"
    complexity = 1.2

    def nearly(self, p: Song, random: Random) -> Song:
        return p.model_copy(update={"song": random.choice([s for s in SONGS if s != p.song])})

    def check(self, phone: PhoneState, p: Song, answer: str) -> Sequence[Part]:
        paths = [r[0] for r in phone.rows(MUSIC, "SELECT path FROM favourites")]
        return [Part(f"the favourites are {paths}", len(paths) == 1 and p.song in paths[0])]

    def expert(self, see: Sight, p: Song) -> Action:
        return Finish() if self.done(see, p) else self.more(see, p, "Add to favourites")


class NewPlaylist(OfSong):
    name, goal = "playlist-new", "Make an empty playlist “{list}”"
    complexity = 1.4

    def nearly(self, p: Song, random: Random) -> Song:
        return p.model_copy(update={"list": random.choice([n for n in LISTS if n != p.list])})

    def check(self, phone: PhoneState, p: Song, answer: str) -> Sequence[Part]:
        names = [r[0] for r in phone.rows(MUSIC, "SELECT name FROM playlists")]
        return [Part(f"the playlists are {names}", names.count(p.list) == 1)]

    def expert(self, see: Sight, p: Song) -> Action:
        if self.done(see, p):
            return Finish()
        box = next((e for e in see.look.elements if e.editable and e.resource != "query"), None)
        if box is not None:
            return see.fill(box, p.list) or see.reach(MUSIC, "Save")
        return see.reach(MUSIC, "Playlists", "New playlist")


class AddToPlaylist(OfSong):
    name, goal = "playlist-add", "Put the song “{song}” on the playlist “{list}”"
    complexity = 1.6

    def begin(self, phone: PhoneState, p: Song, random: Random) -> None:
        super().begin(phone, p, random)
        phone.rows(MUSIC, "INSERT INTO playlists (name, created) VALUES (?, 1)", p.list)

    def check(self, phone: PhoneState, p: Song, answer: str) -> Sequence[Part]:
        query = "SELECT path FROM entries JOIN playlists ON playlist = playlists._id WHERE name = ?"
        paths = [r[0] for r in phone.rows(MUSIC, query, p.list)]
        return [Part(f"on it are {paths}", len(paths) == 1 and p.song in paths[0])]

    def nearly(self, p: Song, random: Random) -> Song:
        return p.model_copy(update={"song": random.choice([s for s in SONGS if s != p.song])})

    def expert(self, see: Sight, p: Song) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has(p.list) and not see.field("query"):
            return see.reach(MUSIC, p.list)
        return self.more(see, p, "Add to playlist")


class WhoseSong(OfSong):
    name, goal = "song-whose", "Whose song is “{song}”?"
    kind = "question"

    def check(self, phone: PhoneState, p: Song, answer: str) -> Sequence[Part]:
        wanted = SONGS[p.song]
        return [Part(f"{wanted!r} was asked for, {answer[:40]!r} said", said(answer, wanted))]

    def nearly(self, p: Song, random: Random) -> Song:
        others = [s for s in SONGS if SONGS[s] != SONGS[p.song]]
        return p.model_copy(update={"song": random.choice(others)})

    def expert(self, see: Sight, p: Song) -> Action:
        if see.look.package == MUSIC and (step := see.search(p.song)) is not None:
            return step
        row = see.find(p.song, role="row")
        if see.look.package == MUSIC and row is not None:
            return Answer(text=row.label.partition(", ")[2].rpartition(" · ")[0])
        return see.reach(MUSIC, p.song)


# Maps.


class Spot(Params):
    """A place of the town that the map shows. whom: a person, where one has to do with it."""

    spot: str
    address: str
    phone: str
    hours: str
    whom: str = ""


class OfSpot(Template[Spot]):
    params = Spot
    apps: ClassVar[Sequence[str]] = (MAPS,)
    column = ""

    def draw(self, random: Random) -> Spot:
        one = random.choice([p for p in town.places().values() if p.phone and p.hours and p.number])
        return Spot(spot=one.name, address=one.address, phone=one.phone, hours=one.hours)

    def shown(self, p: Spot) -> dict[str, object]:
        return {"spot": p.spot, "whom": p.whom}

    def begin(self, phone: PhoneState, p: Spot, random: Random) -> None:
        """The town is as it is; another place was kept in another list before."""
        phone.rows(MAPS, "DELETE FROM saved")
        other = random.choice([o for o in town.places().values() if o.name != p.spot])
        phone.rows(MAPS, "INSERT INTO saved (list, name, x, y) VALUES (2, ?, ?, ?)",
                   other.name, other.at[0], other.at[1])  # fmt: skip

    def nearly(self, p: Spot, random: Random) -> Spot:
        other = self.draw(random)
        while any(getattr(other, k) == getattr(p, k) for k in ("address", "phone", "hours")):
            other = self.draw(random)
        return other

    def opened(self, see: Sight, p: Spot) -> bool:
        return see.look.activity == ".Place" and see.title == p.spot

    def open(self, see: Sight, p: Spot) -> Action:
        box = next((e for e in see.look.elements if e.editable), None)
        if see.look.package == MAPS and see.look.activity == ".Search" and box is not None:
            return see.fill(box, p.spot) or see.reach(MAPS, p.spot)
        return see.reach(MAPS, "Search here")

    def check(self, phone: PhoneState, p: Spot, answer: str) -> Sequence[Part]:
        wanted = str(getattr(p, self.column))
        return [Part(f"{wanted!r} was asked for, {answer[:40]!r} said", said(answer, wanted))]


class SavePlace(OfSpot):
    name, goal = "place-save", "Keep “{spot}” in the list “Favourites” of the map"
    complexity = 1.4

    def check(self, phone: PhoneState, p: Spot, answer: str) -> Sequence[Part]:
        names = [r[0] for r in phone.rows(MAPS, "SELECT name FROM saved WHERE list = 1")]
        return [Part(f"the favourites are {names}", names == [p.spot])]

    def expert(self, see: Sight, p: Spot) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if see.has("Save to list"):
            return see.reach(MAPS, "Favourites")
        return see.reach(MAPS, "Save") if self.opened(see, p) else self.open(see, p)


class WhichAddress(OfSpot):
    name, goal = "place-address", "What is the address of “{spot}”?"
    kind, column = "question", "address"

    def expert(self, see: Sight, p: Spot) -> Action:
        return Answer(text=see.value("Address")) if self.opened(see, p) else self.open(see, p)


class WhichPlaceNumber(OfSpot):
    name, goal = "place-number", "I want to call “{spot}”. Which number does the map give?"
    kind, column = "question", "phone"

    def expert(self, see: Sight, p: Spot) -> Action:
        return Answer(text=see.value("Call")) if self.opened(see, p) else self.open(see, p)


class WhichHours(OfSpot):
    name, goal = "place-hours", "From when to when is “{spot}” open?"
    kind, column = "question", "hours"
    held = "template"

    def check(self, phone: PhoneState, p: Spot, answer: str) -> Sequence[Part]:
        """What is always open has no from and to on its page."""
        asked = super().check(phone, p, answer)
        if p.hours != town.ALL_DAY or asked[0].met:
            return asked
        whole = any(said(answer, words) for words in ("24 hours", "24시간"))
        return [Part(f"all day was asked for, {answer[:40]!r} said", whole)]

    def expert(self, see: Sight, p: Spot) -> Action:
        if self.opened(see, p):
            return Answer(text=see.value("Opening hours", above=True))
        return self.open(see, p)


TEMPLATES = (
    LikeSong(), NewPlaylist(), AddToPlaylist(), WhoseSong(), SavePlace(), WhichAddress(),
    WhichPlaceNumber(), WhichHours(),
)  # fmt: skip
