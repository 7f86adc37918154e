"""One recording: played, renamed, shared, deleted; and the settings."""

from __future__ import annotations

from agentkit_android.apps import media
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.recorder.app import APP, RATES, SORTS, title
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, do, go, show
from agentkit_android.screen.views import Overlay, View


def position(see: See, path: str, seconds: float) -> tuple[float, bool]:
    """(where it stands in seconds, whether it plays)."""
    one = see.row("SELECT * FROM playing WHERE path = ?", path)
    if one is None:
        return 0.0, False
    at = one["position"] + (see.now - one["began"] if one["began"] else 0)
    return min(at, seconds), bool(one["began"]) and at < seconds


def path_of(see: See) -> str:
    """Of the recording that is shown: it may have been renamed since."""
    return see.get("path", str(see.args.get("path", "")))


@APP.screen(".Play")
def play(see: See) -> View:
    path = path_of(see)
    if not see.exists(path):
        return ui.page(see.t("Recorder"), ui.empty(see.t("This file does not exist")))
    seconds = media.sound(see.read(path)).seconds
    at, plays = position(see, path, seconds)
    times = View("row", padding=(24, 0, 24, 0), children=(
        ui.text(media.minutes(at), resource="position"), ui.space(None),
        View("text", text=media.minutes(seconds), width=-1, resource="duration"),
    ))  # fmt: skip
    button = View(
        "icon", icon="pause" if plays else "play", description=see.t("Pause" if plays else "Play"),
        width=72, height=72, corner=36, fill="primary", colour="on-primary", tap=do("play"),
        resource="play_pause",
    )  # fmt: skip
    middle = View("column", children=(button,), centred=True, padding=(0, 16, 0, 24))
    bar = ui.seek(at / seconds if seconds else 0, do("seek"), see.t("Position"))
    actions = (
        ui.icon("share-variant", see.t("Share"), do("share")),
        ui.icon("pencil", see.t("Rename"), show("rename", here=True)),
        ui.icon("delete-outline", see.t("Delete"), show("delete", here=True)),
    )
    rows = (
        ui.row(see.t("File"), f"/sdcard/{path}", lead=ui.icon("file-music")),
        ui.row(see.t("Size"), f"{len(see.read(path)) / 1024:.0f} kB", lead=ui.icon("harddisk")),
    )
    return ui.page(title(path), bar, times, middle, *rows, actions=actions)


@APP.on("play")
def play_pause(do: Do) -> None:
    path = path_of(do)
    seconds = media.sound(do.read(path)).seconds
    at, plays = position(do, path, seconds)
    _set(do, path, at if plays or at < seconds else 0.0, runs=not plays)


@APP.on("seek")
def seek(do: Do) -> None:
    path = path_of(do)
    seconds = media.sound(do.read(path)).seconds
    _, plays = position(do, path, seconds)
    _set(do, path, float(str(do.args["value"])) * seconds, runs=plays)


def _set(do: Do, path: str, at: float, *, runs: bool) -> None:
    do.run("DELETE FROM playing")
    do.run("INSERT INTO playing VALUES (?, ?, ?)", path, do.now if runs else 0, at)


@APP.on("share")
def share(do: Do) -> None:
    data = f"file:///sdcard/{path_of(do)}"
    do.send(Intent(intents.SEND, kind="audio/wav", extras=(("stream", data),)))


@APP.overlay("entry")
def entry(see: See) -> Overlay:
    path = see.args.get("path")
    return ui.menu(
        (see.t("Rename"), show("rename", path=path)), (see.t("Share"), do("share", path=path)),
        (see.t("Delete"), show("delete", path=path)),
    )  # fmt: skip


@APP.overlay("rename")
def ask_rename(see: See) -> Overlay:
    path = path_of(see)
    rename = do("rename", path=path, here=see.args.get("here"))
    return ui.dialog(
        see.t("Rename"), ui.form(ui.field("title", title(path), label=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Save"), rename)),
    )  # fmt: skip


@APP.on("rename")
def rename(do: Do) -> None:
    old = str(do.args["path"])
    name = do.text("title", title(old)).strip().replace("/", "-")
    do.type("title", None)
    new = f"{old.rpartition('/')[0]}/{name}.wav"
    if not name or new == old or not do.exists(old):
        return
    if do.exists(new):
        return do.toast(do.t("This name is taken"))
    do.rename(old, new)
    do.run("DELETE FROM playing")
    if do.args.get("here"):
        do.put("path", new)
    return None


@APP.overlay("delete")
def ask_delete(see: See) -> Overlay:
    path = path_of(see)
    delete = do("delete", path=path, here=see.args.get("here"))
    return ui.confirm(see.t("Delete recording?"), title(path), see.t("Delete"), delete,
                      see.t("Cancel"))  # fmt: skip


@APP.on("delete")
def delete(do: Do) -> None:
    path = str(do.args["path"])
    if do.exists(path):
        do.remove(path)
    do.toast(do.t("Deleted"))
    if do.args.get("here"):
        do.finish()


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    return ui.menu((see.t("Sort by"), show("sort")), (see.t("Settings"), go(".Settings")))


@APP.overlay("sort")
def sort(see: See) -> Overlay:
    names = [(key, see.t(name)) for key, name in SORTS.items()]
    return ui.options(see.t("Sort by"), do("prefer", key="sort"), names,
                      see.preference("sort", "new"), see.t("Cancel"))  # fmt: skip


@APP.screen(".Settings")
def settings(see: See) -> View:
    rate = see.preference("rate", "8000")
    return ui.page(
        see.t("Settings"), ui.row(see.t("Quality"), see.t(RATES[rate]), tap=show("rate"))
    )


@APP.overlay("rate")
def rate(see: See) -> Overlay:
    names = [(key, see.t(name)) for key, name in RATES.items()]
    return ui.options(see.t("Quality"), do("prefer", key="rate"), names,
                      see.preference("rate", "8000"), see.t("Cancel"))  # fmt: skip


@APP.on("prefer")
def prefer(do: Do) -> None:
    key, value = str(do.args["key"]), str(do.args["value"])
    if value in {"sort": SORTS, "rate": RATES}.get(key, ()):
        do.prefer(key, value)
