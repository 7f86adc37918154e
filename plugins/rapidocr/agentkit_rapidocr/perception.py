"""RapidOCR as a perception: PP-OCR models on a processor, all of them inside the package.

Source: the `rapidocr` package (Apache-2.0), which carries PaddleOCR's small detection and
recognition models; nothing is fetched when it runs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from agentkit.capabilities import Block, Box, Image, PerceptionInfo, Seen
from agentkit.errors import PluginError, UsageError
from agentkit.kit import Parts
from agentkit.pictures import decode
from agentkit.settings import PartSettings
from agentkit_rapidocr.ink import tight

ALL = "all"


class Settings(PartSettings):
    """How text is looked for.

    longest_side: pixels; a larger picture is shrunk to it before it is read. detect_side: pixels;
    where lines are is looked for in a picture shrunk to this, which is half of the work; they are
    read in full. confidence: lines read with less are left out, 0..1. orientation: whether each
    line's direction is guessed first, which scans may need; on screens it turns some long lines
    upside down. threads: of the processor; 0 means OMP_NUM_THREADS where that is set, else the
    engine's own choice.
    """

    longest_side: int = Field(default=2560, ge=64, le=8192)
    detect_side: int = Field(default=1600, ge=64, le=8192)
    confidence: float = Field(default=0.5, ge=0, le=1)
    orientation: bool = False
    threads: int = Field(default=0, ge=0)


class RapidOcr:
    """A block a line of text, its box around the ink, in reading order: top to bottom, then left to
    right.

    Mode "all" gives also the lines that it found and could not read, whatever `confidence` says:
    those of scripts that it does not know have text "" and confidence 0.

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
        wanted = os.environ.get("OMP_NUM_THREADS", "")
        threads = settings.threads or (int(wanted) if wanted.isdigit() else 0) or -1
        self._confidence = settings.confidence
        self._read = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.max_side_len": settings.longest_side,
                "Global.use_cls": settings.orientation,
                "Det.limit_type": "max",
                "Det.limit_side_len": settings.detect_side,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self._lock = threading.Lock()  # the reader keeps state of the picture at hand
        self.info = PerceptionInfo(parts.name, modes=(ALL,))

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        if mode not in ("", ALL):
            raise UsageError(f"{self.info.name} has no mode {mode!r}", f"leave it out, or {ALL!r}")
        pictures = [_pixels(image, number) for number, image in enumerate(images)]
        with self._lock:
            return [self._one(picture, mode == ALL) for picture in pictures]

    def _one(self, picture: Any, everything: bool) -> Seen:
        """The steps of `RapidOCR.__call__`, which throws away what it could not read."""
        import cv2
        from rapidocr.utils.process_img import map_boxes_to_original

        height, width = picture.shape[:2]
        scaled, steps = self._read.preprocess_img(picture)
        lines, _, texts, _ = self._read.run_ocr_steps(scaled, steps)
        if lines.boxes is None or texts.txts is None:  # nothing is written there
            return Seen(())
        blocks = []
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        corners = map_boxes_to_original(lines.boxes, steps, height, width)
        for points, text, score in zip(corners, texts.txts, texts.scores, strict=True):
            confidence = min(1.0, float(score)) if text.strip() else 0.0
            if not everything and (not text.strip() or confidence < self._confidence):
                continue
            left, top = (max(0, int(side)) for side in points.min(axis=0))
            right, bottom = (int(side) + 1 for side in points.max(axis=0))
            right, bottom = min(width, right), min(height, bottom)
            if left < right and top < bottom:
                box = Box(*tight(grey, (left, top, right, bottom)))
                blocks.append(Block(text.strip(), box, confidence=confidence))
        return Seen(tuple(blocks))


def _pixels(image: Image, number: int) -> Any:
    """(height, width, 3) uint8, blue first, as OpenCV's readers take it."""
    import numpy as np

    return np.asarray(decode(image.data, f"picture {number}"))[:, :, ::-1].copy()
