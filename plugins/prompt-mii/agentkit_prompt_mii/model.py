"""The part `use = "prompt-mii"`: its base, given an induced instruction with every request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from agentkit.capabilities import (
    ABILITIES,
    Cancel,
    Completion,
    Grammars,
    LanguageModel,
    Logprobs,
    Message,
    ModelInfo,
    OnDelta,
    Request,
    Text,
    Vision,
)
from agentkit.errors import Unsupported
from agentkit.kit import Parts
from agentkit_prompt_mii.instruction import Instruction
from agentkit_prompt_mii.past import node_of
from agentkit_prompt_mii.settings import InducedSettings
from agentkit_prompt_mii.store import PromptStore
from agentkit_prompt_mii.template import constraint

A = TypeVar("A")
PASSED: dict[str, type] = {"grammar": Grammars, "vision": Vision, "logprobs": Logprobs}


class Induced:
    """Its base, with the instruction put into each request.

    What the base can do with a request it can do still; abilities that read or write prompts of
    their own (tokens, hidden, …) are asked of the base.
    """

    def __init__(self, settings: InducedSettings, parts: Parts) -> None:
        self._settings, self._base = settings, parts["base"]
        self.instruction = _instruction(settings, parts)
        base: LanguageModel = self._base
        able = base.info.abilities & set(PASSED)
        self.info = ModelInfo(
            parts.name, base.info.context, frozenset(able), parameters=base.info.parameters
        )
        labels = self.instruction.labels if settings.constrain else ()
        text = self.instruction.text
        self._text = f"{text}\n{constraint(labels)}" if labels else text

    def loaded(self) -> dict[str, Any]:
        """For recipes: which instruction it is."""
        return {"instruction": self.instruction.hash}

    def ability(self, kind: type[A]) -> A:
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        if name in self.info.abilities:
            base: LanguageModel = self._base
            return base.ability(kind)
        raise Unsupported(
            f"models.{self.info.name} has no {name!r}",
            f"ask its base, models.{self._base.info.name}, for it",
        )

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        changed = [self.changed(request) for request in requests]
        made = self._base.generate(changed, on_delta=on_delta, cancel=cancel)
        return [self._named(one) for one in made]

    def changed(self, request: Request) -> Request:
        """The request as the base gets it.

        Raises:
            Unsupported: a plain prompt, which has no place for an instruction.
        """
        s = self._settings
        if s.nodes and node_of(request.context.node) not in s.nodes:
            return request
        if request.prompt is not None:
            raise Unsupported(
                f"models.{self.info.name} cannot instruct a plain prompt", "pass messages"
            )
        if s.replaces and any(s.replaces in m.text for m in request.messages):
            return replace(request, messages=tuple(map(self._replaced, request.messages)))
        messages = list(request.messages)
        if s.place == "before":
            last = max((n for n, m in enumerate(messages) if m.role == "user"), default=None)
            if last is not None:
                own = messages[last]
                messages[last] = Message(own.role, (Text(f"{self._text}\n\n"), *own.parts))
                return replace(request, messages=tuple(messages))
        if messages and messages[0].role == "system":
            own = messages[0]
            messages[0] = Message(own.role, (*own.parts, Text(f"\n\n{self._text}")))
        else:
            messages.insert(0, Message.system(self._text))
        return replace(request, messages=tuple(messages))

    def _replaced(self, message: Message) -> Message:
        parts = tuple(
            Text(p.text.replace(self._settings.replaces, self._text)) if isinstance(p, Text) else p
            for p in message.parts
        )
        return Message(message.role, parts)

    def _named(self, made: Completion) -> Completion:
        path = made.path if made.path[:1] == (self._base.info.name,) else (
            self._base.info.name,
            *made.path,
        )  # fmt: skip
        others = tuple(replace(o, path=(self.info.name, *path)) for o in made.others)
        return replace(made, path=(self.info.name, *path), others=others)


def _instruction(settings: InducedSettings, parts: Parts) -> Instruction:
    if settings.instruction is not None:
        return Instruction(settings.instruction, 0, generator="settings")
    assert settings.task is not None
    folder = parts.resolve(settings.store, "store") if settings.store else None
    return PromptStore(folder).get(settings.task, settings.hash)
