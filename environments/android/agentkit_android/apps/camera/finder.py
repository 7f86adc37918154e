"""What one sees: the viewfinder and what stands around it."""

from __future__ import annotations

import io
from functools import lru_cache

from agentkit_android.apps import media
from agentkit_android.apps.camera.app import (
    APP,
    FLASHES,
    FOLDER,
    LENS,
    TIMERS,
    is_answer,
    is_front,
    number,
    size_of,
    taken,
)
from agentkit_android.apps.context import See
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, go, put, send, show
from agentkit_android.screen.views import Shape, View


@lru_cache(8)
def _finder(number: int, size: tuple[int, int], front: bool) -> bytes:
    out = io.BytesIO()
    media.view(number, *size, front=front).save(out, "PNG", compress_level=1)
    return out.getvalue()


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
        "picture", picture=_finder(number(see), size_of(see), is_front(see)), resource="preview",
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
    if names and not is_answer(see):
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


def _review(see: See, path: str) -> View:
    shown = View("picture", picture=see.read(path), weight=1, description=see.t("Picture"))
    foot = View("row", height=112, children=(
        ui.space(32), _mark("close", see.t("Retake"), do("retake"), "retake_button"),
        ui.space(None), _mark("check", see.t("Done"), do("accept"), "done_button"), ui.space(32),
    ))  # fmt: skip
    return View("column", children=(shown, foot), fill="black")
