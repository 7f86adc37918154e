"""What the parts of the gallery share: the pictures that exist, and those on a new phone."""

from __future__ import annotations

from dataclasses import dataclass

from agentkit_android.apps import media
from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen.acts import Act
from agentkit_android.screen.views import View

PACKAGE = "com.android.gallery3d"
SCHEMA = """
CREATE TABLE favourites (path TEXT PRIMARY KEY);
CREATE TABLE trash (
    _id INTEGER PRIMARY KEY, path TEXT NOT NULL, kept TEXT NOT NULL, deleted INTEGER NOT NULL
);
"""
BIN = "Pictures/.trash"
KEPT_DAYS = 30
BEGUN = (  # album, name, days ago, which view
    ("DCIM/Camera", "IMG_20231014_091207.jpg", 1, 101),
    ("DCIM/Camera", "IMG_20231014_091544.jpg", 1, 102),
    ("DCIM/Camera", "IMG_20231012_183010.jpg", 3, 103),
    ("DCIM/Camera", "IMG_20231002_140322.jpg", 13, 104),
    ("Pictures/Holiday", "lighthouse.jpg", 44, 105), ("Pictures/Holiday", "harbour.jpg", 44, 106),
    ("Pictures/Holiday", "village.jpg", 45, 107), ("Download", "wallpaper.png", 7, 108),
)  # fmt: skip
APP = App(
    PACKAGE, "Gallery", "#B06000", icon="image-multiple", schema=SCHEMA, strings=own("gallery"),
    filters=(
        Filter(intents.VIEW, ".Photo", kinds=("image/",)),
        Filter(intents.PICK, ".Main", kinds=("image/",)),
        Filter("android.intent.action.GET_CONTENT", ".Main", kinds=("image/",)),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Photo:
    """path: below /sdcard. when: seconds since 1970 at which it was changed last."""

    path: str
    size: int
    when: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def album(self) -> str:
        return self.path.rpartition("/")[0]


@APP.begins
def begin(do: Do) -> None:
    for album, name, days, number in BEGUN:
        when = do.now - days * 86400
        content = media.jpeg(media.view(number, 480, 640), when)
        if name.endswith(".png"):
            content = media.still(content)
        do.write(f"{album}/{name}", content)
        do.date(f"{album}/{name}", when)


def photos(see: See, album: str = "") -> list[Photo]:
    """Those that exist, the newest first; hidden folders are left out."""
    found = [
        Photo(path, size, when)
        for path, size, when in see.walk(album)
        if path.lower().endswith(media.PICTURES) and "/." not in f"/{path}"
    ]
    return sorted(found, key=lambda p: (-p.when, p.path))


def favourites(see: See) -> set[str]:
    return {str(one["path"]) for one in see.rows("SELECT path FROM favourites")}


def picture(see: See, path: str) -> bytes:
    """PNG or JPEG bytes, of a clip its first frame."""
    content = see.read(path)
    return media.still(content) if path.lower().endswith(".gif") else content


def cell(
    see: See, photo: Photo, tap: Act, *, hold: Act | None = None, chosen: bool = False
) -> View:
    """A picture in a grid; one that is chosen has a mark."""
    image = View(
        "picture", picture=picture(see, photo.path), height=128, corner=16 if chosen else 0,
        description=photo.name, tap=tap, hold=hold, resource="thumbnail", selected=chosen,
    )  # fmt: skip
    marks: list[View] = []
    if chosen:
        marks.append(_mark("check-circle", "primary", "top-end"))
    if photo.path.lower().endswith(".gif"):
        marks.append(_mark("play-circle", "white", "center"))
    return View("stack", children=(image, *marks), height=128)


def _mark(name: str, ink: str, where: str) -> View:
    return View(
        "icon", icon=name, width=32, height=32, colour=ink,
        anchor="center" if where == "center" else "top-end",
    )  # fmt: skip


def move(do: Do, path: str, album: str) -> str:
    """To an album, under a name that is free there; the new path."""
    name = path.rpartition("/")[2]
    stem, _, ending = name.rpartition(".")
    target, more = f"{album}/{name}", 0
    while do.exists(target) and target != path:
        more += 1
        target = f"{album}/{stem}_{more}.{ending}"
    if target != path:
        do.make_folder(album)
        do.rename(path, target)
        do.run("UPDATE OR REPLACE favourites SET path = ? WHERE path = ?", target, path)
    return target


def throw_away(do: Do, path: str) -> None:
    """Into the bin, from where it can be brought back."""
    if not do.exists(path):
        return
    number = do.run("INSERT INTO trash (path, kept, deleted) VALUES (?, '', ?)", path, do.now)
    kept = f"{BIN}/{number}.{path.rpartition('.')[2]}"
    do.make_folder(BIN)
    do.rename(path, kept)
    do.run("UPDATE trash SET kept = ? WHERE _id = ?", kept, number)
    do.run("DELETE FROM favourites WHERE path = ?", path)


def counted(see: See, number: int) -> str:
    return see.t("1 picture") if number == 1 else see.t("{n} pictures", n=number)
