"""Every colour and size that is drawn, after Material 3; apps name roles, never values."""

from __future__ import annotations

from dataclasses import dataclass

DPI = 160
STATUS_BAR, TOP_BAR, GESTURE_BAR, ROW = 24, 64, 24, 72

LIGHT = {
    "primary": "#6750A4", "on-primary": "#FFFFFF", "primary-container": "#EADDFF",
    "on-primary-container": "#21005D", "surface": "#FEF7FF", "surface-container": "#F3EDF7",
    "surface-container-high": "#ECE6F0", "on-surface": "#1D1B20", "on-surface-variant": "#49454F",
    "outline": "#79747E", "outline-variant": "#CAC4D0", "white": "#FFFFFF",
}  # fmt: skip
DARK = {
    "primary": "#D0BCFF", "on-primary": "#381E72", "primary-container": "#4F378B",
    "on-primary-container": "#EADDFF", "surface": "#141218", "surface-container": "#211F26",
    "surface-container-high": "#2B2930", "on-surface": "#E6E0E9", "on-surface-variant": "#CAC4D0",
    "outline": "#938F99", "outline-variant": "#49454F", "white": "#FFFFFF",
}  # fmt: skip

STYLES = {  # size and line height, in sp
    "headline": (24, 32), "title": (22, 28), "row": (16, 24), "body": (14, 20), "label": (11, 16),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Display:
    """Of one screen. width, height: pixels. density: dots per inch."""

    width: int = 1080
    height: int = 2400
    density: int = 420

    def px(self, dp: float) -> int:
        return round(dp * self.density / DPI)


def colour(name: str, dark: bool) -> str:
    """The value of a role; a value stands for itself."""
    return name if name.startswith("#") else (DARK if dark else LIGHT)[name]
