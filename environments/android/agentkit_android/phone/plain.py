"""All of a phone's state that is neither a file nor a database, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from agentkit_android.phone.activities import Stack
from agentkit_android.screen.acts import Act
from agentkit_android.screen.theme import Display


@dataclass(slots=True)
class Notice:
    """A notification. act: what a tap on it does. buttons: (name, act). fixed: swipes leave it."""

    package: str
    key: str
    title: str
    text: str
    when: int
    act: Act | None = None
    buttons: list[tuple[str, Act]] = field(default_factory=list)
    fixed: bool = False


@dataclass(slots=True)
class Alarm:
    """A reducer of an app that runs by itself at a time, in seconds since 1970."""

    package: str
    key: str
    when: float
    act: Act


@dataclass(slots=True)
class Dialog:
    """One of the phone's own, above everything: a permission that is asked for, an app that has
    stopped or does not answer, a pop-up (`permission` is then its name in levers.POPUPS). allowed,
    denied: what the answers lead to in the app."""

    kind: Literal["permission", "crash", "hang", "popup"]
    package: str
    permission: str = ""
    allowed: Act | None = None
    denied: Act | None = None


@dataclass(slots=True)
class Levers:
    """What makes a phone harder to work with; on a new one all of it is off.

    Attributes:
        popups: after how many touches in all a pop-up comes, and which of levers.POPUPS.
        crashes: after how many touches the app in front stops.
        asks: after how many touches the app in front asks to send notifications.
        slow: seconds that an activity shows nothing but a spinner after it was started.
        silent: no view says what it is: the tree has texts, and no descriptions.
        doubles: beside each app on the launcher is one of nearly its name, which is a shop's.
        secure: apps whose screens are black in pictures.
    """

    popups: dict[int, str] = field(default_factory=dict)
    crashes: list[int] = field(default_factory=list)
    asks: list[int] = field(default_factory=list)
    slow: float = 0.0
    silent: bool = False
    doubles: bool = False
    secure: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Toast:
    text: str
    until: float


@dataclass(slots=True)
class Plain:
    """Attributes:
    time: seconds since 1970, UTC. seed: what the apps began with.
    settings: the settings provider's tables. properties: what setprop changed.
    radios: what the radios were before airplane mode.
    stack: the activities. natural: the display as it is held upright.
    shade: 0 closed, 1 notifications, 2 quick settings. recents: the overview is shown.
    keyboard: the soft keyboard is up; layer: which of its keys.
    granted: permissions by package. touches: how many taps, presses and swipes there were.
    """

    time: float
    seed: int
    stack: Stack
    natural: Display
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    radios: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    dialogs: list[Dialog] = field(default_factory=list)
    toasts: list[Toast] = field(default_factory=list)
    granted: dict[str, list[str]] = field(default_factory=dict)
    clipboard: str = ""
    awake: bool = True
    shade: int = 0
    recents: bool = False
    keyboard: bool = False
    layer: str = "lower"
    touches: int = 0
    levers: Levers = field(default_factory=Levers)


PLAIN: TypeAdapter[Plain] = TypeAdapter(Plain)
LEVERS: TypeAdapter[Levers] = TypeAdapter(Levers)
