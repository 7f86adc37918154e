"""Every call of the clients that people use, tried; docs/phone-clients.md is made from this list.

Write the page again after a change: python environments/android/tests/test_clients_page.py
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbutils
import pytest
import uiautomator2

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "phone-clients.md"
APK = Path(uiautomator2.__file__).parent / "assets" / "app-uiautomator.apk"
WORKS, NO = "works", "refused"


@dataclass(frozen=True)
class Row:
    """call: as people write it. outcome: WORKS where the call succeeds, NO where the client is told
    an error at once. note: what the table says beside it."""

    client: str
    call: str
    outcome: str = WORKS
    note: str = ""


ADB = [
    Row("adb", c)
    for c in (
        "devices -l", "get-state", "get-serialno", "features", "shell echo hello",
        "shell getprop ro.product.model", "exec-out screencap -p", "shell wm size",
        "shell input tap 100 100", "shell input swipe 500 1500 500 500 300",
        "shell input keyevent KEYCODE_HOME", "shell input text hello",
        "shell am start -n com.android.settings/.Settings",
        "shell am force-stop com.android.settings",
        "shell am broadcast -a android.intent.action.TEST",
        "shell monkey -p com.android.contacts -c android.intent.category.LAUNCHER 1",
        "shell pm list packages", "shell pm path com.android.settings",
        "shell pm clear com.android.contacts", "shell cmd package list packages",
        "shell cmd package query-activities --brief -a android.intent.action.MAIN "
        "-c android.intent.category.LAUNCHER",
        "shell dumpsys window windows", "shell dumpsys activity top", "shell dumpsys battery",
        "shell dumpsys package com.android.settings", "shell dumpsys display",
        "shell settings get global airplane_mode_on", "shell settings list system",
        "shell svc wifi disable", "shell svc wifi enable", "shell ip addr show dev wlan0",
        "shell content query --uri content://com.android.contacts/people",
        "shell uiautomator dump /sdcard/d.xml", "shell ime list -s", "shell logcat -d",
        "logcat -d", "forward tcp:0 tcp:9008", "forward --list", "forward --remove-all",
        "reverse tcp:7001 tcp:9", "reverse --list", "reverse --remove-all",
        "shell date", "shell ls -l /sdcard", "shell cat /system/build.prop || true",
        "wait-for-device",
    )
] + [
    Row("adb", "push FILE /sdcard/", note="and pull, folders, odd names"),
    Row("adb", "shell screenrecord /sdcard/a.mp4", NO, "no video"),
    Row("adb", "root", WORKS, "says that it is not possible, as a production build does"),
    Row("adb", "shell su", NO, "nobody is root"),
    Row("adb", "install NO-APK", NO, "INSTALL_PARSE_FAILED_NOT_APK; a real one is listed, not run"),
]  # fmt: skip
CALLS: dict[str, Callable[[Any], object]] = {
    "device.serial": lambda d: d.serial,
    "device.prop.model": lambda d: d.prop.model,
    "device.get_state()": lambda d: d.get_state(),
    "device.shell(…)": lambda d: d.shell("echo 1"),
    "device.shell2(…)": lambda d: d.shell2("(exit 3)").returncode == 3 or 1 / 0,
    "device.window_size()": lambda d: d.window_size(),
    "device.rotation()": lambda d: d.rotation(),
    "device.screenshot()": lambda d: d.screenshot(),
    "device.framebuffer()": lambda d: d.framebuffer(),
    "device.app_start(…)": lambda d: d.app_start("com.android.settings"),
    "device.app_current()": lambda d: d.app_current(),
    "device.app_info(…)": lambda d: d.app_info("com.android.settings"),
    "device.app_stop(…)": lambda d: d.app_stop("com.android.settings"),
    "device.app_clear(…)": lambda d: d.app_clear("com.android.contacts"),
    "device.list_packages()": lambda d: d.list_packages(),
    "device.click(…)": lambda d: d.click(10, 10),
    "device.swipe(…)": lambda d: d.swipe(500, 1500, 500, 500),
    "device.keyevent(…)": lambda d: d.keyevent("HOME"),
    "device.send_keys(…)": lambda d: d.send_keys("hello"),
    "device.dump_hierarchy()": lambda d: d.dump_hierarchy(),
    "device.is_screen_on()": lambda d: d.is_screen_on(),
    "device.battery()": lambda d: d.battery(),
    "device.wlan_ip()": lambda d: d.wlan_ip(),
    "device.switch_wifi(…)": lambda d: d.switch_wifi(True),
    "device.switch_airplane(…)": lambda d: d.switch_airplane(False),
    "device.brightness_value": lambda d: d.brightness_value,
    "device.open_browser(…)": lambda d: d.open_browser("https://weather.example/"),
    "device.sync.push(…)": lambda d: d.sync.push(b"x", "/sdcard/x"),
    "device.sync.stat(…)": lambda d: d.sync.stat("/sdcard/x"),
    "device.sync.list(…)": lambda d: d.sync.list("/sdcard"),
    "device.sync.read_bytes(…)": lambda d: d.sync.read_bytes("/sdcard/x"),
    "device.forward(…)": lambda d: d.forward("tcp:0", "tcp:9008"),
    "device.forward_list()": lambda d: d.forward_list(),
    "device.reverse(…)": lambda d: d.reverse("tcp:7002", "tcp:9"),
    "device.reverse_list()": lambda d: d.reverse_list(),
    "device.getprop(…)": lambda d: d.getprop("ro.product.model"),
    "device.info": lambda d: d.info,
    "device.get_features()": lambda d: d.get_features(),
    "device.get_serialno()": lambda d: d.get_serialno(),
    "device.get_devpath()": lambda d: d.get_devpath(),
    "device.package_info(…)": lambda d: d.package_info("com.android.settings"),
    "device.drag(…)": lambda d: d.drag(500, 1500, 500, 500),
    "device.volume_up()": lambda d: d.volume_up(),
    "device.volume_down()": lambda d: d.volume_down(),
    "device.volume_mute()": lambda d: d.volume_mute(),
    "device.switch_screen(…)": lambda d: d.switch_screen(True),
    "device.brightness_mode": lambda d: d.brightness_mode,
    "device.open_shell(…)": lambda d: d.open_shell("echo 1").close(),
    "device.push(…)": lambda d: d.push(__file__, "/sdcard/pushed"),
    "device.remove(…)": lambda d: d.remove("/sdcard/pushed"),
    "device.rmtree(…)": lambda d: d.rmtree("/sdcard/none"),
    "device.install(…)": lambda d: d.install(str(APK), silent=True),
    "device.uninstall(…)": lambda d: d.uninstall("com.github.uiautomator"),
    "device.forward_port(…)": lambda d: d.forward_port(9008),
    "device.forward_remove(…)": lambda d: d.forward_remove(d.forward_list()[0].local),
    "device.forward_remove_all()": lambda d: d.forward_remove_all(),
    "device.reverse_remove(…)": lambda d: d.reverse_remove("tcp:7002"),
    "device.reverse_remove_all()": lambda d: d.reverse_remove_all(),
    "device.create_connection(…)": lambda d: d.create_connection("local", "minicap"),
    "device.install_remote(…)": lambda d: d.install_remote("/sdcard/none.apk"),
    "device.start_recording(…)": lambda d: d.start_recording("/dev/null"),
    "device.tcpip(…)": lambda d: d.tcpip(5555),
    "device.root()": lambda d: d.root(),
    "device.logcat(…)": lambda d: d.logcat("/dev/null", re_filter="x").stop(timeout=5),
}
REFUSED: dict[str, str] = {
    "device.create_connection(…)": "where nobody listens",
    "device.install_remote(…)": "a file that is none",
    "device.start_recording(…)": "no video",
    "device.tcpip(…)": "it listens at its port already",
}
ELSEWHERE_TRIED = {
    "adb_output": "the adb command itself", "download_apk": "from the web",
    "open_transport": "what all others stand on", "is_recording": "no video",
    "stop_recording": "no video", "reboot": "test_adb.py",
}  # fmt: skip
"""Of adbutils' device, what the table does not try."""
ADBUTILS = [
    Row("adbutils", name, NO if name in REFUSED else WORKS, REFUSED.get(name, "")) for name in CALLS
]
ELSEWHERE = [
    Row("uiautomator2", c, note=n)
    for c, n in (
        ("connect, info, device_info, window_size", ""), ("app_start, app_stop, app_current", ""),
        ("dump_hierarchy, screenshot", ""), ("d(text=…), .exists, .count, .info, .child", ""),
        ("d(…).click, .wait, .wait_gone, .get_text", ""), ("set_text, clear_text", "any script"),
        ("scroll.to, scroll.toBeginning, fling", ""), ("xpath(…)", ""), ("watch_context", ""),
        ("screen_on, screen_off", ""),
    )
] + [
    Row("uiautomator2", "send_keys", NO, "needs a keyboard of its own app, whose code cannot run"),
    Row("uiautomator2", "toast, pinch_in, gesture of two fingers", NO),
] + [
    Row("Appium", c, note=n)
    for c, n in (
        ("session, again, and two phones at once", "the driver's packages are streamed and listed"),
        ("activate_app, current_package, current_activity", ""),
        ("page_source, screenshot, window size, orientation", ""),
        ("find by xpath, id, accessibility id, class name", ""),
        ("UiSelector, UiScrollable.scrollIntoView", ""),
        ("click, text, attribute, rect, element screenshot", ""),
        ("send_keys, clear", "any script"), ("no such, stale and invalid selector errors", ""),
        ("press_keycode, back, swipe, mobile: scrollGesture", ""),
    )
] + [Row("Appium", "gestures of two fingers, video", NO)]  # fmt: skip


def page() -> str:
    head = """# What works with which client
Tried on the simulated phone by the tests, with the real clients: Debian's adb (version 29) and the
one of adbutils (36), adbutils, uiautomator2, and an Appium server with its UiAutomator2 driver.
This page is made from the list in `environments/android/tests/test_clients_page.py`.

| client | call | outcome |
|---|---|---|
"""
    rows = [
        f"| {r.client} | `{r.call.replace('|', chr(92) + '|')}` | {r.outcome}"
        f"{f': {r.note}' if r.note else ''} |"
        for r in [*ADB, *ADBUTILS, *ELSEWHERE]
    ]
    return head + "\n".join(rows) + "\n"


def test_the_page_is_of_this_list() -> None:
    assert PAGE.read_text() == page(), "write it again: see the first lines of this file"


@pytest.mark.slow
def test_adb(adb: Any, tmp_path: Path) -> None:
    (tmp_path / "FILE").write_text("x")
    (tmp_path / "NO-APK").write_text("x")
    bad = []
    for row in ADB:
        words = row.call.split()
        words = [str(tmp_path / w) if w in ("FILE", "NO-APK") else w for w in words]
        try:
            ok = adb(*words, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            bad.append(f"{row.call}: hangs")
            continue
        if ok is (row.outcome == NO):
            bad.append(f"{row.call}: {'works' if ok else 'fails'}")
    assert not bad


@pytest.mark.slow
def test_adbutils(adb: Any) -> None:
    """Each call works, or is told an error; none hangs."""
    device = adbutils.AdbClient(port=adb.port, socket_timeout=10).device(adb.serial)
    bad = []
    for name, call in CALLS.items():
        try:
            call(device)
            said = ""
        except adbutils.AdbTimeout as error:
            bad.append(f"{name} hangs: {error}")
            continue
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        if bool(said) is not (name in REFUSED):
            bad.append(f"{name}: {said or 'works'}")
    assert not bad


def test_no_call_of_adbutils_is_left_out() -> None:
    tried = {re.split(r"[.(]", name)[1] for name in CALLS} | ELSEWHERE_TRIED.keys()
    public = {n for n in dir(adbutils.AdbDevice) if not n.startswith("_")}
    assert public - tried == set()


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE}\n")
