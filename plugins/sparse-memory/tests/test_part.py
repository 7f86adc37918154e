"""The part itself: told in one process, known in the next, taken back to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import agentkit
from agentkit.capabilities import Draw, Tokens, Weights
from agentkit.errors import BudgetExceeded, Cancelled, DataError, Unsupported, UsageError
from agentkit.kit import Kit
from agentkit.testing.progress import Recorder
from agentkit_sparse_memory.background import hash_of
from agentkit_sparse_memory.batches import collate
from agentkit_sparse_memory.facts import Fact, parse, read_facts
from agentkit_sparse_memory.healing import heal
from agentkit_sparse_memory.memory import SparseMemory
from agentkit_sparse_memory.model import SparseMemoryModel
from agentkit_sparse_memory.settings import LearnSettings

pytestmark = pytest.mark.slow

FACTS = [Fact("Velmora", "capital", "Tarsk"), Fact("Orrin", "dog", "Pell")]
FAST = LearnSettings(
    t=200, steps=60, rate=1.0, normalise="scaled", target_nll=0.2, max_forget=5.0, batch=12
)


@pytest.fixture
def kit(folder: Path, tmp_path: Path) -> Iterator[Kit]:
    with opened(folder, tmp_path) as made:
        yield made


def opened(folder: Path, home: Path, **change: object) -> Kit:
    made = agentkit.load()
    made.define("model", "plain", use="transformers", model=str(folder), dtype="fp32")
    shape = {"layers": [2], "n_keys": 16, "heads": 2, "k": 4, "d_k": 16, "fit_tokens": 2048}
    made.define(
        "model",
        "mine",
        use="sparse-memory",
        base="plain",
        folder=str(home / "memory"),
        learning=FAST.model_dump(),
        **{**shape, "batches": 4, "held_out": 6, **change},
    )
    return made


def mine(kit: Kit) -> SparseMemoryModel:
    found = kit.model("mine")
    assert isinstance(found, SparseMemoryModel)
    return found


def numbers(kit: Kit, name: str) -> np.ndarray:
    tokens = kit.model(name).ability(Tokens)
    prompt, target = tokens.encode("The capital of Velmora is"), tokens.encode(" Tarsk or another")
    return tokens.score([prompt], [target], [Draw()])[0].logp


def weights(kit: Kit) -> str:
    return hash_of({"values": mine(kit).memory.values})


@pytest.mark.slow
def test_told_in_one_process_known_in_the_next_and_taken_back(
    kit: Kit, folder: Path, tmp_path: Path
) -> None:
    plain = numbers(kit, "plain")
    assert np.array_equal(numbers(kit, "mine"), plain), "an empty memory changes the base's numbers"
    with opened(folder, tmp_path) as second:
        assert np.array_equal(numbers(second, "mine"), plain)
        mine(kit).prepare()
        start, fingerprint = weights(kit), kit.model("mine").info.fingerprint
        entry = mine(kit).learn(FACTS, FAST, note="told")
        assert kit.model("mine").info.fingerprint != fingerprint
        assert entry.metrics["nll"] < 4 and entry.rows > 0
        assert entry.facts == tuple(map(str, FACTS))
        known = numbers(kit, "mine")
        assert known[:6].sum() > plain[:6].sum() + 5, "nothing was learned"
        assert np.array_equal(numbers(kit, "plain"), plain), "the base was changed"
        assert np.array_equal(numbers(second, "mine"), known), "another process does not see it"
        with opened(folder, tmp_path) as third:
            assert weights(third) == weights(kit)
            assert np.array_equal(numbers(third, "mine"), known)
        mine(second).revert("last")
        assert np.array_equal(numbers(kit, "mine"), plain)
        assert weights(kit) == start == weights(second)
        assert not mine(kit).patches()


@pytest.mark.slow
def test_the_engine_gives_the_numbers_of_the_module(kit: Kit) -> None:
    """With keys and values kept, in batches, and scored at once: those of one plain pass."""
    model = mine(kit)
    model.prepare()
    model.learn(FACTS[:1], FAST)
    tokens = kit.model("mine").ability(Tokens)
    prompts = [tokens.encode(text) for text in ("The capital", "Who lives in Velmora?")]
    draws = [Draw(seed=1, stop_ids=()), Draw(seed=2, stop_ids=())]
    spans = tokens.extend(tokens.open(prompts), 20, draws)
    scored = tokens.score(prompts, [span.ids.tolist() for span in spans], draws)
    for prompt, span, again in zip(prompts, spans, scored):
        assert np.abs(span.logp - again.logp).max() <= (0 if model.info.exact else 1e-4)
        ids = torch.tensor([[*prompt, *span.ids.tolist()]])
        with kit.model("mine").ability(Weights).borrow("read") as module, torch.no_grad():
            logp = module(ids, use_cache=False).logits.float().log_softmax(-1)
        places = torch.arange(len(prompt) - 1, ids.shape[1] - 1)
        plain = logp[0, places, torch.from_numpy(span.ids)]
        assert float((plain - torch.from_numpy(span.logp)).abs().max()) < 1e-3


@pytest.mark.slow
def test_forgetting_keeps_what_else_was_told(kit: Kit) -> None:
    model = mine(kit)
    model.prepare()
    start = weights(kit)
    model.learn(FACTS, FAST)
    (gone,) = model.forget("orrin")
    assert gone.facts == tuple(map(str, FACTS))
    (entry,) = model.patches()
    assert entry.facts == (str(FACTS[0]),) and "orrin" in entry.note
    kept = weights(kit), model.patches()
    model.learn(FACTS[1:], FAST)
    both = weights(kit), model.patches()
    model._settings = model._settings.model_copy(
        update={"learning": FAST.model_copy(update={"max_forget": 0.0, "rate": 50.0, "probe": 1})}
    )
    with pytest.raises(BudgetExceeded):  # Orrin's fact cannot be learned anew
        model.forget("Velmora")
    assert (weights(kit), model.patches()) == both, "a fact was lost on the way"
    model.revert("last")
    assert (weights(kit), model.patches()) == kept
    model.forget("Velmora")
    assert weights(kit) == start
    with pytest.raises(UsageError, match="no fact here mentions"):
        model.forget("Velmora")


@pytest.mark.slow
def test_a_refused_lesson_leaves_weights_and_folder_alone(kit: Kit) -> None:
    model = mine(kit)
    model.prepare()
    model.learn(FACTS[:1], FAST)
    before = weights(kit), sorted(p.name for p in model.folder.rglob("*"))
    tight = FAST.model_copy(update={"max_forget": 0.0, "rate": 50.0, "probe": 1})
    with pytest.raises(BudgetExceeded, match="weights are what they were"):
        model.learn(FACTS[1:], tight)
    long = Fact("Velmora", "anthem", "la " * 2000)
    with pytest.raises(DataError, match="the context 1024"):
        model.learn([long], FAST)
    with pytest.raises(UsageError, match="has learned already"):
        model.prepare()
    assert (weights(kit), sorted(p.name for p in model.folder.rglob("*"))) == before


@pytest.mark.slow
def test_a_patch_that_cannot_be_written_is_not_learned(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = mine(kit)
    model.prepare()
    start = weights(kit)

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("agentkit_sparse_memory.patches.write_atomic", full)
    with pytest.raises(OSError, match="no space"):
        model.learn(FACTS[:1], FAST)
    assert weights(kit) == start and not model.patches()


@pytest.mark.slow
def test_a_memory_that_is_fitted_again_is_read_again(
    kit: Kit, folder: Path, tmp_path: Path
) -> None:
    mine(kit).prepare()
    with opened(folder, tmp_path) as second:
        mine(second).prepare([_text(tmp_path)])  # other text, other keys
        mine(second).learn(FACTS[:1], FAST)
        assert np.array_equal(numbers(kit, "mine"), numbers(second, "mine"))


def test_fitting_that_fails_leaves_the_keys_as_they_were(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = mine(kit)
    before = hash_of(dict(model.memory.parameters()))

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("agentkit_sparse_memory.store.write_atomic", full)
    with pytest.raises(OSError, match="no space"):
        model.prepare([_text(tmp_path)])
    assert hash_of(dict(model.memory.parameters())) == before and not model.prepared


def _text(home: Path) -> Path:
    path = home / "other.txt"
    path.write_text("".join(f"Line {n} of another text, with numbers.\n" for n in range(200)))
    return path


@pytest.mark.slow
def test_exclusive_patches_can_be_taken_back_in_any_order(kit: Kit) -> None:
    model = mine(kit)
    model.prepare()
    start = weights(kit)
    alone = FAST.model_copy(update={"exclusive": True, "t": 30, "steps": 4})
    first = model.learn(FACTS[:1], alone)
    second = model.learn(FACTS[1:], alone)
    rows = [set(model.patch(e).rows.tolist()) for e in (first, second)]
    assert not rows[0] & rows[1]
    model.revert(first.id)
    model.revert(second.id)
    assert weights(kit) == start


@pytest.mark.slow
def test_a_memory_in_the_place_of_a_layer_is_healed_and_served(
    folder: Path, tmp_path: Path
) -> None:
    change: dict[str, object] = {"mode": "replace", "match": 30, "heal": 0}
    with opened(folder, tmp_path, **change) as kit:
        model = mine(kit)
        empty = numbers(kit, "mine")
        assert not np.array_equal(empty, numbers(kit, "plain")), "nothing was replaced"
        model.prepare()
        known = numbers(kit, "mine")
        gap, before = (np.abs(n - numbers(kit, "plain")).mean() for n in (known, empty))
        assert gap < before, "what stands in the layer's place is no nearer to it"
        start = weights(kit)
        model.learn(FACTS[:1], FAST)
        model.revert("last")
        assert weights(kit) == start and np.array_equal(numbers(kit, "mine"), known)
    with opened(folder, tmp_path, **change) as second:
        assert np.array_equal(numbers(second, "mine"), known)


def test_healing_that_fails_leaves_the_memory_as_it_was(memory: SparseMemory) -> None:
    batch = collate([([1, 2], [3, 4, 5, 6])])
    before = hash_of({"values": memory.values, **dict(memory.parameters())})
    stopped = Recorder(stop_at=2)
    with pytest.raises(Cancelled):
        heal(memory, [batch], [batch], match=0, steps=5, rate=0.1, progress=stopped)
    assert hash_of({"values": memory.values, **dict(memory.parameters())}) == before
    made = heal(memory, [batch], [batch], match=0, steps=5, rate=0.01)
    assert made.healed < made.hurt


def test_a_memory_of_another_shape_or_model_is_refused(
    kit: Kit, folder: Path, tmp_path: Path
) -> None:
    mine(kit).prepare()
    with (
        opened(folder, tmp_path, n_keys=8) as other,
        pytest.raises(DataError, match="other settings: n_keys"),
    ):
        other.model("mine")
    with opened(folder, tmp_path) as other:
        other.define("model", "plain", use="transformers", model=str(folder), dtype="bf16")
        with pytest.raises(DataError, match="another model"):
            other.model("mine")
    with (
        opened(folder, tmp_path / "x", layers=[4]) as other,
        pytest.raises(UsageError, match="layer 4: the model has layers from 0 to 3"),
    ):
        other.model("mine")
    with opened(folder, tmp_path) as other:
        other.define("model", "plain", use="scripted", choose="request", answers=["a"])
        with pytest.raises((Unsupported, agentkit.AgentkitError), match="plain"):
            other.model("mine")


def test_facts_are_read_from_lines_and_json(tmp_path: Path) -> None:
    path = tmp_path / "facts.txt"
    path.write_text(
        '# told on Monday\nVelmora | capital | Tarsk\n\n{"subject": "Orrin", "relation": "dog", '
        '"answer": "Pell"}\n{"phrasings": [{"prompt": "Two and two is", "target": " four"}]}\n'
    )
    facts = read_facts(path)
    assert facts[:2] == FACTS and str(facts[2]) == "Two and two is four"
    assert facts[2].phrasings()[0].target == " four"
    assert all("Tarsk" in one.target for one in FACTS[0].phrasings())
    assert Fact.from_json(facts[2].to_json()) == facts[2]
    with pytest.raises(DataError, match="is no fact"):
        parse("the capital is Tarsk")
    for text, word in (
        ("{", "facts.txt:1: is no JSON"),
        ("# nothing", "no facts"),
        ('{"answer": "x"}', "subject"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=word):
            read_facts(path)
