"""All that one moment of the screen is made of; equal scenes have equal pixels and trees."""

from __future__ import annotations

from dataclasses import dataclass

from agentkit_android.screen.layout import Box
from agentkit_android.screen.theme import Display


@dataclass(frozen=True, slots=True)
class Window:
    """Attributes:
    name: `screen`, `dialog`, `menu`, `sheet`, `keyboard`, `status`, `navigation`, `shade`,
        `toast`, `toolbar`, `recents`.
    active: has the focus: what `uiautomator dump` shows.
    modal: a touch beside it goes to nothing below. dim: what is below is darkened.
    secure: black in pictures.
    """

    name: str
    package: str
    root: Box
    active: bool = False
    modal: bool = False
    dim: bool = False
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """windows: from the lowest to the top-most; none where the screen is off. silent: the tree
    has no descriptions."""

    display: Display
    windows: tuple[Window, ...]
    dark: bool = False
    silent: bool = False

    @property
    def active(self) -> Window | None:
        return next((w for w in reversed(self.windows) if w.active), None)

    @property
    def root(self) -> Box | None:
        """Of the active window."""
        return self.active.root if self.active else None

    @property
    def package(self) -> str:
        return self.active.package if self.active else ""

    def window(self, name: str) -> Window | None:
        """The top-most of a name."""
        return next((w for w in reversed(self.windows) if w.name == name), None)
