"""`deepencoder-cost`: tokens, seconds and activation memory as resolution grows, beside attention
that is global everywhere, and beside transformers' own encoder in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit_deepencoder.bench.memory import Peak, kept
from agentkit_deepencoder.bench.setting import (
    Other,
    config_for,
    device_of,
    dry_run,
    encoder,
    pixels,
)
from agentkit_deepencoder.config import OcrConfig

WHO = ("ours", "transformers", "all blocks global")


def everywhere(config: OcrConfig) -> OcrConfig:
    """The same model with no windows."""
    return replace(config, sam=replace(config.sam, all_see=tuple(range(config.sam.depth))))


def built(bench: Bench, who: str) -> Callable[[Tensor], Tensor]:
    config, _ = config_for(bench)
    device = device_of(bench)
    if who == "all blocks global":
        return encoder(everywhere(config), 0, device)
    ours = encoder(config, 0, device)
    return ours if who == "ours" else Other(ours, config, device)


def timed(run: Callable[[Tensor], Tensor], view: Tensor) -> float:
    """Seconds of one pass; on a GPU, until it is done."""
    if view.is_cuda:
        torch.cuda.synchronize()
    begun = time.perf_counter()
    run(view)
    if view.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def held(run: Callable[[Tensor], Tensor], view: Tensor) -> int:
    """Bytes of activations alive at once in one pass."""
    with Peak() as peak:
        run(view)
    return int(peak.peak)


def measure(bench: Bench, side: int, repeats: int, models: dict[str, Any]) -> dict[str, Any]:
    """{who: [seconds]}, taken in turns, so that a busy machine is busy for all; {who: bytes} alive
    at once in a pass, and kept for a backward pass."""
    view = pixels(side, 1, device_of(bench))
    seconds: dict[str, list[float]] = {who: [] for who in WHO}
    memory: dict[str, int] = {}
    saved: dict[str, int] = {}
    with torch.no_grad():
        for who in WHO:
            if who not in models:
                models[who] = built(bench, who)
            memory[who] = held(models[who], view)  # warms it up, too
            saved[who] = kept(models[who], view, models[who].parameters())
        for _ in range(repeats):
            for who in WHO:
                seconds[who].append(timed(models[who], view))
    return {"seconds": seconds, "memory": memory, "kept": saved}


def cost(bench: Bench) -> Result:
    config, sides = config_for(bench)
    repeats = int(bench.options.get("repeats", 3))
    models: dict[str, Any] = {}
    rows, ratios = [], []
    found: dict[str, dict[str, Any]] = {}
    for done, (name, side) in enumerate(sides.items()):
        key = f"{bench.scale} {side} {repeats}"
        found[name] = bench.once(key, partial(measure, bench, side, repeats, models))
        bench.progress.update(done + 1, len(sides))
        times = found[name]["seconds"]
        grid = -(-side // config.token)
        ratios += [a / b for a, b in zip(times["ours"], times["transformers"])]
        rows += [
            (
                name,
                side,
                grid * grid,
                grid * (grid + 1) + 1,
                who,
                round(statistics.median(times[who]), 4),
                round(found[name]["memory"][who] / 2**20, 2),
                round(found[name]["kept"][who] / 2**20, 2),
            )
            for who in WHO
        ]
    last = found[name]
    alive, saved = (
        last[what]["all blocks global"] / last[what]["ours"] for what in ("memory", "kept")
    )
    quicker = interval(
        [a / b for a, b in zip(last["seconds"]["all blocks global"], last["seconds"]["ours"])]
    )
    metrics = {
        "seconds, ours over transformers'": interval(ratios),
        "seconds at the largest size, global over ours": quicker,
        "activations alive at once at the largest size, global over ours": Metric(alive),
        "activations kept for gradients at the largest size, global over ours": Metric(saved),
    }

    def draw(axes: Any) -> None:
        for who in WHO:
            mib = [found[n]["kept"][who] / 2**20 for n in sides]
            axes.plot(list(sides.values()), mib, marker="o", label=who)
        axes.set_xlabel("pixels a side")
        axes.set_ylabel("activations kept for gradients, MiB")
        axes.legend()

    kind = "A small model of the same shape" if bench.scale == "quick" else "The published sizes"
    return Result(
        metrics,
        f"{kind}, random numbers, {device_of(bench)}: our encoder takes "
        f"{interval(ratios).value:.2f} times transformers' seconds. With global attention in every "
        f"block the largest view takes {quicker.value:.2f} times the seconds and keeps "
        f"{saved:.2f} times as much for gradients. What is alive at once in a pass without "
        f"gradients is {alive:.2f} times as much: a third of our blocks see everything, too, and "
        "one such block decides the peak. The paper gives no such figures; it says that windows "
        "and compression keep activations low. Weights are not counted.",
        tables=[
            Table(
                "by size",
                (
                    "mode",
                    "pixels",
                    "tokens",
                    "positions",
                    "who",
                    "seconds",
                    "MiB at once",
                    "MiB kept",
                ),
                tuple(rows),
            )
        ],
        figures=[Figure("activation memory", draw)],
    )


COST = Experiment(
    name="deepencoder-cost",
    question="What do pixels cost in tokens, seconds and memory, beside attention without windows "
    "and beside transformers' own encoder?",
    run=cost,
    claim="windowed attention and a 16x compressor keep activations low at high resolution",
    needs={
        "quick": Needs(memory=1 << 30, hours=0.01),
        "normal": Needs(memory=8 << 30, hours=0.3),
        "full": Needs(device="cuda", memory=24 << 30, hours=0.1),
    },
    dry_run=dry_run,
    options={
        "sides": "modes, comma separated: tiny,small,base,large",
        "repeats": "passes of each, in turns",
    },
)
