"""What is looked at. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from agentkit.settings import PartSettings


class Settings(PartSettings):
    """A study of how a model counts characters.

    model: one with weights in this process. kind: texts of this machine, where no files are given;
    read: files. texts: how many; tokens: the most of each. widths: of lines, each text at one of
    them; the second (of two: the first) is that of interventions. layers: the deepest that is
    looked into, as a share of the model's depth. step: characters of a bin. heard: texts for
    behaviour; ablated: for ablation; draws: random subspaces beside the count's. places: where the
    count is moved. lines: with which illusions are tried. illusions: how many of the strings.
    features: of the sparse dictionary, 0 for none.
    """

    model: str = "small"
    kind: Literal["prose", "code", "changelogs", "mail"] = "prose"
    texts: int = Field(default=60, ge=12)
    tokens: int = Field(default=384, ge=64)
    widths: tuple[int, ...] = (30, 40, 50, 60, 80, 100)
    layers: float = Field(default=0.6, gt=0, le=1)
    step: int = Field(default=4, ge=1)
    heard: int = Field(default=12, ge=1)
    ablated: int = Field(default=4, ge=1)
    draws: int = Field(default=20, ge=4)
    places: int = Field(default=16, ge=2)
    lines: int = Field(default=6, ge=1)
    illusions: int = Field(default=60, ge=14)
    features: int = Field(default=256, ge=0)
    seed: int = 0
    read: tuple[Path, ...] = ()

    @field_validator("widths")
    @classmethod
    def _sorted(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(value) < 2 or min(value) < 24:
            raise ValueError("give at least two widths, from 24 characters on")
        return tuple(sorted(set(value)))
