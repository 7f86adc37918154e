"""All that one moment of the screen is made of; equal scenes have equal pixels and trees."""

from __future__ import annotations

from dataclasses import dataclass

from agentkit_android.screen.layout import Box
from agentkit_android.screen.theme import Display


@dataclass(frozen=True, slots=True)
class Scene:
    """Attributes:
    root: the boxes of the foreground window; None where the screen is off.
    package: whose window it is.
    clock: as the status bar shows it. marks: what else it shows, left of the battery.
    """

    display: Display
    root: Box | None
    package: str
    clock: str
    marks: tuple[str, ...] = ()
    dark: bool = False
