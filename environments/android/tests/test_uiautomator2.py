"""The real uiautomator2 on a simulated phone."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator
from typing import Any

import adbutils
import pytest
import uiautomator2
from uiautomator2.exceptions import UiObjectNotFoundError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def device(adb: Any) -> Iterator[uiautomator2.Device]:
    logging.getLogger("uiautomator2").setLevel(logging.WARNING)
    device = uiautomator2.connect(adbutils.AdbClient(port=adb.port).device(adb.serial))
    device.implicitly_wait(3)
    yield device
    device.stop_uiautomator(wait=False)


def test_it_connects_and_tells_what_it_is(device: Any, running: Any) -> None:
    info = device.info
    assert (info["displayWidth"], info["displayHeight"]) == (1080, 2400)
    assert info["sdkInt"] == 33 and info["screenOn"]
    assert device.device_info["model"] == "Agent Phone"
    assert device.window_size() == (1080, 2400)


def test_it_sees_the_screen_and_starts_apps(device: Any, running: Any) -> None:
    device.app_start("com.android.settings")
    assert device.app_current()["package"] == "com.android.settings"
    assert 'text="Network &amp; internet"' in device.dump_hierarchy(pretty=False)
    assert device.screenshot().size == (1080, 2400)
    assert "com.android.settings" in device.app_list_running()
    device.app_stop("com.android.settings")
    assert device.app_current()["package"] != "com.android.settings"


def test_selectors_find_and_click(device: Any, running: Any) -> None:
    device.app_start("com.android.settings", stop=True)
    device(text="Network & internet").click()
    assert device(textContains="airplane").exists
    assert device(text="Airplane mode", className="android.widget.TextView").wait(timeout=2)
    assert not device(description="Airplane mode", checked=False).info["checked"]
    device(text="Airplane mode").click()
    assert device(description="Airplane mode").info["checked"]
    assert running.phone.settings.get("global", "airplane_mode_on") == "1"
    device(text="Airplane mode").click()
    assert device(resourceIdMatches=".*switch_widget").count == 3
    assert device(resourceIdMatches=".*switch_widget", instance=2).info["contentDescription"]
    names = [n["text"] for n in device(resourceIdMatches=".*title").info_list()]
    assert names[:2] == ["Network & internet", "Wi-Fi"]
    device.press("back")
    assert device(text="Location").get_text() == "Location"
    inside = device(className="androidx.recyclerview.widget.RecyclerView")
    assert inside.child(text="Location").exists


def test_what_is_missing_is_an_error_of_its_own(device: Any) -> None:
    with pytest.raises(UiObjectNotFoundError):
        device(text="Teleport").click(timeout=0.1)
    with pytest.raises(UiObjectNotFoundError):
        device(text="Teleport").info  # noqa: B018
    assert device(text="Teleport").wait_gone(timeout=0.1)
    with pytest.raises(uiautomator2.exceptions.RPCUnknownError, match="noSuchMethod"):
        device.jsonrpc.noSuchMethod()


def test_xpath_scrolls_and_long_lists(device: Any) -> None:
    device.app_start("com.android.contacts", stop=True)
    assert device.xpath("//*[@text='Aisha Rahman']").wait(2)
    assert not device(text="Samuel Osei").exists
    assert device(scrollable=True).scroll.to(text="Samuel Osei")
    device.xpath("//*[@text='Samuel Osei']").click()
    assert device(text="+1 555 010 0120").exists
    device.press("back")
    assert device(scrollable=True).scroll.toBeginning(max_swipes=10)
    assert device(text="Aisha Rahman").exists
    assert device(scrollable=True).fling.toEnd(max_swipes=10)
    device.swipe_ext("down", scale=0.8)


def test_text_is_written_read_and_cleared(device: Any, running: Any) -> None:
    device.app_start("com.android.contacts", stop=True)
    device(description="Create contact").click()
    name = device(resourceId="com.android.contacts:id/name")
    name.set_text("김민지 \U0001f642 'x\"")
    assert name.get_text() == "김민지 \U0001f642 'x\""
    name.clear_text()
    assert name.get_text() == "Name"  # an empty field tells its hint
    name.set_text("Ada Byron")
    assert device(focused=True).info["text"] == "Ada Byron"
    device.clear_text()
    device(focused=True).set_text("Ada King")
    device(resourceIdMatches=".*:id/save").click()
    found = running.phone.databases["com.android.contacts"].rows(
        "SELECT name FROM people WHERE name LIKE 'Ada%'"
    )
    assert [row["name"] for row in found] == ["Ada King"]


def test_a_watcher_reacts(device: Any) -> None:
    device.app_start("com.android.settings", stop=True)
    with device.watch_context() as watched:
        watched.when("Display").click()
        watched.wait_stable(seconds=0.5, timeout=5)
    assert device(text="Screen timeout").exists


def test_the_screen_goes_off_and_on(device: Any, running: Any) -> None:
    device.screen_off()
    assert not device.info["screenOn"] and not running.phone.awake
    device.screen_on()
    assert device.info["screenOn"]


def test_a_server_that_was_left_can_be_started_again(device: Any, running: Any) -> None:
    device.stop_uiautomator()
    end = time.monotonic() + 5
    while running.phone.ports.get(9008) and time.monotonic() < end:
        time.sleep(0.02)
    assert 9008 not in running.phone.ports
    assert device.info["screenOn"]


def test_what_is_no_http_harms_nothing(adb: Any, device: Any) -> None:
    assert device.info
    plain = adbutils.AdbClient(port=adb.port).device(adb.serial)
    for sent in (
        b"\x00\xff" * 50,
        b"POST /jsonrpc/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n{",
    ):
        with plain.create_connection(adbutils.Network.TCP, 9008) as peer:
            peer.settimeout(5)
            peer.sendall(sent)
            assert b" 400 " in io.BytesIO(peer.recv(1000)).readline()
    assert device.info
