"""A perception that finds the dark part of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from pydantic import Field

from agentkit.capabilities import Block, Box, Image, PerceptionInfo, Seen
from agentkit.errors import DataError, UsageError
from agentkit.kit import Parts
from agentkit.settings import PartSettings


class Settings(PartSettings):
    """dark: brightness below which a pixel counts, 0 (black) to 255 (white)."""

    dark: int = Field(default=128, ge=1, le=255)


class ClassName:
    """One block with the smallest box around all dark pixels; none where there are none."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._dark = settings.dark
        self.info = PerceptionInfo(parts.name, reads_text=False)

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        if mode:
            raise UsageError(f"{self.info.name} has no mode {mode!r}", "leave it out")
        return [self._one(image, number) for number, image in enumerate(images)]

    def _one(self, image: Image, number: int) -> Seen:
        from PIL import Image as Pictures

        def is_dark(brightness: Any) -> Any:
            return 255 if brightness < self._dark else 0

        try:
            with Pictures.open(BytesIO(image.data)) as picture:
                box = picture.convert("L").point(is_dark).getbbox()
        except Exception as error:  # a decoder may raise anything
            raise DataError(f"picture {number} cannot be decoded: {error}") from error
        return Seen((Block("", Box(*box), label="dark"),) if box else ())
