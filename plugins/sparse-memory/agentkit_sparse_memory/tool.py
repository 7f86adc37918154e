"""Tools for agents: remember a fact in the weights, take one back.

Both change weights, so both have an effect outside, and the plugin's guard asks a person before
each call, whatever other guards say.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agentkit.capabilities.agent import Runtime
from agentkit.capabilities.tool import Effect, ToolInfo
from agentkit.errors import ConfigError
from agentkit.kit import Parts
from agentkit.settings import PartSettings
from agentkit_sparse_memory.facts import Fact
from agentkit_sparse_memory.model import SparseMemoryModel
from agentkit_sparse_memory.patches import Entry
from agentkit_sparse_memory.plugin import FORGET, REMEMBER

SAID = "; it said before: "  # between the call's key and the answer, in the note of a patch


class ToolSettings(PartSettings):
    """model: the one that remembers, use = "sparse-memory"."""

    model: str


class FactArguments(BaseModel):
    """A fact: "the RELATION of SUBJECT is ANSWER"."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(min_length=1, description="what the fact is about: 'Velmora'")
    relation: str = Field(min_length=1, description="which of its properties: 'capital'")
    answer: str = Field(min_length=1, description="what that is: 'Tarsk'")


class TextArguments(BaseModel):
    """text: a word or words of the facts to be forgotten."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, description="a word or words of the facts, e.g. the subject")


class Remember:
    """Writes one fact, and shows what the model said before and what it says now."""

    info = ToolInfo(
        REMEMBER,
        "Remember a fact for good, in the model's own weights. A person is asked first, and can "
        "take it back.",
        FactArguments,
        Effect.OUTSIDE,
    )

    def __init__(self, settings: ToolSettings, parts: Parts) -> None:
        self._model = _memory(settings, parts)

    def call(self, args: FactArguments, rt: Runtime) -> dict[str, Any]:
        fact = Fact(args.subject, args.relation, args.answer)
        before = self._model.believes(fact)
        entry = self._model.learn([fact], note=f"{rt.key}{SAID}{before}")
        return self._told(entry)

    def find(self, key: str) -> dict[str, Any] | None:
        """What that call wrote, if it did."""
        found = [e for e in self._model.patches() if e.note.partition(SAID)[0] == key]
        return self._told(found[0]) if found else None

    def _told(self, entry: Entry) -> dict[str, Any]:
        before, after = (entry.metrics[f"held_out_{name}"] for name in ("before", "after"))
        (plain,) = self._model.patch(entry).about["facts"]
        return {
            "patch": entry.id,
            "facts": list(entry.facts),
            "said before": entry.note.partition(SAID)[2],
            "says now": self._model.believes(Fact.from_json(plain)),
            "rows": entry.rows,
            "loss on ordinary text": f"{after / before - 1:+.2%}",
        }


class Forget:
    """Takes back every fact that mentions a text."""

    info = ToolInfo(
        FORGET,
        "Take back facts that were remembered in the weights: all that mention a text. A person is "
        "asked first.",
        TextArguments,
        Effect.OUTSIDE,
    )

    def __init__(self, settings: ToolSettings, parts: Parts) -> None:
        self._model = _memory(settings, parts)

    def call(self, args: TextArguments, rt: Runtime) -> dict[str, Any]:
        gone = self._model.forget(args.text) if self._model.about(args.text) else []
        known = [fact for entry in self._model.patches() for fact in entry.facts]
        return {"taken back": [entry.id for entry in gone], "still remembered": known}


def _memory(settings: ToolSettings, parts: Parts) -> SparseMemoryModel:
    model = parts["model"]
    if not isinstance(model, SparseMemoryModel):
        raise ConfigError(
            f"tools.{parts.name}: the model {settings.model!r} has no memory to write to",
            'name one with use = "sparse-memory"',
        )
    return model
