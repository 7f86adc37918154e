"""A model that is told an instruction before every request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from agentkit.capabilities import (
    ABILITIES,
    Cancel,
    Completion,
    Image,
    LanguageModel,
    Message,
    ModelInfo,
    OnDelta,
    Request,
)
from agentkit.errors import Unsupported
from agentkit.kit import Parts
from agentkit.settings import PartSettings

A = TypeVar("A")


class Settings(PartSettings):
    """base: the model that answers. instruction: what it is told first."""

    base: str
    instruction: str = "Answer in one short sentence."


class ClassName:
    """Passes requests on to its base, with the instruction in the system message."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._base: LanguageModel = parts["base"]
        self._instruction = settings.instruction
        self.info = ModelInfo(parts.name, self._base.info.context)

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        told = [self._told(request) for request in requests]
        made = self._base.generate(told, on_delta=on_delta, cancel=cancel)
        return [replace(answer, path=(self.info.name, *answer.path)) for answer in made]

    def ability(self, kind: type[A]) -> A:
        # Abilities are not passed on silently: the base has no idea of the instruction.
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        raise Unsupported(f"models.{self.info.name} has no {name!r}", "ask its base for it")

    def _told(self, request: Request) -> Request:
        if any(isinstance(part, Image) for m in request.messages for part in m.parts):
            raise Unsupported(f"models.{self.info.name} has no 'vision'", "ask its base directly")
        said = [m.text for m in request.messages if m.role == "system"]
        system = Message.system("\n\n".join([self._instruction, *said]))
        rest = (m for m in request.messages if m.role != "system")
        return replace(request, messages=(system, *rest))
