"""Traces on disk: the same again, after a kill, and whole or not at all (acceptance 6, 7, 8, 9,
11, 12)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from agentkit.errors import AgentkitError, Cancelled, DataError, UsageError
from agentkit.testing.progress import Recorder
from agentkit_bayes_influence.exact import Ridge, halved_squares
from agentkit_bayes_influence.posterior import Items, Posterior
from agentkit_bayes_influence.sampling import Sampling
from agentkit_bayes_influence.traces import Traces, TraceStore

pytestmark = pytest.mark.slow

SOME = Sampling(chains=4, draws=6, step=1.0, gamma=5.0, batch=20, seed=3)


def run(folder: Path, posterior: Posterior, wanted: Sampling = SOME, **store: object) -> Traces:
    made = TraceStore(folder, together=2, **store)  # type: ignore[arg-type]
    return made.sample(posterior, posterior.items, wanted, Recorder())


def same(a: Traces, b: Traces) -> bool:
    return all(np.array_equal(getattr(a, k), getattr(b, k)) for k in ("train", "query", "distance"))


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    tmp_path: Path, posterior: Posterior
) -> None:
    first, again = run(tmp_path / "a", posterior), run(tmp_path / "b", posterior)
    assert same(first, again)
    other = run(tmp_path / "c", posterior, SOME.model_copy(update={"seed": 4}))
    assert not same(first, other)
    assert not np.array_equal(first.train[0], first.train[1])


def test_a_run_that_was_stopped_goes_on_to_the_same_result(
    tmp_path: Path, posterior: Posterior
) -> None:
    whole = run(tmp_path / "a", posterior)
    store = TraceStore(tmp_path / "b", together=2)
    steps = whole.used["burn_in"] + 6
    stopped = Recorder(stop_at=steps + 5)  # in the second pair of chains
    with pytest.raises(Cancelled):
        store.sample(posterior, posterior.items, SOME, stopped)
    kept = sorted(path.name for path in (tmp_path / "b").glob("chain-*"))
    assert kept == ["chain-0000.npz", "chain-0001.npz"]
    with pytest.raises(DataError, match="2 of 4 chains are missing"):
        store.read()
    assert same(store.sample(posterior, posterior.items, SOME, Recorder()), whole)
    (tmp_path / "b" / "chain-0003.npz").unlink()  # as after a kill between two files
    assert same(store.sample(posterior, posterior.items, SOME, Recorder()), whole)
    assert same(store.read(), whole)


def test_a_folder_of_another_run_is_not_mixed_in(tmp_path: Path, posterior: Posterior) -> None:
    run(tmp_path, posterior)
    with pytest.raises(DataError, match="another model, data or settings"):
        run(tmp_path, posterior, SOME.model_copy(update={"seed": 4}))
    path = tmp_path / "chain-0002.npz"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(DataError, match="cannot be read"):
        TraceStore(tmp_path).read()


def test_one_chain_after_the_other_is_the_same_law(tmp_path: Path, ridge: Ridge) -> None:
    """Without vmap, in chunks: equal but for the order of sums. The step is given: the rule for it
    looks at fewer items and rounds there."""
    side = ridge.posterior()
    chunked = Posterior(
        halved_squares, {"w": ridge.centre}, side.items, side_by_side=False, chunk=7
    )
    given = SOME.model_copy(update={"epsilon": 0.0014})
    first, second = run(tmp_path / "a", side, given), run(tmp_path / "b", chunked, given)
    assert np.allclose(first.train, second.train, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("field", "value"),
    [("chains", 0), ("draws", 1), ("gamma", -1.0), ("epsilon", -0.1), ("epsilon", float("nan"))],
)
def test_settings_that_cannot_be_are_named(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        Sampling.model_validate({field: value})


def test_items_that_cannot_be_are_named(tmp_path: Path, posterior: Posterior) -> None:
    x = torch.zeros(2, 3)
    with pytest.raises(UsageError, match="there are none"):
        Items((x[:0],), torch.ones(0, 1, dtype=torch.bool), ())
    with pytest.raises(UsageError, match="rows"):
        Items((x,), torch.ones(3, 1, dtype=torch.bool), ("a", "b"))
    with pytest.raises(UsageError, match="mala"):
        run(tmp_path / "a", posterior, Sampling(batch=5, mala=True))
    broken = Items(posterior.items.inputs, posterior.items.mask, posterior.items.ids)
    broken.inputs[1][3] = float("nan")
    try:
        with pytest.raises(DataError, match="'3' is not finite"):
            run(tmp_path / "a", posterior)
    finally:
        broken.inputs[1][3] = 0.0
    assert not (tmp_path / "a").exists()


def test_a_chain_that_runs_away_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    def steep(p: Mapping[str, Tensor], x: Tensor) -> Tensor:
        return (x * p["w"]).square().square().sum(1, keepdim=True)

    items = Items((torch.ones(4, 2),), torch.ones(4, 1, dtype=torch.bool), tuple("abcd"))
    at = Posterior(steep, {"w": torch.zeros(2)}, items)  # flat at w*, a wall further out
    with pytest.raises(DataError, match=r"ran away|not finite"):
        run(
            tmp_path, at, Sampling(chains=2, draws=400, step=3.5, gamma=0.01, nbeta=1e4, force=True)
        )
    assert not list(tmp_path.glob("chain-*"))
    with pytest.raises(AgentkitError):
        TraceStore(tmp_path).read()


def test_what_does_not_fit_is_refused_before_it_runs(tmp_path: Path, posterior: Posterior) -> None:
    store = TraceStore(tmp_path / "t", limit=10_000)
    _, told = TraceStore(tmp_path / "t").prepare(posterior, posterior.items, SOME)
    assert told.bytes == 4 * 4 * 6 * 120
    assert run(tmp_path / "u", posterior).train.nbytes * 2 == told.bytes
    with pytest.raises(UsageError, match="the limit is"):
        store.sample(posterior, posterior.items, SOME, Recorder())
    assert not (tmp_path / "t").exists()


def test_rmsprop_stays_near_and_half_precision_does_not_shorten_the_way(tmp_path: Path) -> None:
    """A bf16 model: the chain's own weights are fp32, rounded for each look alone."""

    def loss(kind: torch.dtype) -> object:
        def of(p: Mapping[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return halved_squares({"w": p["w"].to(kind)}, x.to(kind), y.to(kind)).float()

        return of

    ridge = Ridge.drawn(40, 64, gamma=50.0)
    far = []
    for kind in (torch.float32, torch.bfloat16):
        at = Posterior(loss(kind), {"w": ridge.centre}, ridge.posterior().items)  # type: ignore[arg-type]
        wanted = Sampling(
            chains=8, draws=40, epsilon=1e-5, gamma=50.0, burn_in=50, preconditioner="rmsprop"
        )
        far.append(run(tmp_path / str(kind), at, wanted, by_token=False).distance.mean())
    assert far[1] == pytest.approx(far[0], rel=0.05)
