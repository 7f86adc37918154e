"""The models that are served, by name, and how a request is put to one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agentkit.capabilities import Cancel, Completion, Embed, LanguageModel, OnDelta, Request, Usage
from agentkit.errors import ContextOverflow, UnknownPart, Unsupported
from agentkit.kit import Kit
from agentkit.names import nearest
from agentkit.seeds import derive
from agentkit.serve.faults import unknown_model

if TYPE_CHECKING:
    import numpy as np


class Served:
    """Some of a kit's models, or all.

    Raises:
        UnknownPart: one of the names is not declared.
    """

    def __init__(self, kit: Kit, names: Collection[str] = ()) -> None:
        self._kit = kit
        declared = kit.names("model")
        for name in names:
            if name not in declared:
                raise UnknownPart(
                    f"there is no model {name!r}{nearest(name, declared)}",
                    f"declared: {', '.join(declared) or 'none'}",
                )
        self.names = tuple(dict.fromkeys(names)) or tuple(declared)
        self._built: dict[str, LanguageModel] = {}

    def check(self, name: str) -> str:
        """The name itself.

        Raises:
            Refusal: no such model is served.
        """
        if name not in self.names:
            raise unknown_model(
                UnknownPart(
                    f"there is no model {name!r} here{nearest(name, self.names)}",
                    "GET /v1/models lists them",
                )
            )
        return name

    def model(self, name: str) -> LanguageModel:
        """The model; the first call builds it, which may take its time. Models that are there
        already answer meanwhile."""
        if name not in self._built:
            self._built[name] = self._kit.model(name)
        return self._built[name]

    def context(self, name: str) -> int | None:
        """Tokens of prompt and answer; None where the model is not built yet."""
        built = self._built.get(name)
        return built.info.context if built is not None else None

    def parts(self, name: str) -> frozenset[str]:
        """Names under which a request may hold settings: those of the parts that the model goes
        through, and what they `use`."""
        found: set[str] = set()
        waiting = [("model", name)]
        while waiting:
            noun, part = key = waiting.pop()
            if part in found or noun != "model":
                continue
            found.add(part)
            for needed, names, _ in self._kit.references(key).values():
                waiting += [(needed, one) for one in names]
        uses = {
            self._kit.values("model", part).use
            for part in found
            if not self._kit.is_added("model", part)
        }
        return frozenset(found | uses)


def generate(
    model: LanguageModel,
    requests: Sequence[Request],
    on_delta: OnDelta | None,
    cancel: Cancel,
    *,
    limited: bool,
) -> list[Completion]:
    """The answers, those to one request side by side.

    Args:
        limited: the client said how many tokens an answer may have. Where it did not, an answer
            gets what room its prompt leaves.

    Raises:
        Unsupported: the model lacks an ability that the request needs.
    """
    for request in requests:
        _able(model, request)
    try:
        return model.generate(requests, on_delta=on_delta, cancel=cancel)
    except ContextOverflow as error:
        limit, got = error.details.get("limit"), error.details.get("got")
        if limited or not isinstance(limit, int) or not isinstance(got, int):
            raise
        room = limit - (got - requests[0].max_tokens)
        if room < 1 or len({len(r.messages) for r in requests}) > 1:
            raise
        shorter = [replace(request, max_tokens=room) for request in requests]
        return model.generate(shorter, on_delta=on_delta, cancel=cancel)


def choices(request: Request) -> list[Request]:
    """One request for each answer, so that the text of every one can be streamed. Models derive
    the seeds of further answers alike."""
    seed = request.context.seed
    return [
        replace(
            request,
            n=1,
            context=replace(request.context, seed=derive(seed, "choice", n) if n else seed),
        )
        for n in range(request.n)
    ]


def flat(made: Sequence[Completion]) -> list[Completion]:
    """All answers in order, those of n > 1 after the first of their request."""
    return [one for first in made for one in (first, *first.others)]


def total(made: Sequence[Completion], prompts: int) -> Usage:
    """Tokens of all answers.

    Args:
        prompts: how many there were. Answers to one prompt stand side by side, and it is counted
            once, whether the model said so itself or was asked for each answer by itself.
    """
    whole = sum((one.usage for one in made), Usage())
    each = len(made) // prompts
    return replace(whole, prompt=sum(one.usage.prompt for one in made[::each]))


def _able(model: LanguageModel, request: Request) -> None:
    wants: dict[str, tuple[bool, str]] = {
        "grammar": (request.grammar is not None, "response_format"),
        "logprobs": (request.logprobs is not None, "logprobs"),
    }
    for ability, (wanted, field) in wants.items():
        if wanted and ability not in model.info.abilities:
            raise Unsupported(
                f"models.{model.info.name} lacks the ability {ability!r}",
                f"leave {field} out, or ask another model",
                param=field,
            )


def embeddings(model: LanguageModel, texts: Sequence[str], dimensions: int | None) -> np.ndarray:
    """(n, d) float32.

    Raises:
        Unsupported: the model gives none, or none of that size.
    """
    try:
        found = model.ability(Embed).embed(texts)
    except Unsupported as error:
        raise Unsupported(error.message, error.hint, param="model") from error
    if dimensions not in (None, found.shape[1]):
        raise Unsupported(
            f"models.{model.info.name} gives {found.shape[1]} dimensions, not {dimensions}",
            "leave dimensions out",
            param="dimensions",
        )
    return found
