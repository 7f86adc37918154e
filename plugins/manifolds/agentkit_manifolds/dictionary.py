"""The discrete reading: a k-sparse dictionary of hidden states (Gao et al. 2024, arXiv 2406.04093).

A curve can be read as places that single features stand for. How much of it a few features rebuild
says little by itself; a random dictionary, decoded as well, is beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentkit.capabilities import Progress
from agentkit.errors import Cancelled, DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dictionary:
    """center: (d,). encoder: (features, d). bias: (features,). decoder: (features, d), unit rows.
    k: features that are on at once."""

    center: Tensor
    encoder: Tensor
    bias: Tensor
    decoder: Tensor
    k: int

    def encode(self, states: Tensor) -> Tensor:
        """(n, features), at most k of a row above zero."""
        raw = (states - self.center) @ self.encoder.T + self.bias
        top = raw.topk(self.k, dim=1)
        return torch.zeros_like(raw).scatter(1, top.indices, top.values.clamp_min(0))

    def decode(self, codes: Tensor) -> Tensor:
        return codes @ self.decoder + self.center


def random_dictionary(states: Tensor, features: int, k: int, seed: int = 0) -> Dictionary:
    """Random directions, each as an encoder and a decoder, with states scaled to be alike."""
    noise = torch.Generator().manual_seed(seed)
    rows = torch.randn(features, states.shape[1], generator=noise)
    rows = rows / rows.norm(dim=1, keepdim=True)
    return Dictionary(states.mean(0), rows, torch.zeros(features), rows, k)


def fit(
    states: Tensor,
    features: int,
    k: int,
    progress: Progress,
    *,
    steps: int = 600,
    batch: int = 512,
    rate: float = 2e-3,
    seed: int = 0,
) -> Dictionary:
    """Learns a dictionary of states (n, d) by Adam; decoder rows stay of length 1.

    Raises:
        DataError: there are fewer states than features. Cancelled: between two steps.
    """
    if len(states) < features:
        raise DataError(f"{len(states)} states for {features} features", "give more text")
    noise = torch.Generator().manual_seed(seed)
    start = random_dictionary(states, features, k, seed)
    decoder = start.decoder.clone().requires_grad_(True)
    encoder, bias = start.encoder.clone().requires_grad_(True), start.bias.requires_grad_(True)
    optimizer = torch.optim.Adam([encoder, bias, decoder], lr=rate)
    for step in range(steps):
        if progress.cancel:
            raise Cancelled
        x = states[torch.randint(len(states), (batch,), generator=noise)]
        made = Dictionary(start.center, encoder, bias, decoder, k)
        loss = ((made.decode(made.encode(x)) - x) ** 2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            decoder /= decoder.norm(dim=1, keepdim=True)
        if step % 50 == 49:
            progress.update(step + 1, steps, {"loss": float(loss.detach())})
    return Dictionary(start.center, encoder.detach(), bias.detach(), decoder.detach(), k)


@dataclass(frozen=True, slots=True)
class Tuning:
    """How features answer to a count. curves: (features, bins) mean activation. peaks: (places,)
    bins at which place-like features peak, in order; widths: of their fields, in bins, at half
    height. explained: held-out share of the states' variance; curve: share of the mean curve's
    variance that decoding the mean activations gives back."""

    curves: Floats
    peaks: tuple[int, ...]
    widths: tuple[float, ...]
    explained: float
    curve: float


def tuning(made: Dictionary, states: Tensor, bins: NDArray[np.int64], count: int) -> Tuning:
    """Reads a dictionary on states that it was not fitted to.

    Args:
        states: (n, d). bins: (n,) place of each, -1 for none. count: how many bins.

    A feature is place-like where its curve has one peak: over half of its activity lies within the
    bins about the peak that reach half its height, these are at most a third of all, and the peak
    is at least three times the median.
    """
    codes = made.encode(states)
    explained = 1 - float(((made.decode(codes) - states) ** 2).sum()) / float(
        ((states - states.mean(0)) ** 2).sum()
    )
    known = torch.from_numpy(bins)
    curves = torch.zeros(count, codes.shape[1])
    means = torch.zeros(count, states.shape[1])
    for n in range(count):
        rows = known == n
        if rows.any():
            curves[n], means[n] = codes[rows].mean(0), states[rows].mean(0)
    full = torch.tensor([bool((known == n).any()) for n in range(count)])
    rebuilt = made.decode(curves)[full]
    real = means[full] - means[full].mean(0)
    # One scale for all: a dictionary is not blamed for shrinking.
    drawn = rebuilt - rebuilt.mean(0)
    scale = (drawn * real).sum() / (drawn**2).sum().clamp_min(1e-12)
    curve = 1 - float(((scale * drawn - real) ** 2).sum() / (real**2).sum())
    places = [_place(row) for row in curves.T.double().numpy()]
    found = sorted(p for p in places if p is not None)
    return Tuning(
        curves.T.double().numpy(),
        tuple(p for p, _ in found),
        tuple(w for _, w in found),
        explained,
        curve,
    )


def _place(curve: Floats) -> tuple[int, float] | None:
    peak = int(curve.argmax())
    height = float(curve[peak])
    if height <= 0 or height < 3 * float(np.median(curve)):
        return None
    low, high = peak, peak
    while low > 0 and curve[low - 1] >= height / 2:
        low -= 1
    while high < len(curve) - 1 and curve[high + 1] >= height / 2:
        high += 1
    width = high - low + 1
    if width > len(curve) / 3 or curve[low : high + 1].sum() < curve.sum() / 2:
        return None
    return peak, float(width)
