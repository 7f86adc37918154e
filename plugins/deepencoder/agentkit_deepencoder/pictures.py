"""Pictures from bytes, and the views of them that the encoder takes.

What cannot be shown safely is refused with a reason: what is no picture, is cut short, or would
take more memory than a page could need.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from PIL import Image as Pictures
from PIL import ImageFile, ImageOps

from agentkit.capabilities import Image
from agentkit.errors import DataError
from agentkit_deepencoder.layout import Plan

MAX_PIXELS = 64_000_000
"""A page at 600 dpi is 35 million; more is a bomb or a mistake."""
GREY = 127
_DECODING = threading.Lock()  # the setting of Pillow below is one for the whole process


@contextmanager
def _whole() -> Iterator[None]:
    """Pillow refuses what is cut short, also where another library told it not to."""
    with _DECODING:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def decode(image: Image, number: int = 0) -> Pictures.Image:
    """An RGB picture, upright as its EXIF says, on white where it is transparent; of an animation
    the first frame.

    Raises:
        DataError: naming the picture by its number.
    """
    try:
        with _whole(), Pictures.open(BytesIO(image.data)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise DataError(
                    f"picture {number} is {picture.width} x {picture.height} pixels",
                    "cut it into parts, or make it smaller",
                )
            return flat(ImageOps.exif_transpose(picture))
    except DataError:
        raise
    except Exception as error:  # a decoder may raise anything
        raise DataError(
            f"picture {number} cannot be decoded: {error}", "give a whole PNG, JPEG or WebP file"
        ) from error


def flat(picture: Pictures.Image) -> Pictures.Image:
    """RGB on white paper. 16-bit greys keep their upper half: Pillow itself would clip them."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        values = np.asarray(picture, dtype=np.float64)
        wide = picture.mode.startswith("I;16") or values.max(initial=0) > 255
        top = 65535.0 if wide else 255.0
        picture = Pictures.fromarray((np.clip(values / top, 0, 1) * 255).astype(np.uint8))
    if picture.mode in ("RGB", "L", "1", "CMYK", "YCbCr", "LAB", "HSV"):
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    paper = Pictures.new("RGB", picture.size, "white")
    paper.paste(layer, mask=layer)
    return paper


def pixels_of(picture: Pictures.Image, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """(overview (3, H, W), tiles (n, 3, h, w)), float32 in -1..1."""
    side, tile = plan.mode.side, plan.mode.tile
    picture = picture.convert("RGB")
    if plan.mode.pad:
        overview = ImageOps.pad(picture, (side, side), color=(GREY, GREY, GREY))
    else:
        overview = picture.resize((side, side))
    if not plan.tiles:
        return _normal(overview), np.zeros((0, 3, tile, tile), np.float32)
    large = _normal(picture.resize((plan.columns * tile, plan.rows * tile)))
    split = large.reshape(3, plan.rows, tile, plan.columns, tile).transpose(1, 3, 0, 2, 4)
    return _normal(overview), np.ascontiguousarray(split.reshape(-1, 3, tile, tile))


def _normal(picture: Pictures.Image) -> np.ndarray:
    """(3, H, W), mean and deviation 0.5."""
    values = np.asarray(picture, np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(values / 127.5 - 1)
