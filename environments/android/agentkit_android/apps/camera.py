"""Camera: photos and short clips of what its lens sees, kept in /sdcard/DCIM/Camera."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import lru_cache

from agentkit_android.apps import media
from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, go, put, send, show
from agentkit_android.screen.views import Overlay, Shape, View

PACKAGE = "com.android.camera2"
LENS, MICROPHONE = "android.permission.CAMERA", "android.permission.RECORD_AUDIO"
FOLDER = "DCIM/Camera"
SCHEMA = """
CREATE TABLE clip (began INTEGER NOT NULL);
"""
SIZES = {"4:3": (720, 960), "1:1": (720, 720), "16:9": (720, 1280)}
TIMERS = {"0": "Off", "3": "3 seconds", "10": "10 seconds"}
FLASHES = {"auto": "flash", "on": "flashlight", "off": "flash-off"}
CAPTURE = "android.media.action.IMAGE_CAPTURE"
APP = App(
    PACKAGE, "Camera", "#444746", icon="camera", main=".Camera", schema=SCHEMA,
    permissions=(LENS, MICROPHONE), strings=own("camera"),
    filters=(
        Filter(CAPTURE, ".Camera"),
        Filter("android.media.action.STILL_IMAGE_CAMERA", ".Camera"),
        Filter("android.media.action.VIDEO_CAMERA", ".Camera"),
        Filter("android.media.action.VIDEO_CAPTURE", ".Camera"),
    ),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    do.make_folder(FOLDER)


@APP.opened(".Camera")
def opened(do: Do) -> None:
    if "VIDEO" in str(do.args.get("action", "")):
        do.put("mode", "video")
    if not do.allowed(LENS):
        do.ask(LENS, Act("do", "seen"))


@APP.on("seen")
def seen(do: Do) -> None:
    """The lens may be used: there is nothing more to do."""


@APP.on("ask")
def ask(do: Do) -> None:
    do.ask(LENS, Act("do", "seen"))


def taken(see: See) -> list[str]:
    """The names of what was taken, the newest first."""
    found = [(when, name) for name, folder, _, when in see.files(FOLDER) if not folder]
    return [name for _, name in sorted(found, reverse=True)]


def _number(see: See) -> int:
    """What the lens looks at: one sees something else after each picture."""
    return len(taken(see))


def _front(see: See) -> bool:
    return see.preference("lens", "back") == "front"


def _size(see: See) -> tuple[int, int]:
    return SIZES.get(see.preference("size", "4:3"), SIZES["4:3"])


@lru_cache(8)
def _finder(number: int, size: tuple[int, int], front: bool) -> bytes:
    out = io.BytesIO()
    media.view(number, *size, front=front).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _is_answer(see: See) -> bool:
    """Another app asked for one picture."""
    return str(see.args.get("action", "")) == CAPTURE


@APP.screen(".Camera")
def camera(see: See) -> View:
    if not see.allowed(LENS):
        allow = ui.button(see.t("Allow access"), do("ask"), icon="camera")
        told = ui.empty(see.t("Camera needs access to take pictures"), "camera")
        return ui.page(see.t("Camera"), told, ui.buttons(allow))
    if path := see.get("shot"):
        return _review(see, path)
    video = see.get("mode") == "video"
    began = see.one("SELECT began FROM clip")
    finder = View(
        "picture", picture=_finder(_number(see), _size(see), _front(see)), resource="preview",
        description=see.t("Viewfinder"), weight=1,
    )  # fmt: skip
    layers = [finder]
    if see.preference("grid", "0") == "1":
        lines = [(n / 3, 0, n / 3, 1) for n in (1, 2)] + [(0, n / 3, 1, n / 3) for n in (1, 2)]
        shapes = tuple(Shape("line", xy, "white", 1) for xy in lines)
        layers.append(View("canvas", resource="grid_lines", shapes=shapes))
    if see.get("waits"):
        layers.append(_told(str(max(1, int(see.get("waits")) - see.now)), "countdown"))
    if began is not None:
        layers.append(_told(media.minutes(see.now - int(began)), "recording_time"))
    middle = View("stack", children=tuple(layers), weight=1)
    parts = (_top(see, video), middle, _modes(see, video, began is not None), _foot(see, video))
    return View("column", children=parts, fill="black")


def _told(what: str, resource: str) -> View:
    text = View(
        "text", text=what, style="title", colour="white", centred=True, resource=resource, width=80,
        height=40,
    )  # fmt: skip
    return View("row", children=(text,), fill="black", corner=20, anchor="top", width=80, height=40)


def _mark(name: str, told: str, act: Act, resource: str) -> View:
    return View("icon", icon=name, description=told, width=48, height=48, colour="white", tap=act,
                resource=resource)  # fmt: skip


def _top(see: See, video: bool) -> View:
    flash, timer = see.preference("flash", "auto"), see.preference("timer", "0")
    timer_mark = "timer-outline" if timer == "0" else "timer"
    names = {"auto": "Flash: auto", "on": "Flash: on", "off": "Flash: off"}
    timer_name = see.t("Timer: {how}", how=see.t(TIMERS[timer]))
    return View("row", height=56, padding=(8, 0, 8, 0), children=(
        _mark(FLASHES[flash], see.t(names[flash]), do("flash"), "flash_toggle_button"),
        ui.space(None), _mark(timer_mark, timer_name, show("timer"), "countdown_toggle_button"),
        ui.space(None), _mark("cog", see.t("Settings"), go(".Settings"), "settings_button"),
    ))  # fmt: skip


def _modes(see: See, video: bool, recording: bool) -> View:
    cells = tuple(
        View(
            "button", text=see.t(name), width=110, height=36, corner=18, style="button",
            fill="white" if video == is_video else "", selected=video == is_video,
            colour="black" if video == is_video else "white",
            tap=None if recording else put("mode", value), resource=f"mode_{name.lower()}",
        )
        for value, name, is_video in ((None, "Photo", False), ("video", "Video", True))
    )  # fmt: skip
    return View("row", children=(ui.space(None), *cells, ui.space(None)), height=56, gap=8)


def _foot(see: See, video: bool) -> View:
    names = taken(see)
    last: View = ui.space(56)
    if names and not _is_answer(see):
        content = see.read(f"{FOLDER}/{names[0]}")
        still = content if names[0].endswith(".jpg") else media.still(content)
        view = send(intents.VIEW, f"file:///sdcard/{FOLDER}/{names[0]}", kind="image/jpeg")
        last = View(
            "picture", picture=still, width=56, height=56, corner=28, tap=view,
            description=see.t("Last picture"), resource="rounded_thumbnail_view",
        )  # fmt: skip
    running = see.row("SELECT * FROM clip") is not None
    label = "Take photo" if not video else "Stop recording" if running else "Start recording"
    inner = View("icon", icon="stop" if running else "record" if video else "camera", width=64,
                 height=64, corner=32, fill="#B3261E" if video else "white",
                 colour="white" if video else "black", description=see.t(label), tap=do("shutter"),
                 resource="shutter_button")  # fmt: skip
    ring = View("column", children=(inner,), width=76, height=76, padding=(6, 6, 6, 6), corner=38,
                fill="#9A9A9A")  # fmt: skip
    flip = _mark("camera-flip", see.t("Switch camera"), do("flip"), "camera_toggle_button")
    row = (ui.space(24), last, ui.space(None), ring, ui.space(None), flip, ui.space(24))
    return View("row", children=row, height=112)


@APP.on("flash")
def flash(do: Do) -> None:
    order = list(FLASHES)
    now = do.preference("flash", "auto")
    do.prefer("flash", order[(order.index(now) + 1) % len(order)])


@APP.on("flip")
def flip(do: Do) -> None:
    do.prefer("lens", "back" if _front(do) else "front")


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
    content = media.jpeg(media.view(_number(do), *_size(do), front=_front(do)), do.now)
    path = _keep(do, "IMG", "jpg", content)
    if path and _is_answer(do):
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
    number, seconds = _number(do), do.now - int(began)
    do.run("DELETE FROM clip")
    _keep(do, "VID", "gif", media.clip(number, seconds, front=_front(do)))
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


def _review(see: See, path: str) -> View:
    shown = View("picture", picture=see.read(path), weight=1, description=see.t("Picture"))
    foot = View("row", height=112, children=(
        ui.space(32), _mark("close", see.t("Retake"), do("retake"), "retake_button"),
        ui.space(None), _mark("check", see.t("Done"), do("accept"), "done_button"), ui.space(32),
    ))  # fmt: skip
    return View("column", children=(shown, foot), fill="black")


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
                      see.preference("timer", "0"))  # fmt: skip


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
                      see.preference("size", "4:3"))  # fmt: skip


@APP.on("prefer")
def prefer(do: Do) -> None:
    known = {"grid": ("0", "1"), "size": tuple(SIZES), "timer": tuple(TIMERS)}
    key, value = str(do.args["key"]), str(do.args["value"])
    if value in known.get(key, ()):
        do.prefer(key, value)
