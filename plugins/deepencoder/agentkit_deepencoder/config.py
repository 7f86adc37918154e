"""Sizes of the model, as numbers: the published one, and smaller ones of the same shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from agentkit.errors import ModelFileError

STRIDES = 4
"""The compressor halves the side of the patch grid twice: 16 patches become one token."""


@dataclass(frozen=True, slots=True)
class SamConfig:
    """The windowed half (SAM-base). side: pixels that `pos_embed` was made for. all_see: the
    blocks whose attention is global; the others see windows of `window` x `window` patches.
    compressor: channels after each of its two convolutions."""

    side: int = 1024
    patch: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp: int = 3072
    window: int = 14
    all_see: tuple[int, ...] = (2, 5, 8, 11)
    neck: int = 256
    compressor: tuple[int, int] = (512, 1024)

    @property
    def grid(self) -> int:
        """Patches a side at `side` pixels."""
        return self.side // self.patch


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """The global half (CLIP-large); its width is the compressor's last one. grid: positions a side
    that were learned, the class token's aside."""

    width: int = 1024
    depth: int = 24
    heads: int = 16
    mlp: int = 4096
    grid: int = 16


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The decoder: plain attention, a dense first layer, then shared and routed experts."""

    vocabulary: int = 129280
    width: int = 1280
    depth: int = 12
    heads: int = 10
    mlp: int = 6848
    dense: int = 1
    experts: int = 64
    chosen: int = 6
    shared: int = 2
    expert_mlp: int = 896
    context: int = 8192
    theta: float = 10000.0
    bos: int = 0
    eos: int = 1
    image: int = 128815


@dataclass(frozen=True, slots=True)
class OcrConfig:
    """Encoder and decoder. The defaults are the published model, 3.3B numbers."""

    sam: SamConfig = field(default_factory=SamConfig)
    clip: ClipConfig = field(default_factory=ClipConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    @property
    def token(self) -> int:
        """Pixels a side of what one vision token stands for: 64 in the published model."""
        return self.sam.patch * STRIDES

    def plain(self) -> dict[str, Any]:
        """As JSON; `OcrConfig.of` reads it back."""
        return {"deepencoder": asdict(self)}

    @classmethod
    def of(cls, plain: Mapping[str, Any], where: str) -> OcrConfig:
        """From a checkpoint's config.json: ours, or the published form with `language_config`.

        Raises:
            ModelFileError: it is neither.
        """
        try:
            if ours := plain.get("deepencoder"):
                return cls(
                    _read(SamConfig, ours["sam"]),
                    _read(ClipConfig, ours["clip"]),
                    _read(DecoderConfig, ours["decoder"]),
                )
            text = plain["language_config"]
            return cls(
                decoder=DecoderConfig(
                    text["vocab_size"],
                    text["hidden_size"],
                    text["num_hidden_layers"],
                    text["num_attention_heads"],
                    text["intermediate_size"],
                    text["first_k_dense_replace"],
                    text["n_routed_experts"],
                    text["num_experts_per_tok"],
                    text["n_shared_experts"],
                    text["moe_intermediate_size"],
                    text.get("max_position_embeddings", 8192),
                    text.get("rope_theta", 10000.0),
                    plain.get("bos_token_id", 0),
                    plain.get("eos_token_id", 1),
                )
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelFileError(
                f"{where}: says nothing about a DeepEncoder ({type(error).__name__}: {error})",
                "name a folder with DeepSeek-OCR's files, or one written by this plugin",
            ) from error


def _read(kind: type[Any], plain: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(kind)}
    if unknown := sorted(set(plain) - known):
        raise KeyError(f"unknown {', '.join(unknown)}")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()})


FULL = OcrConfig()
TINY = OcrConfig(
    SamConfig(
        side=256,
        width=32,
        depth=3,
        heads=2,
        mlp=64,
        window=5,
        all_see=(1,),
        neck=16,
        compressor=(24, 48),
    ),
    ClipConfig(width=48, depth=2, heads=4, mlp=96, grid=4),
    DecoderConfig(
        vocabulary=97,
        width=40,
        depth=3,
        heads=4,
        mlp=80,
        experts=4,
        chosen=2,
        expert_mlp=24,
        context=512,
        bos=0,
        eos=1,
        image=96,
    ),
)
"""The published shape at a size for tests: 16-pixel patches, random weights."""
