"""What the parts of the camera share: what was taken, and what its lens looks at."""

from __future__ import annotations

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.screen.acts import Act

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


def number(see: See) -> int:
    """What the lens looks at: one sees something else after each picture."""
    return len(taken(see))


def is_front(see: See) -> bool:
    return see.preference("lens", "back") == "front"


def size_of(see: See) -> tuple[int, int]:
    return SIZES.get(see.preference("size", "4:3"), SIZES["4:3"])


def is_answer(see: See) -> bool:
    """Another app asked for one picture."""
    return str(see.args.get("action", "")) == CAPTURE
