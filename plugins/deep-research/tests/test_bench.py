"""The experiment's counting, on rows made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit.errors import DataError
from agentkit_deep_research.bench import EXPERIMENT, VARIANTS, read_items
from agentkit_deep_research.figures import OURS, PLAIN, Item, Row, result

LEXICAL = Item("L", "lexical", "test", "How many?", "exactly (ten|10)")
OTHER = Item("P", "paraphrase", "test", "What amount?", "exactly ten")
ABSENT = Item("A", "absent", "test", "Which GPU?", "")
GOOD = Row(["Some are red.", "There are exactly ten."])
NONE = Row(["Some are red."], wrong=1)


def test_an_answer_counts_where_it_stands() -> None:
    assert GOOD.answered(LEXICAL) and not GOOD.answered(LEXICAL, first=1)
    assert not GOOD.answered(LEXICAL, budget=20) and GOOD.answered(LEXICAL, budget=40)
    assert not NONE.answered(LEXICAL)


def test_what_is_counted_of_rows() -> None:
    ours = {"L": GOOD, "P": NONE, "A": Row([], not_found=True)}
    plain = {"L": NONE, "P": GOOD, "A": NONE}
    made = result({PLAIN: plain, OURS: ours}, [LEXICAL, OTHER, ABSENT], ["x (not here)"])
    assert made.metrics["quote precision"].value == pytest.approx(2 / 3)
    assert made.metrics["answer in the report, lexical"].value == 1
    assert made.metrics["answer in the report, paraphrase"].value == 0
    assert made.metrics["said to be not found, absent"].value == 1
    assert made.baselines[PLAIN]["said to be not found, absent"].value == 0
    assert "66.7%" in made.verdict and "x (not here)" in made.verdict


def test_questions_are_read_or_refused_by_line(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(
        '{"id": "1", "kind": "lexical", "split": "dev", "question": "?", "answer": "("}'
    )
    with pytest.raises(DataError, match=r"q\.jsonl:1"):
        read_items(file)
    own = read_items(Path(__file__).parents[1] / "questions.jsonl")
    assert {q.split for q in own} == {"dev"} and len({q.id for q in own}) == len(own)
    assert {"normal", "quick"} <= set(EXPERIMENT.needs) and OURS in VARIANTS
