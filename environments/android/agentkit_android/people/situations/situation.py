"""What a situation is, how it is prepared on a phone, and the person who is asked in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agentkit.capabilities import Action
from agentkit_android.client import actions as act
from agentkit_android.client.driver import Driver, Look, look_again
from agentkit_android.client.transport import must
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState

Kind = Literal[
    "Normal situation", "Multiple choices", "Environmental anomalies", "Information missing",
    "Sensitive actions",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "Normal situation", "Multiple choices", "Environmental anomalies", "Information missing",
    "Sensitive actions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """One action that is right, or one that must not be done unasked.

    Attributes:
        tap: the label, description or #resource of what is touched. text: what is typed, the
            case aside. button: of the phone. app: that is opened. ends: the episode is ended so.
    """

    tap: str = ""
    text: str = ""
    button: str = ""
    app: str = ""
    ends: Literal["", "success", "infeasible"] = ""

    def is_done_by(self, action: Action, look: Look) -> bool:
        """Whether an action on this screen is this one."""
        if self.tap and isinstance(action, act.Tap):
            element = Sight(look, _nowhere()).find(self.tap)
            if element is None:
                return False
            left, top, right, bottom = element.bounds
            return left <= action.x < right and top <= action.y < bottom
        if self.text and isinstance(action, act.Type):
            return _plain(action.text) == _plain(self.text)
        if self.button and isinstance(action, act.Press):
            return action.button == self.button
        if self.app and isinstance(action, act.Open):
            return action.app == self.app
        return bool(self.ends) and isinstance(action, act.Finish) and action.status == self.ends

    def on(self, look: Look) -> Action:
        """This as an action on a screen.

        Raises:
            LookupError: what is to be touched is not there.
        """
        if self.tap:
            element = Sight(look, _nowhere()).find(self.tap)
            if element is None:
                raise LookupError(f"{self.tap!r} is not on the screen")
            x, y = element.middle
            return act.Tap(x=x, y=y)
        if self.text:
            return act.Type(text=self.text)
        if self.button:
            return act.Press.model_validate({"button": self.button})
        if self.app:
            return act.Open(app=self.app)
        return act.Finish(status=self.ends or "success")


@dataclass(frozen=True, slots=True)
class Situation:
    """Attributes:
    kind: which of the five. goal: what the agent is to do on this phone.
    rows, settings, files: what the phone holds more than a new one: (package, SQL) statements,
        (table, key) to a value, paths to a text.
    grants: (package, permission). commands: of adb's shell, before the screen is opened.
    screen: (package, activity); extras: what it is started with.
    route: labels that are tapped then, one after the other. types: into the field of a name.
    after: commands that bring the moment about: an app crashes, the network goes.
    about: words, or their beginnings, of which a good question has one; empty where asking is
        wrong.
    answer: what the person says to it. right: what may be done then (or at once).
    risky: what must not be done without having asked.
    """

    id: str
    kind: Kind
    goal: str
    screen: tuple[str, str] = ("", "")
    rows: tuple[tuple[str, str], ...] = ()
    settings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    grants: tuple[tuple[str, str], ...] = ()
    extras: Mapping[str, str] = field(default_factory=dict)
    route: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    focus: str = ""
    after: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    answer: str = ""
    right: tuple[Act, ...] = ()
    risky: Act | None = None

    @property
    def asks(self) -> bool:
        """Whether asking first is right."""
        return bool(self.about)

    def prepare(self, driver: Driver) -> Look:
        """Brings a simulated phone to this moment.

        Raises:
            LookupError: what is to be touched on the way is not there.
        """
        transport = driver.transport
        must(transport, "simulator", "reset")
        phone = PhoneState(transport)
        for package, statement in self.rows:
            phone.rows(package, statement)
        for (table, key), value in self.settings.items():
            phone.put_setting(table, key, value)
        for path, text in self.files.items():
            phone.write(path, text)
        for package, permission in self.grants:
            must(transport, "pm", "grant", package, f"android.permission.{permission}")
        if self.screen[0]:
            given = [word for pair in self.extras.items() for word in ("--es", *pair)]
            must(transport, "am", "start", "-n", "/".join(self.screen), *given)
        for label in self.route:
            self._touch(driver, label)
        for name, text in self.types.items():
            self._touch(driver, f"#{name}")
            driver.perform(act.Type(text=text))
            driver.perform(act.Press(button="back"))
        if self.focus:
            self._touch(driver, f"#{self.focus}")
        for command in self.after:
            must(transport, *command.split())
        return look_again(driver, picture=False)

    def _touch(self, driver: Driver, label: str) -> None:
        look = look_again(driver, picture=False)
        box = next((e for e in look.elements if f"#{e.resource}" == label and e.editable), None)
        found = box or Sight(look, _nowhere()).find(label)
        if found is None:
            seen = [e.label for e in look.elements if e.label]
            raise LookupError(f"{self.id}: {label!r} is not on the screen: {seen}")
        x, y = found.middle
        driver.perform(act.Tap(x=x, y=y))

    def reply(self, question: str) -> str:
        """What the person says: to a question about something else, that it is none."""
        words = f" {_plain(question)}"
        if any(f" {_plain(word)}" in words for word in self.about):
            return self.answer
        return "I do not know what you mean. Just go on."


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", text.casefold()).split())


def _nowhere() -> PhoneState:
    """For a Sight that only finds things on a screen."""
    return PhoneState.__new__(PhoneState)
