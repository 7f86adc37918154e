"""The phone: one object that everything shown, asked or changed goes to."""

from __future__ import annotations

import copy
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agentkit_android import apps
from agentkit_android.phone.activities import Activity, Stack
from agentkit_android.phone.files import ROOT_UID, Files
from agentkit_android.phone.settings import Settings
from agentkit_android.screen.layout import Box, hit, place
from agentkit_android.screen.scene import Scene
from agentkit_android.screen.theme import GESTURE_BAR, STATUS_BAR, Display

if TYPE_CHECKING:
    from agentkit_android.device.streams import Stream

log = logging.getLogger("agentkit.android.phone")

BEGIN = 1697384040
"""2023-10-15 15:34 UTC: the moment at which every phone is switched on."""

LOG_LINES = 2000
PROPERTIES = {
    "ro.product.name": "agentphone",
    "ro.product.model": "Agent Phone",
    "ro.product.device": "agentphone",
    "ro.product.brand": "agentkit",
    "ro.product.manufacturer": "agentkit",
    "ro.product.board": "agentphone",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
    "ro.product.locale": "en-US",
    "ro.build.version.sdk": "33",
    "ro.build.version.release": "13",
    "ro.build.version.codename": "REL",
    "ro.build.id": "TQ3A.230805.001",
    "ro.build.type": "user",
    "ro.build.tags": "release-keys",
    "ro.build.characteristics": "default",
    "ro.hardware": "agentphone",
    "ro.serialno": "AGENTPHONE0001",
    "ro.boot.serialno": "AGENTPHONE0001",
    "ro.debuggable": "0",
    "ro.secure": "1",
    "ro.sf.lcd_density": "420",
    "persist.sys.locale": "en-US",
    "persist.sys.timezone": "UTC",
    "sys.boot_completed": "1",
    "dev.bootcomplete": "1",
    "init.svc.bootanim": "stopped",
    "wifi.interface": "wlan0",
}
FOLDERS = (
    "/system/bin", "/system/xbin", "/vendor", "/proc", "/dev", "/mnt", "/data/app", "/data/data",
    "/data/local/tmp", "/storage/emulated/0/Alarms", "/storage/emulated/0/Android/data",
    "/storage/emulated/0/DCIM", "/storage/emulated/0/Documents", "/storage/emulated/0/Download",
    "/storage/emulated/0/Movies", "/storage/emulated/0/Music", "/storage/emulated/0/Pictures",
)  # fmt: skip
LINKS = {
    "/sdcard": "/storage/emulated/0",
    "/mnt/sdcard": "/storage/emulated/0",
    "/bin": "/system/bin",
    "/etc": "/system/etc",
}

PortService = Callable[["Stream"], Awaitable[None]]


class Phone:
    """A simulated phone.

    Attributes:
        properties: what getprop shows.
        files: its file system.
        ports: who listens on its TCP ports (`adb forward … tcp:PORT`); none is a port of the host.
        unknown: names of programs that were called and do not exist, with how often.
        settings: the settings provider.
        apps: what is installed, by package. data: what each app keeps.
        log: (time, tag, message) of the last LOG_LINES lines of logcat; logged: how many ever were.
        activities: which of them is in front.
        display: as it is now; physical: as it was made. awake: whether the screen is on.
    """

    def __init__(self) -> None:
        self._time = float(BEGIN)
        self.properties = dict(PROPERTIES)
        self.ports: dict[int, PortService] = {}
        self.unknown: dict[str, int] = {}
        self.files = Files(self.now)
        for folder in FOLDERS:
            own = folder.startswith(("/storage", "/data/local"))
            self.files.make_folder(folder, parents=True, uid=2000 if own else ROOT_UID)
        for path, target in LINKS.items():
            self.files.link(path, target)
        self.files.device("/dev/null")
        self.settings = Settings()
        self.apps = apps.load()
        self.data: dict[str, Any] = {p: copy.deepcopy(dict(a.data)) for p, a in self.apps.items()}
        for package in self.apps:
            self.files.make_folder(f"/data/data/{package}", uid=ROOT_UID)
            self.files.make_folder(f"/data/app/{package}", uid=ROOT_UID)
        launcher = self.apps[apps.HOME]
        self.activities = Stack(Activity(launcher.package, launcher.main))
        self.physical = self.display = Display()
        self.awake = True
        self.log: deque[tuple[float, str, str]] = deque(maxlen=LOG_LINES)
        self.logged = 0

    def now(self) -> int:
        """The phone's clock, in seconds since 1970; it goes on by what is done, not by itself."""
        return int(self._time)

    def pass_time(self, seconds: float) -> None:
        self._time += seconds

    def note(self, tag: str, message: str) -> None:
        """A line for logcat."""
        self.log.append((self._time, tag, message))
        self.logged += 1

    def unknown_command(self, name: str) -> None:
        """Keeps and, the first time, logs the name of a program that is not there."""
        if name not in self.unknown:
            if len(self.unknown) >= 1000:
                return
            log.warning("unknown command: %.80r", name)
            self.note("sh", f"{name[:80]}: inaccessible or not found")
        self.unknown[name] = self.unknown.get(name, 0) + 1

    # Activities.

    def start(self, package: str, activity: str, given: Mapping[str, str] | None = None) -> bool:
        """Brings an activity to the front: the main one as the launcher does, another on top of
        what is there. False where there is no such activity."""
        app = self.apps.get(package)
        if app is None or activity not in app.activities:
            return False
        self.note("ActivityTaskManager", f"START u0 {{cmp={package}/{activity}}}")
        if package == apps.HOME:
            self.activities.home()
        elif activity == app.main and not given:
            self.activities.launch(Activity(package, activity))
        else:
            self.activities.push(Activity(package, activity, dict(given or {})))
        return True

    def back(self) -> None:
        self.activities.back()

    def clear(self, package: str) -> None:
        """Stops an app and lets it begin anew, as `pm clear` does."""
        self.activities.stop(package)
        self.data[package] = copy.deepcopy(dict(self.apps[package].data))

    # The screen.

    @property
    def dark(self) -> bool:
        return self.settings.get("secure", "ui_night_mode") == "2"

    def scene(self) -> Scene:
        """What is on the screen now, made from the state alone."""
        front = self.activities.front
        clock = datetime.fromtimestamp(self.now(), UTC).strftime("%H:%M")
        return Scene(self.display, self._window(), front.package, clock, self._marks(), self.dark)

    def _marks(self) -> tuple[str, ...]:
        settings = self.settings
        if settings.is_on("global", "airplane_mode_on"):
            plain = ["Airplane"]
        else:
            plain = ["LTE"] if settings.is_on("global", "mobile_data") else []
        wifi = ["Wi-Fi"] if settings.is_on("global", "wifi_on") else []
        quiet = ["DND"] if settings.is_on("global", "zen_mode") else []
        return tuple(wifi + plain + quiet)

    def _window(self) -> Box | None:
        if not self.awake:
            return None
        front, display = self.activities.front, self.display
        view = self.apps[front.package].activities[front.name](self, front.given)
        bottom = max(0, display.height - display.px(GESTURE_BAR))
        bounds = (0, min(display.px(STATUS_BAR), bottom), display.width, bottom)
        return place(view, bounds, display, front.scroll)

    # What a finger does. Points are in pixels; what is outside the screen hits nothing.

    def tap(self, x: int, y: int) -> bool:
        """True where something took it."""
        self.pass_time(1)
        window = self._window()
        box = hit(window, x, y) if window else None
        if box is None:
            return False
        if box.view.on_seek:
            left, _, right, _ = box.bounds
            box.view.on_seek(self, min(1.0, max(0.0, (x - left) / max(1, right - left - 1))))
        elif box.view.on_tap:
            box.view.on_tap(self)
        return True

    def swipe(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """A list under the start moves with the finger; one that hardly moves taps."""
        if abs(start[0] - end[0]) < 8 and abs(start[1] - end[1]) < 8:
            self.tap(*start)
            return
        self.pass_time(1)
        window = self._window()
        under = [b for b in window.walk() if b.contains(*start)] if window else []
        if seek := next((b for b in under if b.view.on_seek), None):
            self.tap(end[0], (seek.bounds[1] + seek.bounds[3]) // 2)
            return
        for box in under:
            if box.view.kind == "list":
                front = self.activities.front
                now = min(front.scroll, box.beyond)
                front.scroll = min(max(0, now + start[1] - end[1]), box.beyond)

    def press(self, key: str) -> None:
        """A key by its name without KEYCODE_."""
        self.pass_time(1)
        if key == "POWER":
            self.awake = not self.awake
        elif key in ("SLEEP", "WAKEUP"):
            self.awake = key == "WAKEUP"
        elif key == "HOME" and self.awake:
            self.activities.home()
        elif key == "BACK" and self.awake:
            self.back()
