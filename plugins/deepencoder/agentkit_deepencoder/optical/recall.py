"""The tool `use = "recall"`: the exact words of an older turn, of which only a page is left.

What is on a page is seen, not read letter by letter. The run's own events have every turn as it was
said; the number in front of a turn on its page leads back to it, so nothing is invented.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from agentkit.capabilities import Message
from agentkit.capabilities.tool import Effect, ToolInfo
from agentkit.errors import UsageError
from agentkit.models.context import content
from agentkit.runs.codec import part_from
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.capabilities.agent import Runtime
    from agentkit.kit import Parts


class RecallSettings(PartSettings):
    """characters: the most of one answer; of a longer turn the rest is asked for by `start`."""

    characters: int = Field(default=4000, ge=1)


class RecallArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")
    turn: int = Field(ge=0, description="the number after the # in front of it on the page")
    start: int = Field(default=0, ge=0, description="the character to begin with, of a long turn")


class Recall:
    """For agents whose conversation is the run's "message" events, such as `use = "tools"`: there a
    turn's number on a page is its place among them. What a resumed or forked run was told before
    is there too."""

    def __init__(self, settings: RecallSettings, parts: Parts) -> None:
        self._most = settings.characters
        self.info = ToolInfo(
            "recall",
            "Gives the exact text of an earlier turn that is shown on a page only, by its number.",
            RecallArguments,
            Effect.NONE,
        )

    def call(self, args: RecallArguments, rt: Runtime) -> dict[str, Any]:
        """{turn, role, text, sha256 of the whole turn's text; "next" where there is more}.

        Raises:
            UsageError: there is no such turn, or it ends before `start`.
        """
        none: list[Mapping[str, Any]] = []
        said = rt.view(lambda told, event: [*told, event.data], none, kinds=("message",))
        if args.turn >= len(said):
            known = f"turns 0 to {len(said) - 1}" if said else "no turns, which its agent keeps"
            raise UsageError(f"no turn #{args.turn}: this run has {known}", "read the number again")
        turn = said[args.turn]
        text = content(Message(turn["role"], tuple(part_from(part) for part in turn["parts"])))
        if args.start and args.start >= len(text):
            raise UsageError(
                f"turn #{args.turn} has {len(text)} characters", f"start below {len(text)}"
            )
        end = args.start + self._most
        found = {
            "turn": args.turn,
            "role": turn["role"],
            "text": text[args.start : end],
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        return {**found, "next": end} if end < len(text) else found
