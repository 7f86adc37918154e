"""`agentkit bench influence-why`: which sentences taught a fact that is asked in other words?

Precision at five of what is told, among all sentences that the model read; see `world`. Only facts
that the model answers as taught are asked about: of others there is nothing to explain.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities import Embed
from agentkit.capabilities.analyzer import Table
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.bench.lexical import Bm25
from agentkit_bayes_influence.bench.reader import items, reading_loss, trained
from agentkit_bayes_influence.bench.world import World, world
from agentkit_bayes_influence.diagnostics import Gate
from agentkit_bayes_influence.exact import fisher, similarity
from agentkit_bayes_influence.findings import findings
from agentkit_bayes_influence.language import Example
from agentkit_bayes_influence.posterior import Posterior
from agentkit_bayes_influence.sampling import Sampling
from agentkit_bayes_influence.traces import TraceStore

K = 5
OURS = "influence, as told"
SAMPLING = Sampling(chains=8, draws=80, thin=3, batch=64, step=2.0, radius=0.1)
NEAREST = ("BM25, question", "BM25, question and answer", "MiniLM, question and answer")


def why(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    seeds = bench.seeds[:1] if quick else bench.seeds
    count = int(bench.options.get("facts", 72))
    draws = int(bench.options.get("draws", 40 if quick else SAMPLING.draws))
    runs = []
    for number, seed in enumerate(seeds):
        bench.progress.update(number, len(seeds))

        def measure(seed: int = seed) -> dict[str, Any]:
            return one_world(bench, seed, count, draws)

        runs.append(bench.once(f"{seed} {count} {draws}", measure))
    scores: dict[str, list[float]] = {}
    for run in runs:
        for who, found in run["precision"].items():
            scores.setdefault(who, []).extend(found)
    metrics = {who: interval(found, center="mean") for who, found in scores.items()}
    told = {
        "precision at 5": metrics[OURS],
        "facts asked about": Metric(float(sum(r["answered"] for r in runs))),
        "facts taught": Metric(float(count * len(runs))),
        "questions settled": interval([r["settled"] for r in runs], center="mean"),
        "median R-hat": interval([r["rhat"] for r in runs], center="mean"),
        "draws that count": interval([r["ess"] for r in runs], center="mean"),
        "seconds, sampling": interval([r["seconds"] for r in runs], "s", center="mean"),
    }
    others = {who: {"precision at 5": m} for who, m in metrics.items() if who != OURS}
    return Result(
        told,
        _verdict(metrics, runs),
        baselines=others,
        tables=[_examples(runs[0])],
        figures=[Figure("precision at 5", _plot(metrics))],
    )


def one_world(bench: Bench, seed: int, count: int, draws: int) -> dict[str, Any]:
    """Everything about one world, one model, and all its questions; as JSON."""
    made = world(count, seed)
    reader, ids = trained(made, seed)
    index = {word: n for n, word in enumerate(made.words)}
    asked = torch.tensor([[index[w] for w in s] for s in made.questions])
    with torch.no_grad():
        right = reader(asked[:, :-1]).argmax(-1) == asked[:, -1]
    kept = right.nonzero()[:, 0].tolist()
    sentences = [*made.taught, *made.glossary]
    examples = [Example(str(n), s[-1], " ".join(s[:-1])) for n, s in enumerate(sentences)]
    queries = [
        Example(f"q{n}", made.questions[n][-1], " ".join(made.questions[n][:-1])) for n in kept
    ]
    aims = items(asked[kept], [one.id for one in queries])
    train = items(ids, [one.id for one in examples])
    at = Posterior(reading_loss(reader), reader.learned(), train, chunk=1024)
    wanted = SAMPLING.model_copy(update={"draws": draws, "seed": seed})
    began = time.perf_counter()
    store = TraceStore(bench.out / f"traces-{seed}-{count}-{draws}", by_token=False)
    traces = store.sample(at, aims, wanted, bench.progress)
    seconds = time.perf_counter() - began
    none: list[list[str]] = [[]] * len(examples)
    found, health = findings(
        traces, examples, queries, none, none[: len(queries)], gate=Gate(), top=K
    )
    g, h = at.gradients(train), at.gradients(aims)
    raw = Attribution(*traces.sequences(), kind="bif").matrix()[0]
    ranked: dict[str, list[list[int]]] = {
        OURS: [[int(row.example.id) for row in one.rows] for one in found],
        "influence, covariance": _best(raw),
        "gradient product": _best(similarity(g, h).numpy()),
        "gradient cosine": _best(similarity(g, h, cosine=True).numpy()),
        "damped Fisher": _best(fisher(g, h, 1.0, float(traces.used["gamma"])).numpy()),
        **_nearest(bench, examples, queries),
    }
    theirs = slice(len(examples), None)
    return {
        "precision": {who: _precision(tops, kept) for who, tops in ranked.items()},
        "answered": len(kept),
        "settled": float(np.mean([not one.fault for one in found])),
        "rhat": float(np.median(health.rhat[theirs])),
        "ess": float(np.median(health.ess[theirs])),
        "seconds": seconds,
        "shown": _shown(made, ranked, queries, kept),
    }


def _nearest(
    bench: Bench, examples: Sequence[Example], queries: Sequence[Example]
) -> dict[str, list[list[int]]]:
    texts = [one.text for one in examples]
    bm25, embed = Bm25(texts), bench.kit.model("minilm").ability(Embed)
    vectors = embed.embed(texts)
    found: dict[str, list[list[int]]] = {name: [] for name in NEAREST}
    for one in queries:
        scores = (
            bm25.scores(one.prompt),
            bm25.scores(one.text),
            vectors @ embed.embed([one.text])[0],
        )
        for name, own in zip(NEAREST, scores):
            found[name].append(np.argsort(-np.asarray(own), kind="stable")[:K].tolist())
    return found


def _best(influence: np.ndarray) -> list[list[int]]:
    """The K rows that lower each column's loss most."""
    found: list[list[int]] = np.argsort(influence, axis=0, kind="stable")[:K].T.tolist()
    return found


def _precision(tops: Sequence[Sequence[int]], kept: Sequence[int]) -> list[float]:
    """Share of the five that taught the fact; what is not told counts as a miss."""
    return [sum(one // K == fact for one in top) / K for top, fact in zip(tops, kept)]


def _shown(
    made: World,
    ranked: Mapping[str, list[list[int]]],
    queries: Sequence[Example],
    kept: Sequence[int],
) -> list[list[str]]:
    sentences = [*made.taught, *made.glossary]
    rows = []
    for place in range(min(6, len(queries))):
        firsts = [
            " ".join(sentences[ranked[who][place][0]]) if ranked[who][place] else "nothing"
            for who in (OURS, NEAREST[1], NEAREST[2])
        ]
        rows.append([queries[place].text, " ".join(made.taught[kept[place] * K]), *firsts])
    return rows


def _examples(run: Mapping[str, Any]) -> Table:
    columns = ("asked", "taught as", "first by influence", "first by BM25", "first by MiniLM")
    return Table("Some questions", columns, tuple(tuple(row) for row in run["shown"]))


def _plot(metrics: Mapping[str, Metric]) -> Any:
    def draw(axes: Any) -> None:
        names = sorted(metrics, key=lambda who: metrics[who].value)
        values = [metrics[who].value for who in names]
        below = [metrics[w].value - (metrics[w].low or 0.0) for w in names]
        above = [(metrics[w].high or 0.0) - metrics[w].value for w in names]
        colours = ["tab:green" if who == OURS else "tab:gray" for who in names]
        axes.barh(names, values, xerr=[below, above], color=colours)
        axes.axvline(0.6, color="black", linestyle=":")
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of the first five that taught the fact")

    return draw


def _verdict(metrics: Mapping[str, Metric], runs: Sequence[Mapping[str, Any]]) -> str:
    ours = metrics[OURS].value
    words = max(metrics[name].value for name in NEAREST)
    met = "met" if ours >= 0.6 and ours > words else "not met"
    best = max((m.value, who) for who, m in metrics.items() if who != OURS and who not in NEAREST)
    return (
        f"The goal (0.6, and above BM25 and embeddings) is {met}: {ours:.2f} against {words:.2f} "
        f"of the best that looks at words, over {sum(r['answered'] for r in runs)} facts that "
        "a small model learned in one language and answered in another. Words cannot find these "
        "sentences by construction: that baseline says what the task is, not how good influence "
        "is. The "
        f"other ways to ask the model itself do: {best[1]} has {best[0]:.2f}. Which example taught "
        "a fact is known here since the world is made up and the model of one layer was trained "
        "here; no such list is known for models trained elsewhere. The paper reports no such "
        "experiment."
    )


WHY = Experiment(
    name="influence-why",
    question="Which sentences taught a fact that is asked in words none of them has?",
    run=why,
    seeds=(0, 1, 2),
    needs={
        "normal": Needs(weights=("minilm",), memory=2 << 30, hours=0.1),
        "quick": Needs(weights=("minilm",), memory=2 << 30, hours=0.02),
    },
    options={"facts": "taught in a world: 72", "draws": "of each chain"},
)
