"""The memory layer: search, attaching, gradients, what it costs."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
import torch

from agentkit.errors import DataError, UsageError
from agentkit.models.files.loading import Loaded
from agentkit_sparse_memory.keys import Usage, fit
from agentkit_sparse_memory.memory import ProductKeys, SparseMemory, attach
from agentkit_sparse_memory.settings import MemoryConfig

SHAPE: dict[str, Any] = {"layers": (1, 2), "n_keys": 16, "heads": 2, "k": 4, "d_k": 16}


def random_ids(rows: int, width: int, seed: int = 0) -> torch.Tensor:
    noise = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (rows, width), generator=noise)


def logits(module: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = module(ids, use_cache=False).logits
    return found


@pytest.mark.parametrize("k", [1, 3, 8])
def test_the_search_finds_the_best_of_all_sums(k: int) -> None:
    config = MemoryConfig(n_keys=8, heads=2, k=k, d_k=6)
    find = ProductKeys(config, 5)
    torch.nn.init.normal_(find.keys)
    for seed in range(100):
        x = torch.randn(1, 5, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            slots, weights = find(x)
            halves = find.scores(find.query(x))[0]
        every = (halves[:, 0, :, None] + halves[:, 1, None, :]).flatten(1)
        best = every.topk(k, dim=-1)
        for head in range(2):
            assert set(slots[0, head].tolist()) == set(best.indices[head].tolist())
            expected = best.values[head].softmax(-1)
            assert torch.allclose(weights[0, head], expected, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [{}, {"gate": "silu"}, {"gate": "silu", "d_v": 24}, {"gate": "silu", "init": "out-zero"}],
    ids=str,
)
def test_attaching_changes_nothing_and_detaching_leaves_nothing(
    loaded: Loaded, change: dict[str, Any]
) -> None:
    module, ids = loaded.model, random_ids(2, 20)
    before, names = logits(module, ids), list(module.state_dict())
    mlps = [layer.mlp for layer in module.model.layers]
    memory = attach(module, MemoryConfig(**SHAPE, **change))
    assert torch.equal(logits(module, ids), before)
    assert list(module.state_dict()) != names
    with pytest.raises(UsageError, match="has a memory already"):
        attach(module, MemoryConfig(**SHAPE))
    memory.detach()
    assert torch.equal(logits(module, ids), before) and list(module.state_dict()) == names
    assert [layer.mlp for layer in module.model.layers] == mlps


def test_a_value_is_seen_by_all_layers_and_only_by_its_own_model(memory: SparseMemory) -> None:
    other = copy.deepcopy(memory.module)
    ids = random_ids(1, 12)
    before = logits(other, ids)
    with torch.no_grad():
        memory.values.normal_()
    assert not torch.equal(logits(memory.module, ids), before)
    assert torch.equal(logits(other, ids), before), "a copied model shares the table"
    first, second = memory.layers.values()
    assert first.table is second.table is memory.table


@pytest.mark.parametrize("init", ["values-zero", "out-zero"])
def test_zero_values_can_learn_and_a_zero_output_cannot(loaded: Loaded, init: str) -> None:
    config = MemoryConfig(**SHAPE, gate="silu", init=init)  # type: ignore[arg-type]
    memory = attach(loaded.model, config)
    try:
        memory.values.requires_grad_(True)
        ids = random_ids(2, 12)
        counted = torch.ones_like(ids, dtype=torch.bool)
        counted[:, -1] = False  # nothing follows the last token
        with memory.recording(counted) as seen:
            loss = loaded.model(ids, labels=ids, use_cache=False).loss
        loss.backward()
        lengths = memory.values.grad.to_dense().norm(dim=1)
        read = torch.zeros(config.slots, dtype=torch.bool)
        read[seen.reads().slots] = True
        assert not lengths[~read].any()
        if init == "values-zero":
            assert (lengths[read] > 0).float().mean() > 0.99
        else:
            assert not lengths.any()
    finally:
        memory.detach()


def test_reads_count_every_head_and_leave_padding_out(memory: SparseMemory) -> None:
    ids = random_ids(2, 10)
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[1, 4:] = False
    with memory.recording(mask) as seen:
        logits(memory.module, ids)
    reads = seen.reads()
    assert int(reads.counts.sum()) == 14 * SHAPE["heads"] * SHAPE["k"] * len(SHAPE["layers"])
    with memory.recording() as short:
        logits(memory.module, ids[:1])
    assert torch.isin(short.reads().slots, reads.slots).all()
    logits(memory.module, ids)
    assert torch.equal(seen.reads().counts, reads.counts), "counted outside of the block"


@pytest.mark.parametrize("keys", ["random", "data", "kmeans"])
def test_fitted_keys_use_more_slots(loaded: Loaded, keys: str) -> None:
    ids = random_ids(16, 60, seed=3)
    batches = [(ids, torch.ones_like(ids))]
    shape = SHAPE | {"layers": (1,)}

    def used(**change: Any) -> Usage:
        memory = attach(loaded.model, MemoryConfig(**shape, **change))
        try:
            return fit(memory, batches)[1]
        finally:
            memory.detach()

    plain = used(whiten=False, spread=None)
    fitted = used(key_init=keys)
    assert fitted.perplexity > plain.perplexity and fitted.busiest < plain.busiest
    assert fitted.read >= plain.read


def test_the_spread_of_weights_is_as_asked_and_finds_the_same_slots(loaded: Loaded) -> None:
    ids = random_ids(16, 60, seed=3)
    found = {}
    for spread in (None, 0.25, 0.75):
        memory = attach(loaded.model, MemoryConfig(**SHAPE | {"layers": (1,)}, spread=spread))
        fit(memory, [(ids, torch.ones_like(ids))])
        x = torch.randn(200, 96, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            found[spread] = memory.layers[1].find(x)
        memory.detach()
    for slots, weights in found.values():
        assert torch.equal(slots.sort(-1).values, found[None][0].sort(-1).values)
        assert torch.allclose(weights.sum(-1), torch.ones(()), atol=1e-5)
    entropy = [-(w * w.clamp_min(1e-20).log()).sum(-1).mean() for _, w in found.values()]
    assert entropy[1] < entropy[2]


def test_bad_shapes_are_refused_by_name(loaded: Loaded) -> None:
    for change, word in (
        ({"k": 17}, "k is 17"),
        ({"d_k": 15}, "d_k is 15"),
        ({"layers": ()}, "layers"),
        ({"layers": (1, 1)}, "layers"),
    ):
        with pytest.raises(ValueError, match=word):
            MemoryConfig(**SHAPE | change)
    with pytest.raises(UsageError, match="layer 9: the model has layers from 0 to 3"):
        attach(loaded.model, MemoryConfig(**SHAPE | {"layers": (9,)}))
    memory = attach(loaded.model, MemoryConfig(**SHAPE))
    try:
        with pytest.raises(DataError, match="no text"):
            fit(memory, [])
        ids = random_ids(1, 20)
        with pytest.raises(DataError, match="too few to whiten"):
            fit(memory, [(ids, torch.ones_like(ids))])
    finally:
        memory.detach()


@pytest.mark.slow
def test_a_step_needs_memory_for_what_it_reads_not_for_the_table() -> None:
    """Peak memory beyond the table itself, for four times the slots: less than a fifth of what the
    table grows by. Each in a process of its own, since a peak never falls."""

    def beyond(n_keys: int) -> int:
        script = f"""
import resource, torch
from agentkit_sparse_memory.memory import Table
from agentkit_sparse_memory.update import Sgd, gradient_rows, pick
torch.set_num_threads(1)
table = Table({n_keys}**2, 256)
table.weight.data.normal_()
slots = torch.randint(0, {n_keys}**2, (256, 2, 8))
weights = torch.rand(256, 2, 8)
for _ in range(3):
    table.weight.requires_grad_(True)
    table(slots, weights).square().sum().backward()
    rows, gradient = gradient_rows(table.weight)
    rows, gradient = pick(rows, gradient, rows[:64])
    with torch.no_grad():
        Sgd().step(table.weight.data, rows, gradient, 1.0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - table.weight.nbytes)
"""
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        return int(done.stdout)

    grown = (256**2 - 128**2) * 256 * 4
    assert beyond(256) - beyond(128) < grown / 5
