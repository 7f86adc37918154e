"""Probes, curves and shapes from sums, against stored data and known curves."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from agentkit.errors import DataError
from agentkit_manifolds.geometry import bend, random_walk, shape, shares_of
from agentkit_manifolds.moments import Curves, Moments
from agentkit_manifolds.ridge import beyond, probe, r2, ridge
from agentkit_manifolds.ringing import (
    by_distance,
    by_eigenvectors,
    circulant,
    cosines,
    fourier_gap,
    of_curve,
    particles,
    rings,
    triangle,
    truncated,
)

RNG = np.random.default_rng(0)


def filled(n: int = 400, d: int = 12, folds: int = 4) -> tuple[Moments, list[np.ndarray]]:
    made = Moments(d, ("z", "y"), folds)
    kept = []
    for fold in range(folds):
        x = RNG.normal(size=(n, d)) * RNG.uniform(0.2, 3, size=d) + 2
        z = RNG.normal(size=(n, 1))
        y = x @ np.linspace(-1, 1, d)[:, None] + 3 * z + RNG.normal(size=(n, 1)) + 7
        made.add(fold, x[: n // 2], np.concatenate([z, y], 1)[: n // 2])
        made.add(fold, x[n // 2 :], np.concatenate([z, y], 1)[n // 2 :])
        kept.append(np.concatenate([x, z, y], 1))
    return made, kept


@pytest.mark.parametrize("penalty", [1e-3, 10.0, 1e4])
def test_a_probe_from_sums_is_sklearns(penalty: float) -> None:
    moments, kept = filled()
    train, test = np.concatenate(kept[1:]), kept[0]
    gram, target = moments.gram[1:].sum(0), int(moments.columns(["y"])[0])
    fit = ridge(gram, moments.states, target, penalty)
    theirs = Ridge(alpha=penalty).fit(train[:, :12], train[:, 13])
    assert np.allclose(fit.weights, theirs.coef_, atol=1e-9)
    assert fit.bias == pytest.approx(theirs.intercept_, abs=1e-8)
    mine = r2(moments.gram[0], moments.states, target, fit)
    assert mine == pytest.approx(theirs.score(test[:, :12], test[:, 13]), abs=1e-10)


def test_what_is_beyond_nuisances_is_the_two_stage_fit() -> None:
    moments, kept = filled()
    train, test = np.concatenate(kept[1:]), kept[0]
    z, y = (int(moments.columns([n])[0]) for n in ("z", "y"))
    grams = beyond(moments.gram, (1, 2, 3), np.array([z]), y)
    control = LinearRegression().fit(train[:, 12:13], train[:, 13])
    left, left_test = (a[:, 13] - control.predict(a[:, 12:13]) for a in (train, test))
    theirs = Ridge(alpha=5.0).fit(train[:, :12], left)
    fit = ridge(grams[1:].sum(0), moments.states, y, 5.0)
    assert r2(grams[0], moments.states, y, fit) == pytest.approx(
        theirs.score(test[:, :12], left_test), abs=1e-9
    )


def test_a_probe_knows_what_the_control_does_not_explain() -> None:
    moments, _ = filled()
    raw, control = probe(moments, "y"), probe(moments, "y", features=moments.columns(["z"]))
    left = probe(moments, "y", nuisances=("z",))
    assert len(raw.held_out) == 4 and raw.inside >= raw.r2 - 0.02
    assert control.r2 > 0.2 and left.r2 > raw.r2  # z is noise to the states
    with pytest.raises(DataError, match="at least three"):
        probe(Moments(2, ("y",), 2), "y")


def planted_curve(bins: int = 40, each: int = 40, d: int = 48, noise: float = 0.5) -> Curves:
    """A closed curve of three waves, six dimensions, in noise."""
    frame = np.linalg.qr(RNG.normal(size=(d, d)))[0][:6]
    angle = 2 * np.pi * np.outer(np.arange(bins) / bins, [1, 2, 3])
    points = np.concatenate([np.cos(angle), np.sin(angle)], 1) @ frame
    made = Curves(d, tuple(range(bins)), 8)
    for bucket in range(8):
        which = np.repeat(np.arange(bins), each // 8 * 8)
        made.add(bucket, which, points[which] + noise * RNG.normal(size=(len(which), d)))
    return made


def test_a_known_curve_has_its_six_dimensions() -> None:
    found = shape(planted_curve())
    assert found.found and abs(found.dimension - 6) <= 1 and found.reliability > 0.9
    assert "about 6 dimensions" in found.verdict and sum(found.shares) == pytest.approx(1)


def test_shuffled_labels_are_no_manifold() -> None:
    curves = planted_curve(noise=1.0)
    empty = Curves(48, curves.bins, 8)
    for bucket in range(8):
        which = np.repeat(np.arange(40), 10)
        empty.add(bucket, which, RNG.normal(size=(len(which), 48)))
    found = shape(empty)
    assert not found.found and found.verdict.startswith("no manifold") and found.raw > 20


def test_too_few_tokens_and_numbers_that_are_none_are_refused() -> None:
    few = Curves(4, (0, 5), 4)
    few.add(0, np.zeros(19, dtype=int), RNG.normal(size=(19, 4)))
    with pytest.raises(DataError, match="bin 5 has 0 tokens"):
        shape(few)
    with pytest.raises(DataError, match="0 of 2 bins"):
        few.enough(20)
    for bad in (np.nan, np.inf):
        with pytest.raises(DataError, match="not finite"):
            few.add(0, np.zeros(1, dtype=int), np.full((1, 4), bad))
        with pytest.raises(DataError, match="not finite"):
            Moments(4, (), 3).add(0, np.full((1, 4), bad), np.zeros((1, 0)))


def test_curves_beyond_nuisances_lose_what_is_linear_in_them() -> None:
    moments, curves = Moments(6, ("z", "y"), 3), Curves(6, tuple(range(10)), 3, 1)
    slope = RNG.normal(size=6)
    for n in range(3):
        z = RNG.integers(0, 10, size=(500, 1)).astype(float)
        x = z * slope + 0.01 * RNG.normal(size=(500, 6))
        moments.add(n, x, np.concatenate([z, z], 1))
        curves.add(n, z[:, 0].astype(int), x, z)
    left = curves.beyond(moments, ("z",)).curve()[0]
    assert np.abs(left - left.mean(0)).max() < 0.01 < np.abs(slope).max()


def test_the_circulant_is_the_truncated_fourier_sum() -> None:
    first = triangle(150, 12)
    values = np.sort(np.linalg.eigvalsh(circulant(first)))[::-1]
    assert values[:5] == pytest.approx([12, 11.751, 11.751, 11.029, 11.029], abs=1e-3)
    theory = truncated(first, 5)
    cosine = by_eigenvectors(circulant(first), 5)
    assert np.abs(by_distance(cosine, circle=True) - theory[:76]).max() < 1e-10
    seen, told = rings(by_distance(cosine, circle=True)), rings(theory[:76])
    assert seen.crossings == pytest.approx(told.crossings, abs=1e-10) and len(told.crossings) == 2
    assert told.lowest == pytest.approx(-0.229, abs=1e-3) and told.rings
    with pytest.raises(DataError, match="part a sine"):
        truncated(first, 4)


def test_curves_ring_and_straight_lines_do_not() -> None:
    waves = planted_curve(noise=0.0).curve()[0]
    assert of_curve(waves, 6).rings and fourier_gap(waves, 20) < 0.1
    line = np.outer(np.arange(30.0), RNG.normal(size=8))
    assert not of_curve(line, 6).rings


def test_particles_come_to_rest_on_the_sphere_and_ring() -> None:
    at = particles(60, 6, steps=800, seed=1)
    assert np.linalg.norm(at, axis=1) == pytest.approx(np.ones(60))
    near = by_distance(cosines(at), circle=True)
    assert near[1] > 0.8 and near[10:].min() < -0.1
    ends = particles(60, 3, topology="interval", steps=400)
    assert ends[0] @ ends[-1] < at[0] @ at[-1]


def test_a_random_walk_looks_like_a_helix_and_a_line_does_not_bend() -> None:
    shares = shares_of(random_walk(150, 576))
    assert shares[:3] == pytest.approx([0.60, 0.15, 0.07], abs=0.03) and shares[:6].sum() > 0.89
    assert bend(random_walk(150, 576)).step == pytest.approx(90, abs=3)
    straight = bend(np.outer(np.arange(5.0), [1, 2]))
    assert straight.length == pytest.approx(1) and straight.turning == pytest.approx(0, abs=1e-6)
