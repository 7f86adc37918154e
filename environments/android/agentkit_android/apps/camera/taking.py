"""What the buttons do: photos, clips, answers to other apps; and the settings."""

from __future__ import annotations

from datetime import UTC, datetime

from agentkit_android.apps import media
from agentkit_android.apps.camera.app import (
    APP,
    FLASHES,
    FOLDER,
    MICROPHONE,
    SIZES,
    TIMERS,
    is_answer,
    is_front,
    number,
    size_of,
)
from agentkit_android.apps.context import Do, See
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, show
from agentkit_android.screen.views import Overlay, View


@APP.on("flash")
def flash(do: Do) -> None:
    order = list(FLASHES)
    now = do.preference("flash", "auto")
    do.prefer("flash", order[(order.index(now) + 1) % len(order)])


@APP.on("flip")
def flip(do: Do) -> None:
    do.prefer("lens", "back" if is_front(do) else "front")


@APP.on("shutter")
def shutter(do: Do) -> None:
    if do.get("mode") == "video":
        return _clip(do)
    wait = int(do.preference("timer", "0"))
    if not wait:
        return _photo(do)
    do.put("waits", do.now + wait)
    return do.wake("photo", do.now + wait, Act("do", "photo"))


@APP.on("photo")
def photo(do: Do) -> None:
    _photo(do)


def _photo(do: Do) -> None:
    do.put("waits", None)
    content = media.jpeg(media.view(number(do), *size_of(do), front=is_front(do)), do.now)
    path = _keep(do, "IMG", "jpg", content)
    if path and is_answer(do):
        do.put("shot", path)


def _keep(do: Do, kind: str, ending: str, content: bytes) -> str:
    """Writes a file that is named after the time; its path, or "" where there is no room."""
    name = f"{kind}_{datetime.fromtimestamp(do.now, UTC):%Y%m%d_%H%M%S}"
    path, more = f"{FOLDER}/{name}.{ending}", 0
    while do.exists(path):
        more += 1
        path = f"{FOLDER}/{name}_{more}.{ending}"
    try:
        do.write(path, content)
    except OSError as error:
        do.toast(do.t("Not saved: {why}", why=error.strerror))
        return ""
    return path


def _clip(do: Do) -> None:
    began = do.one("SELECT began FROM clip")
    if began is None:
        return do.ask(MICROPHONE, Act("do", "roll"))
    seen, seconds = number(do), do.now - int(began)
    do.run("DELETE FROM clip")
    _keep(do, "VID", "gif", media.clip(seen, seconds, front=is_front(do)))
    return None


@APP.on("roll")
def roll(do: Do) -> None:
    do.run("DELETE FROM clip")
    do.run("INSERT INTO clip VALUES (?)", do.now)


@APP.back(".Camera")
def leave(do: Do) -> None:
    """What is being recorded is kept."""
    if do.row("SELECT * FROM clip"):
        _clip(do)
    do.unwake("photo")
    do.finish()


@APP.on("retake")
def retake(do: Do) -> None:
    if do.exists(path := do.get("shot")):
        do.remove(path)
    do.put("shot", None)


@APP.on("accept")
def accept(do: Do) -> None:
    do.finish(data=f"file:///sdcard/{do.get('shot')}")


@APP.overlay("timer")
def timer(see: See) -> Overlay:
    names = [(key, see.t(name)) for key, name in TIMERS.items()]
    return ui.options(see.t("Timer"), do("prefer", key="timer"), names,
                      see.preference("timer", "0"), see.t("Cancel"))  # fmt: skip


@APP.screen(".Settings")
def settings(see: See) -> View:
    grid = see.preference("grid", "0")
    size = see.preference("size", "4:3")
    return ui.page(
        see.t("Settings"),
        ui.toggle(see.t("Grid lines"), grid == "1",
                  do("prefer", key="grid", value="0" if grid == "1" else "1")),
        ui.row(see.t("Photo size"), f"{size} ({SIZES[size][0]} × {SIZES[size][1]})",
               tap=show("size")),
        ui.row(see.t("Save to"), f"/sdcard/{FOLDER}"),
    )  # fmt: skip


@APP.overlay("size")
def size(see: See) -> Overlay:
    names = [(key, f"{key} ({wide} × {high})") for key, (wide, high) in SIZES.items()]
    return ui.options(see.t("Photo size"), do("prefer", key="size"), names,
                      see.preference("size", "4:3"), see.t("Cancel"))  # fmt: skip


@APP.on("prefer")
def prefer(do: Do) -> None:
    known = {"grid": ("0", "1"), "size": tuple(SIZES), "timer": tuple(TIMERS)}
    key, value = str(do.args["key"]), str(do.args["value"])
    if value in known.get(key, ()):
        do.prefer(key, value)
