"""`agentkit bench manifolds-small`: a transformer from scratch whose best prediction is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities import Table
from agentkit_manifolds.causal import matched, removed
from agentkit_manifolds.geometry import basis, shape
from agentkit_manifolds.ridge import probe
from agentkit_manifolds.sites import ablate
from agentkit_manifolds.small import Language, calibrate, train
from agentkit_manifolds.stream import by_value, collect
from agentkit_manifolds.task import Example, ScalarTask


def _task(tokens: np.ndarray[Any, Any], counts: np.ndarray[Any, Any], lengths: Any) -> ScalarTask:
    made = []
    for n, (ids, count) in enumerate(zip(tokens, counts)):
        newline = ids == 0
        places = np.arange(len(ids))
        seen = np.maximum.accumulate(np.where(newline, places, -1))
        values = {
            "count": count.astype(float),
            "index": (places - np.concatenate([[-1], seen[:-1]])).astype(float),
            "length": np.where(newline, 0, lengths[np.maximum(ids - 1, 0)]).astype(float),
        }
        mask = ~newline & (np.cumsum(newline) >= 2)
        made.append(Example(ids, f"sequence {n}", values, mask))
    return ScalarTask("words", made, ("count",), ("index", "length"))


def small(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    steps, batch, rows = (30, 8, 48) if quick else (900, 32, 160)
    steps = int(bench.options.get("steps", steps))
    language = Language.made()
    calibrations, table = [], []
    rises: dict[str, list[float]] = {"newline": [], "other": [], "random": []}
    profile: list[tuple[float, float]] = []
    for seed in bench.seeds:
        model = train(language, bench.progress, steps=steps, batch=batch, seed=seed)
        tokens, counts = language.sample(rows, 128, 10_000 + seed)
        calibrations.append(calibrate(language, model, tokens))
        task = _task(tokens, counts, language.lengths)
        low = by_value("count", "count", 4, 44, 2)
        sites = ["embed", *(f"post.{n}" for n in range(len(model.layers)))]
        sums = collect(model, task, sites, [low], bench.progress, batch=16, seed=seed)
        best, site = -1.0, sites[1]
        for one in sites:
            moments = sums.moments[one]
            left = probe(moments, "count", nuisances=("index", "length")).r2
            control = probe(moments, "count", features=moments.columns(("index", "length"))).r2
            found = shape(sums.curves[one]["count"].enough(), seed=seed)
            table.append(
                (seed, one, control, probe(moments, "count").r2, left, found.reliability,
                 found.dimension, found.verdict.partition(":")[0])
            )  # fmt: skip
            if one != "embed" and one != sites[-1] and left > best:
                best, site = left, one
        moments = sums.moments[site]
        _, directions = basis(sums.curves[site]["count"].enough(), 6)
        cov, center = moments.covariance(), torch.from_numpy(moments.mean())
        plain = _loss(model, tokens)
        for name, plane in [("count", directions)] + [
            ("random", matched(cov, removed(directions, cov), n)) for n in range(5 if quick else 20)
        ]:
            with ablate(model, site, torch.from_numpy(plane), center):
                at, other = (a - b for a, b in zip(_loss(model, tokens), plain))
            if name == "count":
                rises["newline"].append(at)
                rises["other"].append(other)
            else:
                rises["random"].append(at)
        profile = _curve(language, model, tokens)
    mean = {k: float(np.mean([getattr(c, k) for c in calibrations])) for k in
            ("optimum", "model", "divergence", "newline", "unigram")}  # fmt: skip
    metrics = {
        "loss of the optimum": Metric(mean["optimum"], unit="nats"),
        "loss of the model": interval([c.model for c in calibrations], "nats", center="mean"),
        "loss of token frequencies": Metric(mean["unigram"], unit="nats"),
        "divergence from the optimum": interval(
            [c.divergence for c in calibrations], "nats", center="mean"
        ),
        "divergence of P(newline), from line 3 on": interval(
            [c.newline for c in calibrations], "nats", center="mean"
        ),
        "loss at newlines without the count": interval(rises["newline"], "nats", center="mean"),
        "loss elsewhere without the count": interval(rises["other"], "nats", center="mean"),
        "loss at newlines, random subspaces": interval(rises["random"], "nats"),
    }
    verdict = (
        f"After {steps} steps of {batch} sequences the model's loss is {mean['model']:.3f} nats a "
        f"token, the exact optimum {mean['optimum']:.3f}, token frequencies {mean['unigram']:.3f}; "
        f"the probability of a newline is {mean['newline']:.3f} nats from the optimum's. Without "
        f"the count's six components the loss at newlines rises by "
        f"{np.mean(rises['newline']):.3f} nats, elsewhere by {np.mean(rises['other']):.3f}; "
        f"without random subspaces of the same variance by {np.median(rises['random']):.3f}."
    )
    columns = ("seed", "site", "controls", "raw R²", "beyond controls", "reliability", "dimension",
               "verdict")  # fmt: skip

    def draw(axes: Any) -> None:
        bins = sorted({p for p, _ in profile})
        axes.plot(bins, [np.mean([v for p, v in profile if p == b]) for b in bins], "o-")
        axes.plot([0, 1], [0, 1], "--", color="grey", label="optimum")
        axes.set(xlabel="optimal P(newline)", ylabel="the model's")
        axes.legend()

    return Result(
        metrics,
        verdict,
        tables=[Table("Where the count is", columns, tuple(table))],
        figures=[Figure("Calibration", draw)],
    )


def _loss(model: torch.nn.Module, tokens: np.ndarray[Any, Any]) -> tuple[float, float]:
    with torch.no_grad():
        logp = model(torch.from_numpy(tokens[:, :-1])).log_softmax(-1).numpy()
    loss = -np.take_along_axis(logp, tokens[:, 1:, None], 2)[..., 0]
    settled = np.cumsum(tokens == 0, 1)[:, :-1] >= 3
    newline = tokens[:, 1:] == 0
    return float(loss[settled & newline].mean()), float(loss[settled & ~newline].mean())


def _curve(
    language: Language, model: torch.nn.Module, tokens: np.ndarray[Any, Any]
) -> list[tuple[float, float]]:
    best = language.optimum(tokens)[:, 1:, 0]
    with torch.no_grad():
        own = model(torch.from_numpy(tokens[:, :-1])).softmax(-1)[..., 0].numpy()
    settled = np.cumsum(tokens == 0, 1)[:, :-1] >= 3
    return [(round(float(p) * 10) / 10, float(q)) for p, q in zip(best[settled], own[settled])]


SMALL = Experiment(
    name="manifolds-small",
    question="Does a transformer from scratch learn to break lines, how near is it to the exact "
    "optimum, and where does it keep the count?",
    run=small,
    claim="counts lie on curves of few dimensions, and the break decision needs them",
    needs={"normal": Needs(memory=1 << 30, hours=0.2), "quick": Needs(memory=1 << 30, hours=0.02)},
    options={"steps": "of training"},
)
