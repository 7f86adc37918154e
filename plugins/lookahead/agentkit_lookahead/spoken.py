"""What models that know their whole answer at once share: limits, stop strings, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agentkit.capabilities import (
    ABILITIES,
    Cancel,
    Completion,
    Delta,
    ModelInfo,
    OnDelta,
    Request,
    Usage,
)
from agentkit.capabilities.language_model import Finish, Image, Text, ToolResult
from agentkit.errors import AgentkitError, ContextOverflow, Unsupported

PIECE = re.compile(r"\s*\w{1,4}|\s*[^\w\s]|\s+")
CONTEXT = 8192


class Spoken:
    """A model without abilities whose answer to a request is what `answer` says. Its tokens are
    pieces of at most four letters or digits."""

    def __init__(self, name: str, answer: Callable[[Request], str]) -> None:
        self.info = ModelInfo(name, CONTEXT)
        self._answer = answer

    def ability(self, kind: type) -> Any:
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        raise Unsupported(f"models.{self.info.name} has no {name!r}", "use a language model")

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        for request in requests:
            if (size := _count(request) + request.max_tokens) > CONTEXT:
                raise ContextOverflow(
                    f"prompt and answer of {size} tokens do not fit a context of {CONTEXT}",
                    "shorten the prompt or ask for fewer tokens",
                    limit=CONTEXT,
                    got=size,
                )
        return [self._one(n, request, on_delta, cancel) for n, request in enumerate(requests)]

    def _one(
        self, index: int, request: Request, on_delta: OnDelta | None, cancel: Cancel | None
    ) -> Completion:
        path = (self.info.name,)
        try:
            _refuse(request, self.info.name)
            pieces = PIECE.findall(self._answer(request))
        except AgentkitError as error:
            return Completion.failed(error, *path)
        finish: Finish = "stop" if len(pieces) <= request.max_tokens else "length"
        whole = "".join(pieces[: request.max_tokens])
        ends = [at for stop in request.stop if stop and (at := whole.find(stop)) >= 0]
        if ends:
            whole, finish = whole[: min(ends)], "stop"
        told = ""
        for piece in PIECE.findall(whole):
            if cancel:
                finish = "cancelled"
                break
            told += piece
            if on_delta:
                on_delta(Delta(index, piece))
        if cancel and not whole:
            finish = "cancelled"
        count = len(PIECE.findall(told))
        made = Completion(told, finish, usage=Usage(_count(request), count, count), path=path)
        others = (replace(made, usage=Usage(0, count, count)),) * (request.n - 1)
        return replace(made, others=others)


def asked(request: Request) -> str:
    """What the last message says."""
    if request.prompt is not None:
        return request.prompt if isinstance(request.prompt, str) else ""
    return request.messages[-1].text if request.messages else ""


def _refuse(request: Request, name: str) -> None:
    wanted = {
        "tools": bool(request.tools),
        "grammar": request.grammar is not None,
        "logprobs": request.logprobs is not None,
        "pictures": any(isinstance(p, Image) for m in request.messages for p in m.parts),
    }
    if lacks := [what for what, is_wanted in wanted.items() if is_wanted]:
        raise Unsupported(f"models.{name} takes no {' and '.join(lacks)}", "ask a language model")


def _count(request: Request) -> int:
    if request.prompt is not None:
        prompt = request.prompt
        return len(PIECE.findall(prompt)) if isinstance(prompt, str) else len(prompt)
    said = [
        p.text if isinstance(p, Text) else p.content if isinstance(p, ToolResult) else ""
        for m in request.messages
        for p in m.parts
    ]
    return sum(len(PIECE.findall(text)) + 1 for text in said)
