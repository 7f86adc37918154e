"""`agentkit bench route-routellm --scores FILE`: RouteLLM's matrix factorisation beside lookahead.

RouteLLM (Ong et al., arXiv 2406.18665) chooses between two models, a strong and a weak one, at a
threshold of the strong one's chance to win. So does this experiment: the best and the worst
candidate of the training rows. Its package (routellm 0.2.0) asks a remote service for the queries'
embeddings, with a key, so that it cannot run by itself; what is run here is its method, written
anew from the paper (section 4.2) over tf-idf vectors.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities import Table
from agentkit.errors import UsageError
from agentkit_lookahead.bench.released import CANDIDATES, TINY, Quiet
from agentkit_lookahead.rows import Table as Rows
from agentkit_lookahead.rows import read_table
from agentkit_lookahead.settings import TrainSettings

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
OPTIONS = {
    "scores": "the file of released scores",
    "steps": "of training of the lookahead router",
}


def routellm(bench: Bench) -> Result:
    if "scores" not in bench.options:
        raise UsageError("the released scores are not part of the project", "--scores FILE")
    table = read_table(Path(bench.options["scores"]).expanduser(), CANDIDATES).informative()
    quick = bench.scale == "quick"
    train, test = table.split(0.7)
    if quick:
        train = train.sample(250)
    steps = int(bench.options.get("steps", 30 if quick else 400))
    seeds = bench.seeds[:1] if quick else bench.seeds
    found: list[dict[str, Any]] = []
    for number, seed in enumerate(seeds):
        work = partial(_judge, train, test, seed, steps, bench)
        found += bench.once(f"{table.hash} {len(train.rows)} {seed} {steps}", work)
        bench.progress.update(number + 1, len(seeds))
    names = list(dict.fromkeys(one["name"] for one in found))

    def metric(name: str, key: str) -> Metric:
        return interval([o[key] for o in found if o["name"] == name], center="mean")

    keys = ("APGR", "CPT(50%)", "CPT(80%)")
    figures = {name: {key: metric(name, key) for key in keys} for name in names}
    pair = found[0]["pair"]
    rows = [(name, *(f"{known[k].value:.3f}" for k in keys)) for name, known in figures.items()]
    return Result(
        figures["lookahead"],
        f"Between {pair[0]} (strong) and {pair[1]} (weak), on {len(test.rows)} rows that neither "
        f"learned from: the average gap recovered is {figures['lookahead']['APGR'].value:.3f} for "
        f"lookahead, {figures['matrix factorisation']['APGR'].value:.3f} for RouteLLM's matrix "
        "factorisation, written anew over tf-idf since its own embeddings are a paid service, and "
        f"{figures['chance']['APGR'].value:.3f} by chance. Scores are brought to 0..1 within each "
        "set.",
        baselines={n: f for n, f in figures.items() if n != "lookahead"},
        tables=[Table("Strong or weak", ("router", *keys), tuple(rows))],
    )


def _judge(train: Rows, test: Rows, seed: int, steps: int, bench: Bench) -> list[dict[str, Any]]:
    from agentkit_lookahead.baselines import Factors
    from agentkit_lookahead.router import fit

    worth = _by_set(train).mean(0)
    pair = [train.candidates[int(n)] for n in (worth.argmax(), worth.argmin())]
    learn, judge = train.order(pair), test.order(pair)
    scores = _by_set(judge)
    settings = TrainSettings.model_validate(
        {**TINY, "steps": steps, "epochs": 1, "seed": seed, "equal": "absolute"}
    )
    logits = fit(settings, learn, Quiet(bench.progress.cancel)).logits(judge.texts)
    factors = Factors().fit(learn, seed).utilities(judge.texts, judge.sets)
    rng = np.random.default_rng(seed)
    gains = {
        "lookahead": logits[:, 0] - logits[:, 1],
        "matrix factorisation": factors[:, 0] - factors[:, 1],
        "chance": rng.random(len(scores)),
        "oracle": scores[:, 0] - scores[:, 1],
    }
    return [{"name": n, "pair": pair, **_recovered(scores, g)} for n, g in gains.items()]


def _recovered(scores: np.ndarray, gain: np.ndarray) -> dict[str, float]:
    """RouteLLM's measures (section 3): the share of the gap between weak and strong that is closed
    when the strong model is called on a share of queries. APGR: its mean over shares. CPT(x): the
    least share of calls that closes x of the gap; 1 where none below does."""
    order = np.argsort(-gain, kind="stable")
    weak, strong = scores[:, 1].mean(), scores[:, 0].mean()
    closed = []
    for share in SHARES:
        chosen = np.ones(len(scores), dtype=int)
        chosen[order[: round(share * len(scores))]] = 0
        got = scores[np.arange(len(scores)), chosen].mean()
        closed.append((got - weak) / (strong - weak) if strong != weak else 0.0)
    calls = {
        f"CPT({x:.0%})": next((s for s, c in zip(SHARES, closed) if c >= x), 1.0)
        for x in (0.5, 0.8)
    }
    return {"APGR": float(np.mean(closed)), **calls}


def _by_set(table: Rows) -> np.ndarray:
    """Scores brought to 0..1 within each set, whose scales differ."""
    made, names = table.scores.copy(), np.array(table.sets)
    for name in {*table.sets}:
        part = made[names == name]
        spread = part.max() - part.min()
        made[names == name] = (part - part.min()) / spread if spread > 0 else 0.0
    return made


ROUTE_ROUTELLM = Experiment(
    name="route-routellm",
    question="Between a strong and a weak model, how does RouteLLM's method do on the same rows?",
    run=routellm,
    claim="RouteLLM halves the cost of strong calls on MT-Bench; it takes no more than two models",
    seeds=(0, 1, 2),
    needs={
        "quick": Needs(data=("--scores",), hours=0.02),
        "normal": Needs(data=("--scores",), hours=0.2),
    },
    options=OPTIONS,
)
