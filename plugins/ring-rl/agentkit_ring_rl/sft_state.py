"""What a training keeps on disk, whole or not at all.

checkpoint/     weights, optimizer, state.json: written anew every so many steps
steps.jsonl     a line for each step: loss, rate, and the ids of its examples
curve.png       the losses
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from agentkit.errors import DataError
from agentkit.files import folder_atomic, write_atomic
from agentkit.unicode import split_lines

FOLDER, STEPS = "checkpoint", "steps.jsonl"


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """What is trained, by name; tied weights once."""
    return {n: p.detach().contiguous() for n, p in module.named_parameters() if p.requires_grad}


def save(
    out: Path,
    module: nn.Module,
    optimizer: Optimizer,
    state: Mapping[str, Any],
    weights: Mapping[str, Tensor],
) -> Path:
    """weights: what a model loads afterwards, which for a LoRA are the merged ones."""
    names = [n for n, p in module.named_parameters() if p.requires_grad]
    kept = optimizer.state_dict()["state"]
    moments = {
        f"{names[index]}.{key}": value.detach().contiguous()
        for index, of in kept.items()
        for key, value in of.items()
    }
    with folder_atomic(out / FOLDER) as folder:
        save_file(tensors(module), str(folder / "trained.safetensors"))
        save_file(moments, str(folder / "optimizer.safetensors"))
        whole = {name: tensor.contiguous() for name, tensor in weights.items()}
        save_file(whole, str(folder / "model.safetensors"))
        write_atomic(folder / "state.json", json.dumps(state, indent=2))
    return out / FOLDER


def restore(out: Path, module: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Puts a checkpoint back, and gives its state.

    Raises:
        DataError: there is none, or it is of another model.
    """
    folder = out / FOLDER
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        trained = load_file(str(folder / "trained.safetensors"))
        moments = load_file(str(folder / "optimizer.safetensors"))
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{folder} is no checkpoint: {error}", "train from the start") from error
    own = {n: p for n, p in module.named_parameters() if p.requires_grad}
    if own.keys() != trained.keys() or any(own[n].shape != t.shape for n, t in trained.items()):
        raise DataError(f"{folder} is of another model, or of other LoRA settings", "")
    with torch.no_grad():
        for name, tensor in trained.items():
            own[name].copy_(tensor)
    plain = optimizer.state_dict()
    plain["state"] = {
        index: {
            key: moments[f"{name}.{key}"]
            for key in ("step", "exp_avg", "exp_avg_sq")
            if f"{name}.{key}" in moments
        }
        for index, name in enumerate(own)
        if f"{name}.step" in moments
    }
    optimizer.load_state_dict(plain)
    return state


class Steps:
    """The record of a training: a line a step, cut back to `done` steps where it is resumed."""

    def __init__(self, out: Path, done: int) -> None:
        self._path = out / STEPS
        out.mkdir(parents=True, exist_ok=True)
        kept = [one for one in read_steps(out) if one["step"] <= done] if done else []
        write_atomic(self._path, "".join(json.dumps(one) + "\n" for one in kept))
        self._file = self._path.open("a", encoding="utf-8")

    def add(self, step: int, metrics: Mapping[str, float], ids: Iterable[str]) -> None:
        self._file.write(json.dumps({"step": step, **metrics, "examples": list(ids)}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_steps(out: Path) -> list[dict[str, Any]]:
    """The lines of a training's record; a last one that was cut short is left out."""
    found = []
    try:
        lines = split_lines((out / STEPS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def plot(out: Path, held_out: Iterable[tuple[int, float]]) -> Path:
    """curve.png: loss by step, and of held-out examples."""
    import io

    from matplotlib.figure import Figure

    steps = read_steps(out)
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([s["step"] for s in steps], [s["loss"] for s in steps], lw=0.8, label="batch")
    points = list(held_out)
    if points:
        axes.plot(*zip(*points), marker="o", ms=3, label="held out")
    axes.set(xlabel="step", ylabel="loss of an answer's token (nats)", yscale="log")
    axes.legend()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return write_atomic(out / "curve.png", data.getvalue())
