"""What an app is: a schema, a screen for each activity, and reducers for what is done on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from agentkit_android.screen.views import Overlay, View

if TYPE_CHECKING:
    from agentkit_android.apps.context import Do, See

Screen = Callable[["See"], View]
OverlayScreen = Callable[["See"], Overlay]
Reducer = Callable[["Do"], None]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Filter:
    """What an activity answers: an intent of this action, with data of one of these schemes or a
    type that begins so, where they are given."""

    action: str
    activity: str
    schemes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    label: str = ""


@dataclass(slots=True)
class App:
    """A small declarative module makes one and calls it `APP`.

    Attributes:
        package: its unique name, as com.example.notes. label: its name in English.
        icon: of `screen/fonts/icons.json`, drawn white on `hue`.
        main: the activity that the launcher starts; empty where it starts none.
        schema: the CREATE statements of its database.
        permissions: those that it asks for. filters: the intents that it answers.
        providers: for a content URI's authority and path (`sms/inbox`) the table or view behind it.
        strings: its texts in other languages: {"ko": {"Delete": "삭제"}}.
        system: it is a part of the phone, and may use `see.phone`.
        edge: its screens go under the status and navigation bars.
        began: fills the database of a new phone.
    """

    package: str
    label: str
    hue: str
    icon: str = "android"
    main: str = ".Main"
    version: tuple[str, int] = ("1.0", 1)
    schema: str = ""
    permissions: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    providers: Mapping[str, str] = field(default_factory=dict)
    strings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    system: bool = False
    edge: bool = False
    activities: dict[str, Screen] = field(default_factory=dict)
    overlays: dict[str, OverlayScreen] = field(default_factory=dict)
    reducers: dict[str, Reducer] = field(default_factory=dict)
    backs: dict[str, Reducer] = field(default_factory=dict)
    opens: dict[str, Reducer] = field(default_factory=dict)
    began: Reducer | None = None

    def screen(self, *names: str) -> Callable[[F], F]:
        """Makes a function the screen of activities. It is given a See and gives a View; it changes
        nothing."""

        def keep(function: F) -> F:
            self.activities.update(dict.fromkeys(names, function))
            return function

        return keep

    def overlay(self, name: str) -> Callable[[F], F]:
        """Makes a function the dialog, menu or sheet of a name, for `show(name)`."""

        def keep(function: F) -> F:
            self.overlays[name] = function
            return function

        return keep

    def on(self, name: str) -> Callable[[F], F]:
        """Makes a function the reducer of a name, for `do(name)`. It is given a Do. Where it
        raises, the database is as before and the app has crashed."""

        def keep(function: F) -> F:
            self.reducers[name] = function
            return function

        return keep

    def back(self, *activities: str) -> Callable[[F], F]:
        """Makes a function what the back key does on activities, in place of ending them."""

        def keep(function: F) -> F:
            self.backs.update(dict.fromkeys(activities, function))
            return function

        return keep

    def opened(self, *activities: str) -> Callable[[F], F]:
        """Makes a function what happens when activities are started anew."""

        def keep(function: F) -> F:
            self.opens.update(dict.fromkeys(activities, function))
            return function

        return keep

    def begins(self, function: F) -> F:
        """Makes a function what fills the database of a new phone."""
        self.began = function
        return function
