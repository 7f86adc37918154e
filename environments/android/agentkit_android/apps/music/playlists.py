"""Playlists: made, filled, put in order, renamed, deleted."""

from __future__ import annotations

import sqlite3

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.music.app import APP, Song, counted, cover, mini, paths, row, song, songs
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, go, show
from agentkit_android.screen.views import Overlay, View


def lists(see: See) -> list[sqlite3.Row]:
    return see.rows("SELECT * FROM playlists ORDER BY name COLLATE NOCASE")


def inside(see: See, number: int) -> list[tuple[int, Song]]:
    """(entry, song) of a playlist, in its order; files that are gone are left out."""
    found = see.rows("SELECT * FROM entries WHERE playlist = ? ORDER BY position, _id", number)
    return [(r["_id"], song(see, r["path"])) for r in found if see.exists(r["path"])]


def playlist_rows(see: See, wanted: str) -> list[View]:
    return [
        ui.row(one["name"], counted(see, len(inside(see, one["_id"]))),
               tap=go(".Playlist", id=one["_id"]), hold=show("list", id=one["_id"]),
               lead=cover(one["name"]))
        for one in lists(see)
        if wanted in one["name"].casefold()
    ]  # fmt: skip


@APP.screen(".Playlist")
def playlist(see: See) -> View:
    number = see.arg("id")
    one = see.row("SELECT * FROM playlists WHERE _id = ?", number)
    if one is None:
        return ui.page(see.t("Playlist"), ui.empty(see.t("This playlist does not exist")))
    entries = inside(see, number)
    every = paths(s for _, s in entries)
    rows = [
        row(see, s, do("play", path=s.path, queue=every), more=show("entry", entry=entry))
        for entry, s in entries
    ]
    if entries:
        rows.insert(0, ui.buttons(
            ui.button(see.t("Play all"), do("play", path=entries[0][1].path, queue=every),
                      icon="play"),
            ui.button(see.t("Shuffle"), do("play_mixed", queue=every), kind="tonal",
                      icon="shuffle"),
        ))  # fmt: skip
    none = ui.empty(see.t("This playlist is empty"), "playlist-music")
    return ui.page(
        one["name"], *(rows or [none]), bottom=mini(see),
        actions=(ui.icon("dots-vertical", see.t("More options"), show("list", id=number)),),
        floating=ui.fab("plus", see.t("Add songs"), go(".Pick", id=number)),
    )  # fmt: skip


@APP.screen(".Pick")
def pick(see: See) -> View:
    """Songs that are ticked are in the playlist."""
    number = see.arg("id")
    held = {s.path for _, s in inside(see, number)}
    rows = (
        ui.check(s.title, s.path in held, do("tick", path=s.path), s.artist) for s in songs(see)
    )
    return ui.page(see.t("Add songs"), *rows)


@APP.on("tick")
def tick(do: Do) -> None:
    number, path = do.arg("id"), str(do.args["path"])
    if not do.run("DELETE FROM entries WHERE playlist = ? AND path = ?", number, path):
        add_to(do, number, path)


def add_to(do: Do, number: int, path: str) -> None:
    last = do.count("SELECT max(position) FROM entries WHERE playlist = ?", number)
    do.run(
        "INSERT INTO entries (playlist, path, position) VALUES (?, ?, ?)", number, path, last + 1
    )


@APP.overlay("list")
def list_menu(see: See) -> Overlay:
    number = see.arg("id")
    return ui.menu(
        (see.t("Rename"), show("rename", id=number)), (see.t("Delete"), show("drop", id=number))
    )


@APP.overlay("drop")
def ask_drop(see: See) -> Overlay:
    name = see.one("SELECT name FROM playlists WHERE _id = ?", see.arg("id"))
    return ui.confirm(see.t("Delete playlist?"), str(name), see.t("Delete"), do("drop"),
                      see.t("Cancel"))  # fmt: skip


@APP.on("drop")
def drop(do: Do) -> None:
    do.run("DELETE FROM entries WHERE playlist = ?", do.arg("id"))
    do.run("DELETE FROM playlists WHERE _id = ?", do.arg("id"))
    do.toast(do.t("Deleted"))


@APP.overlay("rename")
def ask_name(see: See) -> Overlay:
    now = str(see.one("SELECT name FROM playlists WHERE _id = ?", see.arg("id")))
    return _ask(see, "Rename", now, do("rename"))


@APP.overlay("new")
def ask_new(see: See) -> Overlay:
    return _ask(see, "New playlist", "", do("new", path=see.args.get("path")))


def _ask(see: See, title: str, now: str, act: Act) -> Overlay:
    return ui.dialog(
        see.t(title), ui.form(ui.field("name", now, label=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Save"), act)),
    )  # fmt: skip


def _typed(do: Do, default: str = "") -> str:
    name = do.text("name", default).strip()
    do.type("name", None)
    return name


def _taken(do: Do, name: str) -> bool:
    if do.row("SELECT * FROM playlists WHERE name = ? COLLATE NOCASE", name) is None:
        return False
    do.toast(do.t("This name is taken"))
    return True


@APP.on("rename")
def rename(do: Do) -> None:
    name = _typed(do)
    if name and not _taken(do, name):
        do.run("UPDATE playlists SET name = ? WHERE _id = ?", name, do.arg("id"))


@APP.on("new")
def new(do: Do) -> None:
    name = _typed(do)
    if not name or _taken(do, name):
        return
    number = do.run("INSERT INTO playlists (name, created) VALUES (?, ?)", name, do.now)
    if do.args.get("path"):
        add_to(do, number, str(do.args["path"]))
        do.toast(do.t("Added to {name}", name=name))


@APP.overlay("add")
def add(see: See) -> Overlay:
    path = see.args.get("path")
    rows = [
        ui.row(one["name"], tap=do("add", id=one["_id"], path=path),
               lead=ui.icon("playlist-music"))
        for one in lists(see)
    ]  # fmt: skip
    rows.append(ui.row(see.t("New playlist"), tap=show("new", path=path), lead=ui.icon("plus")))
    return ui.sheet(see.t("Add to playlist"), *rows)


@APP.on("add")
def added(do: Do) -> None:
    number, path = do.arg("id"), str(do.args["path"])
    name = do.one("SELECT name FROM playlists WHERE _id = ?", number)
    if do.row("SELECT * FROM entries WHERE playlist = ? AND path = ?", number, path):
        return do.toast(do.t("Already in {name}", name=name))
    add_to(do, number, path)
    return do.toast(do.t("Added to {name}", name=name))


@APP.overlay("entry")
def entry(see: See) -> Overlay:
    number = see.args.get("entry")
    return ui.menu(
        (see.t("Move up"), do("shift", entry=number, by=-1)),
        (see.t("Move down"), do("shift", entry=number, by=1)),
        (see.t("Remove from playlist"), do("unlist", entry=number)),
    )


@APP.on("unlist")
def unlist(do: Do) -> None:
    do.run("DELETE FROM entries WHERE _id = ?", do.arg("entry"))


@APP.on("shift")
def shift(do: Do) -> None:
    number = do.one("SELECT playlist FROM entries WHERE _id = ?", do.arg("entry"))
    order = [e for e, _ in inside(do, int(number or 0))]
    if do.arg("entry") not in order:
        return
    at = order.index(do.arg("entry"))
    to = min(max(0, at + do.arg("by")), len(order) - 1)
    order.insert(to, order.pop(at))
    for position, each in enumerate(order):
        do.run("UPDATE entries SET position = ? WHERE _id = ?", position, each)
