"""A model that gives recorded answers again, from a file or from a run.

[models.recorded]
use = "replay"
file = "answers.jsonl"

With `record = true` and a `base`, what the file does not hold is asked of the base and kept.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import model_validator

from agentkit.capabilities.abilities import ABILITIES, Grammars, Vision
from agentkit.capabilities.language_model import (
    Cancel,
    Completion,
    Delta,
    Grammar,
    Image,
    LanguageModel,
    ModelInfo,
    OnDelta,
    Request,
)
from agentkit.errors import (
    ConfigError,
    ContextOverflow,
    DataError,
    GrammarDeadEnd,
    Unsupported,
)
from agentkit.files import write_atomic
from agentkit.runs.codec import completion_from, completion_to, request_to
from agentkit.settings import PartSettings
from agentkit.testing.scripted import IMAGE_TOKENS, PIECE, count, prompt
from agentkit.unicode import split_lines

if TYPE_CHECKING:
    from agentkit.kit import Parts
    from agentkit.runs.store import RunStore

A = TypeVar("A")


class ReplaySettings(PartSettings):
    """file: JSON lines, one request and its completion each. run: the id of a stored run instead.
    record: ask `base` for what the file does not hold, and keep the answer."""

    file: Path | None = None
    run: str | None = None
    base: str | None = None
    record: bool = False
    context: int = 32768

    @model_validator(mode="after")
    def _one_place(self) -> ReplaySettings:
        if (self.file is None) == (self.run is None):
            raise ValueError("give either a file or a run to replay")
        if self.record and (self.base is None or self.file is None):
            raise ValueError("record needs a base model and a file")
        return self


class ReplayModel:
    """Answers by what a request is, never by order. An unknown request is an error.

    Two requests are the same where messages, tools, grammar and sampling settings are; seeds count
    only where something is drawn (temperature above 0).
    """

    def __init__(
        self,
        recorded: Mapping[str, Completion] | None = None,
        *,
        name: str = "replay",
        context: int = 32768,
        base: LanguageModel | None = None,
        file: Path | None = None,
    ) -> None:
        """base: asked for what is not recorded; its answers are kept, in `file` where one is
        given."""
        self.info = ModelInfo(name, context, frozenset({"grammar", "vision"}))
        self._known = dict(recorded or {})
        self._base, self._file = base, file
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        for request in requests:
            if count(request) + request.max_tokens > self.info.context:
                raise ContextOverflow(
                    f"models.{self.info.name}: the prompt and {request.max_tokens} tokens do not "
                    f"fit {self.info.context}",
                    "shorten the prompt",
                )
        if cancel:
            return [Completion("", "cancelled", path=(self.info.name,)) for _ in requests]
        keys = [key(request) for request in requests]
        with self._lock:
            missing = {k: r for k, r in zip(keys, requests) if k not in self._known}
            if missing:
                self._record(list(missing.values()), cancel)
            made = [self._known[k] for k in keys if k in self._known]
        if len(made) < len(keys):
            return [Completion("", "cancelled", path=(self.info.name,)) for _ in keys]
        return [self._tell(one, n, on_delta, cancel) for n, one in enumerate(made)]

    def _tell(
        self, made: Completion, index: int, on_delta: OnDelta | None, cancel: Cancel | None
    ) -> Completion:
        text, finish = "", made.finish
        for piece in PIECE.findall(made.text):
            if cancel:
                finish = "cancelled"
                break
            text += piece
            if on_delta is not None:
                on_delta(Delta(index, piece))
        return replace(made, text=text, finish=finish, path=(self.info.name, *made.path))

    def ability(self, kind: type[A]) -> A:
        if kind in (Grammars, Vision):
            return self  # type: ignore[return-value]
        name = next((n for n, ability in ABILITIES.items() if ability is kind), kind.__name__)
        raise Unsupported(
            f"models.{self.info.name} replays answers and has no {name!r}",
            "use the model that was recorded",
        )

    def check_grammar(self, grammar: Grammar) -> None:
        """Raises GrammarDeadEnd where no recorded answer was given under that grammar."""
        wanted = json.loads(json.dumps({"kind": grammar.kind, "value": grammar.value}))
        if self._base is not None:
            self._base.ability(Grammars).check_grammar(grammar)
        elif not any(json.loads(k)["grammar"] == wanted for k in self._known):
            raise GrammarDeadEnd(
                f"models.{self.info.name}: no answer was recorded under this grammar",
                "record one",
            )

    def image_tokens(self, image: Image) -> int:
        """As the base says, else as the fakes count pictures."""
        return self._base.ability(Vision).image_tokens(image) if self._base else IMAGE_TOKENS

    def _record(self, requests: Sequence[Request], cancel: Cancel | None) -> None:
        if self._base is None:
            nearest = prompt(requests[0])[-200:]
            raise DataError(
                f"models.{self.info.name}: no answer is recorded for {nearest!r} "
                f"({len(self._known)} others are)",
                "record it: set record = true and a base",
            )
        for request, completion in zip(requests, self._base.generate(requests, cancel=cancel)):
            if completion.finish not in ("cancelled", "error"):
                self._known[key(request)] = completion
            elif completion.finish == "error":
                raise DataError(
                    f"models.{self.info.name}: the base failed, nothing is recorded: "
                    f"{completion.error}"
                )
        if self._file is not None:
            write_atomic(self._file, dump(self._known))


def open_replay(settings: ReplaySettings, parts: Parts) -> ReplayModel:
    """The factory of `use = "replay"`."""
    if settings.run is not None:
        recorded = from_run(parts.kit.runs, settings.run)
        return ReplayModel(recorded, name=parts.name, context=settings.context)
    assert settings.file is not None
    file = parts.resolve(settings.file, "file")
    base = parts["base"] if settings.record else None
    if not file.is_file() and not settings.record:
        raise ConfigError(
            f"models.{parts.name}: there is no file {file} to replay",
            "set record = true and a base to make it",
        )
    recorded = load(file) if file.is_file() else {}
    return ReplayModel(recorded, name=parts.name, context=settings.context, base=base, file=file)


def key(request: Request) -> str:
    """What tells two requests apart, as JSON text."""
    plain = request_to(request)
    if not request.temperature:
        plain["seed"] = 0
    del plain["purpose"]
    return json.dumps(plain, ensure_ascii=False, sort_keys=True)


def dump(recorded: Mapping[str, Completion]) -> str:
    """JSON lines, sorted, so that recording again gives the same file."""
    return "".join(
        f'{{"completion": {json.dumps(completion_to(completion), ensure_ascii=False)}, '
        f'"request": {text}}}\n'
        for text, completion in sorted(recorded.items())
    )


def load(file: Path) -> dict[str, Completion]:
    """Reads what `dump` wrote.

    Raises:
        DataError: with the line that is not one.
    """
    found = {}
    for number, line in enumerate(split_lines(file.read_text(encoding="utf-8")), 1):
        try:
            one = json.loads(line)
            made = completion_from(one["completion"])
            found[json.dumps(one["request"], ensure_ascii=False, sort_keys=True)] = made
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{file}:{number} holds no recorded answer: {type(error).__name__}: {error}",
                "record the file again",
            ) from error
    return found


def from_run(store: RunStore, run: str) -> dict[str, Completion]:
    """The model calls of a stored run that have results."""
    found = {}
    for request, completion in _calls(store, store.get(run).id):
        if not request["temperature"]:
            request["seed"] = 0
        request.pop("purpose", None)
        found[json.dumps(request, ensure_ascii=False, sort_keys=True)] = completion
    return found


def _calls(store: RunStore, run: str) -> Iterator[tuple[dict[str, Any], Completion]]:
    """Pairs questions with results: a visit's calls stand in order, each asked once a try."""
    asked: dict[str, list[Mapping[str, Any]]] = {}
    for event in store.tail(run, kinds=("model.asked",)):
        asked.setdefault(event.position, []).append(event.data)
    for call in store.ledger(run):
        if call.kind != "model":
            continue
        mine = asked[call.position][: call.tries]
        del asked[call.position][: call.tries]
        if call.result is not None and "ok" in call.result:
            for request, completion in zip(mine[0]["requests"], call.result["ok"]):
                yield dict(request), completion_from(completion)
