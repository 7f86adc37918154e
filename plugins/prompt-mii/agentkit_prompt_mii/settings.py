"""Settings of `use = "prompt-mii"`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agentkit.settings import PartSettings


class InducedSettings(PartSettings):
    """A model that is given an induced instruction with every request.

    base: the model that answers. instruction: the text itself; or task: the accepted prompt of that
    name, and hash: one of its history instead of the current one. store: the folder of accepted
    prompts; the user's own by default. place: where the instruction stands, in the system message
    or before the last message of the person. replaces: a text of the agent's own prompt in whose
    stead it stands, wherever that occurs; `place` is for requests without it. nodes: only requests
    of these nodes of an agent are changed; all by default. constrain: whether the line that names
    the options is added, where the instruction has labels.
    """

    base: str
    instruction: str | None = Field(default=None, min_length=1)
    task: str | None = None
    hash: str = ""
    store: Path | None = None
    place: Literal["system", "before"] = "system"
    replaces: str = ""
    nodes: tuple[str, ...] = ()
    constrain: bool = True

    @model_validator(mode="after")
    def _one(self) -> InducedSettings:
        if (self.instruction is None) == (self.task is None):
            raise ValueError("give instruction, or task: one of them")
        if self.task is None and (self.hash or self.store):
            raise ValueError("hash and store do nothing without task: leave them out")
        return self
