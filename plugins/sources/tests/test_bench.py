"""The retrieval experiment and what it compares with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import agentkit
from agentkit.bench import Bench
from agentkit.capabilities import Cancel
from agentkit.errors import DataError
from agentkit_sources.baselines import Bm25
from agentkit_sources.bench import read_questions, retrieval
from agentkit_sources.folder import FolderSource
from agentkit_sources.words import expression, words

Make = Callable[..., FolderSource]
FTS5 = (1.2, 0.75, (1.0, 1.0, 1.0))
QUESTIONS = [
    ("lexical", "dev", "What colour is the sqlite_stat table?", "tables.md", "it is green"),
    ("lexical", "test", "How long is a rope?", "rope.md", "nine feet"),
    ("paraphrase", "dev", "May I eat the fruit of the tree?", "apple.md", "sweet"),
    ("paraphrase", "test", "Which animal chases mice?", "cat.md", "hunts"),
    ("absent", "test", "What is the price of gold?", "", ""),
]


@pytest.fixture
def corpora(docs: Path) -> Path:
    folder = docs / "small"
    folder.mkdir()
    (folder / "tables.md").write_text("# Tables\n\nThe sqlite_stat table: it is green.\n")
    (folder / "rope.md").write_text("# Rope\n\nA rope is nine feet long. Long ropes are long.\n")
    (folder / "apple.md").write_text("# Apples\n\nThey are sweet. A stat is a table too.\n")
    (folder / "cat.md").write_text("# Cats\n\nA kitten hunts rodents at night, long and often.\n")
    with (docs / "small.questions.jsonl").open("w") as file:
        for number, (kind, split, question, page, answer) in enumerate(QUESTIONS):
            item = {"id": str(number), "kind": kind, "split": split, "question": question}
            file.write(json.dumps(item | {"pages": [page], "answer": answer}) + "\n")
    return docs


@pytest.mark.parametrize(
    "question", ["long rope", "sqlite_stat table", "stat tables", "nothing_there", "is", "é?"]
)
def test_with_its_parameters_it_is_the_bm25_of_fts5(
    corpora: Path, source: Make, question: str
) -> None:
    made = source(corpora / "small")
    made.update()
    scores = Bm25(made.index).scores(question, FTS5)
    theirs = dict(made.index.match(expression(words(question)), 100))
    ids = made.index.ids()
    assert {ids[i] for i in np.flatnonzero(scores)} == set(theirs)
    assert [scores[ids.index(id_)] for id_ in theirs] == pytest.approx(list(theirs.values()))


def test_tuning_finds_what_helps(docs: Path, source: Make) -> None:
    """The word stands in the title of one page and more often in the bodies of others."""
    (docs / "pump.md").write_text("# Pump\n\n" + "It moves water. " * 20)
    for number in range(20):
        if number < 8:
            (docs / f"{number}.md").write_text(f"# Other\n\nA pump, a pump and a pump. {number}\n")
        (docs / f"x{number}.md").write_text(f"# Else\n\nWords of another kind. {number}\n" * 3)
    made = source(docs)
    made.update()
    bm25 = Bm25(made.index)
    assert bm25.find("pump", FTS5)[0].document != "pump.md"
    best = bm25.tuned([("pump", frozenset({"pump.md"}))])
    assert bm25.find("pump", best)[0].document == "pump.md"


def test_a_line_that_is_no_question_is_named(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    for line in ("{", "[]", '{"kind": "lexical"}'):
        file.write_text(line)
        with pytest.raises(DataError, match=r"q\.jsonl:1: not a question"):
            list(read_questions(file))


class Silent:
    def __init__(self) -> None:
        self.cancel = Cancel()

    def update(self, step: int, total: int, metrics: object = None) -> None: ...

    def examples(self, step: int, ids: object) -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["quick", "normal"])
def test_the_experiment_on_four_pages(
    corpora: Path, tmp_path: Path, scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENTKIT_CACHE")  # the model, and the table once made from it, are there
    out = tmp_path / "out"
    out.mkdir()
    options = {"corpora": str(corpora), "corpus": "small"}
    with agentkit.load(environ={}) as kit:
        result = retrieval(Bench(kit, scale, (0,), out, Silent(), options))  # type: ignore[arg-type]
    assert result.metrics["recall@5, lexical"].value == 1.0  # four pages are all among five
    assert result.metrics["recall@1, lexical"].value == 1.0
    assert result.metrics["recall@1, paraphrase"].value == 1.0
    assert result.baselines["BM25"]["recall@1, paraphrase"].value == 0.0
    assert result.metrics["gain over BM25 tuned, paraphrase"].value == 1.0
    assert ("MiniLM of every passage" in result.baselines) == (scale == "normal")
    assert result.metrics["search, again, median"].value > 0
    assert [row[:3] for row in result.tables[0].rows][:2] == [
        ("BM25", "lexical", 1),
        ("BM25", "paraphrase", 1),
    ]
