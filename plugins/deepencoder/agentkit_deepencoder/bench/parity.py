"""`deepencoder-parity`: the encoder beside transformers' own, on the same random numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit_deepencoder.bench.setting import (
    Other,
    config_for,
    device_of,
    dry_run,
    encoder,
    pixels,
)


def measure(bench: Bench, side: int, seed: int, made: dict[str, Any]) -> dict[str, float]:
    """Differences at one size. made: keeps the two models from one size to the next."""
    config, _ = config_for(bench)
    device = device_of(bench)
    if "ours" not in made:
        made["ours"] = encoder(config, seed, device)
        made["other"] = Other(made["ours"], config, device)
    view = pixels(side, seed, device)
    with torch.inference_mode():
        ours = made["ours"](view).flatten(1, 2).double()
        theirs = made["other"](view).double()
    apart = (ours - theirs).abs()
    return {
        "relative": float((ours - theirs).norm() / theirs.norm()),
        "largest": float(apart.max()),
        "spread": float(theirs.std()),
        "tokens": float(ours.shape[1]),
    }


def parity(bench: Bench) -> Result:
    _, sides = config_for(bench)
    rows, worst, largest = [], 0.0, 0.0
    for seed in bench.seeds:
        made: dict[str, Any] = {}
        for done, (name, side) in enumerate(sides.items()):
            found = bench.once(
                f"{bench.scale} {seed} {side}", partial(measure, bench, side, seed, made)
            )
            rows.append(
                (
                    seed,
                    name,
                    side,
                    int(found["tokens"]),
                    found["relative"],
                    found["largest"],
                    found["spread"],
                )
            )
            worst, largest = max(worst, found["relative"]), max(largest, found["largest"])
            bench.progress.update(done + 1, len(sides))
    count = len(rows)
    metrics = {
        "relative difference, worst": Metric(worst, n=count),
        "largest difference": Metric(largest, n=count),
    }
    size = "a small model of the same shape" if bench.scale == "quick" else "the published sizes"
    return Result(
        metrics,
        f"With the same random numbers, positions and relative positions included, the features "
        f"of {size} differ by at most {worst:.1e} (relative L2) from those of transformers' own "
        f"classes in fp32, at {count} sizes and seeds; the largest single difference is "
        f"{largest:.1e}. Random numbers show that the computation is the same; that the published "
        "weights read well is not shown by this.",
        tables=[
            Table(
                "by size",
                ("seed", "mode", "pixels", "tokens", "relative L2", "largest", "spread"),
                tuple(rows),
            )
        ],
    )


PARITY = Experiment(
    name="deepencoder-parity",
    question="Does the encoder compute what transformers' own computes, at the published sizes?",
    run=parity,
    claim="one model for all resolutions, its positions interpolated",
    seeds=(0,),
    needs={
        "quick": Needs(memory=1 << 30, hours=0.01),
        "normal": Needs(memory=6 << 30, hours=0.1),
        "full": Needs(device="cuda", memory=16 << 30, hours=0.1),
    },
    dry_run=dry_run,
    options={"sides": "modes, comma separated: tiny,small,base,large"},
)
