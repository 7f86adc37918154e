"""From logits to probabilities, how far to trust them, and when to leave a choice to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising map from logits to probabilities, one for all candidates.

    kind "isotonic": steps between `x` and `y`; "sigmoid": 1 / (1 + exp(-(scale z + bias))), which
    "temperature" is with bias 0.
    """

    kind: str = "sigmoid"
    scale: float = 1.0
    bias: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities, of the same shape."""
        logits = np.asarray(logits, dtype=float)
        if self.kind != "isotonic":
            return 1 / (1 + np.exp(-np.clip(self.scale * logits + self.bias, -50, 50)))
        steps = np.interp(logits, self.x, self.y)
        # Steps are flat in places: a little of the logit itself keeps the candidates' order.
        found: np.ndarray = 0.999 * steps + 0.001 / (1 + np.exp(-np.clip(logits, -50, 50)))
        return found

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "x": list(self.x), "y": list(self.y)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Calibration:
        return cls(**{**plain, "x": tuple(plain["x"]), "y": tuple(plain["y"])})


def calibrate(kind: str, logits: np.ndarray, good: np.ndarray) -> Calibration:
    """Fitted on held-out rows.

    Args:
        logits, good: (n, K); good is the share of success, NaN where it is not known.
    """
    known = np.isfinite(good)
    z, y = np.asarray(logits, dtype=float)[known], good[known]
    if z.size < 10 or y.min() == y.max():
        return Calibration()
    if kind == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(z, y)
        return Calibration(
            "isotonic", x=_tuple(fitted.X_thresholds_), y=_tuple(fitted.y_thresholds_)
        )
    scale, bias = _sigmoid(z, y, with_bias=kind == "sigmoid")
    return Calibration("sigmoid", scale, bias)


def _sigmoid(z: np.ndarray, y: np.ndarray, *, with_bias: bool) -> tuple[float, float]:
    """Least log loss; the scale stays positive, so that the order of candidates stays."""
    from scipy.optimize import minimize

    def loss(theta: np.ndarray) -> float:
        a = np.exp(theta[0]) * z + (theta[1] if with_bias else 0)
        return float((np.logaddexp(0, a) - y * a).mean())

    found = minimize(loss, np.zeros(2 if with_bias else 1), method="Nelder-Mead").x
    return float(np.exp(found[0])), float(found[1]) if with_bias else 0.0


def calibration_error(chances: np.ndarray, good: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: |mean chance - share of success|, over bins of equal width,
    weighted by how many fall into each."""
    known = np.isfinite(good)
    p, y = np.asarray(chances, dtype=float)[known], good[known]
    if not p.size:
        return float("nan")
    which = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [
        abs(p[which == b].mean() - y[which == b].mean()) * (which == b).mean()
        for b in range(bins)
        if (which == b).any()
    ]
    return float(sum(gaps))


def abstain_below(
    lead: Sequence[float] | np.ndarray, worse: Sequence[bool] | np.ndarray, miss: float
) -> float:
    """The least lead that a choice needs over the default, by conformal risk control (Angelopoulos
    et al., arXiv 2208.02814): the share of requests that leave the default for something worse is
    then `miss` at most, in the mean over held-out rows like those given.

    Args:
        lead: probability of the choice less that of the default, one a row; 0 where they agree.
        worse: whether the choice scored less than the default there.
    """
    lead, worse = np.asarray(lead, dtype=float), np.asarray(worse, dtype=bool)
    count = len(lead)
    for threshold in [0.0, *np.unique(lead[worse] + 1e-9).tolist()]:
        misses = int((worse & (lead >= threshold)).sum())
        if (misses + 1) / (count + 1) <= miss:
            return float(threshold)
    return float("inf")


def _tuple(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(v), 6) for v in values)
