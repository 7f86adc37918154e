"""Tesseract as a perception.

Source: the program `tesseract` (Apache-2.0) and its models, as Debian packages them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from pydantic import Field

from agentkit.capabilities import Block, Box, Image, PerceptionInfo, Seen
from agentkit.errors import ConfigError, UsageError
from agentkit.kit import Parts
from agentkit.pictures import decode
from agentkit.settings import PartSettings
from agentkit_tesseract import program
from agentkit_tesseract.scripts import COMMON, UNSPACED, models_of

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MODES = {"": program.AUTO, "block": program.BLOCK, "line": program.LINE}
TRIED = 3  # lines, by which models are tried
SURE = 0.8  # confidence at which no more are
MARGIN = 12  # pixels of paper around a line: Tesseract reads worse at the edge of a picture


class Settings(PartSettings):
    """How text is read.

    languages: names of models, such as ["kor", "eng"]; none means that the script is found in each
    picture, and read by the models that are there for it. otherwise: the models for a script that
    cannot be told. confidence: lines that are read with less are left out, 0..1. command: the
    program. timeout: seconds for one call of it.
    """

    languages: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ("eng",)
    confidence: float = Field(default=0.3, ge=0, le=1)
    command: str = "tesseract"
    timeout: float = Field(default=300.0, gt=0)


class Tesseract:
    """A block a line of text, in Tesseract's own order of reading.

    Modes: "line", each picture is one line, and all of them are of one page: their script is found
    from all together; "block", each picture is a paragraph.

    Raises:
        ConfigError: the program, or a language, is not installed.
    """

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._installed = program.installed(settings.command)
        named = settings.languages or settings.otherwise
        if missing := [name for name in named if name not in self._installed]:
            raise ConfigError(
                f"perceptions.{parts.name}: Tesseract has no language {', '.join(missing)}",
                f"install tesseract-ocr-{missing[0].lower().replace('_', '-')}; there are: "
                + ", ".join(self._installed),
            )
        self.info = PerceptionInfo(parts.name, modes=tuple(name for name in MODES if name))

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        if mode not in MODES:
            raise UsageError(
                f"{self.info.name} has no mode {mode!r}", f"it has: {', '.join(self.info.modes)}"
            )
        pictures = [decode(image.data, f"picture {n}") for n, image in enumerate(images)]
        if mode == "line":
            if not pictures:
                return []
            return self._read(pictures, self._models(_stacked(pictures), pictures), mode)
        return [seen for p in pictures for seen in self._read([p], self._models(p), mode)]

    def _models(self, picture: Picture, lines: Sequence[Picture] = ()) -> tuple[str, ...]:
        if self._settings.languages:
            return self._settings.languages
        found = ""
        if "osd" in self._installed:
            found = program.script(self._settings.command, picture, self._settings.timeout)
        models = models_of(found, self._installed)
        return self._tried(lines, found) if lines else models or self._settings.otherwise

    def _tried(self, lines: Sequence[Picture], found: str) -> tuple[str, ...]:
        """The models that read the widest lines with most confidence, those of the script that was
        found first: few lines do not tell their script, and it may be mistaken."""
        widest = sorted(lines, key=lambda line: line.width)[-TRIED:]
        best = (0.0, self._settings.otherwise)
        for script in dict.fromkeys((found, *COMMON)):
            if not (models := models_of(script, self._installed)):
                continue
            blocks = [b for seen in self._read(widest, models[:1], "line") for b in seen.blocks]
            letters = sum(len(block.text) for block in blocks)
            if letters:
                sure = sum(block.confidence * len(block.text) for block in blocks) / letters
                best = max(best, (sure, models))
            if best[0] > SURE:
                break
        return best[1]

    def _read(self, pictures: Sequence[Picture], models: Sequence[str], mode: str) -> list[Seen]:
        margin = MARGIN if mode == "line" else 0
        words, spaced = program.read(
            self._settings.command,
            [_framed(picture, margin) for picture in pictures],
            models,
            MODES[mode],
            self._settings.timeout,
            spaced=not models[0].rpartition("/")[2].startswith(UNSPACED),
        )
        found: list[list[Block]] = [[] for _ in pictures]
        for key, group in groupby(words, lambda word: (word.picture, word.line)):
            line = list(group)
            weights = [len(word.text) for word in line]
            sure = sum(w.confidence * n for w, n in zip(line, weights)) / sum(weights)
            picture = pictures[key[0]]
            box = _within([word.box for word in line], picture.size, margin)
            if sure >= self._settings.confidence and box is not None:
                text = spaced.get(key) or " ".join(word.text for word in line)
                found[key[0]].append(Block(text, box, confidence=sure))
        return [Seen(tuple(blocks)) for blocks in found]


def _within(
    boxes: Sequence[tuple[int, int, int, int]], size: tuple[int, int], margin: int
) -> Box | None:
    lefts, tops, rights, bottoms = zip(*boxes)
    box = Box(
        max(0, min(lefts) - margin),
        max(0, min(tops) - margin),
        min(size[0], max(rights) - margin),
        min(size[1], max(bottoms) - margin),
    )
    return box if box.left < box.right and box.top < box.bottom else None


def _framed(picture: Picture, margin: int) -> Picture:
    if not margin:
        return picture
    from PIL import ImageOps

    return ImageOps.expand(picture, margin, "white")


def _stacked(lines: Sequence[Picture]) -> Picture:
    """Lines below each other on one page, from which their script can be told."""
    from PIL import Image

    width = max((line.width for line in lines), default=1) + 2 * MARGIN
    height = sum(line.height + MARGIN for line in lines) + MARGIN
    page = Image.new("RGB", (width, height), "white")
    top = MARGIN
    for line in lines:
        page.paste(line, (MARGIN, top))
        top += line.height + MARGIN
    return page
