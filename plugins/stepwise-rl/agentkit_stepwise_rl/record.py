"""What a training writes beside its weights: lines, cut back where it goes on, and a card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentkit.files import write_atomic
from agentkit.unicode import split_lines
from agentkit_stepwise_rl.settings import StepwiseSettings


class Lines:
    """A file of JSON lines, each with its `step`. done: lines of later steps are dropped first."""

    def __init__(self, path: Path, done: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [one for one in read_lines(path) if one["step"] <= done] if done else []
        write_atomic(path, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept))
        self._file = path.open("a", encoding="utf-8")

    def add(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines; a last one that was cut short is left out."""
    found: list[dict[str, Any]] = []
    try:
        lines = split_lines(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def card(
    out: Path,
    settings: StepwiseSettings,
    state: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> Path:
    """card.md: what was trained, how, and what held-out tasks say beside the training's reward."""
    steps = read_lines(out / "steps.jsonl")

    def mean(some: list[dict[str, Any]], name: str) -> str:
        known = [one[name] for one in some if name in one]
        return f"{sum(known) / len(known):.3f}" if known else "-"

    rows = "\n".join(
        f"| {name} | {mean(steps[:5], name)} | {mean(steps[-5:], name)} |"
        for name in ("reward", "right", "format", "frac_zero_std", "frac_format_only")
    )
    looks = "\n".join(
        f"| {one['step']} | {_said(one, 'held_out_success')} | {_said(one, 'held_out_right')} |"
        for one in state["looks"]
    )
    best = state["best"]
    text = f"""# {settings.model}, step-wise GRPO
Format `{settings.form}`, R_acc {settings.mode}, alpha {settings.alpha:g}, N = {settings.group}.

| on training samples | first 5 steps | last 5 steps |
|---|---|---|
{rows}

A reward that rises here while success below does not is over-fitting.

| step | held-out tasks done | held-out steps right |
|---|---|---|
{looks or "| - | - | - |"}

Best: {f"step {best['step']}, {best['value']:.3f}" if best else "not measured"}. Its weights are
`best.safetensors`, by their names in the model.

## Recipe
```json
{json.dumps(settings.model_dump(mode="json", exclude_defaults=True), indent=2)}
```
"""
    return write_atomic(out / "card.md", text)


def _said(look: Mapping[str, Any], name: str) -> str:
    return f"{look[name]:.3f}" if name in look else "-"
