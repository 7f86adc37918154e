"""Pages as pictures. The same text with the same fonts and the same Pillow is the same picture,
byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from agentkit.errors import ConfigError
from agentkit_deepencoder.optical.writing import Paper, Sheet, width

FALLBACKS = tuple(
    Path("/usr/share/fonts") / name
    for name in (
        "truetype/nanum/NanumGothicCoding.ttf",
        "opentype/noto/NotoSansCJK-Regular.ttc",
        "truetype/noto/NotoSansMono-Regular.ttf",
        "truetype/wqy/wqy-zenhei.ttc",
        "truetype/dejavu/DejaVuSans.ttf",
    )
)
"""Where Debian keeps what the first font lacks; those that are absent are passed over."""


class Fonts:
    """DejaVu Sans Mono, which comes in a Python package, then the files that were named, then
    FALLBACKS: each character is drawn with the first that has it.

    Raises:
        ConfigError: a file that was named is no font.
    """

    def __init__(self, named: Sequence[Path] = ()) -> None:
        import matplotlib

        first = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"
        for path in named:
            try:
                ImageFont.truetype(str(path), 10)
            except OSError as error:
                raise ConfigError(
                    f"{path}: is no font: {error}", "name a TTF or OTF file"
                ) from error
        self.paths = (first, *named, *(path for path in FALLBACKS if path.exists()))

    @cached_property
    def _known(self) -> list[frozenset[int]]:
        from matplotlib.ft2font import FT2Font

        return [frozenset(FT2Font(str(path)).get_charmap()) for path in self.paths]

    def which(self, c: str) -> int | None:
        """Place in `paths` of the font that has a character."""
        return next((n for n, known in enumerate(self._known) if ord(c) in known), None)

    def has(self, c: str) -> bool:
        return self.which(c) is not None

    @cached_property
    def digest(self) -> str:
        """Hash of the files, for records."""
        made = hashlib.sha256()
        for path in self.paths:
            made.update(path.read_bytes())
        return made.hexdigest()[:16]

    def draw(self, sheet: Sheet, paper: Paper) -> bytes:
        """A PNG in grey, `side` pixels square."""
        picture = Pictures.new("L", (paper.side, paper.side), 255)
        canvas = ImageDraw.Draw(picture)
        for row, line in enumerate(sheet.lines):
            bottom = paper.margin + row * paper.pitch + 0.95 * paper.size
            at = 0
            for c in line:
                cells = width(c)
                # A mark without a cell of its own goes onto the letter before it.
                middle = paper.margin + (at - 1 + 0.5 if not cells else at + cells / 2) * paper.cell
                at += cells
                if c != " ":
                    face = _face(str(self.paths[self.which(c) or 0]), paper.size)
                    canvas.text((middle, bottom), c, 0, face, anchor="ms")
        buffer = BytesIO()
        picture.save(buffer, "PNG")
        return buffer.getvalue()


@lru_cache(maxsize=64)
def _face(path: str, size: int) -> Any:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def shrunk(png: bytes, side: int) -> bytes:
    """The picture with so many pixels a side; one that is no larger stays as it is."""
    with Pictures.open(BytesIO(png)) as picture:
        if picture.width <= side:
            return png
        buffer = BytesIO()
        picture.resize((side, side), Pictures.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()
