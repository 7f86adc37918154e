"""The phone: one object that everything shown, asked or changed goes to."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from agentkit_android.phone.files import ROOT_UID, Files

if TYPE_CHECKING:
    from agentkit_android.device.streams import Stream

log = logging.getLogger("agentkit.android.phone")

BEGIN = 1697384040
"""2023-10-15 15:34 UTC: the moment at which every phone is switched on."""

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

    def now(self) -> int:
        """The phone's clock, in seconds since 1970; it goes on by what is done, not by itself."""
        return int(self._time)

    def pass_time(self, seconds: float) -> None:
        self._time += seconds

    def unknown_command(self, name: str) -> None:
        """Keeps and, the first time, logs the name of a program that is not there."""
        if name not in self.unknown:
            if len(self.unknown) >= 1000:
                return
            log.warning("unknown command: %.80r", name)
        self.unknown[name] = self.unknown.get(name, 0) + 1
