"""Have chains settled? Split R-hat, effective sample size, drift, and Monte-Carlo errors.

Sources: Gelman et al., Bayesian Data Analysis (3rd ed.), 11.4 (split R-hat) and 11.5 (effective
sample size by Geyer's initial positive sequence). All take traces (C, T, N), N series side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Health:
    """One number a series: rhat (1 is settled), ess (draws that count), drift (slope over the run
    in its standard errors), flat (no variance at all)."""

    rhat: Array
    ess: Array
    drift: Array
    flat: NDArray[np.bool_]


@dataclass(frozen=True)
class Gate:
    """What a series must reach before a number that stands on it is told."""

    ess: float = 50.0
    rhat: float = 1.1
    drift: float = 4.0

    def faults(self, health: Health) -> list[str]:
        """For each series "", or why its numbers are not told."""
        found = []
        for rhat, ess, drift, flat in zip(health.rhat, health.ess, health.drift, health.flat):
            if flat:
                found.append("never varies")
            elif rhat > self.rhat:
                found.append(f"chains disagree (R-hat {rhat:.2f})")
            elif ess < self.ess:
                found.append(f"too few draws that count ({ess:.0f})")
            elif abs(drift) > self.drift:
                found.append(f"drifts ({drift:+.1f} standard errors)")
            else:
                found.append("")
        return found


def health(traces: Array, block: int = 4096) -> Health:
    """Of every series of (C, T, N)."""
    parts = [_health(traces[:, :, s : s + block]) for s in range(0, traces.shape[2], block)]
    return Health(*(np.concatenate([getattr(p, k) for p in parts]) for k in Health.__slots__))


def _health(traces: Array) -> Health:
    traces = np.asarray(traces, dtype=np.float64)
    flat = np.ptp(traces, axis=(0, 1)) == 0
    ess = effective(traces)
    return Health(split_rhat(traces), ess, _drift(traces, ess), flat)


def split_rhat(traces: Array) -> Array:
    """sqrt(((T - 1) / T * within + between / T) / within), each chain cut in two halves; 1 where
    nothing varies. With a single short half (T < 4) it cannot be told: infinity."""
    half = traces.shape[1] // 2
    if half < 2:
        return np.full(traces.shape[2], np.inf)
    parts = np.concatenate([traces[:, :half], traces[:, -half:]])
    within = parts.var(axis=1, ddof=1).mean(0)
    between = parts.mean(1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt((half - 1) / half + between / within)
    return np.where(within > 0, found, np.where(between > 0, np.inf, 1.0))


def effective(traces: Array) -> Array:
    """Effective sample size of the mean: C T / (1 + 2 sum of autocorrelations)."""
    chains, count, _ = traces.shape
    centred = traces - traces.mean(1, keepdims=True)
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, size, axis=1)[:, :count].mean(0) / count
    within = traces.var(axis=1, ddof=1).mean(0)
    whole = within * (count - 1) / count
    if chains > 1:
        whole = whole + traces.mean(1).var(axis=0, ddof=1)
    safe = np.where(whole > 0, whole, 1.0)
    rho = 1 - (within - covariance * count / max(count - 1, 1)) / safe
    rho[0] = 1.0
    pairs = rho[: count // 2 * 2].reshape(count // 2, 2, -1).sum(1)
    positive = np.cumprod(pairs > 0, axis=0)
    # Monotone as well: noise in late pairs must not add up.
    time = 2 * (np.minimum.accumulate(pairs, axis=0) * positive).sum(0) - 1
    total = chains * count
    found = total / np.maximum(time, 1 / np.log10(max(total, 10)))
    return np.where(whole > 0, found, 0.0)


def _drift(traces: Array, ess: Array) -> Array:
    """The common slope of all chains against the draw, over its standard error for `ess` draws."""
    chains, count, _ = traces.shape
    time = np.arange(count) - (count - 1) / 2
    centred = traces - traces.mean(1, keepdims=True)
    slope = np.einsum("t,ctn->n", time, centred) / (chains * (time**2).sum())
    rest = centred - time[None, :, None] * slope
    spread = np.sqrt((rest**2).mean((0, 1)))
    error = spread / np.sqrt(np.maximum(ess, 1.0) * (time**2).mean())
    found: Array = np.zeros_like(slope)
    np.divide(slope, error, out=found, where=error > 0)
    return found
