"""A tool that counts the words and characters of a text."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agentkit.capabilities import Effect, Runtime, ToolInfo
from agentkit.kit import Parts
from agentkit.settings import PartSettings


class Settings(PartSettings):
    """lines: whether lines are counted too."""

    lines: bool = False


class Arguments(BaseModel):
    """What a model gives; the schema and the descriptions are what it sees."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(description="the text to count")


class ClassName:
    """Reads only, so a call may be repeated: its effect is none."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._lines = settings.lines
        self.info = ToolInfo(
            parts.name, "Counts the words and characters of a text.", Arguments, Effect.NONE
        )

    def call(self, args: Arguments, rt: Runtime) -> dict[str, Any]:
        counts = {"words": len(args.text.split()), "characters": len(args.text)}
        if self._lines:
            counts["lines"] = len(args.text.splitlines())
        return counts
