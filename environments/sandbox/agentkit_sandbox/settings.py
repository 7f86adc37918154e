"""Settings of the sandbox."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import Field, field_validator

from agentkit.settings import PartSettings


class SandboxSettings(PartSettings):
    """visible: folders and files of this machine that programs can read besides /usr, at the same
    place. seconds, memory, output, disk, processes: the limits of a run that names none, see
    `agentkit.capabilities.Limits`."""

    visible: tuple[str, ...] = ()
    seconds: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    memory: int = Field(default=512 << 20, ge=16 << 20)
    output: int = Field(default=1 << 20, ge=1)
    disk: int = Field(default=64 << 20, ge=1 << 12)
    processes: int = Field(default=64, ge=1)

    @field_validator("visible")
    @classmethod
    def _absolute(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for path in value:
            if not PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise ValueError(f"{path!r} is no absolute path")
            if PurePosixPath(path) == PurePosixPath("/"):
                raise ValueError("'/' would show everything")
        return value
