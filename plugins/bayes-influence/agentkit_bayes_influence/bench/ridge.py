"""`agentkit bench influence-ridge`: sampled influence where the exact one is known.

How the error falls with the draws that count, how long steps bias it, and what MALA costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.diagnostics import effective
from agentkit_bayes_influence.exact import Ridge
from agentkit_bayes_influence.sampling import Sampling
from agentkit_bayes_influence.traces import Traces, TraceStore

GAMMA = 5.0
CHAINS = 64


def ridge(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    n, d = (60, 5) if quick else (200, 10)
    lengths = (10, 30, 100) if quick else (10, 30, 100, 300)
    made = Ridge.drawn(n, d, gamma=GAMMA, seed=bench.seeds[0])
    exact = made.bif(made.x, made.y).numpy()
    top = float(torch.linalg.eigvalsh(made.precision())[-1])

    def run(step: float, draws: int, mala: bool) -> Traces:
        # Short steps need more of them between draws, or noise would be taken for bias.
        wanted = Sampling(
            chains=CHAINS,
            draws=draws,
            thin=max(4, round(4 / step)),
            epsilon=step / top,
            burn_in=max(60, round(60 / step)),
            force=True,  # w* is near the posterior's mean, where it would start anyhow
            gamma=GAMMA,
            mala=mala,
            seed=bench.seeds[0],
        )
        store = TraceStore(bench.out / f"{step}-{draws}-{mala}-{n}", by_token=False)
        at = made.posterior()
        return store.sample(at, at.items, wanted, bench.progress)

    longest = run(0.9, lengths[-1], True)
    curve = []
    for draws in lengths:
        train = longest.sequences()[0][:, :draws]
        found, told = Attribution(train, train).matrix()
        curve.append(
            {
                "ess": float(np.median(effective(train.astype(float)))),
                "error": _error(found, exact),
                "told": float(np.sqrt((told**2).mean()) / np.abs(exact).max()),
            }
        )
    biases = []
    for step in (0.5, 1.0, 2.0):
        traces = run(step, 60, False)
        train = traces.sequences()[0]
        found, _ = Attribution(train, train).matrix()
        finite = made.bif(made.x, made.y, made.finite_step(step / top)).numpy()
        biases.append((step, _error(found, exact), _error(found, finite)))
    train = longest.sequences()[0]
    found, _ = Attribution(train, train).matrix()
    off = ~np.eye(n, dtype=bool)
    slope = np.polyfit(np.log([c["ess"] for c in curve]), np.log([c["error"] for c in curve]), 1)[0]
    pearson = float(np.corrcoef(found[off], exact[off])[0, 1])
    return Result(
        {
            "correlation with exact, off the diagonal": Metric(pearson),
            "largest error over largest value": Metric(_error(found, exact)),
            "slope of log error on log draws that count": Metric(float(slope)),
            "steps accepted": Metric(longest.accepted),
        },
        _verdict(pearson, float(slope), biases),
        tables=[
            Table(
                "Error (largest over largest value) by draws that count",
                ("draws a chain", "draws that count", "error", "error told (root mean square)"),
                tuple((t, c["ess"], c["error"], c["told"]) for t, c in zip(lengths, curve)),
            ),
            Table(
                "Bias of steps without MALA",
                ("epsilon * lambda_max", "against the posterior", "against the finite-step law"),
                tuple(biases),
            ),
        ],
        figures=[
            Figure("sampled against exact", _scatter(found[off], exact[off])),
            Figure("error by draws that count", _curve(curve)),
        ],
    )


def _error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.abs(found - exact).max() / np.abs(exact).max())


def _scatter(found: np.ndarray, exact: np.ndarray) -> Any:
    def draw(axes: Any) -> None:
        axes.plot(exact, found, ".", markersize=2)
        ends = [float(exact.min()), float(exact.max())]
        axes.plot(ends, ends, color="black", linewidth=0.8)
        axes.set_xlabel("exact BIF")
        axes.set_ylabel("sampled BIF")

    return draw


def _curve(curve: Sequence[dict[str, float]]) -> Any:
    def draw(axes: Any) -> None:
        x, y = [c["ess"] for c in curve], [c["error"] for c in curve]
        axes.loglog(x, y, marker="o", label="seen")
        axes.loglog(x, [y[0] * (x[0] / v) ** 0.5 for v in x], ":", label="one over square root")
        axes.set_xlabel("draws that count (median)")
        axes.set_ylabel("largest error over largest value")
        axes.legend()

    return draw


def _verdict(pearson: float, slope: float, biases: Sequence[tuple[float, float, float]]) -> str:
    bias = "; ".join(f"{p:.1%} (law {f:.1%}) at {s:g}" for s, p, f in biases)
    return (
        f"Off the diagonal sampled and exact influence correlate at {pearson:.4f}; the error falls "
        f"with the draws that count to the power {slope:.2f} (one over the square root is -0.5). "
        f"Plain Langevin is off by {bias} of the largest value, for epsilon times lambda_max: "
        "against its own finite-step law only noise is left, and what is more against the "
        "posterior is the bias of its step. The paper has no such check; a posterior in "
        "closed form is easy, and says that the estimator is right, not that networks mix."
    )


RIDGE = Experiment(
    name="influence-ridge",
    question="Is sampled influence the exact one, where that is known?",
    run=ridge,
    needs={
        "normal": Needs(memory=2 << 30, hours=0.05),
        "quick": Needs(memory=1 << 30, hours=0.01),
    },
)
