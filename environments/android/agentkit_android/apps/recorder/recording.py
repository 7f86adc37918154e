"""The list of recordings, and one that is being made."""

from __future__ import annotations

from agentkit_android.apps import media
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.recorder.app import (
    APP,
    FOLDER,
    MAX_SECONDS,
    MICROPHONE,
    recordings,
    title,
)
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, go, show
from agentkit_android.screen.views import Overlay, Shape, View


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
