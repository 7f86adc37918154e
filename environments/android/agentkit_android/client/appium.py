"""The same phone by Appium: its UiAutomator2 driver looks and touches.

What only adb can do, starting apps by their names among it, goes by adb still.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from agentkit.capabilities import Action
from agentkit.errors import ConfigError
from agentkit_android.client import actions as act
from agentkit_android.client.driver import FRONT, AdbDriver, front_of
from agentkit_android.client.errors import DeviceError
from agentkit_android.client.transport import AdbTransport
from agentkit_android.client.tree import Element

T = TypeVar("T")
HINT = "start it with: appium server, and see that `appium_url` is its address"


class AppiumDriver(AdbDriver):
    """A session that its server has ended is opened anew by the look after the one that told so.

    Args:
        url: of a running Appium server that has the UiAutomator2 driver.

    Raises:
        ConfigError: the client's package is missing.
        DeviceError: the server gives no session.
    """

    def __init__(self, transport: AdbTransport, url: str, settle: float = 0.0) -> None:
        super().__init__(transport, settle)
        try:
            from appium.options.android import UiAutomator2Options
        except ImportError as error:
            raise ConfigError(
                'driver = "appium" needs the package appium-python-client',
                "python -m pip install appium-python-client",
            ) from error
        self._url, self._options = url, UiAutomator2Options()
        self._options.udid = transport.serial
        self._options.set_capability("appium:adbPort", transport.port)
        self._options.suppress_kill_server = True
        self._options.new_command_timeout = 3600
        self._session: Any = self._opened()

    def _opened(self) -> Any:
        from appium import webdriver

        try:
            return webdriver.Remote(self._url, options=self._options)
        except Exception as error:  # of selenium, urllib3, …: each has its own
            raise DeviceError(
                f"Appium at {self._url} gives no session: {_said(error)}", HINT
            ) from error

    def close(self) -> None:
        """Ends the session, where there still is one."""
        session, self._session = self._session, None
        if session is not None:
            try:
                session.quit()
            except _gone():
                pass
        super().close()

    def _asked(self, what: Callable[[Any], T]) -> T:
        """What the session answers."""
        from selenium.common.exceptions import WebDriverException
        from urllib3.exceptions import HTTPError

        if self._session is None:
            self._session = self._opened()
        try:
            return what(self._session)
        except (WebDriverException, HTTPError) as error:
            if isinstance(error, _gone()):
                self._session = None
            raise DeviceError(
                f"{self.transport.serial}: Appium says: {_said(error)}", HINT
            ) from error

    def shown(self) -> tuple[bytes, str]:
        """Screenshot and tree by Appium's own calls alone."""
        return self._asked(lambda session: (session.get_screenshot_as_png(), session.page_source))

    def _picture(self) -> bytes:
        picture: bytes = self._asked(lambda session: session.get_screenshot_as_png())
        return picture

    def _text(self) -> tuple[list[Element], str, str, str, int]:
        source: str = self._asked(lambda session: session.page_source)
        told, _, now = self.transport.raw(f"{FRONT}; date +%s").rstrip().rpartition(b"\n")
        return *self._elements(source.encode()), *front_of(told), int(now)

    def _perform(self, action: Action) -> None:
        if not self._asked(lambda session: _by_appium(session, action)):
            super()._perform(action)


def _by_appium(session: Any, action: Action) -> bool:
    """False where adb has to do it."""
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


def _said(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]


def _gone() -> tuple[type[Exception], ...]:
    """What is raised where the session was ended, or its server does not run any more."""
    from selenium.common.exceptions import InvalidSessionIdException
    from urllib3.exceptions import HTTPError

    return InvalidSessionIdException, HTTPError
