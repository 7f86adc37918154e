"""What the parts of the music app share: the songs that exist, and those on a new phone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agentkit_android.apps import media
from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, go, show
from agentkit_android.screen.theme import hue
from agentkit_android.screen.views import View

PACKAGE = "com.android.music"
SCHEMA = """
CREATE TABLE playlists (_id INTEGER PRIMARY KEY, name TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE entries (
    _id INTEGER PRIMARY KEY, playlist INTEGER NOT NULL, path TEXT NOT NULL,
    position INTEGER NOT NULL
);
CREATE TABLE favourites (path TEXT PRIMARY KEY);
CREATE TABLE plays (path TEXT PRIMARY KEY, count INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE queue (_id INTEGER PRIMARY KEY, path TEXT NOT NULL);
CREATE TABLE playing (entry INTEGER NOT NULL, began INTEGER NOT NULL, position REAL NOT NULL);
"""
RATE = 200
"""Samples a second: so few that three minutes of a song are 36 kB."""
BEGUN = (  # title, artist, album, seconds
    ("Night Bus", "Paper Suns", "Last Stop", 214), ("Corner Shop", "Paper Suns", "Last Stop", 187),
    ("Rain on Tin", "Paper Suns", "Last Stop", 243), ("Blue Door", "Mara Lindt", "Rooms", 201),
    ("Kitchen Light", "Mara Lindt", "Rooms", 176), ("Attic", "Mara Lindt", "Rooms", 259),
    ("Saltwater", "The Ferrymen", "Harbour Songs", 222), ("Low Tide", "The Ferrymen",
    "Harbour Songs", 198), ("한강", "서연우", "산책", 231), ("봄날의 골목", "서연우", "산책", 205),
    ("Cold Brew", "DJ Okoro", "Slow Mornings", 312), ("Second Cup", "DJ Okoro",
    "Slow Mornings", 287),
)  # fmt: skip
APP = App(
    PACKAGE, "Music", "#9C4275", icon="music", schema=SCHEMA, strings=own("music"),
    filters=(Filter(intents.VIEW, ".Player", kinds=("audio/",)),),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Song:
    """path: below /sdcard. when: seconds since 1970 at which it came to the phone."""

    path: str
    title: str
    artist: str
    album: str
    seconds: float
    when: int


@APP.begins
def begin(do: Do) -> None:
    for number, (title, artist, album, seconds) in enumerate(BEGUN):
        tags = {"title": title, "artist": artist, "album": album}
        path = f"Music/{artist} - {title}.wav"
        do.write(path, media.wav(seconds, RATE, pitch=0.02 + number / 100, tags=tags))
        do.date(path, do.now - (40 - number) * 86400)
    number = do.run("INSERT INTO playlists (name, created) VALUES ('Road trip', ?)", do.now)
    for at, name in enumerate(("Paper Suns - Night Bus", "The Ferrymen - Saltwater")):
        do.run("INSERT INTO entries (playlist, path, position) VALUES (?, ?, ?)",
               number, f"Music/{name}.wav", at)  # fmt: skip


def song(see: See, path: str, when: int = 0) -> Song:
    """What a file says of itself; its name where it says nothing."""
    found = media.sound(see.read(path))
    stem = path.rpartition("/")[2].rpartition(".")[0]
    artist, dash, title = stem.partition(" - ")
    return Song(
        path, found.title or (title if dash else stem), found.artist or (artist if dash else ""),
        found.album, found.seconds, when,
    )  # fmt: skip


ORDERS = {"title": "Title", "artist": "Artist", "new": "Recently added", "long": "Length"}


def songs(see: See) -> list[Song]:
    """Those that exist, in the order that is wished."""
    found = [
        song(see, path, when)
        for path, _, when in see.walk("Music")
        if path.lower().endswith(media.SOUNDS)
    ]
    found.sort(key=lambda s: (s.title.casefold(), s.path))
    order = see.preference("order", "title")
    if order == "artist":
        found.sort(key=lambda s: s.artist.casefold())
    elif order == "new":
        found.sort(key=lambda s: -s.when)
    elif order == "long":
        found.sort(key=lambda s: -s.seconds)
    return found


def favourites(see: See) -> set[str]:
    return {str(one["path"]) for one in see.rows("SELECT path FROM favourites")}


def cover(what: str, size: int = 48) -> View:
    """A picture for an album, always the same one."""
    return View("icon", icon="album", width=size, height=size, corner=8, fill=hue(what),
                colour="white")  # fmt: skip


def row(
    see: See, one: Song, tap: Act, *, more: Act | None = None, plays: bool = False,
    trail: View | None = None,
) -> View:  # fmt: skip
    dots = trail or ui.icon(
        "dots-vertical", see.t("More about {title}", title=one.title),
        more or show("song", path=one.path),
    )  # fmt: skip
    told = f"{one.artist or see.t('Unknown artist')} · {media.minutes(one.seconds)}"
    return ui.row(one.title, told, tap=tap, lead=cover(one.album or one.artist), trail=dots,
                  selected=plays)  # fmt: skip


def current(see: See) -> Song | None:
    """The song of the player; None where there is none."""
    path = see.one("SELECT path FROM queue JOIN playing ON entry = queue._id")
    return song(see, str(path)) if path and see.exists(str(path)) else None


def standing(see: See) -> tuple[float, bool]:
    """(where the player stands in seconds, whether it plays)."""
    one, now = see.row("SELECT * FROM playing"), current(see)
    if one is None or now is None:
        return 0.0, False
    at = one["position"] + (see.now - one["began"] if one["began"] else 0)
    return min(float(at), now.seconds), bool(one["began"])


def mini(see: See) -> tuple[View, ...]:
    """The player at the bottom of a page, while there is a song."""
    now = current(see)
    if now is None:
        return ()
    _, plays = standing(see)
    button = ui.icon("pause" if plays else "play", see.t("Pause" if plays else "Play"),
                     Act("do", "toggle"))  # fmt: skip
    following = ui.icon("skip-next", see.t("Next"), Act("do", "next"))
    line = ui.row(now.title, now.artist, tap=go(".Player"), lead=cover(now.album or now.artist),
                  trail=(button, following))  # fmt: skip
    return (View("column", children=(line,), fill="surface-container-high"),)


def paths(found: Iterable[Song]) -> str:
    """The songs of a list as what an act can carry."""
    return "\n".join(s.path for s in found)


def counted(see: See, number: int) -> str:
    return see.t("1 song") if number == 1 else see.t("{n} songs", n=number)
