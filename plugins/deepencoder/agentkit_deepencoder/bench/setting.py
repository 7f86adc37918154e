"""What the experiments on the encoder share: sizes by scale, and the same numbers in both
implementations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from agentkit.bench import Bench
from agentkit.errors import UsageError
from agentkit_deepencoder.config import FULL, TINY, OcrConfig
from agentkit_deepencoder.encoder import DeepEncoder
from agentkit_deepencoder.reference import reference_config

SIDES = {"tiny": 512, "small": 640, "base": 1024, "large": 1280}


def config_for(bench: Bench) -> tuple[OcrConfig, dict[str, int]]:
    """(sizes, pixels by mode). `--quick` is a small model of the same shape; `sides` chooses
    modes."""
    small = bench.scale == "quick"
    named = bench.options.get("sides", "tiny,small" if small else "tiny,small,base")
    unknown = [name for name in named.split(",") if name not in SIDES]
    if unknown:
        raise UsageError(f"sides: no mode {unknown[0]!r}", f"of {', '.join(SIDES)}")
    shrink = 4 if small else 1
    return (TINY if small else FULL), {n: SIDES[n] // shrink for n in named.split(",")}


def device_of(bench: Bench) -> str:
    return "cuda" if bench.scale == "full" and torch.cuda.is_available() else "cpu"


def encoder(config: OcrConfig, seed: int, device: str = "cpu") -> DeepEncoder:
    """Random numbers in every tensor, at the size that keeps features in a usual range."""
    with torch.device("meta"):
        made = DeepEncoder(config)
    made.to_empty(device=device).requires_grad_(False).eval()
    generator = torch.Generator(device).manual_seed(seed)
    for name, value in made.named_parameters():
        if value.dim() == 1:
            norm = name.endswith("weight")
            value.normal_(float(norm), 0.05, generator=generator)
        else:
            fan = max(1, value[0].numel())
            spread = 0.1 if "pos" in name or "embedding" in name else fan**-0.5
            value.normal_(0.0, spread, generator=generator)
    return made


class Other:
    """transformers' own encoder and projector with the numbers of ours."""

    def __init__(self, ours: DeepEncoder, config: OcrConfig, device: str = "cpu") -> None:
        from transformers.models.unlimited_ocr.modeling_unlimited_ocr import (
            UnlimitedOcrVisionModel,
        )

        vision = reference_config(config).vision_config
        for part in (vision, vision.sam_config, vision.encoder_config):
            part._attn_implementation = "sdpa"
        with torch.device("meta"):
            self.tower = UnlimitedOcrVisionModel(vision)
        state = {name: v for name, v in renamed(ours).items()}
        self.tower.load_state_dict(state, assign=True)
        places = self.tower.vision_encoder.embeddings
        places.position_ids = torch.arange(config.clip.grid**2 + 1, device=device)[None]
        self.tower.requires_grad_(False).eval()
        self.projector = ours.projector.layers

    def parameters(self) -> Iterator[Tensor]:
        yield from self.tower.parameters()
        yield from self.projector.parameters()

    def __call__(self, pixels: Tensor) -> Tensor:
        made: Tensor = self.projector(self.tower(pixels).last_hidden_state)
        return made


def renamed(ours: DeepEncoder) -> dict[str, Any]:
    """Our tensors under transformers' names; the numbers are shared, not copied."""
    rules = (
        ("sam_model.", "sam_encoder."),
        ("vision_model.", "vision_encoder."),
        (".transformer.", ".encoder."),
        (".blocks.", ".layers."),
        (".norm1.", ".layer_norm1."),
        (".norm2.", ".layer_norm2."),
        (".patch_embed.proj.", ".patch_embed.projection."),
        (".neck.0.", ".neck.conv1."),
        (".neck.1.", ".neck.layer_norm1."),
        (".neck.2.", ".neck.conv2."),
        (".neck.3.", ".neck.layer_norm2."),
        (".net_2.", ".proj.conv1."),
        (".net_3.", ".proj.conv2."),
    )
    made: dict[str, Any] = {}
    for name, value in ours.state_dict().items():
        if not name.startswith(("sam_model.", "vision_model.")):
            continue
        for old, new in rules:
            name = name.replace(old, new)
        if "qkv_proj" in name:
            for part, piece in zip("qkv", value.chunk(3)):
                made[name.replace("qkv_proj", f"{part}_proj")] = piece
        else:
            made[name] = value
    return made


def pixels(side: int, seed: int, device: str = "cpu") -> Tensor:
    """One square view (1, 3, side, side)."""
    generator = torch.Generator(device).manual_seed(seed)
    return torch.rand(1, 3, side, side, generator=generator, device=device) * 2 - 1


def dry_run(bench: Bench) -> list[str]:
    """Names and shapes of the whole published model, ours beside transformers', on no device."""
    from transformers import UnlimitedOcrForConditionalGeneration

    from agentkit_deepencoder.weights import UNUSED, published

    names = published(FULL)
    count = sum(torch.Size(shape).numel() for shape in names.values())
    with torch.device("meta"):
        other = UnlimitedOcrForConditionalGeneration(reference_config(FULL))
    theirs = sum(value.numel() for value in other.state_dict().values())
    unused = torch.Size(names[UNUSED]).numel()
    if theirs != count - unused:
        raise AssertionError(f"transformers has {theirs} numbers, ours {count - unused}")
    return [
        f"{len(names):,} published tensors, {count:,} numbers",
        f"transformers' class has the same, but for the {unused:,} that nothing uses",
        *(f"{name}: {side} pixels, {(side // 64) ** 2} tokens" for name, side in SIDES.items()),
    ]
