"""`agentkit bench rl-weights`: seconds and bytes of handing weights over; memory given back."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit_ring_rl.batched import BatchedEngine
from agentkit_ring_rl.exchange import InProcess, Shared, changed

ROUNDS = 9


def tensors(parameters: int) -> dict[str, Tensor]:
    """Square matrices of about so many numbers in all."""
    wide = max(16, int((parameters / 8) ** 0.5))
    noise = torch.Generator().manual_seed(0)
    return {f"layer.{n}.weight": torch.randn(wide, wide, generator=noise) for n in range(8)}


def rl_weights(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    sizes = (200_000, 2_000_000) if quick else (200_000, 2_000_000, 20_000_000, 135_000_000)
    ways: Mapping[str, Callable[[dict[str, Tensor]], dict[str, float]]] = {
        "in process": in_process,
        "shared memory": partial(shared, form="full"),
        "shared memory, bf16": partial(shared, form="bf16"),
        "shared memory, int8": partial(shared, form="int8"),
        "delta, one layer of eight": delta,
    }
    metrics: dict[str, Metric] = {}
    rows, points = [], dict[str, list[tuple[float, float]]]()
    for done, size in enumerate(sizes):
        bench.progress.update(done, len(sizes) + 1)
        known = tensors(size)
        for name, way in ways.items():
            found = [way(known) for _ in range(3 if quick else ROUNDS)]
            seconds = interval([f["seconds"] for f in found], "s")
            metrics[f"{name}, {size / 1e6:g} M"] = seconds
            rows.append((name, f"{size:,}", round(seconds.value, 5), f"{int(found[0]['bytes']):,}"))
            points.setdefault(name, []).append((size, seconds.value))
    bench.progress.update(len(sizes), len(sizes) + 1)
    for name, metric in given_back(quick).items():
        metrics[name] = metric
    largest = sizes[-1]
    slowest = max(metrics[f"{name}, {largest / 1e6:g} M"].value for name in ways)
    return Result(
        metrics,
        f"Handing {largest / 1e6:g} million numbers over takes at most {slowest:.3f} s by any of "
        "these ways, trainer to engine with the version checked on both sides. The paper says "
        "both less than ten seconds and less than one for a model of a trillion, on a cluster; "
        "this is memory of one machine. bf16 and int8 halve and quarter the bytes and cost time "
        "to convert; a delta pays where most is frozen.",
        tables=[Table("By way and size", ("way", "numbers", "seconds", "bytes"), tuple(rows))],
        figures=[Figure("Seconds by size", partial(_plot, points))],
    )


def in_process(known: dict[str, Tensor]) -> dict[str, float]:
    """Publish, pull, and copy into an engine's own tensors."""
    own, exchange = {n: torch.empty_like(t) for n, t in known.items()}, InProcess()
    begun = time.perf_counter()
    moved = exchange.publish(known, 0)
    pulled = exchange.pull(-1)
    assert pulled is not None
    for name, tensor in pulled[0].items():
        own[name].copy_(tensor)
    return {"seconds": time.perf_counter() - begun, "bytes": moved.bytes}


def shared(known: dict[str, Tensor], form: Any) -> dict[str, float]:
    """The same to another process: it answers when its own tensors are filled."""
    memory = Shared.create(known, form)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    reader = context.Process(target=_reader, args=(memory, there, dict(known)), daemon=True)
    reader.start()
    try:
        here.recv()
        begun = time.perf_counter()
        moved = memory.publish(known, 0)
        here.send(0)
        version = here.recv()
        seconds = time.perf_counter() - begun
        assert version == 0
    finally:
        reader.join(10)
        memory.close(unlink=True)
    return {"seconds": seconds, "bytes": moved.bytes}


def _reader(memory: Shared, pipe: Any, known: dict[str, Tensor]) -> None:
    torch.set_num_threads(1)  # the pool of the parent's threads is not in this process
    own = {n: torch.zeros_like(t) for n, t in known.items()}
    pipe.send("ready")
    pipe.recv()
    pulled = memory.pull(-1)
    assert pulled is not None
    for name, tensor in pulled[0].items():
        own[name].copy_(tensor)
    pipe.send(pulled[1])


def delta(known: dict[str, Tensor]) -> dict[str, float]:
    """Finding what changed, and copying that alone."""
    new = {n: t + 1 if n.startswith("layer.3.") else t.clone() for n, t in known.items()}
    own = {n: t.clone() for n, t in known.items()}
    begun = time.perf_counter()
    some = changed(known, new)
    for name, tensor in some.items():
        own[name].copy_(tensor)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "bytes": sum(t.numel() * 4 for t in some.values())}


def given_back(quick: bool) -> dict[str, Metric]:
    """AMem: bytes and seconds of an engine's release, and of having it back."""
    import psutil
    from transformers import LlamaForCausalLM

    from agentkit_ring_rl.bench.bed import config

    shape = config(hidden=256 if quick else 1024, layers=4)
    module = LlamaForCausalLM(shape)
    known = {n: p.detach().clone() for n, p in module.named_parameters()}
    engine = BatchedEngine(lambda: LlamaForCausalLM(shape), [258])
    module, process = None, psutil.Process()
    gone, freed, resident, back = [], [], [], []
    for version in range(1, 4 if quick else ROUNDS):
        before = process.memory_info().rss
        begun = time.perf_counter()
        freed.append(float(engine.release()))
        gone.append(time.perf_counter() - begun)
        resident.append(float(before - process.memory_info().rss))
        begun = time.perf_counter()
        engine.load(known, version)
        back.append(time.perf_counter() - begun)
    engine.close()
    return {
        "given back": interval([f / 2**20 for f in freed], "MiB"),
        "given back, of resident memory": interval([r / 2**20 for r in resident], "MiB"),
        "release": interval(gone, "s"),
        "restore": interval(back, "s"),
    }


def _plot(points: Mapping[str, list[tuple[float, float]]], axes: Any) -> None:
    for name, known in points.items():
        axes.plot(*zip(*known), marker="o", ms=3, label=name)
    axes.set(xscale="log", yscale="log", xlabel="numbers", ylabel="seconds")
    axes.legend(fontsize="x-small")


RL_WEIGHTS = Experiment(
    name="rl-weights",
    question="What does it cost to hand weights to an engine, and to give its memory back?",
    run=rl_weights,
    claim="under ten seconds, elsewhere under one, for a trillion; a switch of memory under one",
    seeds=(0,),
    needs={"quick": Needs(hours=0.01), "normal": Needs(memory=4 << 30, hours=0.1)},
)
