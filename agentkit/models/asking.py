"""How requests from outside, served or through LangChain, are put to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentkit.capabilities import Cancel, Completion, LanguageModel, OnDelta, Request, Usage
from agentkit.errors import ContextOverflow, Unsupported
from agentkit.seeds import derive


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
        if room < 1:
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
