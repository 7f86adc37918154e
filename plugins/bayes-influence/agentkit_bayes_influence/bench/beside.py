"""`agentkit bench influence-peers`: the same work by three tools, in one run.

A small Llama; the influence of n passages that it was trained on upon q queries, on the same
weights. This package and devinterp run chains of the same settings, whose covariances and local
learning coefficients are compared; kronfluence fits EK-FAC's factors and scores. Each is timed at
one query and at many: a line through both says what a query costs, and where lines cross.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.bench.scribe import scribe
from agentkit_bayes_influence.bench.tools import Done, Reals, devinterp, ekfac, ours
from agentkit_bayes_influence.diagnostics import Gate, health
from agentkit_bayes_influence.exact import similarity
from agentkit_bayes_influence.sampling import Sampling, resolve

OURS, DEVINTERP, EKFAC = "here", "devinterp", "EK-FAC (kronfluence)"
TOKENWISE = "EK-FAC (kronfluence), each token of a query asked"
SAMPLING = Sampling(chains=4, draws=30, thin=2, batch=32, step=2.0, radius=0.03)
"""Near w*: at a radius of 0.2 the pull was a fiftieth of the sharpest curvature, for which no chain
of this length settles."""
FIRST, EACH = "CPU seconds to the first answer", "CPU seconds for a further query"
AHEAD = "queries from which it is ahead of the chains here"
OTHER = 1000  # added to a seed for chains that are only to agree with the first ones


def peers(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    n, counts, steps = (32, (1, 16), 20) if quick else (64, (1, 32), 200)
    draws = int(bench.options.get("draws", 4 if quick else SAMPLING.draws))
    there = [name for name in ("devinterp", "kronfluence") if importlib.util.find_spec(name)]
    seeds = bench.seeds[:1] if quick else bench.seeds
    runs = []
    for number, seed in enumerate(seeds):
        bench.progress.update(number, len(seeds))
        measure = partial(one_model, bench, n, counts, steps, draws, seed, there)
        runs.append(bench.once(f"{seed} {draws} {counts} {there}", measure))
    metrics = {who: _times([run["times"][who] for run in runs]) for who in runs[0]["times"]}
    for key, (who, what) in AGREES.items():
        if key in runs[0]:
            metrics[who][what] = interval([run[key] for run in runs], center="mean")
    own = metrics.pop(OURS)
    crossings = {
        who: interval([crossing(run["times"][OURS], run["times"][who]) for run in runs])
        for who in metrics
        if who in (EKFAC, TOKENWISE)
    }
    for who, found in crossings.items():
        if math.isfinite(found.value):
            metrics[who][AHEAD] = found
    return Result(
        own,
        _verdict(own, metrics, crossings, runs, there),
        baselines=metrics,
        tables=[_table(runs)],
        figures=[Figure("CPU seconds by queries", _plot(runs[0]["times"], counts[-1]))],
    )


AGREES = {
    "settled": (OURS, "losses that pass the gate"),
    "rhat": (OURS, "median R-hat"),
    "ess": (OURS, "draws that count"),
    "llc": (OURS, "local learning coefficient"),
    "llc error": (OURS, "its Monte-Carlo error"),
    "again": (OURS, "correlation with its own covariances, other noise"),
    "devinterp rhat": (DEVINTERP, "median R-hat"),
    "devinterp ess": (DEVINTERP, "draws that count"),
    "devinterp llc": (DEVINTERP, "local learning coefficient"),
    "devinterp llc error": (DEVINTERP, "its Monte-Carlo error"),
    "devinterp llc told": (DEVINTERP, "the coefficient that it tells (burn-in included)"),
    "devinterp agrees": (DEVINTERP, "correlation with the covariances here"),
    "devinterp within": (DEVINTERP, "covariances within two errors of those here"),
    "devinterp same": (DEVINTERP, "its own matrix against that of its traces, stacked"),
    "ekfac agrees": (EKFAC, "rank correlation with the influence here"),
    "gradients agree": (OURS, "rank correlation with products of gradients"),
}


def one_model(
    bench: Bench,
    n: int,
    counts: tuple[int, int],
    steps: int,
    draws: int,
    seed: int,
    there: Sequence[str],
) -> dict[str, Any]:
    """One model, all tools; as JSON. times: {who: [[queries, CPU seconds, seconds], …]}."""
    made = scribe(n, counts[1], seed, steps=steps)
    wanted = SAMPLING.model_copy(update={"draws": draws, "seed": seed})
    at = made.posterior(wanted.batch)
    use = resolve(at, wanted)
    times: dict[str, list[list[float]]] = {}
    last: dict[str, Done] = {}
    for count in counts:
        works: dict[str, Any] = {
            OURS: partial(ours, made, count, wanted, use, bench.out / "ours", bench.progress)
        }
        if "devinterp" in there:
            works[DEVINTERP] = partial(devinterp, made, count, wanted, use, bench.out / "dev.zarr")
        if "kronfluence" in there:
            fit = partial(ekfac, made, use=use, folder=bench.out / "ek")
            works[EKFAC] = partial(fit, count, by_token=False)
            works[TOKENWISE] = partial(fit, max(1, count // 8), by_token=True)
        for who, work in works.items():
            last[who] = work()
            asked = max(1, count // 8) if who == TOKENWISE else count
            times.setdefault(who, []).append([asked, last[who].cpu, last[who].wall])
    again = wanted.model_copy(update={"seed": seed + OTHER})
    other = ours(made, counts[1], again, use, bench.out / "ours", bench.progress)
    mine = last[OURS]
    start = float(at.losses(at.centre[None], at.items).sum() / n)
    llc, error = coefficient(mine, use.nbeta, start)
    state = health(mine.query)
    product = similarity(at.gradients(at.items), at.gradients(made.queries(counts[1])))
    found: dict[str, Any] = {
        "times": times,
        "told": use.told(),
        "sampled": at.dimension,
        "settled": float(np.mean([not fault for fault in Gate().faults(state)])),
        "rhat": float(np.median(state.rhat)),
        "ess": float(np.median(state.ess)),
        "llc": llc,
        "llc error": error,
        "again": _correlation(mine.influence, other.influence),
        "gradients agree": _ranks(mine.influence, -product.numpy()),
    }
    if DEVINTERP in last:
        theirs = last[DEVINTERP]
        state = health(theirs.query)
        llc, error = coefficient(theirs, use.nbeta, start)
        pooled, spread = Attribution(theirs.train, theirs.query, kind="cov").matrix()
        value, own = Attribution(mine.train, mine.query, kind="cov").matrix()
        stacked = Attribution(theirs.train, theirs.query, kind="cov", pooling="stack").matrix()[0]
        found |= {
            "devinterp rhat": float(np.median(state.rhat)),
            "devinterp ess": float(np.median(state.ess)),
            "devinterp llc": llc,
            "devinterp llc error": error,
            "devinterp llc told": theirs.own,
            "devinterp agrees": _correlation(mine.influence, pooled),
            "devinterp within": float((np.abs(value - pooled) < 2 * np.hypot(own, spread)).mean()),
            "devinterp same": _correlation(theirs.influence, stacked),
        }
    if EKFAC in last:
        found["ekfac agrees"] = _ranks(mine.influence, last[EKFAC].influence)
    return found


def coefficient(done: Done, nbeta: float, start: float) -> tuple[float, float]:
    """(local learning coefficient, one error): n * beta * (mean loss of the draws - loss at w*),
    and its spread over chains (Lau et al., arXiv 2308.12108, definition 1). start: nats of a
    passage at w*."""
    chains = nbeta * (done.train.mean((1, 2)) - start)
    return float(chains.mean()), float(chains.std(ddof=1) / math.sqrt(len(chains)))


def line(points: Sequence[Sequence[float]]) -> tuple[float, float]:
    """(CPU seconds at no query, for each query), through the two points that were measured."""
    (few, low, _), (many, high, _) = points
    slope = (high - low) / max(many - few, 1)
    return low - slope * few, slope


def crossing(own: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """The number of queries from which `other` is ahead: 1 if it always is, infinity if never."""
    (a, b), (c, d) = line(own), line(other)
    if a + b >= c + d:
        return 1.0 if b >= d else math.nan
    return math.ceil((c - a) / (b - d)) if b > d else math.inf


def _times(runs: Sequence[Sequence[Sequence[float]]]) -> dict[str, Metric]:
    return {
        FIRST: interval([points[0][1] for points in runs], "s"),
        EACH: interval([line(points)[1] for points in runs], "s"),
    }


def _correlation(one: Reals, other: Reals) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _ranks(one: Reals, other: Reals) -> float:
    """Spearman's, mean over queries."""
    pairs = zip(one.T, other.T)
    return float(np.mean([spearmanr(a, b).statistic for a, b in pairs]))


def _table(runs: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (number, who, int(count), round(cpu, 2), round(wall, 2))
        for number, run in enumerate(runs)
        for who, points in run["times"].items()
        for count, cpu, wall in points
    ]
    columns = ("model", "tool", "queries", "CPU seconds", "seconds by the clock")
    return Table("Everything that was timed", columns, tuple(rows))


def _plot(times: Mapping[str, Any], most: int) -> Any:
    def draw(axes: Any) -> None:
        queries = np.arange(1, most + 1)
        for who, points in times.items():
            start, slope = line(points)
            axes.plot(queries, start + slope * queries, label=who)
        axes.set_xlabel("queries (passages)")
        axes.set_ylabel("CPU seconds, one thread")
        axes.set_yscale("log")
        axes.legend(fontsize="x-small")

    return draw


def _verdict(
    own: Mapping[str, Metric],
    others: Mapping[str, Mapping[str, Metric]],
    crossings: Mapping[str, Metric],
    runs: Sequence[Mapping[str, Any]],
    there: Sequence[str],
) -> str:
    def said(who: str, found: Mapping[str, Metric]) -> str:
        return f"{who} {found[FIRST].value:.2f} and {found[EACH].value:.3f}"

    text = (
        f"{runs[0]['sampled']:,} weights of linear layers; {runs[0]['told']}. CPU seconds to the "
        f"first answer, and for each further query: {said(OURS, own)}"
        + "".join(f"; {said(who, found)}" for who, found in others.items())
        + ". Times are those of the processor, since the machine may be busy; the table has the "
        "clock's; each is of one call, so that hundredths of a second are noise. "
    )
    for who, number in crossings.items():
        unit = "passages, all tokens of each asked" if who == TOKENWISE else "queries"
        if number.value <= 1:
            text += f"{who} is ahead from the first on. "
        elif math.isinf(number.value):
            text += f"{who} is never ahead. "
        elif math.isnan(number.value):
            text += f"{who} is ahead at first, though a further one costs it no less. "
        else:
            text += f"{who} is ahead from {number.value:.0f} {unit} on. "
    if DEVINTERP in others:
        theirs = others[DEVINTERP]
        text += (
            f"The same chains by devinterp: local learning coefficient "
            f"{own['local learning coefficient'].value:.1f} here, "
            f"{theirs['local learning coefficient'].value:.1f} there (errors "
            f"{own['its Monte-Carlo error'].value:.1f} and "
            f"{theirs['its Monte-Carlo error'].value:.1f}); covariances correlate at "
            f"{theirs['correlation with the covariances here'].value:.2f}, those of two runs here "
            f"at {own['correlation with its own covariances, other noise'].value:.2f}; "
            f"{theirs['covariances within two errors of those here'].value:.0%} lie within two "
            "errors of one another. It goes through its minibatches in one order, again and again, "
            "where they are drawn anew at each step here; and the coefficient that it tells is of "
            "the losses of minibatches before their steps. "
        )
    absent = [name for name in ("devinterp", "kronfluence") if name not in there]
    if absent:
        text += f"Not installed here (the extra `bench`): {', '.join(absent)}. "
    return (
        text + "The paper's lead over EK-FAC, two orders of magnitude, is of a model of 2.8 "
        "billion weights, whose factors are large; nothing here speaks of that size."
    )


PEERS = Experiment(
    name="influence-peers",
    question="What do answers cost beside devinterp and kronfluence, and do the chains agree?",
    run=peers,
    claim="Pythia-2.8B: two orders of magnitude faster than EK-FAC (arXiv 2509.26544)",
    seeds=(0,),
    needs={
        "normal": Needs(data=("extra `bench`",), memory=2 << 30, hours=0.3),
        "quick": Needs(data=("extra `bench`",), memory=1 << 30, hours=0.02),
    },
    options={"draws": "of each chain"},
)
