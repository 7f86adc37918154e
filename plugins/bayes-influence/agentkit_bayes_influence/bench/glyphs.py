"""`agentkit bench influence-glyphs`: does influence between pictures recover how scripts, letters
and fonts hang together?

A small model learns to name letters of five scripts, in six fonts. Two held-out pictures are
alike as far as their losses move together. Pairs are then ranked: does the same letter in the same
font come before it in other fonts, that before other letters of the script, those before other
scripts? One model is told letters alone, another the script as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.bench.drawn import (
    FONTS,
    LEVELS,
    SCRIPTS,
    Lesson,
    Reals,
    Tree,
    agreement,
    alike,
    area,
    draw,
)
from agentkit_bayes_influence.diagnostics import Gate, health
from agentkit_bayes_influence.posterior import Posterior
from agentkit_bayes_influence.sampling import Sampling
from agentkit_bayes_influence.traces import TraceStore

OURS, SHUFFLED, TAUGHT = "influence", "influence, tree shuffled", ", scripts taught"
SAMPLING = Sampling(chains=8, draws=60, thin=4, batch=128, step=1.0, radius=0.1)
HELD, ROUNDS = 1000, 10  # apart from the seeds of training; shuffled trees
TAU = "Kendall's tau with the tree"


def glyphs(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    seeds = bench.seeds[:1] if quick else bench.seeds
    letters = {k: v[: 5 if quick else 10] for k, v in list(SCRIPTS.items())[: 3 if quick else 5]}
    fonts = FONTS[: 3 if quick else 6]
    draws = int(bench.options.get("draws", 30 if quick else SAMPLING.draws))
    runs = []
    for number, seed in enumerate(seeds):
        for scripts in (False, True):
            bench.progress.update(2 * number + scripts, 2 * len(seeds))

            def measure(seed: int = seed, scripts: bool = scripts) -> dict[str, Any]:
                return one_model(bench, letters, fonts, draws, seed, scripts)

            runs.append(bench.once(f"{seed} {scripts} {draws}", measure))
    scores: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        for who, found in run["scores"].items():
            for what, value in found.items():
                scores.setdefault(who, {}).setdefault(what, []).append(value)
    metrics = {
        who: {what: interval(values, center="mean") for what, values in found.items()}
        for who, found in scores.items()
    }
    plain = runs[::2]
    own = metrics.pop(OURS) | {
        "letters named rightly, held out": interval([r["right"] for r in plain], center="mean"),
        "pictures settled": interval([r["settled"] for r in plain], center="mean"),
        "median R-hat": interval([r["rhat"] for r in plain], center="mean"),
        "draws that count": interval([r["ess"] for r in plain], center="mean"),
        "CPU seconds, sampling": interval([r["seconds"] for r in plain], "s", center="mean"),
    }
    return Result(
        own,
        _verdict(own, metrics, plain),
        baselines=metrics,
        figures=[Figure("area under the curve, by level", _plot({OURS: own} | metrics))],
    )


def one_model(
    bench: Bench,
    letters: Mapping[str, str],
    fonts: Sequence[str],
    draws: int,
    seed: int,
    scripts: bool,
) -> dict[str, Any]:
    """One model and all its pairs; as JSON."""
    pixels, tree = draw(letters, fonts, 2, seed)
    others, hung = draw(letters, fonts, 2, seed + HELD)
    lesson = Lesson(len(set(tree.letter)), len(letters) if scripts else 0)
    model = lesson.train(pixels, tree, seed, 600 if len(fonts) > 3 else 300)
    queries = lesson.items(others, hung, "held out")
    with torch.no_grad():
        named = model(others)[:, : lesson.leaves].argmax(1) == queries.inputs[1][:, 0]
        inside = model.body(others)
    at = Posterior(
        lesson.loss(model),
        dict(model.named_parameters()),
        lesson.items(pixels, tree, "train"),
        chunk=1024,
    )
    wanted = SAMPLING.model_copy(update={"draws": draws, "seed": seed})
    began = time.process_time()
    store = TraceStore(bench.out / f"traces-{seed}-{scripts}-{draws}", by_token=False)
    query = store.sample(at, queries, wanted, bench.progress).sequences()[1]
    seconds = time.process_time() - began
    state = health(query)
    fine = np.array([not fault for fault in Gate().faults(state)])
    kept = np.flatnonzero(fine)
    hung = hung.at(kept)
    query, inside, others = query[:, :, kept], inside[kept], others[kept]
    gradients = F.normalize(at.gradients(queries), dim=1)[kept]
    influence = Attribution(query, query, kind="correlation").matrix()[0]
    rng = np.random.default_rng(seed)
    found = {
        OURS: levels(influence, hung),
        "gradient cosine": levels((gradients @ gradients.T).numpy(), hung),
        "last hidden layer, cosine": levels(alike(inside), hung),
        "pixels, cosine": levels(alike(others), hung),
        SHUFFLED: _shuffled(influence, hung, rng),
    }
    if scripts:
        del found["pixels, cosine"], found[SHUFFLED]
        found = {who + TAUGHT: scores for who, scores in found.items()}
    return {
        "scores": found,
        "right": float(named.float().mean()),
        "settled": float(fine.mean()),
        "rhat": float(np.median(state.rhat)),
        "ess": float(np.median(state.ess)),
        "seconds": seconds,
        "chance": _chance(influence, hung, rng),
        "script": found[OURS + TAUGHT * scripts][LEVELS["script"]],
    }


def levels(likeness: Reals, tree: Tree) -> dict[str, float]:
    """The area under the curve at each level, and tau over all pairs."""
    areas = {told: area(likeness, *tree.pairs(level)) for level, told in LEVELS.items()}
    return areas | {TAU: agreement(likeness, tree)}


def _shuffled(likeness: Reals, tree: Tree, rng: np.random.Generator) -> dict[str, float]:
    def once(level: str) -> float:
        return area(likeness, *tree.shuffled(level, rng).pairs(level))

    areas = {told: np.mean([once(k) for _ in range(ROUNDS)]) for k, told in LEVELS.items()}
    taus = [agreement(likeness, tree, rng) for _ in range(ROUNDS)]
    return {told: float(value) for told, value in areas.items()} | {TAU: float(np.mean(taus))}


def _chance(likeness: Reals, tree: Tree, rng: np.random.Generator) -> float:
    """The highest area at the level of scripts of twenty deals of letters to scripts: what the
    true scripts are to exceed (p < 0.05)."""
    return max(area(likeness, *tree.shuffled("script", rng).pairs("script")) for _ in range(20))


def _plot(metrics: Mapping[str, Mapping[str, Metric]]) -> Any:
    def draw(axes: Any) -> None:
        for number, (who, found) in enumerate(metrics.items()):
            places = np.arange(len(LEVELS)) + (number - len(metrics) / 2) * 0.11
            chosen = [found[told] for told in LEVELS.values()]
            values = [m.value for m in chosen]
            below = [m.value - (m.low or 0.0) for m in chosen]
            above = [(m.high or 0.0) - m.value for m in chosen]
            axes.bar(places, values, 0.1, yerr=[below, above], label=who)
        axes.axhline(0.5, color="black", linestyle=":")
        axes.set_xticks(range(len(LEVELS)), list(LEVELS))
        axes.set_ylim(0, 1)
        axes.legend(fontsize="x-small", loc="lower left")

    return draw


def _verdict(
    own: Mapping[str, Metric],
    others: Mapping[str, Mapping[str, Metric]],
    runs: Sequence[Mapping[str, Any]],
) -> str:
    def said(found: Mapping[str, Metric]) -> str:
        return ", ".join(f"{level} {found[told].value:.2f}" for level, told in LEVELS.items())

    beyond = sum(run["script"] > run["chance"] for run in runs)
    return (
        f"Areas under the curve: influence {said(own)}; "
        + "; ".join(f"{who} {said(found)}" for who, found in others.items())
        + f". 0.5 is chance. Of {len(runs)} models that were told letters alone, in {beyond} the "
        "true scripts come out above each of twenty deals of the letters to scripts at random. "
        f"{own['pictures settled'].value:.0%} of the pictures pass the gate of reports, and all "
        "figures are of pairs of these. The paper gives none that could be set beside them."
    )


GLYPHS = Experiment(
    name="influence-glyphs",
    question="Does influence between held-out letters recover the tree of script, letter and font?",
    run=glyphs,
    seeds=(0, 1, 2, 3, 4),
    needs={
        "normal": Needs(memory=2 << 30, hours=0.2),
        "quick": Needs(memory=1 << 30, hours=0.01),
    },
    options={"draws": "of each chain"},
)
