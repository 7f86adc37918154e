"""Settings of `use = "android"`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from agentkit.settings import PartSettings
from agentkit_android.tasks.harder import Harder


class AndroidSettings(PartSettings):
    """Attributes:
    serial: of a real phone or an emulator, as `adb devices` lists it; none means a simulated one.
    where: of a simulated phone: a process of its own, which outlives the agent, or inside this
        one, which is faster and ends with it. Both do the same.
    name: of the simulated phone's process; the part's name by default.
    adb_port: of the adb server; 0 is the usual one.
    timeout: seconds for one call. settle: seconds to wait after an action; by default 1 on a real
        phone and none on a simulated one.
    driver: adb alone, or Appium's UiAutomator2 driver by the server at `appium_url`.
    picture: whether observations hold the screenshot.
    suite: whose tasks: ours; or AndroidWorld's or AndroidLab's, which need an emulator with their
        apps (`serial`) and their code. suite_folder: a clone of AndroidLab's repository.
        grpc_port: that AndroidWorld's emulator was started with.
    harder: what makes a simulated phone's tasks harder, drawn anew for each: see tasks/harder.py.
    clear: of a real phone: whether the data of a task's apps may be cleared before it.
    """

    serial: str = ""
    where: Literal["process", "inside"] = "process"
    name: str = Field(default="", pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$|^$")
    adb_port: int = Field(default=0, ge=0, le=65535)
    timeout: float = Field(default=20.0, gt=0)
    settle: float | None = Field(default=None, ge=0)
    driver: Literal["adb", "appium"] = "adb"
    appium_url: str = "http://127.0.0.1:4723"
    picture: bool = True
    suite: Literal["own", "android-world", "android-lab"] = "own"
    suite_folder: Path = Path()
    grpc_port: int = Field(default=8554, ge=1, le=65535)
    harder: tuple[Harder, ...] = ()
    clear: bool = False
