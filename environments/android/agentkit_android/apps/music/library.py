"""Songs, albums and artists, with a search."""

from __future__ import annotations

from agentkit_android.apps import media
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.music.app import (
    APP,
    ORDERS,
    Song,
    counted,
    cover,
    current,
    favourites,
    mini,
    paths,
    row,
    songs,
)
from agentkit_android.apps.music.playlists import playlist_rows
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, do, go, show
from agentkit_android.screen.views import Overlay, View


@APP.screen(".Main")
def main(see: See) -> View:
    tab = see.get("tab", "songs")
    names = (
        ("songs", "music-note", see.t("Songs")), ("albums", "album", see.t("Albums")),
        ("artists", "account", see.t("Artists")), ("lists", "playlist-music", see.t("Playlists")),
    )  # fmt: skip
    wanted = see.text("query").strip().casefold()
    found = [s for s in songs(see) if wanted in f"{s.title} {s.artist} {s.album}".casefold()]
    if tab == "albums":
        rows = _groups(see, found, "album")
    elif tab == "artists":
        rows = _groups(see, found, "artist")
    elif tab == "lists":
        rows = playlist_rows(see, wanted)
    else:
        rows = song_rows(see, found)
    box = ui.form(ui.field("query", hint=see.t("Search music")))
    new = ui.fab("playlist-plus", see.t("New playlist"), show("new")) if tab == "lists" else None
    return ui.page(
        see.t("Music"), *(rows or [ui.empty(see.t("No music"), "music-note")]), up=False,
        actions=(ui.more(see.t("More options")),), under=(box,), floating=new,
        bottom=(*mini(see), ui.bottom_bar("tab", names, tab)),
    )  # fmt: skip


def song_rows(see: See, found: list[Song]) -> list[View]:
    now, every = current(see), paths(found)
    return [
        row(see, one, do("play", path=one.path, queue=every),
            plays=now is not None and now.path == one.path)
        for one in found
    ]  # fmt: skip


def _groups(see: See, found: list[Song], key: str) -> list[View]:
    groups: dict[str, list[Song]] = {}
    for one in found:
        groups.setdefault(getattr(one, key), []).append(one)
    unknown = see.t("Unknown album" if key == "album" else "Unknown artist")
    rows = []
    for name, inside in sorted(groups.items(), key=lambda g: g[0].casefold()):
        told = counted(see, len(inside))
        if key == "album":
            told = f"{inside[0].artist} · {told}"
        lead = cover(name) if key == "album" else ui.avatar(name or "?", size=48)
        rows.append(ui.row(name or unknown, told, tap=go(".Group", key=key, name=name), lead=lead))
    return rows


@APP.screen(".Group")
def group(see: See) -> View:
    key, name = str(see.args.get("key", "album")), str(see.args.get("name", ""))
    found = [s for s in songs(see) if (s.artist if key == "artist" else s.album) == name]
    rows = song_rows(see, found)
    if found:
        rows.insert(0, play_buttons(see, found))
    return ui.page(name or see.t("Unknown album"), *(rows or [ui.empty(see.t("No music"))]),
                   bottom=mini(see))  # fmt: skip


def play_buttons(see: See, found: list[Song]) -> View:
    every = paths(found)
    return ui.buttons(
        ui.button(see.t("Play all"), do("play", path=found[0].path, queue=every), icon="play"),
        ui.button(see.t("Shuffle"), do("play_mixed", queue=every), kind="tonal", icon="shuffle"),
    )


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    return ui.menu(
        (see.t("Sort by"), show("order")), (see.t("Favourites"), go(".Smart", kind="favourites")),
        (see.t("Most played"), go(".Smart", kind="most")),
        (see.t("Queue"), go(".Queue")),
    )  # fmt: skip


@APP.overlay("order")
def order(see: See) -> Overlay:
    names = [(key, see.t(name)) for key, name in ORDERS.items()]
    return ui.options(
        see.t("Sort by"), do("order"), names, see.preference("order", "title"), see.t("Cancel")
    )


@APP.on("order")
def set_order(do: Do) -> None:
    if (value := str(do.args["value"])) in ORDERS:
        do.prefer("order", value)


@APP.screen(".Smart")
def smart(see: See) -> View:
    """Lists that make themselves."""
    every = {s.path: s for s in songs(see)}
    if see.args.get("kind") == "favourites":
        title, found = "Favourites", [s for p, s in every.items() if p in favourites(see)]
    else:
        title = "Most played"
        counted = see.rows("SELECT path FROM plays ORDER BY count DESC, last DESC")
        found = [every[r["path"]] for r in counted if r["path"] in every]
    rows = song_rows(see, found)
    if found:
        rows.insert(0, play_buttons(see, found))
    none = ui.empty(see.t("No music"), "music-note")
    return ui.page(see.t(title), *(rows or [none]), bottom=mini(see))


# What can be done with one song.


@APP.overlay("song")
def about(see: See) -> Overlay:
    path = str(see.args["path"])
    liked = path in favourites(see)
    heart = "Remove from favourites" if liked else "Add to favourites"
    one = next((s for s in songs(see) if s.path == path), None)
    items = (
        ("skip-next", "Play next", do("enqueue", path=path, following=True)),
        ("playlist-plus", "Add to queue", do("enqueue", path=path)),
        ("playlist-music", "Add to playlist", show("add", path=path)),
        ("heart" if liked else "heart-outline", heart, do("like", path=path)),
        ("information-outline", "Details", show("details", path=path)),
        ("share-variant", "Share", do("share", path=path)),
        ("delete-outline", "Delete from phone", show("delete", path=path)),
    )
    rows = (ui.row(see.t(name), tap=act, lead=ui.icon(mark)) for mark, name, act in items)
    return ui.sheet(one.title if one else path, *rows)


@APP.on("like")
def like(do: Do) -> None:
    path = str(do.args["path"])
    if not do.run("DELETE FROM favourites WHERE path = ?", path):
        do.run("INSERT INTO favourites VALUES (?)", path)


@APP.on("share")
def share(do: Do) -> None:
    data = f"file:///sdcard/{do.args['path']}"
    do.send(Intent(intents.SEND, kind="audio/wav", extras=(("stream", data),)))


@APP.overlay("details")
def details(see: See) -> Overlay:
    path = str(see.args["path"])
    one = next((s for s in songs(see) if s.path == path), None)
    if one is None:
        return ui.dialog(see.t("Details"), message=see.t("This file does not exist"))
    told = (
        (one.title, "Title"), (one.artist, "Artist"), (one.album, "Album"),
        (media.minutes(one.seconds), "Length"), (f"/sdcard/{path}", "File"),
        (f"{len(see.read(path)) / 1024:.0f} kB", "Size"),
        (str(see.count("SELECT count FROM plays WHERE path = ?", path)), "Times played"),
    )  # fmt: skip
    return ui.sheet(see.t("Details"), *(ui.row(value or "–", see.t(name)) for value, name in told))


@APP.overlay("delete")
def ask_delete(see: See) -> Overlay:
    path = str(see.args["path"])
    return ui.confirm(
        see.t("Delete from phone?"), path.rpartition("/")[2], see.t("Delete"),
        do("delete", path=path), see.t("Cancel"),
    )  # fmt: skip


@APP.on("delete")
def delete(do: Do) -> None:
    path = str(do.args["path"])
    if do.exists(path):
        do.remove(path)
    for table in ("entries", "favourites", "plays"):
        do.run(f"DELETE FROM {table} WHERE path = ?", path)
    do.run("DELETE FROM playing WHERE entry IN (SELECT _id FROM queue WHERE path = ?)", path)
    do.run("DELETE FROM queue WHERE path = ?", path)
    do.toast(do.t("Deleted"))
