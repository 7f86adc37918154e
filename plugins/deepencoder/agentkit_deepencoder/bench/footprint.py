"""`deepencoder-memory`: what a process needs in all to look at one picture."""

from __future__ import annotations

import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import torch

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit_deepencoder.bench.setting import SIDES, config_for, encoder, pixels
from agentkit_deepencoder.config import OcrConfig

GOAL = 6.0  # GiB, at 1280 pixels in fp32
KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def alone(config: OcrConfig, side: int, kind: str) -> dict[str, float]:
    """Bytes that this process held at most: before the pass, with weights and libraries, and in
    all. To be called in a process of its own; Linux only."""
    model = encoder(config, 0).to(KINDS[kind])
    view = pixels(side, 1).to(KINDS[kind])
    before = _highest()
    with torch.inference_mode():
        tokens = model(view).flatten(1, 2).shape[1]
    weights = sum(value.numel() * value.element_size() for value in model.parameters())
    return {"before": before, "peak": _highest(), "weights": weights, "tokens": tokens}


def _highest() -> int:
    """Not `ru_maxrss`, which a process inherits from the one that started it."""
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(told[1]) if told else 0


def measure(config: OcrConfig, side: int, kind: str) -> dict[str, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(alone, config, side, kind).result()


def memory(bench: Bench) -> Result:
    config, _ = config_for(bench)
    small = bench.scale == "quick"
    shrink, kinds = (4, ["fp32"]) if small else (1, list(KINDS))
    names = ["tiny", "large"] if small else list(SIDES)
    rows: list[tuple[object, ...]] = []
    metrics: dict[str, Metric] = {}
    units = [(name, SIDES[name] // shrink, kind) for kind in kinds for name in names]
    for done, (name, side, kind) in enumerate(units):
        found = bench.once(f"{bench.scale} {side} {kind}", partial(measure, config, side, kind))
        sizes = (found[what] / 2**30 for what in ("weights", "before", "peak"))
        rows.append((name, side, int(found["tokens"]), kind, *(round(size, 3) for size in sizes)))
        if name == "large":
            metrics[f"GiB at {side} pixels, {kind}"] = Metric(round(found["peak"] / 2**30, 3))
        bench.progress.update(done + 1, len(units))
    most = next(iter(metrics.values())).value
    model = "A small model of the same shape" if small else "The published sizes"
    return Result(
        metrics,
        f"{model}, random numbers, on the processor: a process that looks at one view of "
        f"{SIDES['large'] // shrink} pixels in fp32 holds at most {most:.2f} GiB, weights and "
        f"libraries included (goal at 1280 pixels {GOAL:.0f}: "
        f"{'met' if most < GOAL else 'missed'}). The position bias of a block that sees all is "
        "made in pieces; in one it would be 1.8 GiB at 1280 pixels.",
        tables=[
            Table(
                "by size",
                ("mode", "pixels", "tokens", "numbers", "GiB weights", "GiB before", "GiB in all"),
                tuple(rows),
            )
        ],
    )


MEMORY = Experiment(
    name="deepencoder-memory",
    question="How much memory does a process need to look at one picture, weights included?",
    run=memory,
    claim="",
    needs={"quick": Needs(memory=1 << 30, hours=0.02), "normal": Needs(memory=6 << 30, hours=0.1)},
)
