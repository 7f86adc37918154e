"""RapidOCR as a perception: PP-OCR models on a processor, all of them inside the package.

Source: the `rapidocr` package (Apache-2.0), which carries PaddleOCR's small detection and
recognition models; nothing is fetched when it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from pydantic import Field

from agentkit.capabilities import Block, Box, Image, PerceptionInfo, Seen
from agentkit.errors import DataError, PluginError, UsageError
from agentkit.kit import Parts
from agentkit.settings import PartSettings

MAX_PIXELS = 64_000_000  # a page at 600 dpi is 35 million; more is a bomb or a mistake
_DECODING = threading.Lock()  # the setting of Pillow below is one for the whole process


class Settings(PartSettings):
    """How text is looked for.

    longest_side: pixels; a larger picture is shrunk to it before it is read. confidence: lines
    read with less are left out, 0..1. orientation: whether each line's direction is guessed first,
    which scans may need; on screens it turns some long lines upside down. threads: of the
    processor, 0 for the engine's own choice.
    """

    longest_side: int = Field(default=2560, ge=64, le=8192)
    confidence: float = Field(default=0.5, ge=0, le=1)
    orientation: bool = False
    threads: int = Field(default=0, ge=0)


class RapidOcr:
    """A block a line of text, in reading order: top to bottom, then left to right.

    Raises:
        PluginError: `rapidocr` or `onnxruntime` is not installed, or cannot be loaded.
    """

    def __init__(self, settings: Settings, parts: Parts) -> None:
        try:
            import onnxruntime  # noqa: F401  (rapidocr itself asks for it when it first reads)
            from rapidocr import RapidOCR
        except ImportError as error:
            raise PluginError(
                f"{parts.name} cannot read pictures: {error}", "pip install rapidocr onnxruntime"
            ) from error
        threads = settings.threads or -1
        self._read = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.max_side_len": settings.longest_side,
                "Global.text_score": settings.confidence,
                "Global.use_cls": settings.orientation,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self._lock = threading.Lock()  # the reader keeps state of the picture at hand
        self.info = PerceptionInfo(parts.name)

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        if mode:
            raise UsageError(f"{self.info.name} has no mode {mode!r}", "leave it out")
        pictures = [decode(image, number) for number, image in enumerate(images)]
        with self._lock:
            return [self._one(picture) for picture in pictures]

    def _one(self, picture: Any) -> Seen:
        height, width = picture.shape[:2]
        found = self._read(picture)
        if found.txts is None:  # nothing is written there
            return Seen(())
        blocks = []
        for corners, text, confidence in zip(found.boxes, found.txts, found.scores):
            left, top = (max(0, int(side)) for side in corners.min(axis=0))
            right, bottom = (int(side) + 1 for side in corners.max(axis=0))
            box = Box(left, top, min(width, right), min(height, bottom))
            if box.left < box.right and box.top < box.bottom:
                blocks.append(Block(text, box, confidence=min(1.0, float(confidence))))
        return Seen(tuple(blocks))


@contextmanager
def _whole() -> Iterator[None]:
    """Pillow refuses what is cut short, also where another library told it not to."""
    from PIL import ImageFile

    with _DECODING:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def decode(image: Image, number: int) -> Any:
    """(height, width, 3) uint8, blue first, as OpenCV's readers take it.

    Raises:
        DataError: it cannot be decoded, is cut short, or has more than MAX_PIXELS.
    """
    import numpy as np
    from PIL import Image as Pictures

    try:
        with _whole(), Pictures.open(BytesIO(image.data)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise DataError(
                    f"picture {number} is {picture.width} x {picture.height} pixels",
                    "cut it into parts, or make it smaller",
                )
            flat = Pictures.new("RGB", picture.size, "white")
            layer = picture.convert("RGBA")
            flat.paste(layer, mask=layer)  # what is transparent shows paper, not black
    except DataError:
        raise
    except Exception as error:  # a decoder may raise anything
        raise DataError(f"picture {number} cannot be decoded: {error}") from error
    return np.asarray(flat)[:, :, ::-1].copy()
