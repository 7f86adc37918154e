"""The part `use = "deepencoder"` of the noun perception: pictures to blocks and vision tokens."""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as Pictures

from agentkit.capabilities import (
    Block,
    Completion,
    Embeds,
    Image,
    LanguageModel,
    Message,
    PerceptionInfo,
    Request,
    Seen,
    VisionTokens,
)
from agentkit.errors import BackendUnavailable, UsageError
from agentkit.kit import Parts
from agentkit_deepencoder import grounding
from agentkit_deepencoder.guard import TABLE_CELLS, looped
from agentkit_deepencoder.layout import MODES
from agentkit_deepencoder.model import DeepEncoderModel
from agentkit_deepencoder.pictures import decode
from agentkit_deepencoder.prompts import IMAGE, locate, prompt
from agentkit_deepencoder.settings import PerceptionSettings

LONGEST = 2048  # tokens of an answer, where the settings say nothing
_EMPTY = 2.0
"""Standard deviation of a picture's greys, 0..255, below which nothing can be written on it: asked
about such a picture the model would invent something."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. text: without tags. output: as the model wrote it. warnings: "blank", "loop"
    (it began to run in circles and was stopped), "cut" (the answer was longer than allowed)."""

    text: str
    blocks: tuple[Block, ...]
    output: str = ""
    mode: str = ""
    positions: int = 0
    warnings: tuple[str, ...] = ()
    tokens: VisionTokens | None = None


class DeepEncoderPerception:
    """With a model in this process vision tokens come along; a server gives text and boxes."""

    def __init__(self, settings: PerceptionSettings, parts: Parts) -> None:
        self._settings = settings
        self._model: LanguageModel = parts["model"]
        here = isinstance(self._model, DeepEncoderModel)
        self.info = PerceptionInfo(
            parts.name,
            # What the nano model reads is text as small pages have it, not any picture's.
            reads_text=not (isinstance(self._model, DeepEncoderModel) and self._model.nano),
            gives_tokens=here,
            modes=(*MODES, "auto") if here else (),
        )

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        found = self.read(images, mode)
        for number, reading in enumerate(found):
            for warning in set(reading.warnings) - {"blank"}:
                logging.getLogger(__name__).warning(
                    "%s: picture %d: the answer is partial (%s)", self.info.name, number, warning
                )
        return [Seen(reading.blocks, reading.tokens) for reading in found]

    def read(self, images: Sequence[Image], mode: str = "", task: str = "") -> list[Reading]:
        """Like `see`, with the text, and what is doubtful about it. task: "" is the settings'."""
        return self._ask(images, prompt(task or self._settings.task), mode)

    def find(self, image: Image, what: str, mode: str = "") -> Reading:
        """Where something is in a picture: a block for each place."""
        return self._ask([image], locate(what), mode)[0]

    def _ask(self, images: Sequence[Image], asked: str, mode: str) -> list[Reading]:
        if mode and mode not in self.info.modes:
            raise UsageError(
                f"{self.info.name} has no mode {mode!r}",
                f"one of {', '.join(self.info.modes)}"
                if self.info.modes
                else "a server decides how it looks at pictures: leave it out",
            )
        pictures = [decode(image, number) for number, image in enumerate(images)]
        if isinstance(self._model, DeepEncoderModel):
            return self._here(self._model, images, pictures, asked, mode)
        return self._there(images, pictures, asked)

    def _here(
        self,
        model: DeepEncoderModel,
        images: Sequence[Image],
        pictures: Sequence[Pictures.Image],
        asked: str,
        mode: str,
    ) -> list[Reading]:
        looked = model.look(images, mode)
        rest = asked.removeprefix(IMAGE)
        requests = []
        shown = [n for n, picture in enumerate(pictures) if not blank(picture)]
        for n in shown:
            room = model.info.context - len(looked[n].tokens) - len(model.engine.encode(rest)) - 1
            longest = min(self._settings.max_tokens or LONGEST, max(1, room))
            message = Message.user(Embeds(looked[n].tokens), rest)
            requests.append(Request.of(message, max_tokens=longest))
        answers = dict(zip(shown, model.generate(requests)))
        return [
            self._reading(
                answers.get(n),
                pictures[n],
                look.plan.mode.name,
                look.plan.positions,
                look.vision_tokens(),
            )
            for n, look in enumerate(looked)
        ]

    def _there(
        self, images: Sequence[Image], pictures: Sequence[Pictures.Image], asked: str
    ) -> list[Reading]:
        """By an OpenAI-compatible server, as vLLM serves DeepSeek-OCR."""
        rest = asked.removeprefix(f"{IMAGE}\n")
        shown = [n for n, picture in enumerate(pictures) if not blank(picture)]
        requests = []
        for n in shown:
            body = server_body(images[n], rest, self._settings.no_repeat, self._settings.window)
            longest = self._settings.max_tokens or LONGEST
            extra = {self._model.info.name: body}
            requests.append(Request.of(rest, max_tokens=longest, extra=extra))
        answers = dict(zip(shown, self._model.generate(requests)))
        return [self._reading(answers.get(n), picture) for n, picture in enumerate(pictures)]

    def _reading(
        self,
        answer: Completion | None,
        picture: Pictures.Image,
        mode: str = "",
        positions: int = 0,
        tokens: VisionTokens | None = None,
    ) -> Reading:
        if answer is None:
            return Reading("", (), "", mode, positions, ("blank",), tokens)
        if answer.finish == "error":
            raise BackendUnavailable(
                f"{self.info.name}: models.{self._model.info.name} could not read a picture: "
                f"{answer.error}",
                "see the model's settings",
            )
        found = grounding.parse(answer.text)
        blocks = tuple(grounding.to_blocks(found, *picture.size))
        warnings = []
        if answer.finish == "length":
            loops = looped(answer.ids) or looped([ord(c) for c in answer.text[-4096:]])
            warnings.append("loop" if loops else "cut")
        return Reading(
            grounding.plain(found), blocks, answer.text, mode, positions, tuple(warnings), tokens
        )


def server_body(image: Image, text: str, no_repeat: int, window: int) -> dict[str, Any]:
    """What a vLLM server wants beside the usual: the picture, tags left in the answer, and the
    guard's numbers for its own logits processor."""
    data = base64.b64encode(image.data).decode()
    url = {"url": f"data:{image.media_type};base64,{data}"}
    content = [{"type": "image_url", "image_url": url}, {"type": "text", "text": text}]
    made: dict[str, Any] = {
        "messages": [{"role": "user", "content": content}],
        "skip_special_tokens": False,
    }
    if no_repeat:
        made["vllm_xargs"] = {
            "ngram_size": no_repeat,
            "window_size": window,
            "whitelist_token_ids": sorted(TABLE_CELLS),
        }
    return made


def blank(picture: Pictures.Image) -> bool:
    """Nothing is written on it."""
    return float(np.asarray(picture.convert("L"), np.float32).std()) < _EMPTY
