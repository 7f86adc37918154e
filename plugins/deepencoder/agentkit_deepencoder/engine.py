"""A loaded checkpoint: pictures to vision tokens, embeddings to answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image as Pictures
from torch import Tensor

from agentkit.capabilities import VisionTokens
from agentkit.errors import ModelFileError
from agentkit.files import sha256
from agentkit_deepencoder.auto import Choice, choose
from agentkit_deepencoder.config import OcrConfig
from agentkit_deepencoder.layout import Plan, mode_of, plan
from agentkit_deepencoder.pictures import pixels_of
from agentkit_deepencoder.weights import Ocr, load

NANO = Path(__file__).parent / "data" / "nano"
_HASHED = 256 << 20  # bytes; larger files are not read twice


@dataclass(frozen=True, slots=True)
class Looked:
    """A picture's tokens (n, d), with how it was looked at and why so."""

    tokens: Tensor
    plan: Plan
    reason: str = ""

    def vision_tokens(self) -> VisionTokens:
        values = self.tokens.float().cpu().numpy()
        return VisionTokens(values, tuple(self.plan.sees()))


class Engine:
    """Thread-safe: one call computes at a time.

    Raises:
        ModelFileError: the folder holds no such checkpoint.
    """

    def __init__(self, folder: Path, dtype: str = "auto", device: str = "auto") -> None:
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if dtype == "auto":
            dtype = "bf16" if device == "cuda" else "fp32"
        self.ocr: Ocr
        self.ocr, self.report = load(
            folder, torch.bfloat16 if dtype == "bf16" else torch.float32, device
        )
        self.tokenizer = _tokenizer(folder)
        self.lock = threading.Lock()
        self.fingerprint = _fingerprint(folder)
        self.parameters = sum(p.numel() for p in self.ocr.parameters())

    @property
    def config(self) -> OcrConfig:
        return self.ocr.config

    def plan(
        self, picture: Pictures.Image, mode: str, ratio: float, most_tiles: int
    ) -> tuple[Plan, str]:
        """How a picture will be looked at, and why. mode: a name, or "auto"."""
        if mode == "auto":
            chosen: Choice = choose(picture, self.config, ratio, most_tiles)
            return chosen.plan, chosen.reason
        asked = mode_of(mode, self.config)
        return plan(*picture.size, asked, self.config.token, most_tiles), f"mode {mode} was asked"

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def look(self, picture: Pictures.Image, how: Plan, reason: str = "") -> Looked:
        """A picture's vision tokens."""
        overview, tiles = (self._move(torch.from_numpy(v)) for v in pixels_of(picture, how))
        with self.lock:
            made = self.ocr.encoder.read(overview, tiles if how.tiles else None, how.columns)
        return Looked(made, how, reason)

    def encode(self, text: str) -> list[int]:
        """Ids of a text, nothing added."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def embed(self, ids: Sequence[int]) -> Tensor:
        with torch.inference_mode():
            return self.ocr.decoder.embed(ids)

    def taken(self, values: Any) -> Tensor:
        """Embeddings from elsewhere, (n, d), as this model computes."""
        return self._move(torch.as_tensor(values))

    def _move(self, values: Tensor) -> Tensor:
        like = self.ocr.decoder.lm_head.weight
        return values.to(like.device, like.dtype)


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises plain Exception
        raise ModelFileError(f"{path}: cannot be read: {error}", "fetch it again") from error


def _fingerprint(folder: Path) -> str:
    files = sorted(folder.glob("*.safetensors"))
    if sum(f.stat().st_size for f in files) > _HASHED:
        return ""
    return "-".join(sha256(f)[:16] for f in files)


def notes_of(folder: Path) -> dict[str, Any]:
    """What a checkpoint's config.json says beside its sizes."""
    plain: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return plain
