"""The part `use = "packed"`: a model that is sent what a Context packs of each conversation.

Any agent, server or graph that is given this model has the context strategy, without a line of its
own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field

from agentkit.capabilities.abilities import ABILITIES, Grammars, Tokens, Vision
from agentkit.capabilities.context import Context, Packed
from agentkit.capabilities.language_model import (
    Cancel,
    Completion,
    Grammar,
    Image,
    LanguageModel,
    Message,
    ModelInfo,
    OnDelta,
    Request,
)
from agentkit.errors import ContextOverflow, Unsupported
from agentkit.models.context import BYTES_A_TOKEN
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts

A = TypeVar("A")
PASSED = ("grammar", "vision")
log = logging.getLogger(__name__)


class PackedSettings(PartSettings):
    """base: the model that answers. context: what chooses from a conversation. budget: tokens of a
    prompt, those of its tools included; None is what the base's context leaves beside the answer.
    accepts: tokens that callers may think it takes, for those who cut by that themselves; None is
    the base's context."""

    base: str
    context: str = "window"
    budget: int | None = Field(default=None, ge=1)
    accepts: int | None = Field(default=None, ge=1)


class PackedModel:
    """Requests that already fit are passed on as they are. What was changed or left out of another
    is logged, and, where the context says so itself, told to the model."""

    def __init__(self, settings: PackedSettings, parts: Parts) -> None:
        self._base: LanguageModel = parts["base"]
        self._context: Context = parts["context"]
        self._budget = settings.budget
        base = self._base.info
        self.info = ModelInfo(
            parts.name,
            settings.accepts or base.context,
            base.abilities.intersection(PASSED),
            parameters=base.parameters,
        )

    def ability(self, kind: type[A]) -> A:
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        if kind in (Grammars, Vision) and name in self.info.abilities:
            return self  # type: ignore[return-value]
        raise Unsupported(
            f"models.{self.info.name} has no {name!r}: it sends other messages than it is given",
            f"ask its base, models.{self._base.info.name}, for it",
        )

    def check_grammar(self, grammar: Grammar) -> None:
        """Raises GrammarDeadEnd where nothing can match."""
        self._base.ability(Grammars).check_grammar(grammar)

    def image_tokens(self, image: Image) -> int:
        """As the base counts."""
        return self._base.ability(Vision).image_tokens(image)

    def pack(self, request: Request) -> Packed:
        """What of a request's messages is sent, without asking the base anything.

        Raises:
            ContextOverflow: not even what always stays fits.
        """
        room = self._base.info.context - request.max_tokens
        room = min(room, self._budget or room) - self._tools(request)
        if room < 1:
            raise ContextOverflow(
                f"models.{self.info.name}: an answer of {request.max_tokens} tokens and "
                f"{len(request.tools)} tools leave no room for messages in a context of "
                f"{self._base.info.context}",
                "ask for fewer tokens, or raise the budget",
                limit=self._base.info.context,
                got=self._base.info.context - room + 1,
            )
        return self._context.pack(request.messages, room, self._base)

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        sent = [
            request if request.prompt is not None else self._sent(request) for request in requests
        ]
        made = self._base.generate(sent, on_delta=on_delta, cancel=cancel)
        return [self._through(one) for one in made]

    def _sent(self, request: Request) -> Request:
        packed = self.pack(request)
        if packed.changed or packed.dropped:
            log.info(
                "models.%s: of %d messages %d are changed and %d left out; %d tokens%s",
                self.info.name,
                len(request.messages),
                len(packed.changed),
                len(packed.dropped),
                packed.tokens,
                f": {packed.note}" if packed.note else "",
            )
        return replace(request, messages=packed.messages)

    def _through(self, made: Completion) -> Completion:
        others = tuple(self._through(one) for one in made.others)
        return replace(made, path=(self.info.name, *made.path), others=others)

    def _tools(self, request: Request) -> int:
        """Tokens that the request's tools take."""
        if not request.tools:
            return 0
        if "tokens" in self._base.info.abilities:
            tokens, asked = self._base.ability(Tokens), (Message.user("x"),)
            with_tools = tokens.render(Request(asked, tools=request.tools))
            return len(with_tools) - len(tokens.render(Request(asked)))
        plain = [[t.name, t.description, dict(t.parameters)] for t in request.tools]
        return -(-len(json.dumps(plain).encode()) // BYTES_A_TOKEN)
