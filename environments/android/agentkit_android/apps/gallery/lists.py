"""All pictures by day, the albums, the favourites; and what is done to several at once."""

from __future__ import annotations

import json

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.gallery.app import (
    APP,
    Photo,
    cell,
    counted,
    favourites,
    move,
    photos,
    picture,
    throw_away,
)
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, go, show
from agentkit_android.screen.views import Overlay, View

PICKING = ("android.intent.action.PICK", "android.intent.action.GET_CONTENT")


def chosen(see: See) -> list[str]:
    return [str(path) for path in json.loads(see.get("chosen") or "[]")]


@APP.screen(".Main")
def main(see: See) -> View:
    tab = see.get("tab", "photos")
    bar = ui.bottom_bar(
        "tab",
        (
            ("photos", "image", see.t("Photos")), ("albums", "album", see.t("Albums")),
            ("favourites", "heart", see.t("Favourites")),
        ),
        tab,
    )  # fmt: skip
    picking = see.args.get("action") in PICKING
    wanted = see.text("query").strip().casefold()
    box = ui.form(ui.field("query", hint=see.t("Search pictures")))
    found = [p for p in photos(see) if wanted in p.path.casefold() or wanted in _day(see, p)]
    if tab == "favourites":
        liked = favourites(see)
        found = [p for p in found if p.path in liked]
    if tab == "albums":
        return ui.page(
            see.t("Albums"), *_albums(see, wanted), up=picking, under=(box,), bottom=(bar,),
            floating=None if picking else ui.fab("folder-plus", see.t("New album"), show("album")),
        )  # fmt: skip
    title = "Choose a picture" if picking else "Favourites" if tab == "favourites" else "Gallery"
    more = ui.more(see.t("More options"))
    return _grid_page(see, see.t(title), found, under=(box,), bottom=(bar,), up=picking,
                      actions=() if picking else (more,))  # fmt: skip


def _day(see: See, photo: Photo) -> str:
    return see.day(photo.when, year=True).casefold()


def _grid_page(
    see: See, title: str, found: list[Photo], *, under: tuple[View, ...] = (),
    bottom: tuple[View, ...] = (), up: bool = True, actions: tuple[View, ...] = (),
) -> View:  # fmt: skip
    marked = chosen(see)
    rows: list[View] = []
    cells: list[View] = []
    day = ""
    for photo in [*found, None]:
        today = see.day(photo.when, year=True) if photo else ""
        if cells and today != day:
            rows.append(View("grid", children=tuple(cells), columns=3, gap=2))
            cells = []
        if photo is None:
            break
        if today != day:
            day = today
            rows.append(ui.header(day))
        if see.args.get("action") in PICKING:
            tap = do("pick", path=photo.path)
        elif marked:
            tap = do("choose", path=photo.path)
        else:
            tap = go(".Photo", path=photo.path)
        cells.append(cell(see, photo, tap, hold=do("choose", path=photo.path),
                          chosen=photo.path in marked))  # fmt: skip
    if not rows:
        rows = [ui.empty(see.t("No pictures"), "image")]
    if not marked:
        return ui.page(title, *rows, up=up, actions=actions, under=under, bottom=bottom)
    marks = (
        ui.icon("close", see.t("Cancel selection"), do("unchoose")),
        ui.icon("heart-outline", see.t("Add to favourites"), do("like_chosen")),
        ui.icon("folder-move", see.t("Move to album"), show("move")),
        ui.icon("delete-outline", see.t("Delete"), show("delete_chosen")),
    )
    return ui.page(see.t("{n} selected", n=len(marked)), *rows, up=False, actions=marks)


@APP.on("pick")
def pick(do: Do) -> None:
    do.finish(data=f"file:///sdcard/{do.args['path']}")


@APP.on("choose")
def choose(do: Do) -> None:
    path, marked = str(do.args["path"]), chosen(do)
    marked = [p for p in marked if p != path] if path in marked else [*marked, path]
    do.put("chosen", json.dumps(marked) if marked else None)


@APP.on("unchoose")
def unchoose(do: Do) -> None:
    do.put("chosen", None)


@APP.on("like_chosen")
def like_chosen(do: Do) -> None:
    for path in chosen(do):
        do.run("INSERT OR IGNORE INTO favourites VALUES (?)", path)
    do.toast(do.t("Added to favourites"))
    do.put("chosen", None)


@APP.overlay("delete_chosen")
def ask_delete(see: See) -> Overlay:
    title = see.t("Move {n} to the bin?", n=len(chosen(see)))
    told = see.t("They can be restored for 30 days.")
    return ui.confirm(title, told, see.t("Move to bin"), do("delete_chosen"), see.t("Cancel"))


@APP.on("delete_chosen")
def delete_chosen(do: Do) -> None:
    for path in chosen(do):
        throw_away(do, path)
    do.put("chosen", None)


def albums(see: See) -> dict[str, list[Photo]]:
    """Folders that hold pictures, and those below Pictures that are still empty."""
    found: dict[str, list[Photo]] = {}
    for photo in photos(see):
        found.setdefault(photo.album, []).append(photo)
    for name, is_folder, _, _ in see.files("Pictures"):
        if is_folder and not name.startswith("."):
            found.setdefault(f"Pictures/{name}", [])
    return dict(sorted(found.items(), key=lambda a: _title(a[0]).casefold()))


def _title(album: str) -> str:
    return album.rpartition("/")[2] or album


def _albums(see: See, wanted: str) -> list[View]:
    rows = []
    for album, inside in albums(see).items():
        if wanted not in album.casefold():
            continue
        cover = picture(see, inside[0].path) if inside else b""
        lead = View("picture", picture=cover, width=56, height=56, corner=8)
        told = counted(see, len(inside))
        rows.append(ui.row(_title(album), told, tap=go(".Album", album=album), lead=lead))
    rows.append(ui.row(see.t("Bin"), tap=go(".Bin"), lead=ui.icon("trash-can")))
    return rows


@APP.screen(".Album")
def album(see: See) -> View:
    folder = str(see.args.get("album", ""))
    found = [p for p in photos(see, folder) if p.album == folder] if folder else []
    return _grid_page(see, _title(folder) or see.t("Albums"), found)


@APP.overlay("album")
def ask_album(see: See) -> Overlay:
    return ui.dialog(
        see.t("New album"), ui.form(ui.field("album", label=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Create"), do("album"))),
    )  # fmt: skip


@APP.on("album")
def new_album(do: Do) -> None:
    name = do.text("album").strip().replace("/", "-").lstrip(".")
    do.type("album", None)
    if name:
        do.make_folder(f"Pictures/{name}")
    if name and chosen(do):
        _move_all(do, f"Pictures/{name}")


@APP.overlay("move")
def move_to(see: See) -> Overlay:
    rows = [
        ui.row(_title(album), tap=do("move", album=album), lead=ui.icon("folder"))
        for album in albums(see)
    ]
    rows.append(ui.row(see.t("New album"), tap=show("album"), lead=ui.icon("folder-plus")))
    return ui.sheet(see.t("Move to album"), *rows)


@APP.on("move")
def moved(do: Do) -> None:
    _move_all(do, str(do.args["album"]))


def _move_all(do: Do, album: str) -> None:
    for path in chosen(do):
        if do.exists(path):
            move(do, path, album)
    do.put("chosen", None)
    do.toast(do.t("Moved to {album}", album=_title(album)))


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    return ui.menu((see.t("New album"), show("album")), (see.t("Bin"), go(".Bin")))
