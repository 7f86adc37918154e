"""Pictures that come from outside, decoded in one way for all who read them.

What comes out is upright, in sRGB channels on white paper, and whole; all else is a `DataError`.
Pillow is imported when first needed.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from agentkit.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MAX_PIXELS = 64_000_000  # a page at 600 dpi is 35 million; more is a bomb or a mistake
# Decoders in this process alone: Pillow's EPS reader, for one, would start another program.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "MPO")
_DECODING = threading.Lock()  # Pillow's setting for what is cut short is one for the whole process


def decode(data: bytes, name: str = "the picture", frame: int = 0) -> Picture:
    """An RGB picture, turned as its EXIF data says; what is transparent shows white paper.

    Args:
        name: for messages: "picture 3", or a file's name.
        frame: of an animation, or a page of a TIFF file.

    Raises:
        DataError: it cannot be decoded, is cut short, or has more than MAX_PIXELS.
    """
    from PIL import ImageOps

    with _opened(data, name) as picture:
        picture.seek(frame)
        if picture.width * picture.height > MAX_PIXELS:
            raise DataError(
                f"{name} is {picture.width} x {picture.height} pixels",
                "cut it into parts, or make it smaller",
            )
        picture.load()
        return _on_paper(ImageOps.exif_transpose(picture))


def frames(data: bytes, name: str = "the picture") -> tuple[int, bool]:
    """How many frames there are, and whether they are pages (of a TIFF file) or an animation.

    Raises:
        DataError: it cannot be decoded.
    """
    with _opened(data, name) as picture:
        return getattr(picture, "n_frames", 1), picture.format == "TIFF"


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Picture]:
    from PIL import Image, ImageFile

    with _DECODING:
        # Another library may have told Pillow to accept what is cut short.
        before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of size: MAX_PIXELS is stricter
                with Image.open(BytesIO(data), formats=FORMATS) as picture:
                    yield picture
        except DataError:
            raise
        except Exception as error:  # a decoder may raise anything
            raise DataError(f"{name} cannot be decoded: {_short(error)}") from error
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _on_paper(picture: Picture) -> Picture:
    from PIL import Image

    if picture.mode.startswith(("I", "F")):
        picture = _eight_bits(picture)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        paper = Image.new("RGB", picture.size, "white")
        paper.paste(layer, mask=layer)
        return paper
    return picture.convert("RGB")


def _eight_bits(picture: Picture) -> Picture:
    """Pillow would cut 16 bits off at 255 and show white."""
    import numpy as np
    from PIL import Image

    values = np.nan_to_num(np.asarray(picture).astype(np.float64))
    low, high = float(values.min()), float(values.max())
    if picture.mode.startswith("I;16") or (low >= 0 and 255 < high <= 65535):
        values = values / 257
    elif low < 0 or high > 255 or (picture.mode == "F" and high <= 1):
        values = (values - low) * (255 / max(high - low, 1e-9))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _short(error: BaseException) -> str:
    return " ".join(f"{error}".split())[:160] or type(error).__name__
