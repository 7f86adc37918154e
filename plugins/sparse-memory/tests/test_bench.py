"""The experiments at their quick scale, on a small model that is trained once for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import agentkit
from agentkit.bench import Bench, Result
from agentkit.capabilities import Weights
from agentkit.errors import Cancelled, DataError, UsageError
from agentkit.testing.progress import Recorder
from agentkit_sparse_memory.background import hash_of
from agentkit_sparse_memory.bench import documents as documents_module
from agentkit_sparse_memory.bench import full
from agentkit_sparse_memory.bench import sequential as sequential_module
from agentkit_sparse_memory.bench.bed import Bed
from agentkit_sparse_memory.bench.core import core
from agentkit_sparse_memory.bench.facts import facts
from agentkit_sparse_memory.bench.methods import follow, methods
from agentkit_sparse_memory.bench.peers import peers
from agentkit_sparse_memory.bench.scale import measure, scale
from agentkit_sparse_memory.bench.sequential import RULES, sequential
from agentkit_sparse_memory.bench.tradeoff import tradeoff
from agentkit_sparse_memory.core import core_of, overlap
from agentkit_sparse_memory.facts import PHRASINGS, UNSEEN
from agentkit_sparse_memory.invented import invented

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def run(experiment: Callable[[Bench], Result], out: Path, **options: str) -> Result:
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "quick", (0,), out, Recorder(), options)
        result = experiment(bench)
        again = experiment(bench)  # read back from what was kept
        assert [t.rows for t in again.tables] == [t.rows for t in result.tables]
    assert result.verdict and result.tables[0].rows
    return result


def test_invented_facts_are_all_different_and_no_unseen_phrasing_is_learned() -> None:
    made = invented(200)
    assert len({f.subject for f in made} | {f.answer for f in made}) == 400
    assert made == invented(200) and made[:5] == invented(5) and made != invented(200, seed=1)
    assert not set(PHRASINGS) & set(UNSEEN)


def test_told_in_one_process_asked_in_the_next(out: Path) -> None:
    result = run(facts, out)
    assert result.metrics["weights bit-equal after taking back"].value == 1
    before, taken = ({row[0]: row[n] for row in result.tables[0].rows} for n in (1, 3))
    assert before == taken


def test_every_method_learns_and_leaves_the_bed_as_it_was(out: Path) -> None:
    result = run(tradeoff, out, facts="1", steps="6")
    names = {f"small: {method.name}" for method in methods(quick=True)}
    assert names == {*result.baselines, "small: memory, tfidf"}
    with agentkit.load(environ={}) as kit:
        bed = Bed(Bench(kit, "quick", (0,), out, Recorder(), {}), "small")
        lesson = bed.lesson(1, 0)
        start = lesson.scores()
        weights = bed.model.ability(Weights)
        with weights.borrow("read") as module:
            before = hash_of(dict(module.named_parameters()))
        for method in methods(quick=False):
            points = follow(bed, lesson, method, 2, [2])
            assert [p.step for p in points] == [2] and points[-1].numbers > 0
            changed = points[-1].scores.seen.nll != start.seen.nll
            assert changed, f"{method.name} changed nothing"
        with weights.borrow("read") as module:
            assert hash_of(dict(module.named_parameters())) == before
        assert lesson.scores() == start


def test_facts_one_after_another(out: Path) -> None:
    result = run(sequential, out, facts="3", steps="2")
    assert {row[0] for row in result.tables[0].rows} == set(RULES)
    assert [row[1] for row in result.tables[0].rows if row[0] == "lora"] == [1, 3]


@pytest.mark.parametrize("rule", RULES)
def test_a_stopped_walk_goes_on_to_the_same_curve(
    out: Path, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequential_module, "KEPT", 1)
    told, kept = invented(3, 0), out / "kept.safetensors"
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "quick", (0,), out, Recorder(), {})
        stopped = Bench(kit, "quick", (0,), out, Recorder(stop_at=2), {})
        bed = Bed(bench, "small")
        whole = sequential_module.curve_of(bed, told, rule, 2, bench, out / "none.safetensors")
        (out / "none.safetensors").unlink()
        with pytest.raises(Cancelled):
            sequential_module.curve_of(bed, told, rule, 2, stopped, kept)
        assert sequential_module.curve_of(bed, told, rule, 2, bench, kept) == whole
        kept.unlink()


def test_what_a_step_costs(out: Path) -> None:
    result = run(scale, out)
    assert [row[0] for row in result.tables[0].rows] == [256, 1024]
    one = measure(16, 8, 2)
    assert len(one["seconds"]) == 2 and one["table"] == 256 * 8 * 4


def test_beside_retrieval_and_replay(out: Path) -> None:
    result = run(peers, out, facts="1", steps="2")
    tokens = {who: m["tokens of a question"].value for who, m in result.baselines.items()}
    own = result.metrics["tokens of a question"].value
    assert tokens["retrieval"] > own == tokens["lora, replay"]
    assert result.baselines["retrieval"]["loss on ordinary text rose by"].value == 0


def test_passages_are_read(out: Path, tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(
        "Package: hello\nStatus: install ok installed\nDescription: example package that greets\n"
        " The GNU hello program produces a familiar, friendly greeting. It allows\n"
        " non-programmers to use a classic tool.\n .\n Seriously, though: this is an example.\n"
        "Homepage: http://localhost\n\nPackage: bare\nDescription: nothing below\n"
    )
    (passage,) = documents_module.passages(status)
    assert passage.short == "example package that greets" and "classic tool" in passage.text
    forms = passage.augmented().phrasings()
    asked = passage.questions()
    assert len(forms) == 8 and not {f.prompt for f in forms} & {q.prompt for q in asked}
    with pytest.raises(DataError, match="package list"):
        documents_module.passages(tmp_path / "absent")
    with pytest.raises(UsageError, match="at least 4"):
        run(documents_module.documents, out, passages="3")
    result = run(documents_module.documents, out, steps="2")
    assert [row[:2] for row in result.tables[0].rows] == [
        ("before", 0), ("sparse memory", 2), ("lora", 2),
    ]  # fmt: skip
    assert result.metrics["right of 4"].n == 8


def test_the_papers_rows_can_be_run(out: Path, tmp_path: Path) -> None:
    result = run(full.triviaqa, out, facts="2")
    assert [row[0] for row in result.tables[0].rows] == ["learned", "kept"]
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "full", (0,), tmp_path, Recorder(), {})
        told = full.dry_run(bench)
        assert "trivia.jsonl: 5 rows" in told[0] and "1,048,576 slots of 2048" in told[-1]
        with pytest.raises(UsageError, match="trivia, natural, model: not given"):
            full.triviaqa(bench)
    assert full.f1("The grey Heron!", ("a heron", "stork")) == pytest.approx(2 / 3)
    assert full.f1("nothing", ("heron",)) == 0
    for text in ("{", '{"question": "x"}', '{"question": "x", "answer": []}'):
        (tmp_path / "bad.jsonl").write_text(text)
        with pytest.raises(DataError, match=r"bad\.jsonl:1"):
            full.read(tmp_path / "bad.jsonl")


def test_core_sets(out: Path) -> None:
    result = run(core, out)
    sizes = [row[2] for row in result.tables[0].rows if row[0] == "random"]
    assert sizes == sorted(sizes, reverse=True), "fewer slots are shared by more phrasings"
    with agentkit.load(environ={}) as kit:
        bed = Bed(Bench(kit, "quick", (0,), out, Recorder(), {}), "small")
        one, other = (
            core_of(bed.memory, bed.encoder, bed.index, fact, t=64, share=0.2)
            for fact in invented(2)
        )
    assert one.size and overlap([one, one]) == 1 and overlap([one, other]) < 1
    assert 0 <= one.trainable <= 1 and torch.equal(one.slots, one.slots.unique())
