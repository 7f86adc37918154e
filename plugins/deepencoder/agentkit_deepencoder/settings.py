"""What the parts of this plugin may be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from agentkit.settings import PartSettings
from agentkit_deepencoder.layout import LEAST_TILES, MODES, MOST_TILES
from agentkit_deepencoder.prompts import Task


def known_mode(value: str) -> str:
    if value not in (*MODES, "auto"):
        raise ValueError(f"no mode {value!r}: one of {', '.join((*MODES, 'auto'))}")
    return value


class ModelSettings(PartSettings):
    """An OCR model in this process.

    checkpoint: "nano", which is shipped, or a folder with DeepSeek-OCR's files. mode: how pictures
    are looked at; "auto" takes the cheapest that keeps `ratio` text tokens a vision token.
    most_tiles: of the modes that cut. dtype: "auto" is bf16 on cuda, fp32 elsewhere. device: "auto"
    is cuda where there is one. threads: of torch, for the whole process; None leaves them.
    no_repeat: length of what may not come twice within the last `window` tokens; 0 turns that off,
    and the detector of loops with it. batch: answers that are decoded at once.
    """

    checkpoint: str = "nano"
    mode: str = "auto"
    ratio: float = Field(default=10.0, gt=0)
    most_tiles: int = Field(default=MOST_TILES, ge=LEAST_TILES, le=32)
    dtype: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = Field(default=None, ge=1)
    no_repeat: int = Field(default=30, ge=0)
    window: int = Field(default=90, ge=1)
    batch: int = Field(default=16, ge=1)

    _mode = field_validator("mode")(known_mode)


class PerceptionSettings(PartSettings):
    """Reading pictures with an OCR model.

    model: the part that reads: a "deepencoder" in this process, or a server with DeepSeek-OCR, such
    as vLLM's, by `use = "openai"` or "vllm". task: ocr, markdown, grounding, describe, figure (or
    chart, formula, geometry, which are the same prompt). max_tokens: of an answer, for one picture;
    0 is what the context leaves, 2048 at most. no_repeat, window: sent to a server; in this process
    the model's own settings hold.
    """

    model: str = "deepencoder"
    task: Task = "ocr"
    max_tokens: int = Field(default=0, ge=0)
    no_repeat: int = Field(default=30, ge=0)
    window: int = Field(default=90, ge=1)
