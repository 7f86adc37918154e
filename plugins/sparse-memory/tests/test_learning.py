"""Counting, choosing, learning. On a random Llama: it can learn, whatever it says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from agentkit.capabilities.trainer import TrainingDiverged
from agentkit.errors import BudgetExceeded, Cancelled, DataError, UsageError
from agentkit.models.files.loading import Loaded
from agentkit.testing.progress import Recorder
from agentkit_sparse_memory import learning
from agentkit_sparse_memory.background import BackgroundIndex, count, hash_of
from agentkit_sparse_memory.batches import Batch, Trunk, collate, measure
from agentkit_sparse_memory.choice import POLICIES, Evidence, choose
from agentkit_sparse_memory.learning import learn
from agentkit_sparse_memory.memory import Reads, SparseMemory, attach
from agentkit_sparse_memory.settings import LearnSettings, MemoryConfig

OF = {"model": "m", "tokenizer": "t", "keys": "k"}


def pieces(rows: int, width: int, seed: int) -> Batch:
    noise = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 256, (rows, width), generator=noise).tolist()
    return collate([(row[: width // 2], row[width // 2 :]) for row in ids])


@pytest.fixture
def index(memory: SparseMemory) -> BackgroundIndex:
    batches = [pieces(2, 16, seed) for seed in range(100, 106)]
    return count(memory, [(b.ids, b.mask) for b in batches], OF)


def evidence(slots: list[int], counts: list[int], df: list[int], batches: int) -> Evidence:
    index = BackgroundIndex(
        torch.tensor(df, dtype=torch.int32), torch.tensor(df, dtype=torch.int64), batches, 1, OF
    )
    reads = Reads(torch.tensor(slots), torch.tensor(counts))
    norms = torch.arange(len(slots), 0, -1).float()
    return Evidence(reads, index, norms, torch.Generator().manual_seed(0))


# -- counting ---------------------------------------------------------------------------------


def test_df_counts_batches_whatever_the_order_of_tokens_and_parts_add_up(
    memory: SparseMemory, tmp_path: Path
) -> None:
    batches = [(b.ids, b.mask) for b in (pieces(3, 12, seed) for seed in range(6))]
    whole = count(memory, batches, OF)
    assert int(whole.df.max()) <= whole.batches == 6 and whole.tokens == 6 * 36
    assert int(whole.reads.sum()) == whole.tokens * 2 * 4 * 2
    turned = count(memory, [(ids.flip(0), mask) for ids, mask in batches], OF)
    assert torch.equal(turned.df, whole.df)
    parts = count(memory, batches[:2], OF).merged(count(memory, batches[2:], OF))
    assert torch.equal(parts.df, whole.df) and torch.equal(parts.reads, whole.reads)
    assert (parts.batches, parts.tokens) == (whole.batches, whole.tokens)
    whole.save(tmp_path / "b.safetensors")
    again = BackgroundIndex.load(tmp_path / "b.safetensors", OF)
    assert torch.equal(again.df, whole.df) and again.batches == 6
    assert sum(whole.spread().histogram) == 256


def test_an_index_of_something_else_is_refused(memory: SparseMemory, tmp_path: Path) -> None:
    path = tmp_path / "b.safetensors"
    with pytest.raises(DataError, match="not been counted"):
        BackgroundIndex.load(path, OF)
    count(memory, [(pieces(1, 8, 0).ids, pieces(1, 8, 0).mask)], OF).save(path)
    with pytest.raises(DataError, match="another tokenizer"):
        BackgroundIndex.load(path, {**OF, "tokenizer": "other"})
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="no background index"):
        BackgroundIndex.load(path, OF)
    with pytest.raises(DataError, match="background is empty"):
        count(memory, [], OF)


def test_a_background_that_tells_nothing_apart_is_said_to() -> None:
    flat = BackgroundIndex(
        torch.full((50,), 9, dtype=torch.int32), torch.ones(50, dtype=torch.int64), 9, 1, OF
    )
    assert flat.spread().always == 1 and "idf differs by 0.00" in flat.spread().warning
    skewed = BackgroundIndex(
        torch.arange(50, dtype=torch.int32), torch.ones(50, dtype=torch.int64), 50, 1, OF
    )
    assert not skewed.spread().warning


# -- choosing ---------------------------------------------------------------------------------


def test_the_scores_are_those_of_the_papers() -> None:
    e = evidence([0, 2, 5], [6, 3, 1], [4, 0, 1, 0, 0, 0], batches=4)
    expected = [0.6 * math.log(5 / 5), 0.3 * math.log(5 / 2), 0.1 * math.log(5 / 1)]
    assert torch.allclose(POLICIES["tfidf"](e), torch.tensor(expected).double(), atol=1e-7)
    usual = [(4 + 1) / (5 + 6), (1 + 1) / (5 + 6), 1 / (5 + 6)]
    expected = [p * math.log(p / q) for p, q in zip((0.6, 0.3, 0.1), usual)]
    assert torch.allclose(POLICIES["kl"](e), torch.tensor(expected).double(), atol=1e-7)


def test_only_what_was_read_is_chosen_and_ties_go_to_the_lower_slot() -> None:
    e = evidence([1, 3, 4], [2, 2, 2], [0, 0, 0, 0, 0], batches=3)
    assert choose("tfidf", e, 2).tolist() == [1, 3]
    assert choose("tfidf", e, 99).tolist() == [1, 3, 4]
    assert choose("tf", e, 2, barred=torch.tensor([1, 2])).tolist() == [3, 4]
    assert choose("oracle", e, 1).tolist() == [1]
    assert (
        choose("random", e, 2).tolist()
        == choose("random", evidence([1, 3, 4], [2, 2, 2], [0] * 5, 3), 2).tolist()
    )
    with pytest.raises(UsageError, match="t is 0"):
        choose("tf", e, 0)
    with pytest.raises(UsageError, match="no policy"):
        choose("best", e, 1)  # type: ignore[arg-type]


# -- learning ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"normalise": "rows", "rate": 0.2},
        {"normalise": "plain", "rate": 50.0},
        {"momentum": 0.9, "rate": 0.1},
        {"optimizer": "adam"},
        {"policy": "random"},
        {"policy": "oracle"},
    ],
    ids=str,
)
def test_only_chosen_rows_move(
    memory: SparseMemory,
    index: BackgroundIndex,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
) -> None:
    chosen: list[torch.Tensor] = []

    def watched(*args: Any) -> torch.Tensor:
        chosen.append(choose(*args))
        return chosen[-1]

    monkeypatch.setattr(learning, "choose", watched)
    before = memory.values.detach().clone()
    keys = hash_of(dict(memory.parameters()))
    batches = [pieces(4, 12, seed) for seed in range(2)]
    trunk = Trunk(memory.module, 1)
    settings = LearnSettings(t=24, steps=6, target_nll=0, **change)
    made = learn(memory, trunk, batches, index, [], settings, unit=2.0)
    assert all(step.changed <= 24 for step in made.steps) and len(chosen) == 6
    moved = (memory.values != before).any(1).nonzero()[:, 0]
    assert torch.isin(moved, torch.cat(chosen)).all()
    assert torch.equal(moved, made.rows) and torch.equal(memory.values[moved], made.new)
    assert torch.equal(before[moved], made.old)
    assert made.steps[-1].loss < made.steps[0].loss
    assert hash_of(dict(memory.parameters())) == keys, "something beside the values moved"
    assert memory.values.grad is None and not memory.values.requires_grad


def test_slots_that_only_padding_reads_are_not_learned(loaded: Loaded) -> None:
    shape = MemoryConfig(layers=(1,), n_keys=64, heads=2, k=4, d_k=16)
    memory = attach(loaded.model, shape)
    try:
        noise = torch.Generator().manual_seed(5)
        ids = torch.randint(1, 256, (2, 30), generator=noise).tolist()
        batch = collate([(ids[0][:4], ids[0][4:]), (ids[1][:2], ids[1][2:5])])
        with memory.recording(batch.mask.bool()) as seen:
            memory.read(batch.ids, batch.mask)
        index = BackgroundIndex.empty(shape.slots, OF)
        made = learn(
            memory, Trunk(loaded.model, 1), [batch], index, [], LearnSettings(steps=1, t=10**6)
        )
        assert len(made.rows) and torch.isin(made.rows, seen.reads().slots).all()
    finally:
        memory.detach()


def test_learning_ends_when_it_is_known(memory: SparseMemory, index: BackgroundIndex) -> None:
    trunk, batch = Trunk(memory.module, 1), pieces(1, 8, 3)
    settings = LearnSettings(t=400, steps=200, target_nll=0.5, rate=1.0)
    made = learn(
        memory,
        trunk,
        [batch],
        index,
        [pieces(2, 16, 9)],
        settings.model_copy(update={"max_forget": 9.0}),
        unit=4.0,
    )
    assert made.reached and made.nll <= 0.5 and len(made.steps) < 200
    assert measure(trunk, [batch]).nll < 1.0
    assert made.held_out[1] == measure(trunk, [pieces(2, 16, 9)]).nll


def test_what_lies_below_is_computed_once_and_is_the_same(memory: SparseMemory) -> None:
    batch, again = pieces(3, 14, 5), pieces(3, 14, 5)
    with torch.no_grad():
        memory.values.normal_()
        kept = Trunk(memory.module, 1)
        first, second = kept.loss(batch), kept.loss(batch)
        whole = Trunk(memory.module, 1, keep=0).loss(again)
    assert batch.below is not None and again.below is None
    assert torch.equal(first, second) and torch.allclose(first, whole, atol=1e-6)


class Diverging(Trunk):
    """Its loss is no number from the third step on: a real divergence would take long to reach,
    since normalised states keep even absurd values finite."""

    steps = 0

    def loss(self, batch: Batch) -> torch.Tensor:
        self.steps += 1
        return super().loss(batch) * (float("nan") if self.steps > 2 else 1)


@pytest.mark.parametrize("how", ["budget", "cancel", "interrupt", "nan", "nothing", "bad t"])
def test_whatever_goes_wrong_the_weights_are_those_of_before(
    memory: SparseMemory, index: BackgroundIndex, how: str
) -> None:
    with torch.no_grad():
        memory.values.normal_(0, 0.01)
    before = hash_of({"values": memory.values, **dict(memory.parameters())})
    trunk = Trunk(memory.module, 1)
    batches, held_out = [pieces(4, 12, 1)], [pieces(4, 12, 50)]
    settings = LearnSettings(t=64, steps=8, rate=2.0, max_forget=100, target_nll=0)
    extra: dict[str, Any] = {"unit": 4.0}
    kind: type[BaseException] = Cancelled
    if how == "budget":
        settings, kind = settings.model_copy(update={"max_forget": 0.0, "probe": 2}), BudgetExceeded
        settings = settings.model_copy(update={"rate": 50.0})
    elif how == "cancel":
        extra["progress"] = Recorder(stop_at=3)
    elif how == "interrupt":
        kind = KeyboardInterrupt

        def stop(step: int) -> None:
            if step == 3:
                raise KeyboardInterrupt

        extra["watch"] = stop
    elif how == "nan":
        kind = TrainingDiverged
        trunk = Diverging(memory.module, 1)
    elif how == "nothing":
        batches, kind = [], DataError
    else:
        settings, kind = settings.model_copy(update={"t": 0}), UsageError
    with pytest.raises(kind):
        learn(memory, trunk, batches, index, held_out, settings, **extra)
    assert hash_of({"values": memory.values, **dict(memory.parameters())}) == before
    assert memory.values.grad is None and not memory.values.requires_grad
