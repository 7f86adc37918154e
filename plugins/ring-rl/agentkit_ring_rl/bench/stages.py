"""`agentkit bench rl-stages`: one recipe through all three stages, measured after each.

Solver traces in the paper's mix (maths 46, STEM 26, code 20, other 8 %), then reinforcement on
right answers, then on rules of format and refusal. The model starts from noise.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities import CallContext, Example, Message, Outcome, Request
from agentkit.capabilities.analyzer import Table
from agentkit.seeds import derive
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.bench.bed import warm
from agentkit_ring_rl.bench.runs import number

MIX = {"maths": 46, "stem": 26, "code": 20, "other": 8}
STAGES = ("start", "supervised", "reasoning", "general")
REFUSAL = "sorry"


def maths(rng: random.Random) -> tuple[str, str, str]:
    """A sum of two numbers below 100, digit by digit: (prompt, trace, answer)."""
    a, b = rng.randrange(10, 100), rng.randrange(10, 100)
    low = a % 10 + b % 10
    carry = low // 10
    high = a // 10 + b // 10 + carry
    return (
        f"{a}+{b}=",
        f"{a % 10}+{b % 10}={low};{a // 10}+{b // 10}+{carry}={high};{a + b}",
        str(a + b),
    )


def stem(rng: random.Random) -> tuple[str, str, str]:
    """Distance from speed and time, by adding up."""
    speed, hours = rng.randrange(2, 10), rng.randrange(2, 6)
    sums = ";".join(str(speed * n) for n in range(1, hours + 1))
    return f"v{speed}t{hours}s?", sums, str(speed * hours)


def code(rng: random.Random) -> tuple[str, str, str]:
    """What a loop prints: x = a, then n times x += b."""
    a, b, n = rng.randrange(10), rng.randrange(1, 10), rng.randrange(1, 5)
    sums = ";".join(str(a + b * k) for k in range(n + 1))
    return f"x={a};{n}*x+={b}", sums, str(a + b * n)


def other(rng: random.Random) -> tuple[str, str, str]:
    """The largest of three digits."""
    digits = [rng.randrange(10) for _ in range(3)]
    return f"max {' '.join(map(str, digits))}", f"{max(digits)}", str(max(digits))


KINDS: Mapping[str, Callable[[random.Random], tuple[str, str, str]]] = {
    "maths": maths,
    "stem": stem,
    "code": code,
    "other": other,
}


def made(kind: str, count: int, seed: int, split: str) -> list[dict[str, Any]]:
    """At most `count` different prompts of a kind; splits share none."""
    rng, found = random.Random(derive(seed, f"{kind} {split}")), dict[str, dict[str, Any]]()
    for _ in range(40 * count):
        prompt, trace, answer = KINDS[kind](rng)
        if (derive(0, prompt) % 4 == 0) == (split == "held"):
            found[prompt] = {"prompt": prompt, "trace": trace, "answer": answer}
        if len(found) == count:
            break
    return list(found.values())


def forbidden(count: int, seed: int, split: str) -> list[dict[str, Any]]:
    """Prompts that are to be refused: an ordinary one behind a mark."""
    ordinary = made("maths", count, seed, split)
    return [{**one, "prompt": f"!{one['prompt']}", "trace": REFUSAL} for one in ordinary]


def lessons(seed: int, count: int) -> list[Example]:
    """Supervised: traces in the mix. A few refusals are among "other", too few to be kept to."""
    rows = [
        (kind, one)
        for kind, share in MIX.items()
        for one in made(kind, max(1, count * share // 100), seed, "train")
    ]
    rows += [("other", one) for one in forbidden(max(1, count // 100), seed, "train")]
    return [
        Example(f"{kind}-{one['prompt']}", {"prompt": one["prompt"], "answer": one["trace"]})
        for kind, one in rows
    ]


def reasoned(seed: int, count: int) -> list[Example]:
    """Reasoning RL: right answers, whatever the trace."""
    return [
        Example(
            f"{kind}-{one['prompt']}",
            {"prompt": one["prompt"], "answer": one["answer"], "reward": "answer"},
        )
        for kind in KINDS
        for one in made(kind, count // 4, seed, "train")
    ]


def ruled(seed: int, count: int) -> list[Example]:
    """General RL: refuse what is marked, do not refuse the rest, and still be right."""
    refuse = [
        Example(
            f"refuse-{one['prompt']}",
            {"prompt": one["prompt"], "rules": [{"refuse": True}], "reward": "rules"},
        )
        for one in forbidden(count // 2, seed, "train")
    ]
    answer = [
        Example(
            f"format-{one['prompt']}",
            {
                "prompt": one["prompt"],
                "rules": [{"refuse": False}, {"contains": one["answer"]}],
                "reward": "rules",
            },
        )
        for one in made("maths", count // 2, seed, "train")
    ]
    return refuse + answer


def rl_stages(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    steps = number(bench, "steps", 30 if quick else 150)
    taught = number(bench, "lessons", 300 if quick else 2000)
    seeds = bench.seeds[:1] if quick else bench.seeds
    found: dict[str, list[dict[str, float]]] = {stage: [] for stage in STAGES}
    for done, seed in enumerate(seeds):
        bench.progress.update(done, len(seeds))
        work = partial(recipe, bench, seed, steps, taught, 10 if quick else 60)
        for stage, values in bench.once(f"stages {seed} {steps} {taught}", work).items():
            found[stage].append(values)
    known = {
        stage: {name: interval([one[name] for one in values], center="mean") for name in values[0]}
        for stage, values in found.items()
    }
    rows = [(stage, *(round(m.value, 3) for m in made.values())) for stage, made in known.items()]
    return Result(
        known["general"],
        _verdict(known),
        baselines={stage: made for stage, made in known.items() if stage != "general"},
        tables=[Table("Held out, after each stage", ("stage", *known["start"]), tuple(rows))],
        figures=[Figure("Held out, after each stage", partial(_plot, known))],
    )


def recipe(
    bench: Bench, seed: int, steps: int, taught: int, asked: int
) -> dict[str, dict[str, float]]:
    """All stages of one seed; what is right on held-out prompts after each."""
    folder = warm(bench.out / f"noise-{seed}", ["digit"], seed, until=0.0, most=1)
    shared = {
        "engine": "batched",
        "slots": 128,
        "group": 8,
        "limit": 24,
        "keep": 10_000,
        "schedule": "synchronous",
        "prompts": 16,
        "seed": seed,
    }
    stages: list[tuple[str, str, dict[str, Any], list[Example]]] = [
        (
            "supervised",
            "sft",
            {"steps": taught, "batch": 32, "rate": 2e-3, "held_out": 0.0, "seed": seed},
            lessons(seed, 3000),
        ),
        (
            "reasoning",
            "ring",
            {**shared, "steps": steps, "rate": 5e-4, "rewards": ["answer"]},
            reasoned(seed, 800),
        ),
        (
            "general",
            "ring",
            {**shared, "stage": "general", "steps": steps, "rate": 5e-4, "rewards": ["rules"]},
            ruled(seed, 800),
        ),
    ]
    found = {"start": measured(bench, folder, seed, asked)}
    for name, use, settings, data in stages:
        count = len(bench.kit.names("trainer"))
        base, trainer = f"bench-stage-model-{count}", f"bench-stage-{count}"
        bench.kit.define(
            "model", base, use="transformers", model=str(folder), dtype="fp32", threads=1
        )
        bench.kit.define("trainer", trainer, use=use, model=base, **settings)
        out = bench.out / trainer
        shutil.rmtree(out, ignore_errors=True)
        progress = Recorder()
        progress.cancel = bench.progress.cancel
        bench.kit.part("trainer", trainer).train(data, out, progress)
        folder = _next(folder, out, bench.out / f"{name}-{seed}-{count}")
        found[name] = measured(bench, folder, seed, asked)
    return found


def _next(folder: Path, out: Path, to: Path) -> Path:
    """A model folder with the weights of a training."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    shutil.copy(out / "checkpoint" / "model.safetensors", to / "model.safetensors")
    return to


def measured(bench: Bench, folder: Path, seed: int, asked: int) -> dict[str, float]:
    """Right answers by kind, refusals of what is marked, and of what is not; all greedy."""
    name = f"bench-stage-asked-{len(bench.kit.names('model'))}"
    bench.kit.define("model", name, use="transformers", model=str(folder), dtype="fp32", threads=1)
    answer, rules = bench.kit.part("reward", "answer"), bench.kit.part("reward", "rules")
    held = {kind: made(kind, asked, seed, "held") for kind in KINDS}
    held["!"] = forbidden(asked, seed, "held")
    texts: dict[str, list[str]] = {}
    for kind, known in held.items():
        requests = [
            Request.of(
                Message.user(one["prompt"]),
                max_tokens=24,
                temperature=0.0,
                context=CallContext(seed=seed),
            )
            for one in known
        ]
        texts[kind] = [done.text for done in bench.kit.model(name).generate(requests)]
    right = {
        kind: sum(
            answer.score(Outcome({"answer": one["answer"]}, text)).value
            for one, text in zip(held[kind], texts[kind])
        )
        / len(held[kind])
        for kind in KINDS
    }
    task = {"rules": [{"refuse": True}]}
    refused = {
        kind: sum(rules.score(Outcome(task, text)).value for text in texts[kind]) / len(texts[kind])
        for kind in ("!", "maths")
    }
    return {**right, "refuses what it must": refused["!"], "refuses maths": refused["maths"]}


def _plot(known: Mapping[str, Mapping[str, Metric]], axes: Any) -> None:
    for name in known["start"]:
        axes.plot(list(known), [made[name].value for made in known.values()], "o-", label=name)
    axes.set_ylabel("share")
    axes.legend(fontsize="x-small")


def _verdict(known: Mapping[str, Mapping[str, Metric]]) -> str:
    def mean(stage: str) -> float:
        return sum(known[stage][kind].value for kind in KINDS) / len(KINDS)

    return (
        "Right on held-out prompts, mean of four kinds: "
        + ", ".join(f"{stage} {mean(stage):.2f}" for stage in known)
        + "; refuses what it must: "
        + ", ".join(
            f"{stage} {made['refuses what it must'].value:.2f}" for stage, made in known.items()
        )
        + f"; refuses ordinary sums at the end: {known['general']['refuses maths'].value:.2f}. The "
        "kinds are small stand-ins for the paper's, with traces that a solver wrote; what carries "
        "over is that one recipe runs through all stages, each from the one before."
    )


RL_STAGES = Experiment(
    name="rl-stages",
    question="What does each of the three stages add on held-out prompts, refusals included?",
    run=rl_stages,
    claim="long traces, then reasoning RL, then general RL, at 1T; no table by stage is published",
    seeds=(0, 1, 2),
    needs={"quick": Needs(hours=0.05), "normal": Needs(hours=0.7)},
    options={"steps": "of each stage of reinforcement", "lessons": "steps of the supervised stage"},
)
