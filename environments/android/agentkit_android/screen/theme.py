"""Every colour and size that is drawn, after Material 3; apps name roles, never values."""

from __future__ import annotations

from dataclasses import dataclass

DPI = 160
STATUS_BAR, TOP_BAR, GESTURE_BAR, ROW = 24, 64, 24, 72

LIGHT = {
    "primary": "#6750A4", "on-primary": "#FFFFFF", "primary-container": "#EADDFF",
    "on-primary-container": "#21005D", "secondary-container": "#E8DEF8",
    "on-secondary-container": "#1D192B", "surface": "#FEF7FF", "surface-container": "#F3EDF7",
    "surface-container-high": "#ECE6F0", "on-surface": "#1D1B20", "on-surface-variant": "#49454F",
    "outline": "#79747E", "outline-variant": "#CAC4D0", "error": "#B3261E", "on-error": "#FFFFFF",
    "inverse-surface": "#322F35", "inverse-on-surface": "#F5EFF7", "inverse-primary": "#D0BCFF",
    "disabled": "#68646D", "white": "#FFFFFF", "black": "#000000", "scrim": "#000000",
}  # fmt: skip
DARK = {
    "primary": "#D0BCFF", "on-primary": "#381E72", "primary-container": "#4F378B",
    "on-primary-container": "#EADDFF", "secondary-container": "#4A4458",
    "on-secondary-container": "#E8DEF8", "surface": "#141218", "surface-container": "#211F26",
    "surface-container-high": "#2B2930", "on-surface": "#E6E0E9", "on-surface-variant": "#CAC4D0",
    "outline": "#938F99", "outline-variant": "#49454F", "error": "#F2B8B5", "on-error": "#601410",
    "inverse-surface": "#E6E0E9", "inverse-on-surface": "#322F35", "inverse-primary": "#6750A4",
    "disabled": "#9A95A0", "white": "#FFFFFF", "black": "#000000", "scrim": "#000000",
}  # fmt: skip
HUES = ("#7D5260", "#386A20", "#00639B", "#8C4A00", "#6750A4", "#006A60", "#904D00", "#9A4058")

STYLES = {  # size and line height in sp, and the face
    "display": (45, 52, "regular"), "headline": (24, 32, "regular"), "title": (22, 28, "regular"),
    "subtitle": (16, 24, "medium"), "row": (16, 24, "regular"), "body": (14, 20, "regular"),
    "button": (14, 20, "medium"), "label": (12, 16, "medium"), "key": (20, 24, "regular"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Display:
    """Of one screen. width, height: pixels as it is held now. density: dots per inch.
    font_scale: how much larger than usual texts are. rotation: quarter turns to the left."""

    width: int = 1080
    height: int = 2400
    density: int = 420
    font_scale: float = 1.0
    rotation: int = 0

    def px(self, dp: float) -> int:
        return round(dp * self.density / DPI)

    def sp(self, size: float) -> int:
        return max(1, round(size * self.font_scale * self.density / DPI))

    def dp(self, px: float) -> float:
        return px * DPI / self.density


def colour(name: str, dark: bool) -> str:
    """The value of a role; a value stands for itself."""
    return name if name.startswith("#") else (DARK if dark else LIGHT)[name]


def hue(name: str) -> str:
    """A colour for a person or thing, always the same one."""
    return HUES[sum(map(ord, name)) % len(HUES)]
