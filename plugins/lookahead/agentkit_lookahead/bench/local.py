"""`agentkit bench route-local`: candidates that run here, and what routing between them saves.

First the pool is shown: on some set two candidates must be 10 points apart, else there is nothing
to route. Then routers learn from one half of the questions; the weight of cost at which a router
saves most and scores no less than the best single candidate is chosen on a fifth, and everything
is judged on the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities import Table
from agentkit.errors import UsageError
from agentkit_lookahead import scorecard
from agentkit_lookahead.bench.released import Quiet
from agentkit_lookahead.collecting import collect, read_answers
from agentkit_lookahead.rows import Table as Rows
from agentkit_lookahead.settings import TrainSettings
from agentkit_lookahead.tasks import notes, tasks

POOL = ("calculator", "notes-passages", "small", "coder", "small-sharp", "coder-sharp")
CHEAP = ("calculator", "notes-passages", "small")
KINDS = ("sums", "facts", "code", "notes")
ARMS: Mapping[str, Mapping[str, Any]] = {
    "mlm": {"variant": "mlm"},
    "mlm, queries only": {"variant": "mlm", "aux": 0.0},
    "clm": {"variant": "clm"},
}
PRICE = {"calculator": 0.0, "notes-passages": 0.0, "small": 0.135, "coder": 0.63}
"""Of a token, in billions of parameters that are run for it; a sharpened answer spends more."""
APART = 1000  # another draw than the one that told learning rows from the rest
OPTIONS = {
    "count": "questions of each kind",
    "pool": f"candidates, of {', '.join(POOL)}, or models of your own",
    "steps": "of training",
    "answers": "a file of answers that `agentkit route collect` wrote, in place of asking",
}


def local(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    names = tuple(bench.options.get("pool", ",".join(CHEAP if quick else POOL)).split(","))
    count = int(bench.options.get("count", 20 if quick else 120))
    steps = int(bench.options.get("steps", 80 if quick else 300))
    if "answers" in bench.options:
        table = read_answers(Path(bench.options["answers"]).expanduser())
    else:
        table = _collected(bench, names, count)
    table.informative()
    seeds = bench.seeds[:1] if quick else bench.seeds
    found: list[dict[str, Any]] = []
    for seed in seeds:
        learn, rest = table.split(0.5, seed)
        tune, test = rest.split(0.4, seed + APART)
        work = partial(_judge, learn, tune, test, seed, steps, quick, bench)
        found += bench.once(f"judged apart {table.hash} {seed} {steps}", work)
    return _result(table, found)


def _collected(bench: Bench, names: Sequence[str], count: int) -> Rows:
    kit = bench.kit
    if "notes-passages" in names and "notes-passages" not in kit.names("model"):
        kit.define("source", "notes", use="inline", documents=notes())
        kit.define("model", "notes-passages", use="passages", source="notes")
    for base in ("small", "coder"):
        if f"{base}-sharp" in names and f"{base}-sharp" not in kit.names("model"):
            kit.define(
                "model",
                f"{base}-sharp",
                use="power-sampling",
                base=base,
                alpha=4.0,
                block=16,
                steps=2,
            )
    unknown = [n for n in names if n not in kit.names("model")]
    if unknown:
        raise UsageError(
            f"there is no model {unknown[0]!r}", f"known: {', '.join(kit.names('model'))}"
        )
    prompts = tasks(KINDS, count)
    answers = collect(
        kit, names, prompts, bench.out / "answers.jsonl", bench.progress, max_tokens=32
    )
    rows = []
    for row in answers.rows:
        outcomes = tuple(
            type(o)(o.score, o.response, _price(name) * (o.cost or 0.0), o.latency)
            for name, o in zip(answers.candidates, row.outcomes)
        )
        rows.append(type(row)(row.id, row.set, row.text, outcomes))
    return Rows(answers.candidates, tuple(rows))


def _price(name: str) -> float:
    return PRICE.get(name.removesuffix("-sharp"), 1.0)


def _judge(
    learn: Rows, tune: Rows, test: Rows, seed: int, steps: int, quick: bool, bench: Bench
) -> list[dict[str, Any]]:
    from agentkit_lookahead.baselines import all_baselines
    from agentkit_lookahead.newcomer import add_candidate, probe_rows
    from agentkit_lookahead.router import fit

    best = scorecard.best_fixed(learn.scores, learn.sets)
    costs = np.nan_to_num(learn.costs).mean(0)
    found = []

    single = int(learn.scores.mean(0).argmax())
    rows, spent = np.arange(len(test.rows)), np.nan_to_num(test.costs)
    dear = spent[:, single].mean()

    def judged(name: str, on_tune: np.ndarray, chances: np.ndarray) -> None:
        chosen = chances.argmax(1)
        card = scorecard.card(test.scores, test.sets, chosen, best, test.candidates)
        _, weight = scorecard.cost_at_equal_quality(tune.scores, costs, on_tune)
        cheap = (chances - weight * costs).argmax(1)
        found.append(
            {
                "name": name,
                "score": float(test.scores[rows, chosen].mean()),
                "cost": float(spent[rows, chosen].mean()),
                "mu": card.mu,
                "within": card.within,
                "saved": float(1 - spent[rows, cheap].mean() / dear) if dear else 0.0,
                "gained": float((test.scores[rows, cheap] - test.scores[:, single]).mean()),
                "shares": {s: dict(one.shares) for s, one in card.sets.items()},
            }
        )

    for one in all_baselines():
        fitted = one.fit(learn, seed)
        judged(one.name, *(fitted.utilities(part.texts, part.sets) for part in (tune, test)))
    judged("oracle", tune.scores, test.scores)
    for name, own in ARMS.items():
        if quick and name != "mlm":
            continue
        settings = TrainSettings.model_validate(
            {
                **own,
                "width": 64,
                "layers": 2,
                "vocabulary": 2048,
                "block": 12,
                "prompt": 64,
                "rate": 2e-3,
                "steps": steps,
                "epochs": 1,
                "seed": seed,
                "equal": "absolute",
            }
        )
        router = fit(settings, learn, Quiet(bench.progress.cancel))
        judged(name, router.chances(tune.texts), router.chances(test.texts))
        if name == "mlm" and len(learn.candidates) > 2:
            last = learn.candidates[-1]
            fewer = learn.order(learn.candidates[:-1])
            partial_ = fit(settings, fewer, Quiet(bench.progress.cancel))
            joined = add_candidate(partial_, last, probe_rows(learn, 50, seed))
            told = f"mlm, {last} joined by 50 probes"
            judged(told, joined.chances(tune.texts), joined.chances(test.texts))
    return found


def _result(table: Rows, found: Sequence[Mapping[str, Any]]) -> Result:
    names = list(dict.fromkeys(one["name"] for one in found))
    groups = sorted({*table.sets})
    sets = np.array(table.sets)
    pool = [
        (name, *(f"{table.scores[sets == g, n].mean():.0%}" for g in groups))
        for n, name in enumerate(table.candidates)
    ]
    means = np.array([table.scores[sets == g].mean(0) for g in groups])
    apart = float(100 * (means.max(1) - means.min(1)).max())

    def metric(name: str, key: str) -> Metric:
        return interval([o[key] for o in found if o["name"] == name], center="mean")

    keys = ("score", "cost", "mu", "within", "saved", "gained")
    figures = {name: {key: metric(name, key) for key in keys} for name in names}
    lead = figures["mlm"]
    rows = [(name, *(f"{known[k].value:.3g}" for k in keys)) for name, known in figures.items()]
    wide = (
        "The pool differs enough to be routed."
        if apart >= 10
        else "The pool does not differ by 10 points anywhere: nothing can be learned from this run."
    )
    return Result(
        {**lead, "points between best and worst, widest set": Metric(apart)},
        f"{wide} The widest gap on a set is {apart:.0f} points over {len(table.rows)} questions. "
        f"The router scores {lead['score'].value:.2f}; the best single candidate "
        f"{figures['best fixed']['score'].value:.2f}, the oracle "
        f"{figures['oracle']['score'].value:.2f}, and who is only told the set "
        f"{figures['task_lookup']['score'].value:.2f}. With the weight of cost that saved most at "
        "no less quality than the best single candidate on other rows, it saves "
        f"{lead['saved'].value:.0%} of that one's cost here and scores "
        f"{lead['gained'].value:+.2f} beside it. The sets are easy to "
        "tell apart by their words: this shows that the machinery works on real answers, not how "
        "hard routing is.",
        baselines={name: known for name, known in figures.items() if name != "mlm"},
        tables=[
            Table("The pool: share right", ("candidate", *groups), tuple(pool)),
            Table("Routers", ("router", *keys), tuple(rows)),
        ],
    )


ROUTE_LOCAL = Experiment(
    name="route-local",
    question="Between candidates that run here, what does routing gain, and what does it save?",
    run=local,
    claim="the paper leaves cost out; of its candidates the code model gets nearly all code",
    seeds=(0, 1, 2),
    needs={
        "quick": Needs(("smollm2-135m",), hours=0.03),
        "normal": Needs(("smollm2-135m", "qwen2.5-coder-0.5b"), hours=1.5),
    },
    options=OPTIONS,
)
