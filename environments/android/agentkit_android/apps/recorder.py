"""Recorder: sounds from the microphone, kept as WAV files in /sdcard/Recordings."""

from __future__ import annotations

from agentkit_android.apps import media
from agentkit_android.apps.app import App
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, Intent, do, go, show
from agentkit_android.screen.views import Overlay, Shape, View

PACKAGE = "com.android.soundrecorder"
MICROPHONE = "android.permission.RECORD_AUDIO"
FOLDER = "Recordings"
SCHEMA = """
CREATE TABLE recording (began INTEGER NOT NULL, gathered INTEGER NOT NULL DEFAULT 0);
CREATE TABLE playing (path TEXT NOT NULL, began INTEGER NOT NULL, position REAL NOT NULL);
"""
RATES = {"8000": "Voice (8 kHz)", "16000": "High (16 kHz)"}
SORTS = {"new": "Newest first", "old": "Oldest first", "name": "Name", "long": "Longest first"}
MAX_SECONDS = 3600
APP = App(
    PACKAGE, "Recorder", "#BA1A1A", icon="microphone", schema=SCHEMA, permissions=(MICROPHONE,),
    strings=own("recorder"),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    do.make_folder(FOLDER)


def recordings(see: See) -> list[tuple[str, float, int]]:
    """(path, seconds, changed when) of those that exist, in the order that is wished."""
    found = [
        (path, media.sound(see.read(path)).seconds, when)
        for path, _, when in see.walk(FOLDER)
        if path.lower().endswith(media.SOUNDS)
    ]
    keys = {
        "new": lambda r: (-r[2], r[0]), "old": lambda r: (r[2], r[0]),
        "name": lambda r: r[0].casefold(), "long": lambda r: (-r[1], r[0]),
    }  # fmt: skip
    return sorted(found, key=keys.get(see.preference("sort", "new"), keys["new"]))


def title(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def elapsed(see: See) -> float:
    """Seconds that have been recorded; the time of a pause does not count."""
    one = see.row("SELECT * FROM recording")
    if one is None:
        return 0
    return float(one["gathered"] + (see.now - one["began"] if one["began"] else 0))


@APP.screen(".Main")
def main(see: See) -> View:
    if see.row("SELECT * FROM recording"):
        return _recording(see)
    wanted = see.text("query").strip().casefold()
    rows = [
        ui.row(title(path), f"{media.minutes(seconds)} · {see.day(when)}, {see.clock(when)}",
               tap=go(".Play", path=path), hold=show("entry", path=path),
               lead=ui.badge("music-note", "#BA1A1A"))
        for path, seconds, when in recordings(see)
        if wanted in title(path).casefold()
    ]  # fmt: skip
    record = View(
        "icon", icon="microphone", description=see.t("Record"), width=72, height=72, corner=36,
        fill="#BA1A1A", colour="white", tap=do("ask"), resource="record_button",
    )  # fmt: skip
    foot = View("column", children=(record,), centred=True, padding=(0, 12, 0, 16))
    none = ui.empty(see.t("No recordings"), "microphone")
    return ui.page(
        see.t("Recorder"), *(rows or [none]), up=False, actions=(ui.more(see.t("More options")),),
        under=(ui.form(ui.field("query", hint=see.t("Search recordings"))),), bottom=(foot,),
        resource="recordings",
    )  # fmt: skip


def _recording(see: See) -> View:
    paused = not see.one("SELECT began FROM recording")
    seconds = elapsed(see)
    wave = tuple(
        Shape("line", (x, 0.5 - high, x, 0.5 + high), "primary", 3)
        for n in range(48)
        for x, high in ((n / 48 + 0.01, 0.04 + 0.3 * ((n * 37 + int(seconds) * 11) % 17) / 17),)
    )
    told = see.t("Paused") if paused else see.t("Recording…")
    buttons = (
        ui.button(see.t("Discard"), show("discard"), kind="outlined", resource="discard"),
        ui.button(see.t("Resume" if paused else "Pause"), do("pause"), kind="tonal",
                  icon="microphone" if paused else "pause", resource="pause"),
        ui.button(see.t("Done"), show("save"), icon="check", resource="done"),
    )  # fmt: skip
    middle = View(
        "column", centred=True, weight=1, gap=16, padding=(16, 64, 16, 0),
        children=(
            ui.text(media.minutes(seconds), "display", centred=True, resource="elapsed"),
            ui.text(told, "subtitle", "on-surface-variant", centred=True),
            View("canvas", height=160, shapes=wave, description=see.t("Sound level")),
        ),
    )  # fmt: skip
    parts = (ui.top_bar(see.t("Recorder"), up=False), middle, ui.buttons(*buttons))
    return View("column", children=(*parts, ui.space(height=24)), fill="surface")


@APP.on("ask")
def ask(do: Do) -> None:
    do.ask(MICROPHONE, Act("do", "record"), Act("do", "refused"))


@APP.on("refused")
def refused(do: Do) -> None:
    do.toast(do.t("Recorder needs the microphone"))


@APP.on("record")
def record(do: Do) -> None:
    do.run("DELETE FROM recording")
    do.run("DELETE FROM playing")
    do.run("INSERT INTO recording (began) VALUES (?)", do.now)
    _notify(do, "Recording…", "Pause")


def _notify(do: Do, told: str, button: str) -> None:
    stop = (do.t("Stop"), Act("do", "stop"))
    do.notify("recording", do.t("Recorder"), do.t(told), go(".Main"), fixed=True,
              buttons=((do.t(button), Act("do", "pause")), stop))  # fmt: skip


@APP.on("pause")
def pause(do: Do) -> None:
    one = do.row("SELECT * FROM recording")
    if one is None:
        return
    began = 0 if one["began"] else do.now
    do.run("UPDATE recording SET gathered = ?, began = ?", int(elapsed(do)), began)
    _notify(do, "Recording…" if began else "Paused", "Pause" if began else "Resume")


def _free_name(see: See) -> str:
    number = 1
    while see.exists(f"{FOLDER}/{see.t('Recording')} {number}.wav"):
        number += 1
    return f"{see.t('Recording')} {number}"


@APP.overlay("save")
def ask_name(see: See) -> Overlay:
    return ui.dialog(
        see.t("Save recording"), ui.form(ui.field("name", _free_name(see), label=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Save"), do("stop"))),
    )  # fmt: skip


@APP.on("stop")
def stop(do: Do) -> None:
    one = do.row("SELECT * FROM recording")
    name = do.text("name", _free_name(do)).strip().replace("/", "-") or _free_name(do)
    do.type("name", None)
    if one is None:
        return
    path, tried = f"{FOLDER}/{name}.wav", 1
    while do.exists(path):
        tried += 1
        path = f"{FOLDER}/{name} ({tried}).wav"
    rate = int(do.preference("rate", "8000"))
    seconds = min(elapsed(do), MAX_SECONDS)
    try:
        do.write(path, media.wav(seconds, rate, pitch=0.05 + len(name) % 7 / 100))
    except OSError as error:
        return do.toast(do.t("Not saved: {why}", why=error.strerror))
    do.run("DELETE FROM recording")
    do.unnotify("recording")
    return do.toast(do.t("Saved"))


@APP.overlay("discard")
def ask_discard(see: See) -> Overlay:
    return ui.confirm(see.t("Discard this recording?"), "", see.t("Discard"), do("discard"),
                      see.t("Cancel"))  # fmt: skip


@APP.on("discard")
def discard(do: Do) -> None:
    do.run("DELETE FROM recording")
    do.unnotify("recording")


# One recording.


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
                      see.preference("sort", "new"))  # fmt: skip


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
                      see.preference("rate", "8000"))  # fmt: skip


@APP.on("prefer")
def prefer(do: Do) -> None:
    key, value = str(do.args["key"]), str(do.args["value"])
    if value in {"sort": SORTS, "rate": RATES}.get(key, ()):
        do.prefer(key, value)
