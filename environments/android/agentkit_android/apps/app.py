"""What an app is: a name, and a screen for each of its activities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentkit_android.screen.views import View

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

Screen = Callable[["Phone", Mapping[str, str]], View]


@dataclass(frozen=True, slots=True)
class App:
    """A small declarative module makes one and calls it `APP`.

    Attributes:
        package: its unique name, as com.example.notes.
        hue: the colour of its icon.
        activities: a function for each screen, by names such as `.Main`. It is given the phone and
            what the activity was started with, changes nothing, and gives what is shown.
        main: the activity that the launcher starts; empty where it starts none.
        data: what the app begins with; plain values, kept in `phone.data[package]`.
    """

    package: str
    label: str
    hue: str
    activities: Mapping[str, Screen]
    main: str = ".Main"
    version: tuple[str, int] = ("1.0", 1)
    data: Mapping[str, Any] = field(default_factory=dict)
