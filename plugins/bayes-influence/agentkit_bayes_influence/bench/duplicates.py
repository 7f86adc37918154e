"""`agentkit bench influence-duplicates`: does influence find repeated and poisoned examples?

Digits again. Some training digits are there twice more, under other ids and a little noise; asked
about one of them, its copies should come first. Others carry a wrong label (the next digit); asked
why the model says so of a wrongly labelled digit, the poisoned ones of that class should.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.bench.digits import PRIOR, Digits, digits
from agentkit_bayes_influence.exact import similarity
from agentkit_bayes_influence.posterior import Items
from agentkit_bayes_influence.sampling import Sampling
from agentkit_bayes_influence.traces import TraceStore

COPIES, POISONED = 2, 30
JITTER = 0.05  # of pixels that run from 0 to 1


def duplicates(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    n, repeated = (100, 8) if quick else (256, 16)
    draws = int(bench.options.get("draws", 40 if quick else 100))
    scores: dict[str, dict[str, list[float]]] = {}
    for seed in bench.seeds[:1] if quick else bench.seeds:

        def measure(seed: int = seed) -> Any:
            return one_seed(bench, n, repeated, draws, seed)

        for who, found in bench.once(f"{n} {draws} {seed}", measure).items():
            for what, values in found.items():
                scores.setdefault(who, {}).setdefault(what, []).extend(values)
    metrics = {
        who: {what: interval(values, center="mean") for what, values in found.items()}
        for who, found in scores.items()
    }
    own = metrics.pop("influence, correlation")
    return Result(own, _verdict(own, metrics), baselines=metrics)


def one_seed(bench: Bench, n: int, repeated: int, draws: int, seed: int) -> Any:
    """{method: {"copies …": precision of each query, "poison …": likewise}}."""
    base = digits(n, 40, seed, mislabelled=POISONED)
    noise = torch.Generator().manual_seed(seed)
    kept = torch.arange(POISONED, POISONED + repeated)
    again = kept.repeat(COPIES)
    jitter = JITTER * torch.randn(len(again), base.x.shape[1], generator=noise)
    jitter[:, -1] = 0.0  # the constant
    made = Digits(
        torch.cat([base.x, base.x[again] + jitter]),
        torch.cat([base.y, base.y[again]]),
        torch.cat([base.x[kept], base.x[:POISONED]]),
        torch.cat([base.y[kept], base.y[:POISONED]]),
    )
    at, queries = made.posterior(), made.queries()
    wanted = Sampling(chains=32, draws=draws, thin=4, step=1.5, gamma=PRIOR, seed=seed)
    store = TraceStore(bench.out / f"traces-{n}-{draws}-{seed}", by_token=False)
    traces = store.sample(at, queries, wanted, bench.progress)
    train, query = traces.sequences()
    gradients = at.gradients(at.items), at.gradients(queries)
    ways = {
        "influence, correlation": -Attribution(train, query, kind="correlation").matrix()[0],
        "influence, covariance": Attribution(train, query).matrix()[0],
        "gradient cosine": similarity(*gradients, cosine=True).numpy(),
        "gradient product": similarity(*gradients).numpy(),
        "pixels, cosine": _pixels(at.items, queries),
    }
    groups = _groups(made, repeated, n)
    found = {}
    for who, tau in ways.items():
        precision = []
        for column, (own, wanted_rows) in enumerate(groups):
            order = [i for i in np.argsort(tau[:, column], kind="stable") if i != own]
            k = min(len(wanted_rows), 5)
            precision.append(len(wanted_rows & set(map(int, order[:k]))) / max(k, 1))
        found[who] = {
            f"copies found (precision at {COPIES})": precision[:repeated],
            "poison of the same label found (precision at 5 at most)": [
                p for p, (_, rows) in zip(precision[repeated:], groups[repeated:]) if rows
            ],
        }
    return found


def _groups(made: Digits, repeated: int, n: int) -> list[tuple[int, set[int]]]:
    """For each query: its own row, which does not count, and those that are to be found."""
    copies = [
        (POISONED + r, {n + r + c * repeated for c in range(COPIES)}) for r in range(repeated)
    ]
    poison = []
    for row in range(POISONED):
        same = {i for i in range(POISONED) if i != row and made.y[i] == made.y[row]}
        poison.append((row, same))
    return copies + poison


def _pixels(items: Items, queries: Items) -> np.ndarray:
    x, q = (torch.nn.functional.normalize(one.inputs[0], dim=1) for one in (items, queries))
    found: np.ndarray = (-(x @ q.T)).numpy()
    return found


def _verdict(own: dict[str, Metric], others: dict[str, dict[str, Metric]]) -> str:
    def said(who: str, found: dict[str, Metric]) -> str:
        return f"{who} " + " and ".join(f"{m.value:.2f}" for m in found.values())

    all_of = "; ".join(said(who, found) for who, found in others.items())
    return (
        f"Copies and poison found: {said('influence (correlation)', own)}; {all_of}. Copies look "
        "alike, so that pixels alone find them: this shows that influence does not miss them, not "
        "that it is needed for them. Wrong labels are what pixels cannot see. The paper shows "
        "single cases of this kind and gives no figures."
    )


DUPLICATES = Experiment(
    name="influence-duplicates",
    question="Does influence find an example's copies, and examples with wrong labels?",
    run=duplicates,
    seeds=(0, 1, 2),
    needs={
        "normal": Needs(memory=2 << 30, hours=0.1),
        "quick": Needs(memory=1 << 30, hours=0.01),
    },
    options={"draws": "of each chain"},
)
