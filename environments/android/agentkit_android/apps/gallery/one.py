"""One picture: looked at, liked, shared, renamed, edited, thrown away."""

from __future__ import annotations

from agentkit_android.apps import media
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.gallery.app import APP, favourites, photos, picture, throw_away
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, Intent, do, go, show
from agentkit_android.screen.views import Overlay, View

EDITS = {
    "left": ("rotate-left", "Rotate left"), "right": ("rotate-right", "Rotate right"),
    "mirror": ("undo", "Mirror"), "square": ("crop-rotate", "Crop to a square"),
    "grey": ("contrast-box", "Black and white"), "brighter": ("weather-sunny", "Brighter"),
    "darker": ("weather-night", "Darker"),
}  # fmt: skip


def path_of(see: See) -> str:
    """Of what is shown: one may have gone on to the next, or renamed it."""
    given = str(see.args.get("path") or media.path_of(str(see.args.get("data", ""))))
    return see.get("path", given)


def _mark(name: str, told: str, act: Act) -> View:
    return View("icon", icon=name, description=told, width=48, height=48, colour="white", tap=act,
                resource=name.replace("-", "_"))  # fmt: skip


@APP.screen(".Photo")
def photo(see: See) -> View:
    path = path_of(see)
    if not see.exists(path):
        return ui.page(see.t("Gallery"), ui.empty(see.t("This picture does not exist"), "image"))
    liked = path in favourites(see)
    heart = "Remove from favourites" if liked else "Add to favourites"
    bar = View("row", height=64, padding=(4, 0, 4, 0), children=(
        _mark("arrow-left", "Navigate up", Act("back")),
        View("text", text=path.rpartition("/")[2], style="subtitle", colour="white",
             resource="toolbar_title"),
        _mark("information-outline", see.t("Details"), show("details")),
        _mark("dots-vertical", see.t("More options"), show("photo_menu")),
    ))  # fmt: skip
    shown = View("picture", picture=picture(see, path), weight=1, resource="photo", whole=True,
                 description=path.rpartition("/")[2])  # fmt: skip
    foot = View("row", height=72, padding=(8, 0, 8, 0), children=(
        _mark("chevron-left", see.t("Newer"), do("turn", by=-1)), ui.space(None),
        _mark("share-variant", see.t("Share"), do("share")), ui.space(None),
        _mark("tune", see.t("Edit"), go(".Edit", path=path)), ui.space(None),
        _mark("heart" if liked else "heart-outline", see.t(heart), do("like")), ui.space(None),
        _mark("delete-outline", see.t("Delete"), show("delete")), ui.space(None),
        _mark("chevron-right", see.t("Older"), do("turn", by=1)),
    ))  # fmt: skip
    return View("column", children=(bar, shown, foot), fill="black")


@APP.on("turn")
def turn(do: Do) -> None:
    """args: by, how many pictures of the same album on."""
    path = path_of(do)
    album = path.rpartition("/")[0]
    paths = [p.path for p in photos(do, album) if p.album == album]
    if path in paths:
        number = paths.index(path) + do.arg("by")
        do.put("path", paths[min(max(0, number), len(paths) - 1)])


@APP.on("like")
def like(do: Do) -> None:
    path = path_of(do)
    if not do.run("DELETE FROM favourites WHERE path = ?", path):
        do.run("INSERT INTO favourites VALUES (?)", path)


@APP.on("share")
def share(do: Do) -> None:
    data = f"file:///sdcard/{path_of(do)}"
    do.send(Intent(intents.SEND, kind="image/jpeg", extras=(("stream", data),)))


@APP.overlay("details")
def details(see: See) -> Overlay:
    path = path_of(see)
    found = media.picture(see.read(path))
    when = next((p.when for p in photos(see) if p.path == path), see.now)
    rows = [
        ui.row(f"/sdcard/{path}", see.t("File"), lead=ui.icon("file-image")),
        ui.row(f"{see.day(when, year=True)}, {see.clock(when)}", see.t("Changed"),
               lead=ui.icon("calendar")),
        ui.row(f"{found.width} × {found.height}", see.t("Pixels"), lead=ui.icon("image")),
        ui.row(f"{len(see.read(path)) / 1024:.0f} kB", see.t("Size"), lead=ui.icon("harddisk")),
    ]  # fmt: skip
    if found.taken:
        rows.append(ui.row(found.taken, see.t("Taken"), lead=ui.icon("camera")))
    return ui.sheet(see.t("Details"), *rows)


@APP.overlay("photo_menu")
def menu(see: See) -> Overlay:
    return ui.menu((see.t("Rename"), show("rename")), (see.t("Copy"), do("duplicate")))


@APP.overlay("rename")
def ask_name(see: See) -> Overlay:
    stem = path_of(see).rpartition("/")[2].rpartition(".")[0]
    return ui.dialog(
        see.t("Rename"), ui.form(ui.field("stem", stem, label=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Save"), do("rename"))),
    )  # fmt: skip


@APP.on("rename")
def rename(do: Do) -> None:
    path = path_of(do)
    folder, _, name = path.rpartition("/")
    stem = do.text("stem", name.rpartition(".")[0]).strip().replace("/", "-")
    new = f"{folder}/{stem}.{name.rpartition('.')[2]}"
    do.type("stem", None)
    if not stem or new == path:
        return
    if do.exists(new):
        return do.toast(do.t("This name is taken"))
    do.rename(path, new)
    do.run("UPDATE favourites SET path = ? WHERE path = ?", new, path)
    return do.put("path", new)


@APP.on("duplicate")
def duplicate(do: Do) -> None:
    do.put("path", _free(do, path_of(do), do.read(path_of(do))))
    do.toast(do.t("Saved"))


def _free(do: Do, path: str, content: bytes) -> str:
    """Writes a file beside another one; its path."""
    stem, _, ending = path.rpartition(".")
    target, more = f"{stem}_1.{ending}", 1
    while do.exists(target):
        more += 1
        target = f"{stem}_{more}.{ending}"
    do.write(target, content)
    return target


@APP.overlay("delete")
def ask_delete(see: See) -> Overlay:
    told = see.t("It can be restored for 30 days.")
    return ui.confirm(see.t("Move to bin?"), told, see.t("Move to bin"), do("delete"),
                      see.t("Cancel"))  # fmt: skip


@APP.on("delete")
def delete(do: Do) -> None:
    throw_away(do, path_of(do))
    do.toast(do.t("Moved to the bin"))
    do.finish()


# Editing: what was done stands in the state, and is only then done to the file.


def _edits(see: See) -> tuple[str, ...]:
    return tuple(e for e in see.get("edits").split() if e in EDITS)


@APP.screen(".Edit")
def edit(see: See) -> View:
    path = str(see.args.get("path", ""))
    try:
        shown = media.edited(see.read(path), _edits(see), see.now) if _edits(see) else (
            picture(see, path))  # fmt: skip
    except ValueError:
        return ui.page(see.t("Edit"), ui.empty(see.t("This picture does not exist"), "image"))
    save = ui.button(see.t("Save copy"), do("save"), kind="text", resource="save")
    undo = ui.icon("undo", see.t("Undo"), do("undo"))
    image = View(
        "picture",
        picture=shown,
        weight=1,
        resource="photo",
        whole=True,
        description=see.t("Picture"),
    )
    tools = tuple(
        ui.chip(see.t(name), do("edit", name=key), icon=mark) for key, (mark, name) in EDITS.items()
    )
    parts = (ui.top_bar(see.t("Edit"), undo, save), image, ui.chips(*tools))
    return View("column", children=parts, fill="surface")


@APP.on("edit")
def add_edit(do: Do) -> None:
    do.put("edits", f"{do.get('edits')} {do.args['name']}".strip())


@APP.on("undo")
def undo(do: Do) -> None:
    do.put("edits", " ".join(_edits(do)[:-1]) or None)


@APP.on("save")
def save(do: Do) -> None:
    path = str(do.args.get("path", ""))
    try:
        content = media.edited(do.read(path), _edits(do), do.now)
    except ValueError:
        return do.toast(do.t("This picture does not exist"))
    _free(do, f"{path.rpartition('.')[0]}.jpg", content)
    do.toast(do.t("Saved"))
    return do.finish()


@APP.back(".Edit")
def leave(do: Do) -> None:
    if _edits(do):
        do.show("discard")
    else:
        do.finish()


@APP.overlay("discard")
def discard(see: See) -> Overlay:
    return ui.confirm(see.t("Discard your changes?"), "", see.t("Discard"), do("discarded"),
                      see.t("Keep editing"))  # fmt: skip


@APP.on("discarded")
def discarded(do: Do) -> None:
    do.finish()
