"""Checkpoints under the published names: which tensors there are, reading them in, writing them.

Sources: the tensor names of DeepSeek-OCR's published safetensors; transformers' decoder, which
keeps all experts of a layer in two tensors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from agentkit.errors import ModelFileError
from agentkit.files import write_atomic
from agentkit_deepencoder.config import OcrConfig
from agentkit_deepencoder.decoder import Decoder
from agentkit_deepencoder.encoder import DeepEncoder

UNUSED = "model.vision_model.embeddings.patch_embedding.weight"
"""CLIP's own patches: in the published file, and never looked at."""
_EXPERT = re.compile(r"(.*\.mlp\.experts)\.(\d+)\.(gate|up|down)_proj\.weight")
_SHOWN = 12  # keys of one kind in an error; the report has them all


@dataclass(slots=True)
class LoadReport:
    """What a checkpoint's names were taken for. wrong: (name, shape expected, shape found)."""

    used: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    wrong: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.missing or self.extra or self.wrong)

    def __str__(self) -> str:
        wrong = [f"{name} is {found}, not {want}" for name, want, found in self.wrong]
        kinds = {"missing": self.missing, "unknown": self.extra, "of a wrong shape": wrong}
        lines = []
        for kind, keys in kinds.items():
            if keys:
                more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
                lines.append(f"{len(keys)} {kind}: {', '.join(keys[:_SHOWN])}{more}")
        return "; ".join(lines) or f"{len(self.used)} tensors"


class Ocr(nn.Module):  # type: ignore[misc]
    """Encoder and decoder."""

    def __init__(self, config: OcrConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = DeepEncoder(config)
        self.decoder = Decoder(config.decoder)


@lru_cache(maxsize=8)
def published(config: OcrConfig) -> Mapping[str, tuple[int, ...]]:
    """Every tensor of a checkpoint with its shape: 2,710 for the published sizes.

    Read off the modules themselves, on the meta device, so it cannot drift from them.
    """
    with torch.device("meta"):
        ours = Ocr(config)
    names: dict[str, tuple[int, ...]] = {UNUSED: (config.clip.width, 3, 14, 14)}
    for name, value in ours.encoder.state_dict().items():
        names[f"model.{name}"] = tuple(value.shape)
    for name, value in ours.decoder.state_dict().items():
        if ".experts." not in name:
            names[name] = tuple(value.shape)
            continue
        experts, rows, columns = value.shape
        before, _, which = name.rpartition(".")
        parts = ("gate", "up") if which.startswith("gate_up") else ("down",)
        for number in range(experts):
            for part in parts:
                key = f"{before}.{number}.{part}_proj.weight"
                names[key] = (rows // len(parts), columns)
    return MappingProxyType(names)


def canonical(name: str) -> str:
    """A tensor's published name: some converted packs leave out `model.`, or mend a spelling."""
    if not name.startswith(("model.", "lm_head.")):
        name = f"model.{name}"
    return name.replace("view_separator", "view_seperator")


def check(found: Mapping[str, tuple[int, ...]], config: OcrConfig) -> LoadReport:
    """Names and shapes of a checkpoint beside those the model has."""
    wanted, report = published(config), LoadReport()
    names = {canonical(name): tuple(shape) for name, shape in found.items()}
    for name, shape in names.items():
        if name not in wanted:
            report.extra.append(name)
        elif name == UNUSED:
            report.dropped.append(name)
        elif shape != wanted[name]:
            report.wrong.append((name, wanted[name], shape))
        else:
            report.used.append(name)
    report.missing = [name for name in wanted if name not in names and name != UNUSED]
    return report


def empty(config: OcrConfig, dtype: torch.dtype, device: str) -> Ocr:
    """A model whose numbers are still to be filled in; nothing is drawn at random meanwhile."""
    with torch.device("meta"):
        ours = Ocr(config)
    ours.to(dtype).to_empty(device=device)
    # Its frequencies are computed, not stored: what was made on the meta device is nothing.
    rotary = ours.decoder.model.rotary_emb
    ours.decoder.model.rotary_emb = type(rotary)(config=rotary.config).to(device)
    ours.requires_grad_(False).eval()
    return ours


def fill(ours: Ocr, tensors: Iterator[tuple[str, Tensor]], where: str) -> LoadReport:
    """Copies a checkpoint's tensors in, one at a time.

    Raises:
        ModelFileError: a name is missing, unknown, or of a wrong shape; every kind is listed.
    """
    targets = {f"model.{name}": value for name, value in ours.encoder.state_dict().items()}
    targets |= dict(ours.decoder.state_dict())
    wanted, shapes = published(ours.config), {}
    with torch.no_grad():
        for name, value in tensors:
            name = canonical(name)
            shapes[name] = tuple(value.shape)
            if name in wanted and wanted[name] == shapes[name] and name != UNUSED:
                _slot(targets, name).copy_(value)
    report = check(shapes, ours.config)
    if not report.good:
        raise ModelFileError(
            f"{where}: {report}", "the file is of another model, or was not fetched whole"
        )
    return report


def _slot(targets: Mapping[str, Tensor], name: str) -> Tensor:
    """Where a published tensor goes; an expert's is a piece of a larger one."""
    if (found := _EXPERT.fullmatch(name)) is None:
        return targets[name]
    before, number, part = found[1], int(found[2]), found[3]
    if part == "down":
        return targets[f"{before}.down_proj"][number]
    both = targets[f"{before}.gate_up_proj"][number]
    return both.chunk(2)[0 if part == "gate" else 1]


def tensors_of(ours: Ocr) -> dict[str, Tensor]:
    """The model's tensors under the published names; the one that nothing uses is zeros."""
    targets = {f"model.{name}": value for name, value in ours.encoder.state_dict().items()}
    targets |= dict(ours.decoder.state_dict())
    made = {}
    for name, shape in published(ours.config).items():
        value = torch.zeros(shape) if name == UNUSED else _slot(targets, name)
        made[name] = value.detach().clone().contiguous()
    return made


# -- folders --------------------------------------------------------------------------------------


def config_of(folder: Path) -> OcrConfig:
    """What a checkpoint's config.json says.

    Raises:
        ModelFileError: there is none, or it is another model's.
    """
    path = folder / "config.json"
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"{path}: cannot be read: {error}", "name a folder with DeepSeek-OCR's files"
        ) from error
    return OcrConfig.of(plain, str(path))


def load(folder: Path, dtype: torch.dtype, device: str) -> tuple[Ocr, LoadReport]:
    """A checkpoint's folder: config.json and safetensors, in one file or several.

    Raises:
        ModelFileError: naming file and key.
    """
    ours = empty(config_of(folder), dtype, device)
    return ours, fill(ours, _stored(folder), str(folder))


def _stored(folder: Path) -> Iterator[tuple[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelFileError(f"{folder}: holds no safetensors file", "fetch the model's weights")
    for path in files:
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118  (it is no mapping)
                    yield name, file.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise ModelFileError(f"{path}: cannot be read: {error}", "fetch it again") from error


def save(ours: Ocr, folder: Path, dtype: torch.dtype, notes: Mapping[str, Any]) -> Path:
    """Writes config.json and model.safetensors under the published names. notes: go beside the
    sizes in config.json."""
    from safetensors.torch import save as packed

    tensors = {name: value.to(dtype) for name, value in tensors_of(ours).items()}
    if ours.config.clip.width != 1024:  # a file of ours need not carry what nothing uses
        del tensors[UNUSED]
    write_atomic(folder / "model.safetensors", packed(tensors, {"format": "pt"}))
    plain = json.dumps({**ours.config.plain(), **notes}, indent=1)
    write_atomic(folder / "config.json", plain + "\n")
    return folder


def random_numbers(config: OcrConfig, seed: int, spread: float = 0.05) -> Ocr:
    """A model of random numbers, positions included: zeros there would hide errors."""
    ours = empty(config, torch.float32, "cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*ours.named_parameters()]:
            thin = value.dim() == 1 and name.endswith("weight")  # norms
            value.normal_(1.0 if thin else 0.0, spread, generator=generator)
    return ours
