"""What a training leaves for people: its curves, and a card."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentkit.files import write_atomic
from agentkit_ring_rl.settings import RingSettings
from agentkit_ring_rl.sft_state import read_steps

PANELS = (
    ("reward", ("reward",), "linear"),
    ("gap |log k|", ("gap_mean", "gap_max"), "log"),
    ("masked share", ("masked_share",), "linear"),
    ("entropy (nats)", ("entropy", "entropy_masked"), "linear"),
    ("length (tokens)", ("length",), "linear"),
    ("gradient norm", ("norm",), "log"),
)


def curves(out: Path) -> Path:
    """curve.png: a panel for each of PANELS, by step."""
    from matplotlib.figure import Figure

    steps = read_steps(out)
    figure = Figure(figsize=(10, 5))
    figure.subplots_adjust(0.06, 0.07, 0.98, 0.93, wspace=0.25, hspace=0.3)
    for number, (title, names, scale) in enumerate(PANELS, 1):
        axes = figure.add_subplot(2, 3, number)
        for name in names:
            points = [(s["step"], s[name]) for s in steps if s.get(name) is not None]
            if points:
                axes.plot(*zip(*points), lw=0.9, label=name)
        axes.set_title(title, fontsize="small")
        positive = any(s.get(name, 0) > 0 for s in steps for name in names)
        axes.set_yscale(scale if positive else "linear")
        if len(names) > 1:
            axes.legend(fontsize="x-small")
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return write_atomic(out / "curve.png", data.getvalue())


def card(
    out: Path,
    model: str,
    settings: RingSettings,
    about: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> Path:
    """card.md: what was trained, on what, how, and with which result on its own training data."""
    steps = read_steps(out)
    first, last = steps[:5], steps[-5:]

    def mean(lines: list[dict[str, Any]], name: str) -> str:
        known = [s[name] for s in lines if s.get(name) is not None]
        return f"{sum(known) / len(known):.4g}" if known else "-"

    rows = "\n".join(
        f"| {name} | {mean(first, name)} | {mean(last, name)} |"
        for name in ("reward", "length", "entropy", "gap_mean", "masked_share", "norm")
    )
    used = sorted({example for step in steps for example in step["examples"]})
    text = f"""# {model}, trained by reinforcement
Base: `{model}` (fingerprint `{about["model"]}`). Rewards: {", ".join(settings.rewards)}.
Data: {len(used)} examples seen, sha256 of all `{about["data"]}`; `steps.jsonl` names those of each
step, `rollouts.jsonl` holds every answer that was trained on.

| | first {len(first)} steps | last {len(last)} steps |
|---|---|---|
{rows}

These are means over training prompts, not a held-out measurement.

## Recipe
```json
{json.dumps(settings.model_dump(mode="json", exclude_defaults=True), indent=2)}
```
`checkpoint/model.safetensors` holds the weights that changed, by their names in the base model;
give it as `start` to another stage.
"""
    return write_atomic(out / "card.md", text)
