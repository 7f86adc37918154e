"""What the context `optical` may be told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from agentkit.settings import PartSettings
from agentkit_deepencoder.layout import MODES


class OpticalSettings(PartSettings):
    """How older turns are shown.

    perception: what looks at the pages: one that gives vision tokens for "embeds", one that reads
    text for "text". way: "embeds": vision tokens, for models that take them; "pictures": for models
    that see; "text": read back, for all others; "auto" takes the first that model and perception
    allow. ladder: modes from the newest page to the oldest. share: of the budget, for pages; the
    rest is for near turns as text. near: turns that stay text where they fit at all. long_message:
    what becomes of a last message that alone is too long: an error, or pages of all but its ends.
    pins: regular expressions; turns in which one is found, written as on a page ("#4 user: …"),
    stay text while they fit, the newest first. side, size: pixels of a page and of its letters.
    fonts: files for what the first font lacks.
    """

    perception: str | None = "rapidocr"
    way: Literal["auto", "embeds", "pictures", "text"] = "auto"
    ladder: tuple[str, ...] = Field(default=("base", "small", "tiny"), min_length=1)
    share: float = Field(default=0.5, gt=0, lt=1)
    near: int = Field(default=2, ge=0)
    pins: tuple[re.Pattern[str], ...] = ()
    long_message: Literal["error", "pages"] = "error"
    side: int = Field(default=1024, ge=32, le=4096)
    size: int = Field(default=22, ge=6, le=200)
    margin: int = Field(default=8, ge=0)
    fonts: tuple[Path, ...] = ()

    @field_validator("ladder")
    @classmethod
    def _modes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in MODES:
                raise ValueError(f"no mode {name!r}: one of {', '.join(MODES)}")
        return value
