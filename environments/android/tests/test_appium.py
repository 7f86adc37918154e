"""A real Appium server with its UiAutomator2 driver; `make appium` installs them."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from appium import webdriver
from appium.options.android import UiAutomator2Options
from appium.webdriver.common.appiumby import AppiumBy
from selenium.common.exceptions import (
    InvalidSelectorException,
    NoSuchElementException,
    StaleElementReferenceException,
)

from agentkit.errors import ConfigError
from agentkit_android.client import appium_server
from agentkit_android.client.actions import Finish
from agentkit_android.client.errors import DeviceError
from agentkit_android.tasks.expert import Expert

from . import conftest

Open = Callable[..., Any]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not appium_server.installed(), reason="`make appium` was not run"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with appium_server.serving() as url:
        yield url


@pytest.fixture(scope="module")
def open_session(server: str, adb_server: Any) -> Iterator[Open]:
    opened: list[Any] = []

    def open_(serial: str) -> Any:
        adb_server("connect", serial)
        options = UiAutomator2Options()
        options.udid = serial
        options.system_port = conftest.free_port()
        options.set_capability("appium:adbPort", adb_server.port)
        options.suppress_kill_server = True
        options.new_command_timeout = 60
        opened.append(webdriver.Remote(server, options=options))
        return opened[-1]

    yield open_
    for one in opened:
        try:
            one.quit()
        except Exception:  # a test may have ended it
            pass


@pytest.fixture(scope="module")
def session(open_session: Open, running: Any) -> Any:
    return open_session(running.serial)


def test_a_session_drives_the_phone(session: Any, running: Any) -> None:
    session.activate_app("com.android.settings")
    assert session.current_package == "com.android.settings"
    assert "android.widget.TextView" in session.page_source
    assert session.get_window_size() == {"width": 1080, "height": 2400}
    png = base64.b64decode(session.get_screenshot_as_base64())
    assert png.startswith(b"\x89PNG")
    session.find_element(AppiumBy.XPATH, "//*[@text='Network & internet']").click()
    switch = session.find_element(AppiumBy.ACCESSIBILITY_ID, "Airplane mode")
    assert switch.get_attribute("checked") == "false" and switch.is_displayed()
    switch.click()
    assert switch.get_attribute("checked") == "true"
    assert running.phone.settings.get("global", "airplane_mode_on") == "1"
    switch.click()
    titles = session.find_elements(AppiumBy.ID, "android:id/title")
    assert "Wi-Fi" in [t.text for t in titles]
    assert titles[0].rect["width"] > 0 and titles[0].screenshot_as_png.startswith(b"\x89PNG")
    session.back()
    assert session.current_activity == ".Settings"


def test_what_is_missing_or_gone_is_said(session: Any) -> None:
    session.activate_app("com.android.settings")
    with pytest.raises(NoSuchElementException):
        session.find_element(AppiumBy.XPATH, "//*[@text='Teleport']")
    with pytest.raises(InvalidSelectorException):
        session.find_element(AppiumBy.XPATH, "//*[")
    row = session.find_element(AppiumBy.XPATH, "//*[@text='Display']")
    session.press_keycode(3)
    with pytest.raises(StaleElementReferenceException):
        row.click()
    assert session.find_elements(AppiumBy.CLASS_NAME, "no.such.Class") == []


def test_ui_selectors_scroll_a_list(session: Any) -> None:
    session.activate_app("com.android.contacts")
    text = 'new UiSelector().textStartsWith("Samuel")'
    with pytest.raises(NoSuchElementException):
        session.find_element(AppiumBy.ANDROID_UIAUTOMATOR, text)
    found = session.find_element(
        AppiumBy.ANDROID_UIAUTOMATOR,
        f"new UiScrollable(new UiSelector().scrollable(true)).scrollIntoView({text});",
    )
    found.click()
    assert session.find_element(AppiumBy.XPATH, "//*[contains(@text, '0120')]")
    session.back()


def test_text_is_written_and_read(session: Any, running: Any) -> None:
    session.activate_app("com.android.contacts")
    session.find_element(AppiumBy.ACCESSIBILITY_ID, "Create contact").click()
    name = session.find_element(AppiumBy.ID, "com.android.contacts:id/name")
    name.send_keys("김민지 \U0001f642 'x\"")
    assert name.text == "김민지 \U0001f642 'x\""
    name.clear()
    name.send_keys("Ada")
    name.send_keys(" Byron")
    session.find_element(AppiumBy.ID, "com.android.contacts:id/save").click()
    rows = running.phone.databases["com.android.contacts"].rows(
        "SELECT name FROM people WHERE name LIKE 'Ada%'"
    )
    assert [row["name"] for row in rows] == ["Ada Byron"]


def test_gestures_move_lists(session: Any) -> None:
    session.activate_app("com.android.contacts")
    session.press_keycode(4)
    session.activate_app("com.android.contacts")
    rows = session.find_element(AppiumBy.CLASS_NAME, "androidx.recyclerview.widget.RecyclerView")
    before = session.page_source
    more = session.execute_script(
        "mobile: scrollGesture", {"elementId": rows.id, "direction": "down", "percent": 0.8}
    )
    assert more and session.page_source != before
    session.swipe(500, 700, 500, 1900, 400)
    assert session.orientation == "PORTRAIT"


def test_it_is_opened_again_on_two_phones_at_once(open_session: Open, make_phone: Any) -> None:
    phones = [make_phone(), make_phone()]
    seen: dict[int, str] = {}

    def work(number: int) -> None:
        for _ in range(2):
            session = open_session(phones[number].serial)
            session.activate_app(("com.android.settings", "com.android.contacts")[number])
            seen[number] = session.current_package
            session.quit()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert seen == {0: "com.android.settings", 1: "com.android.contacts"}
    for phone in phones:
        assert 6790 not in phone.phone.ports
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", 6790))


def test_an_agent_works_by_it_too(server: str, adb_server: Any, phone_home: Any) -> None:
    """The expert of a task, with everything that it sees and touches by Appium."""
    phone = phone_home(name="by-appium", driver="appium", appium_url=server)
    task = next(t for t in phone.tasks("train") if t.template == "contact-add")
    phone.reset(task, 0)
    expert = Expert(phone.driver, task)
    while not isinstance(action := expert.next(), Finish):
        phone.step(action)
    assert phone.check(task).success
    phone.driver._session.quit()  # as a server does that was idle for too long
    assert phone.observe().data["package"], "it is looked at by a new one"
    phone.driver._session.quit()
    phone.close()
    with pytest.raises(DeviceError, match="gives no session"):
        phone_home(name="by-appium", driver="appium", appium_url="http://127.0.0.1:9").observe()
    with pytest.raises(ConfigError, match="inside a process"):
        phone_home(where="inside", driver="appium").observe()
