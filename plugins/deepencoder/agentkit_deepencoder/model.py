"""The part `use = "deepencoder"`: a model that reads pictures, or takes their vision tokens.

The published model has no chat template: what the messages hold is put down one after the other,
pictures where they stand or where a text says `<image>`. `Embeds` are taken like pictures, so that
vision tokens can be kept and asked about later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from agentkit.capabilities import (
    ABILITIES,
    Cancel,
    Completion,
    Delta,
    Embeds,
    Image,
    ModelInfo,
    OnDelta,
    Request,
    TakesEmbeds,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    Vision,
)
from agentkit.errors import AgentkitError, ContextOverflow, Unsupported, UsageError
from agentkit.kit import Parts
from agentkit.models.text.writing import Writer
from agentkit.seeds import derive
from agentkit_deepencoder.decoder import decode
from agentkit_deepencoder.engine import NANO, Engine, Looked
from agentkit_deepencoder.guard import NoRepeat, looped
from agentkit_deepencoder.layout import Plan
from agentkit_deepencoder.pictures import decode as open_picture
from agentkit_deepencoder.prompts import IMAGE
from agentkit_deepencoder.settings import ModelSettings, known_mode

A = TypeVar("A")
NAME = "deepencoder"


@dataclass(slots=True)
class _Row:
    """One answer on its way. told: it is the request's first, which is streamed."""

    index: int
    told: bool
    request: Request
    embeds: Tensor
    seed: int
    writer: Writer
    guard: NoRepeat | None
    end: int
    ids: list[int] = field(default_factory=list)
    finish: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of a prompt: ids, or something to look at, with the places it takes."""

    ids: tuple[int, ...] = ()
    plan: Plan | None = None
    picture: Any = None
    values: Any = None

    @property
    def places(self) -> int:
        if self.plan is not None:
            return self.plan.positions
        return len(self.ids) if self.values is None else int(self.values.shape[0])


class DeepEncoderModel:
    """Requests of one call are decoded side by side, `batch` at once. Own settings of a request:
    `extra["deepencoder"] = {"mode": "small"}`."""

    def __init__(self, settings: ModelSettings, parts: Parts) -> None:
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        folder = (
            NANO
            if settings.checkpoint == "nano"
            else parts.resolve(".", "model") / Path(settings.checkpoint).expanduser()
        )
        key = f"deepencoder:{folder.resolve()}:{settings.dtype}:{settings.device}"
        self.engine: Engine = parts.share(
            key, lambda: Engine(folder, settings.dtype, settings.device)
        )
        self._settings = settings
        self.nano = folder == NANO
        self.info = ModelInfo(
            parts.name,
            self.engine.config.decoder.context,
            frozenset({"vision", "embeds"}),
            self.engine.fingerprint,
            self.engine.parameters,
        )

    def ability(self, kind: type[A]) -> A:
        if kind in (Vision, TakesEmbeds):
            return self  # type: ignore[return-value]
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        raise Unsupported(
            f"models.{self.info.name} (use = 'deepencoder') lacks the ability {name!r}",
            "it reads pictures; use = 'transformers' gives the rest",
        )

    # -- looking ----------------------------------------------------------------------------------

    def image_tokens(self, image: Image) -> int:
        """Places of context that the picture takes, newlines and separator included."""
        return self._plan(open_picture(image), self._settings.mode)[0].positions

    @property
    def embeds_width(self) -> int:
        """d of vision tokens (n, d)."""
        return int(self.engine.config.decoder.width)

    def prompt_tokens(self, request: Request) -> int:
        """Places of context that the messages take. Nothing is computed."""
        return sum(piece.places for piece in self._pieces(request))

    def look(self, images: Sequence[Image], mode: str = "") -> list[Looked]:
        """Vision tokens of pictures. mode: "" is the settings' own.

        Raises:
            DataError: naming the picture that cannot be decoded.
        """
        opened = [open_picture(image, number) for number, image in enumerate(images)]
        mode = mode or self._settings.mode
        return [self.engine.look(picture, *self._plan(picture, mode)) for picture in opened]

    def _plan(self, picture: Any, mode: str) -> tuple[Plan, str]:
        s = self._settings
        return self.engine.plan(picture, mode, s.ratio, s.most_tiles)

    # -- answering --------------------------------------------------------------------------------

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        failed: dict[int, AgentkitError] = {}
        prompts: dict[int, list[_Piece]] = {}
        for index, request in enumerate(requests):
            try:
                prompts[index] = self._pieces(request)
                self._fits(prompts[index], request)
            except ContextOverflow:
                raise
            except AgentkitError as error:
                failed[index] = error
        rows: list[_Row] = []
        for index, pieces in prompts.items():
            if index in failed or cancel:
                continue
            rows += self._rows(index, requests[index], self._embeds(pieces))
        for start in range(0, len(rows), self._settings.batch):
            self._run(rows[start : start + self._settings.batch], on_delta, cancel)
        made = []
        for index in range(len(requests)):
            if index in failed:
                made.append(Completion.failed(failed[index], self.info.name))
                continue
            size = sum(piece.places for piece in prompts[index])
            mine = [row for row in rows if row.index == index]
            choices = [self._completion(row, size if not n else 0) for n, row in enumerate(mine)]
            if not choices:
                choices = [Completion("", "cancelled", path=(self.info.name,))]
            made.append(replace(choices[0], others=tuple(choices[1:])))
        return made

    def _fits(self, pieces: Sequence[_Piece], request: Request) -> None:
        size = sum(piece.places for piece in pieces)
        if size + request.max_tokens > self.info.context:
            raise ContextOverflow(
                f"{size} tokens of prompt and {request.max_tokens} new ones do not fit a context "
                f"of {self.info.context}",
                "take a mode with fewer vision tokens, or ask for fewer tokens",
                limit=self.info.context,
                got=size + request.max_tokens,
            )

    def _pieces(self, request: Request) -> list[_Piece]:
        """A request as ids and things to look at, in order; nothing is computed yet.

        Raises:
            Unsupported: tools, a grammar or log-probabilities are asked for.
            UsageError: `<image>` stands more or less often than there are pictures.
        """
        asked = {"tools": request.tools, "grammar": request.grammar, "logprobs": request.logprobs}
        for what, value in asked.items():
            if value not in (None, ()):
                raise Unsupported(
                    f"models.{self.info.name} takes no {what}: it only reads pictures",
                    "leave it out, or use another model",
                )
        if request.max_tokens < 1 or request.n < 1:
            raise UsageError("max_tokens and n are 1 or more")
        begin = _Piece((self.engine.config.decoder.bos,))
        if request.prompt is not None:
            if not isinstance(request.prompt, str):
                return [_Piece(tuple(request.prompt))]
            return [begin, _Piece(tuple(self.engine.encode(request.prompt)))]
        own = request.extra.get(NAME) or {}
        mode = self._mode_of(own)
        texts: list[str] = []
        shown: list[_Piece] = []
        stands: list[str | _Piece] = []
        for message in request.messages:
            for number, part in enumerate(message.parts):
                if isinstance(part, Image):
                    picture = open_picture(part, len(shown))
                    shown.append(_Piece(plan=self._plan(picture, mode)[0], picture=picture))
                    stands.append(shown[-1])
                elif isinstance(part, Embeds):
                    shown.append(_Piece(values=self._taken(part)))
                    stands.append(shown[-1])
                else:
                    text = _written(part)
                    after = number and isinstance(stands[-1], _Piece)
                    if after and IMAGE not in text and not text.startswith("\n"):
                        text = f"\n{text}"  # as all the prompts that it was trained on
                    stands.append(text)
                    texts.append(text)
            stands.append("\n")
        stands.pop() if stands else None
        marks = sum(text.count(IMAGE) for text in texts)
        if not marks:
            return [begin, *(self._piece(s) for s in stands)]
        if marks != len(shown):
            raise UsageError(
                f"{IMAGE} stands {marks} times for {len(shown)} pictures",
                "write it once for each, or leave it out",
            )
        waiting = iter(shown)
        made = [begin]
        for stand in stands:
            if isinstance(stand, str):
                for number, text in enumerate(stand.split(IMAGE)):
                    made += [next(waiting)] if number else []
                    made.append(self._piece(text))
        return made

    def _piece(self, stand: str | _Piece) -> _Piece:
        if isinstance(stand, str):
            return _Piece(tuple(self.engine.encode(stand)))
        return stand

    def _mode_of(self, own: Any) -> str:
        if not isinstance(own, Mapping) or set(own) - {"mode"}:
            raise UsageError(f"extra[{NAME!r}] is {own!r}", 'only {"mode": "…"} is known')
        try:
            return known_mode(str(own.get("mode", self._settings.mode)))
        except ValueError as error:
            raise UsageError(str(error), "choose one of them") from error

    def _taken(self, part: Embeds) -> Tensor:
        values = self.engine.taken(part.values)
        width = self.engine.config.decoder.width
        if values.dim() != 2 or values.shape[1] != width:
            raise UsageError(
                f"embeddings of shape {tuple(values.shape)} were given to models.{self.info.name}, "
                f"which takes (n, {width})",
                "they must come from the same checkpoint",
            )
        return values

    def _embeds(self, pieces: Sequence[_Piece]) -> Tensor:
        made = []
        for piece in pieces:
            if piece.plan is not None:
                made.append(self.engine.look(piece.picture, piece.plan).tokens)
            elif piece.values is not None:
                made.append(piece.values)
            elif piece.ids:
                made.append(self.engine.embed(piece.ids))
        return torch.cat(made)

    def _rows(self, index: int, request: Request, embeds: Tensor) -> list[_Row]:
        s = self._settings
        rows = []
        for n in range(request.n):
            seed = request.context.seed
            rows.append(
                _Row(
                    index,
                    not n,
                    request,
                    embeds,
                    derive(seed, "choice", n) if n else seed,
                    Writer(_Spelling(self.engine.tokenizer), request.stop),
                    NoRepeat(s.no_repeat, s.window) if s.no_repeat else None,
                    self.engine.config.decoder.eos,
                )
            )
        return rows

    def _run(self, rows: list[_Row], on_delta: OnDelta | None, cancel: Cancel | None) -> None:
        def pick(at: int, logits: Tensor) -> int | None:
            row = rows[at]
            if cancel:
                row.finish = "cancelled"
                return None
            token = _choose(row, logits)
            if token == row.end:
                row.finish = "stop"
                return None
            row.ids.append(token)
            told = row.writer.push(token)
            if told and on_delta and row.told:
                on_delta(Delta(row.index, told))
            if row.writer.stopped:
                row.finish = "stop"
            elif len(row.ids) == row.request.max_tokens or (row.guard and looped(row.ids)):
                row.finish = "length"
            return None if row.finish else token

        with self.engine.lock:
            decode(self.engine.ocr.decoder, [row.embeds for row in rows], pick)
        for row in rows:
            if row.finish == "cancelled":
                continue  # what was told is the text
            rest = row.writer.finish()
            if rest and on_delta and row.told:
                on_delta(Delta(row.index, rest))

    def _completion(self, row: _Row, prompt: int) -> Completion:
        finish: Any = row.finish
        count = len(row.ids) + (row.finish == "stop" and not row.writer.stopped)
        ids = (*row.ids, row.end) if count > len(row.ids) else tuple(row.ids)
        return Completion(
            row.writer.text,
            finish,
            ids,
            usage=Usage(prompt, count, count),
            path=(self.info.name,),
        )


class _Spelling:
    """The tokenizer as `Writer` calls it; the format's tags are special tokens, and wanted."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def decode(self, ids: Sequence[int], **_: Any) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))


def _choose(row: _Row, logits: Tensor) -> int:
    if row.guard:
        logits = row.guard(row.ids, logits)
    request = row.request
    if request.temperature <= 0:
        return int(logits.argmax())
    p = torch.softmax(logits.double().cpu() / request.temperature, -1)
    if request.top_p < 1:
        ordered, places = p.sort(descending=True)
        cut = ordered.cumsum(0) - ordered >= request.top_p
        p[places[cut]] = 0
    generator = torch.Generator().manual_seed(derive(row.seed, "token", len(row.ids)) & (2**63 - 1))
    return int(torch.multinomial(p, 1, generator=generator))


def _written(part: Any) -> str:
    if isinstance(part, Text):
        return part.text
    if isinstance(part, ToolResult):
        return part.content
    if isinstance(part, ToolCall):
        return f"{part.name}({', '.join(map(str, part.arguments.values()))})"
    return ""
