"""What a scanner, a camera and a bad file do to a page."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


@dataclass(frozen=True, slots=True)
class Damage:
    """skew: degrees. blur: standard deviation in pixels. quality: of JPEG. noise: standard
    deviation in grey levels of 255. shade: how much darker the darkest corner is. dpi: of the
    page."""

    skew: float = 0.0
    blur: float = 0.0
    quality: int = 100
    noise: float = 0.0
    shade: float = 0.0
    dpi: int = 150

    @classmethod
    def drawn(cls, random: Random) -> Damage:
        """Damage as scans have it."""
        return cls(
            skew=random.uniform(-3, 3),
            blur=random.uniform(0.4, 1.0),
            quality=random.randint(35, 75),
            noise=random.uniform(2, 8),
            shade=random.uniform(0.0, 0.25),
            dpi=random.randint(150, 200),
        )


def damaged(picture: Picture, damage: Damage, seed: int) -> bytes:
    """The page as a JPEG file: turned, unevenly lit, blurred, noisy, compressed."""
    from PIL import Image

    random = np.random.default_rng(seed)
    page = np.asarray(picture.convert("RGB")).astype(np.float32)
    height, width = page.shape[:2]
    if damage.skew:
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -damage.skew, 1.0)
        page = cv2.warpAffine(
            page, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=(255.0,) * 3
        )
    if damage.shade:
        page = page * _light(height, width, damage.shade, random)
    if damage.blur:
        page = cv2.GaussianBlur(page, (0, 0), damage.blur)
    if damage.noise:
        page = page + random.normal(0, damage.noise, page.shape).astype(np.float32)
    buffer = BytesIO()
    made = Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))
    made.save(buffer, "JPEG", quality=damage.quality)
    return buffer.getvalue()


def _light(height: int, width: int, shade: float, random: Any) -> Any:
    """(height, width, 1): 1 in one corner, 1 - shade in the one across."""
    down, across = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    if random.random() < 0.5:
        down = 1 - down
    if random.random() < 0.5:
        across = 1 - across
    return (1 - shade * (down + across) / 2).astype(np.float32)[:, :, None]
