"""Settings of the part."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agentkit.settings import PartSettings

Option = str | int | float | bool | list[str]


class VllmSettings(PartSettings):
    """A vLLM server of its own.

    model: a bundled name, a folder, or a hub id. environment: the virtual environment that holds
    vLLM; or command: what starts the server in its place, for containers and other machines.
    options: of vLLM's server by their long names, e.g. { tensor-parallel-size = 2 }; true is a bare
    flag. env: environment variables for it. context: tokens of prompt and answer together; None
    leaves it to vLLM. port: 0 is any that is free.

    start_timeout: seconds until it answers, weights and compiling included. check: seconds between
    looks at its health. restarts: how often in a row it is started again before that is given up.
    stop_timeout: seconds for a stop before it is killed. log: where its words go; None is the
    user's cache folder.

    control: opens the routes for sleeping, pausing and new weights. They ask for no key, so any
    program on this machine can use them then. sleep: the server can give its memory back.

    timeout, deadline, retries, concurrency, structured, max_logprobs: as of use = "openai".
    """

    model: str
    environment: Path | None = None
    command: tuple[str, ...] = ()
    options: dict[str, Option] = Field(default_factory=dict)
    env: dict[str, str] = Field(default_factory=dict)
    context: int | None = Field(default=None, ge=1)
    port: int = Field(default=0, ge=0, le=65535)
    start_timeout: float = Field(default=900.0, gt=0)
    check: float = Field(default=10.0, gt=0)
    restarts: int = Field(default=3, ge=0)
    stop_timeout: float = Field(default=20.0, gt=0)
    log: Path | None = None
    control: bool = False
    sleep: bool = False
    timeout: float = Field(default=60.0, gt=0)
    deadline: float = Field(default=600.0, gt=0)
    retries: int = Field(default=3, ge=0)
    concurrency: int = Field(default=64, ge=1)
    structured: Literal["json_schema", "none"] = "json_schema"
    max_logprobs: int = Field(default=20, ge=0)

    @model_validator(mode="after")
    def _one_way(self) -> VllmSettings:
        if (self.environment is None) == (not self.command):
            raise ValueError("give environment or command, one of the two")
        return self
