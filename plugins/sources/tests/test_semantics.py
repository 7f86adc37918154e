"""What an embedder adds: related words, a second look, and nothing lost without it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from agentkit.capabilities import Cancel
from agentkit.errors import ModelFileError, RunInterrupted
from agentkit.seeds import derive
from agentkit_sources import vectors
from agentkit_sources.folder import FolderSource
from agentkit_sources.semantics import Semantics
from agentkit_sources.vectors import Maker

pytestmark = pytest.mark.slow

Make = Callable[..., FolderSource]
CONCEPTS = {"car": "vehicle", "automobile": "vehicle", "boat": "ship", "vessel": "ship"}
WORDS = (*CONCEPTS, "red", "blue", "fast", "slow", "is", "the", "a", "very")


class Concepts:
    """An embedder of bags of words, in which words of one concept are one."""

    def __init__(self, size: int = 300) -> None:
        self.size = size
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        rows = np.zeros((len(texts), self.size), np.float32)
        for row, text in zip(rows, texts):
            for word in text.lower().replace(".", " ").split():
                concept = CONCEPTS.get(word, word)
                rng = np.random.default_rng(derive(0, concept, 0) % 2**32)
                row += rng.standard_normal(self.size)
            row /= max(float(np.linalg.norm(row)), 1e-9)
        return rows


@pytest.fixture
def model() -> Concepts:
    return Concepts()


@pytest.fixture
def fetched(tmp_path: Path, model: Concepts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedder of the settings is there, and is `model`."""
    tokenizer = tmp_path / "tokenizer.json"
    vocabulary = {word: number for number, word in enumerate(("[UNK]", *WORDS))}
    tokenizer.write_text(
        json.dumps(
            {
                "version": "1.0",
                "normalizer": {"type": "Lowercase"},
                "pre_tokenizer": {"type": "Whitespace"},
                "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
            }
        )
    )
    maker = Maker(tokenizer, "fingerprint", lambda: model)
    monkeypatch.setattr(Semantics, "_maker", lambda self: maker)


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedder of the settings is not on this machine."""

    def refuse(self: Semantics) -> Maker:
        raise ModelFileError("the model 'minilm' is not on this machine", "agentkit models get it")

    monkeypatch.setattr(Semantics, "_maker", refuse)


@pytest.fixture
def garage(docs: Path) -> Path:
    (docs / "a.md").write_text("The automobile is red.")
    (docs / "b.md").write_text("The boat is blue.")
    for number in range(12):
        (docs / f"z{number:02}.md").write_text(f"Number {number} is very slow.")
    return docs


@pytest.mark.usefixtures("fetched")
def test_other_words_are_found(garage: Path, source: Make) -> None:
    result = source(garage, embedder="minilm").search("car")
    assert result.status == "ok" and result.hits[0].document == "a.md"
    assert result.reason == "none of its words occurs; these are near in meaning"
    assert {name for name, _ in result.hits[0].parts} == {"likeness", "reading"}
    assert source(garage).search("car").status == "empty"


@pytest.mark.usefixtures("fetched")
def test_at_most_so_many_passages_are_read_and_each_once(
    garage: Path, source: Make, model: Concepts
) -> None:
    made = source(garage, embedder="minilm", read=3)
    made.update()
    model.seen.clear()
    made.search("slow vessel")
    assert len(model.seen) == 3 + 1  # passages and the question
    model.seen.clear()
    made.search("slow vessel")
    assert model.seen == ["slow vessel"]
    made.close()
    model.seen.clear()
    source(garage, embedder="minilm", read=3).search("slow vessel")
    assert model.seen == ["slow vessel"]  # kept in the index


@pytest.mark.usefixtures("absent")
def test_without_the_embedder_words_decide_and_it_says_so(garage: Path, source: Make) -> None:
    made = source(garage, embedder="minilm")
    result = made.search("boat")
    assert [hit.document for hit in result.hits] == ["b.md"]
    assert "not on this machine" in result.reason and "agentkit models get it" in result.reason
    assert made.search("car").status == "empty"
    plain = source(garage).search("boat")
    assert [(h.document, h.score) for h in plain.hits] == [
        (h.document, h.score) for h in result.hits
    ]
    assert made.loaded()["embedder"] == ""


def test_an_embedder_fetched_later_is_used_by_the_next_search(
    garage: Path, source: Make, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("absent")
    made = source(garage, embedder="minilm")
    assert made.search("car").status == "empty"
    before = made.index.ids()
    request.getfixturevalue("fetched")
    assert made.search("car").hits[0].document == "a.md"
    assert made.index.ids() == before  # no file was read again
    assert not made.semantics.missing


@pytest.mark.usefixtures("fetched")
def test_the_same_search_gives_the_same_hits(
    garage: Path, source: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hits() -> list[tuple[str, float, object]]:
        found = source(garage, embedder="minilm").search("a fast vessel, very blue").hits
        return [(h.document, h.score, h.location) for h in found]

    first = hits()
    assert hits() == first and len(first) > 2
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "other"))
    assert hits() == first


@pytest.mark.usefixtures("fetched")
def test_interrupted_while_vectors_are_made_nothing_is_lost(
    garage: Path, source: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(vectors, "_CHUNKS_AT_ONCE", 4)
    made = source(garage, embedder="minilm")
    cancel = Cancel()

    def stop(done: int, total: int, what: str) -> None:
        if what == "tokens" and done == 8:
            cancel.set()

    with pytest.raises(RunInterrupted):
        made.update(on_progress=stop, cancel=cancel)
    assert made.index.counts() == (14, 14)
    assert len(made.index.tokens.missing()) == 14 - 12  # three batches of four were finished
    seen: list[tuple[int, int, str]] = []
    done = made.update(on_progress=lambda *told: seen.append(told))
    assert done.read == 0 and seen == [(0, 2, "tokens")]
    expected = made.search("vessel").hits
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "other"))
    assert source(garage, embedder="minilm").search("vessel").hits == expected


@pytest.mark.usefixtures("fetched")
def test_interrupted_while_the_table_is_made_it_is_made_later(
    garage: Path, source: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_TOKENS_AT_ONCE", 4)
    made = source(garage, embedder="minilm")
    cancel = Cancel()

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("token vectors"):
            cancel.set()

    with pytest.raises(RunInterrupted):
        made.update(on_progress=stop, cancel=cancel)
    assert made.index.counts() == (14, 14) and not list(cache.rglob("tokens-*"))
    assert made.search("car").hits[0].document == "a.md"


@pytest.mark.usefixtures("fetched")
def test_a_changed_file_changes_its_own_vectors_only(garage: Path, source: Make) -> None:
    made = source(garage, embedder="minilm")
    made.update()
    (garage / "b.md").write_text("The automobile is blue.")
    seen: list[tuple[int, int, str]] = []
    made.update(on_progress=lambda *told: seen.append(told))
    assert seen == [(0, 1, "b.md"), (0, 1, "tokens")]
    assert {h.document for h in made.search("car").hits[:2]} == {"a.md", "b.md"}


@pytest.mark.usefixtures("fetched")
@pytest.mark.parametrize("kind", ["*.vectors.npz", "tokens-*.npy"])
@pytest.mark.parametrize("size", [0, 50])
def test_damaged_vectors_are_made_anew(
    garage: Path, source: Make, cache: Path, kind: str, size: int
) -> None:
    expected = source(garage, embedder="minilm").search("vessel").hits
    (file,) = cache.rglob(kind)
    file.write_bytes(file.read_bytes()[:size])
    assert source(garage, embedder="minilm").search("vessel").hits == expected
    assert file.stat().st_size > 50


@pytest.mark.usefixtures("fetched")
def test_an_embedder_of_few_dimensions(garage: Path, source: Make, model: Concepts) -> None:
    model.size = 32
    assert source(garage, embedder="minilm").search("car").hits[0].document == "a.md"


@pytest.mark.usefixtures("fetched")
def test_an_embedder_that_breaks_leaves_the_words(
    garage: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = source(garage, embedder="minilm")
    made.update()

    def fail(texts: Sequence[str]) -> np.ndarray:
        raise ModelFileError("the weights are cut short", "fetch it again")

    monkeypatch.setattr(Concepts, "embed", lambda self, texts: fail(texts))
    result = made.search("boat")
    assert result.hits[0].document == "b.md" and "cut short" in result.reason


@pytest.mark.slow
def test_minilm_knows_related_words(
    garage: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENTKIT_CACHE")  # the model, and the table once made from it, are there
    (garage / "c.md").write_text("Cats sleep on the sofa for most of the day.")
    (garage / "d.md").write_text("The invoice is paid within thirty days.")
    made = source(garage, embedder="minilm")
    assert made.search("kitten napping").hits[0].document == "c.md"
    assert made.search("settling a bill").hits[0].document == "d.md"
    assert not made.semantics.missing
    for file in made.index.database.file.parent.glob(f"{made.index.database.file.name}*"):
        file.unlink()
