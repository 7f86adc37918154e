"""The same phone by Appium: its UiAutomator2 driver looks and touches.

What only adb can do, starting apps by their names among it, goes by adb still.
"""

from __future__ import annotations

from typing import Any

from agentkit.capabilities import Action
from agentkit.errors import ConfigError
from agentkit_android.client import actions as act
from agentkit_android.client.driver import RESUMED, AdbDriver, Look
from agentkit_android.client.errors import BadAnswer, DeviceError
from agentkit_android.client.transport import AdbTransport
from agentkit_android.client.tree import parse

HINT = "start it with: appium server, and see that `appium_url` is its address"


class AppiumDriver(AdbDriver):
    """Args:
    url: of a running Appium server that has the UiAutomator2 driver.

    Raises:
        ConfigError: the client's package is missing.
        DeviceError: the server gives no session.
    """

    def __init__(self, transport: AdbTransport, url: str, settle: float = 0.0) -> None:
        super().__init__(transport, settle)
        try:
            from appium import webdriver
            from appium.options.android import UiAutomator2Options
        except ImportError as error:
            raise ConfigError(
                'driver = "appium" needs the package appium-python-client',
                "python -m pip install appium-python-client",
            ) from error
        options = UiAutomator2Options()
        options.udid = transport.serial
        options.set_capability("appium:adbPort", transport.port)
        options.suppress_kill_server = True
        options.new_command_timeout = 3600
        try:
            self._session: Any = webdriver.Remote(url, options=options)
        except Exception as error:  # of selenium, urllib3, …: each has its own
            said = str(error).splitlines()[0][:200]
            raise DeviceError(f"Appium at {url} gives no session: {said}", HINT) from error

    def close(self) -> None:
        """Ends the session."""
        try:
            self._session.quit()
        except Exception:
            pass  # it is gone already

    def look(self, *, picture: bool = True) -> Look:
        try:
            png = self._session.get_screenshot_as_png() if picture else b""
            source = self._session.page_source
        except Exception as error:
            raise self._fault(error) from error
        self._turn(source.encode())
        try:
            elements, lost = parse(source, self.transport.serial), ""
        except BadAnswer as error:
            elements, lost = [], error.message
        line = "dumpsys activity activities | grep ResumedActivity; date +%s"
        told = self.transport.raw(line).decode("utf-8", "replace")
        front = RESUMED.search(told)
        package, activity = front.groups() if front else ("", "")
        now = int(told.split()[-1])
        return Look(png, self.size, tuple(elements), package, activity, now, lost)

    def _perform(self, action: Action) -> None:
        try:
            if not self._by_appium(action):
                super()._perform(action)
        except DeviceError:
            raise
        except _selenium_error() as error:
            raise self._fault(error) from error

    def _by_appium(self, action: Action) -> bool:
        """False where adb has to do it."""
        session = self._session
        match action:
            case act.Tap(x=x, y=y):
                session.execute_script("mobile: clickGesture", {"x": x, "y": y})
            case act.DoubleTap(x=x, y=y):
                session.execute_script("mobile: doubleClickGesture", {"x": x, "y": y})
            case act.LongPress(x=x, y=y, seconds=seconds):
                held = {"x": x, "y": y, "duration": round(1000 * seconds)}
                session.execute_script("mobile: longClickGesture", held)
            case act.Swipe(x=x, y=y, to_x=to_x, to_y=to_y, seconds=seconds):
                session.swipe(x, y, to_x, to_y, round(1000 * seconds))
            case act.Press(button="back"):
                session.back()
            case act.Press(button="home"):
                session.press_keycode(3)
            case act.Type(text=text):
                session.switch_to.active_element.send_keys(text)
            case act.ClearText():
                session.switch_to.active_element.clear()
            case _:
                return False
        return True

    def _fault(self, error: Exception) -> DeviceError:
        said = str(error).splitlines()[0][:200]
        return DeviceError(f"{self.transport.serial}: Appium says: {said}", HINT)


def _selenium_error() -> type[Exception]:
    from selenium.common.exceptions import WebDriverException

    made: type[Exception] = WebDriverException
    return made
