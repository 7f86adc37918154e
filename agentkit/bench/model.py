"""How fast the engine is beside plain `transformers.generate`, doing the same work in turns."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentkit.bench.experiment import Bench, Experiment, Metric, Needs, Result, Scale, interval
from agentkit.capabilities import Draw, LanguageModel, Table, Tokens, Weights
from agentkit.errors import RunInterrupted
from agentkit.seeds import derive

if TYPE_CHECKING:
    import torch

GOALS = {1: 1.2, 8: 1.8}  # batch: how many times as fast, fp32


@dataclass(frozen=True, slots=True)
class Shape:
    """One piece of work: prompts of `prompt` random tokens, `new` tokens for each."""

    name: str
    batch: int
    prompt: int
    new: int

    @property
    def tokens(self) -> int:
        """What throughput counts."""
        return self.batch * (self.new or self.prompt)


@dataclass(slots=True)
class Cost:
    """Seconds of one piece of work."""

    wall: list[float]
    cpu: list[float]


def shapes(scale: Scale) -> list[Shape]:
    if scale == "quick":
        return [
            Shape("prefill", 1, 128, 0),
            Shape("decode", 1, 16, 12),
            Shape("decode", 8, 16, 12),
        ]
    return [
        Shape("prefill", 1, 512, 0),
        Shape("decode", 1, 16, 48),
        Shape("decode", 8, 16, 48),
        Shape("decode", 16, 16, 48),
    ]


def model(bench: Bench) -> Result:
    """Every piece of work in turns: ours, theirs, ours, … Ratios are taken round by round."""
    import torch

    quick = bench.scale == "quick"
    name = bench.options.get("model", "smollm2-135m")
    rounds = int(bench.options.get("rounds", "2" if quick else "9"))
    threads = (1,) if quick else (1, 2)
    work = [(d, t, s) for d in ("fp32", "bf16") for t in threads for s in shapes(bench.scale)]
    metrics: dict[str, Metric] = {}
    theirs: dict[str, Metric] = {}
    rows: list[tuple[Any, ...]] = []
    before = torch.get_num_threads()
    try:
        for done, (dtype, count, shape) in enumerate(work):
            bench.progress.update(done, len(work))
            part = f"bench-{dtype}"
            if part not in bench.kit.names("model"):
                bench.kit.define("model", part, use="transformers", model=name, dtype=dtype)
            one = bench.kit.model(part)
            torch.set_num_threads(count)
            key = f"{shape.name} {dtype}, batch {shape.batch}, {count} thread{'s' * (count > 1)}"
            ours, plain = _in_turns(bench, one, shape, rounds)
            metrics[f"{key}: CPU ratio"] = _ratio(plain.cpu, ours.cpu)
            metrics[f"{key}: wall ratio"] = _ratio(plain.wall, ours.wall)
            metrics[key] = _speed(shape, ours.wall)
            theirs[key] = _speed(shape, plain.wall)
            rows.append(
                (
                    shape.name,
                    dtype,
                    shape.batch,
                    count,
                    round(metrics[key].value, 1),
                    round(theirs[key].value, 1),
                    round(metrics[f"{key}: CPU ratio"].value, 2),
                    round(metrics[f"{key}: wall ratio"].value, 2),
                    round(os.getloadavg()[0], 1),
                )
            )
            if shape.batch == 8:
                metrics[f"score - extend {dtype}, {count} threads"] = _gap(one)
    finally:
        torch.set_num_threads(before)
    columns = (
        *("work", "dtype", "batch", "threads", "ours tok/s", "generate tok/s"),
        *("CPU ratio", "wall ratio", "load"),
    )
    return Result(
        metrics,
        _verdict(metrics, name),
        baselines={"transformers.generate": theirs},
        tables=[Table("Throughput", columns, tuple(rows))],
    )


def _in_turns(bench: Bench, one: LanguageModel, shape: Shape, rounds: int) -> tuple[Cost, Cost]:
    import torch

    tokens, weights = one.ability(Tokens), one.ability(Weights)
    ours, plain = Cost([], []), Cost([], [])
    with weights.borrow("read") as module:
        for number in range(rounds + 1):
            noise = torch.Generator().manual_seed(derive(bench.seeds[0], "bench-model", number))
            prompts = torch.randint(3, 256, (shape.batch, shape.prompt), generator=noise)

            def engine(ids: torch.Tensor = prompts) -> None:
                opened = tokens.open(ids.tolist())
                draws = [Draw(seed=i, stop_ids=()) for i in range(shape.batch)]
                if shape.new:
                    tokens.extend(opened, shape.new, draws)

            def library(ids: torch.Tensor = prompts) -> None:
                _generate(module, ids, shape.new)

            pair = [(engine, ours), (library, plain)]
            for work, cost in pair if number % 2 else pair[::-1]:
                with _timed(cost if number else Cost([], [])):  # the first round warms caches
                    work()
            if bench.progress.cancel:
                raise RunInterrupted
    return ours, plain


def _generate(module: Any, prompts: torch.Tensor, new: int) -> None:
    """The same work by the library: full support, fixed length, no padding needed."""
    import torch

    with torch.inference_mode():
        if not new:
            module(prompts, use_cache=True, logits_to_keep=1)
            return
        module.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            do_sample=True,
            top_k=0,
            top_p=1.0,
            temperature=1.0,
            max_new_tokens=new,
            eos_token_id=-1,
            pad_token_id=0,
        )


@contextmanager
def _timed(cost: Cost) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    cost.wall.append(time.perf_counter() - wall)
    cost.cpu.append(time.process_time() - cpu)


def _gap(one: LanguageModel) -> Metric:
    """The greatest difference between the numbers of `extend` and of `score`, 8 ragged rows."""
    import numpy as np

    tokens = one.ability(Tokens)
    noise = np.random.default_rng(0)
    prompts = [noise.integers(3, 256, n).tolist() for n in (1, 20, 63, 64, 100, 130, 200, 300)]
    draws = [Draw(seed=i, temperature=0.7, stop_ids=()) for i in range(8)]
    spans = tokens.extend(tokens.open(prompts), 12, draws)
    scored = tokens.score(prompts, [s.ids.tolist() for s in spans], draws)
    worst = max(
        float(np.abs(getattr(a, field) - getattr(b, field)).max())
        for a, b in zip(spans, scored)
        for field in ("logp", "logz", "sampled")
    )
    return Metric(worst, n=sum(len(a.ids) for a in spans), unit="nats")


def _ratio(slow: list[float], fast: list[float]) -> Metric:
    return interval([s / f for s, f in zip(slow, fast)])


def _speed(shape: Shape, seconds: list[float]) -> Metric:
    return interval([shape.tokens / s for s in seconds], "tok/s")


def _verdict(metrics: dict[str, Metric], name: str) -> str:
    told = []
    for dtype in ("fp32", "bf16"):
        said = []
        for batch, goal in GOALS.items():
            found = metrics.get(f"decode {dtype}, batch {batch}, 1 thread: CPU ratio")
            if found is not None:
                word = "reached" if found.value >= goal else "not reached"
                said.append(f"{found.value:.2f}x at batch {batch} (goal {goal}: {word})")
        if said:
            told.append(f"in {dtype} {' and '.join(said)}")
    gaps = [m.value for key, m in metrics.items() if key.startswith("score - extend")]
    load = os.getloadavg()[0]
    return (
        f"Decoding {name} with one thread, beside transformers.generate with sampling, in CPU "
        f"time: {'; '.join(told)}. The library returns tokens; the engine also their "
        "log-probability, normaliser and sampling probability, and the keys and values stay for "
        f"the next call. Numbers of `score` and `extend` are at most {max(gaps):g} nats apart. At "
        "batch 1 in fp32 both wait for memory, which every weight must come from once a token: "
        "there is little to win but fewer operations. At batch 8 the gain is mostly from packed "
        f"weights. Load average at the end {load:.1f}; threads wait "
        f"{'passively' if os.environ.get('OMP_WAIT_POLICY') == 'PASSIVE' else 'actively'}."
    )


MODEL = Experiment(
    name="model",
    question="How fast is the in-process engine beside plain transformers.generate?",
    run=model,
    needs={
        "normal": Needs(weights=("smollm2-135m",), memory=4 << 30, hours=0.4),
        "quick": Needs(weights=("smollm2-135m",), memory=4 << 30, hours=0.03),
    },
)
