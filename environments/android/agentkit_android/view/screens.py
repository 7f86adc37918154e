"""The phone of a run, as the console shows it: looked at and touched beside the agent."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from agentkit.console.views import Look, Picture, Screen, Views
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit_android.client.driver import Driver

USE = "android"
BEGUN = "begin.done"  # the event that says which phone a run works on


class PhoneViews(Views):
    """Of runs whose agent works on a phone that a process of its own can reach."""

    def __init__(self) -> None:
        self._screens: dict[str, PhoneScreen] = {}
        self._lock = threading.Lock()

    def screens(self, run: Look) -> Sequence[Screen]:
        settings = next(_environments([run.row.recipe]), None)
        if settings is None or settings.get("where") == "inside":
            return ()
        begun = run.store.tail(run.row.id, kinds=(BEGUN,))
        phone = str(settings.get("serial") or (begun[-1].data.get("phone", "") if begun else ""))
        if not phone:
            return ()
        with self._lock:
            if phone not in self._screens:
                self._screens[phone] = PhoneScreen(phone)
            return (self._screens[phone],)


def _environments(parts: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Settings of the phones that a recipe holds."""
    for part in parts:
        if isinstance(part, Mapping):
            if part.get("noun") == "environment" and part.get("use") == USE:
                yield part.get("settings", {})
            yield from _environments(part.values())
        elif isinstance(part, list | tuple):
            yield from _environments(part)


class PhoneScreen:
    """One phone. Looks and actions of people take turns."""

    touchable = True

    def __init__(self, phone: str) -> None:
        self.name, self.title = "phone", f"Phone {phone}"
        self._phone = phone
        self._driver: Driver | None = None
        self._lock = threading.Lock()

    def look(self) -> Picture:
        from agentkit_android.client.driver import look_again

        with self._lock:
            seen = look_again(self._connected())
        elements = [
            {
                "box": list(element.bounds),
                "label": element.label,
                "kind": element.role,
                "line": element.line(number),
            }
            for number, element in enumerate(seen.elements)
        ]
        mark = hashlib.sha256(seen.png).hexdigest()[:16]
        return Picture(seen.png, mark, (seen.size[0], seen.size[1]), elements)

    def act(self, action: Mapping[str, Any]) -> Mapping[str, Any]:
        from agentkit_android.client.actions import PHONE_ACTION

        try:
            read = PHONE_ACTION.validate_python(dict(action))
        except ValidationError as error:
            raise UsageError(
                f"this is no action of a phone: {error.errors()[0]['msg']}",
                'for instance {"kind": "tap", "x": 10, "y": 20}',
            ) from error
        with self._lock:
            self._connected().perform(read)
        done: dict[str, Any] = read.model_dump(mode="json")
        return done

    def _connected(self) -> Driver:
        """Raises:
        UsageError: the phone is off.
        """
        from agentkit_android.client.driver import AdbDriver
        from agentkit_android.client.transport import AdbTransport
        from agentkit_android.env import phones

        known = phones.find(self._phone)
        if known is not None and not known.is_on:
            self._driver = None
            raise UsageError(f"the phone {self._phone} is off", "it goes on when the run does")
        serial = known.serial if known is not None else self._phone
        if self._driver is None or self._driver.transport.serial != serial:
            self._driver = AdbDriver(AdbTransport(serial))
        return self._driver
