"""The grammar experiment: its schemas, its judge, and a run on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch

from agentkit.bench import grammar
from agentkit.bench.experiment import Bench
from agentkit.bench.schemas import KEYWORDS, WRITTEN, cases, generated
from agentkit.capabilities import Cancel, Completion, Grammar
from agentkit.kit import load
from agentkit.models.text import schemas
from agentkit.testing.tiny import tiny_model_folder

pytestmark = pytest.mark.slow


class Quiet:
    def __init__(self) -> None:
        self.cancel = Cancel()

    def update(self, step: int, total: int, metrics: Any = None) -> None: ...

    def examples(self, step: int, ids: Any) -> None: ...


def test_schemas_are_sound_varied_and_the_same_again() -> None:
    made = cases(200, 0)
    assert made == cases(200, 0) and made != cases(200, 1)
    assert len({c.name for c in made}) == 200
    assert len({json.dumps(c.schema) for c in made}) > 190
    for case in made:
        jsonschema.Draft202012Validator.check_schema(case.schema)
        assert case.task
        schemas.check(Grammar("json", case.schema))
    text = json.dumps([generated(0, n).schema for n in range(180)])
    for word in (
        "enum",
        "pattern",
        "format",
        "prefixItems",
        "anyOf",
        "$ref",
        "multipleOf",
        "const",
    ):
        assert f'"{word}"' in text, word
    assert len(cases(10, 0)) == 10 and len(WRITTEN) >= 16
    for schema in KEYWORDS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_an_answer_is_judged_by_its_whole_text() -> None:
    case = cases(200, 0)[2]
    assert case.name == "choice"

    def judged(text: str, finish: Any = "stop", error: str = "") -> tuple[bool, bool]:
        found = grammar.judged(case, Completion(text, finish, error=error))
        return found["valid"], found["lenient"]

    assert judged('{"answer": "yes"}') == (True, True)
    assert judged('{"answer": "perhaps"}') == (False, False)
    assert judged('Sure!\n```json\n{"answer": "no"}\n```') == (False, True)
    assert judged('It is {"answer": "no"}.') == (False, True)
    assert judged('{"answer": "no"') == (False, False)
    assert judged("", "error", "the grammar cannot go on") == (False, False)
    assert grammar.fault({"type": "string", "format": "date"}, '"2023-02-31"')
    assert not grammar.fault({"type": "string", "format": "date"}, '"2024-02-29"')


@pytest.mark.slow
def test_a_random_model_is_valid_under_grammars_alone(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    with load() as kit:
        bench = Bench(
            kit,
            "quick",
            (0,),
            tmp_path / "out",
            Quiet(),
            {"model": str(tiny_model_folder(tmp_path / "model", context=4096))},
        )
        (tmp_path / "out").mkdir()
        made = grammar.GRAMMAR.run(bench)
    torch.set_num_threads(threads)
    assert made.metrics["valid answers"].value == 1.0 and made.metrics["valid answers"].n == 10
    assert made.baselines[grammar.FREE]["valid answers"].value < 0.5
    assert {"mask per token, batch 1", "wall ratio, batch 8"} <= made.metrics.keys()
    refused = {
        row[0]
        for table in made.tables
        if table.title == "Keywords"
        for row in table.rows
        if row[1] != "yes"
    }
    assert {"not", "uniqueItems"} <= refused and "anyOf" not in refused
