"""What RouteLLM is given, what it is asked, and how its answers are measured.

Its own package is a bench extra: where it is absent, a program stands in for it that keeps the
worker's protocol and uses the very server, client and files; it learns nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.capabilities import Cancel
from agentkit.errors import Cancelled, UsageError
from agentkit_lookahead.bench import routellm_process, routellm_worker
from agentkit_lookahead.bench.routellm import _recovered
from agentkit_lookahead.bench.routellm_process import RouteLLM, exchange
from agentkit_lookahead.rows import Outcome, Row, Table

ROWS = (("a", (1.0, 0.0, 0.5)), ("b", (0.2, 0.2, 0.9)))
TABLE = Table(
    ("x", "y", "z"),
    tuple(Row(t, "s", t, tuple(Outcome(score) for score in scores)) for t, scores in ROWS),
)


def test_every_two_candidates_of_a_row_are_a_battle() -> None:
    made = exchange(TABLE, ["test"], ("z", "y"))
    assert made["texts"] == ["a", "b", "test"] and made["train"] == 2
    assert made["models"] == ["x", "y", "z"] and made["pair"] == ["z", "y"]
    won = {(b["idx"], b["model_a"], b["model_b"]): b["winner"] for b in made["battles"]}
    assert won == {
        (0, "x", "y"): "model_a",
        (0, "x", "z"): "model_a",
        (0, "y", "z"): "model_b",
        (1, "x", "y"): "tie",
        (1, "x", "z"): "model_b",
        (1, "y", "z"): "model_b",
    }
    assert json.loads(json.dumps(made)) == made


class Program:
    """Does as it is told."""

    def count(self, job: dict[str, Any], tell: Any) -> int:
        for done in range(job["to"]):
            tell(done, job["to"])
        return int(job["to"])

    def fail(self, job: dict[str, Any], tell: Any) -> None:
        raise ValueError("no data")


def test_the_worker_tells_how_far_it_is_and_outlives_a_job_that_failed() -> None:
    said: list[dict[str, Any]] = []
    jobs = [json.dumps(j) for j in ({"do": "fail"}, {"do": "count", "to": 2}, {"do": "what"})]
    routellm_worker.work(Program(), jobs, said.append)
    assert said[0] == {"error": "fail: ValueError: no data"}
    assert said[1:4] == [{"done": 0, "of": 2}, {"done": 1, "of": 2}, {"result": 2}]
    assert said[4]["error"].startswith("what: AttributeError")


def test_weights_are_renamed_and_the_queries_vectors_left_out() -> None:
    state = {"P.weight": 1, "Q.weight": 2, "text_proj.weight": 3, "classifier.weight": 4}
    assert routellm_worker.renamed(state) == {
        "P.weight": 1,
        "text_proj.0.weight": 3,
        "classifier.0.weight": 4,
    }


STAND_IN = """
import json, os, sys
from pathlib import Path
from openai import OpenAI
data = json.loads((Path(sys.argv[1]) / "exchange.json").read_text())
print(json.dumps({"result": "0.2.0"}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    if job["do"] == "end":
        sys.exit("out of memory")
    print(json.dumps({"done": 1, "of": 2}), flush=True)
    made = OpenAI().embeddings.create(input=data["texts"], model="text-embedding-3-small").data
    print(json.dumps({"result": [len(one.embedding) for one in made]}), flush=True)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of the worker; of the encoder a tiny random model."""
    from agentkit.testing.tiny import tiny_model_folder

    (tmp_path / "worker.py").write_text(STAND_IN)
    monkeypatch.setattr(routellm_process, "WORKER", tmp_path / "worker.py")
    folder = tiny_model_folder(tmp_path / "encoder")
    toml = routellm_process.SERVED.replace('"minilm"', f'"{folder}"')
    monkeypatch.setattr(routellm_process, "SERVED", toml)
    return tmp_path / "work"


@pytest.mark.slow
def test_our_server_answers_in_openais_place(stand_in: Path) -> None:
    told = []
    data = exchange(TABLE, ["test"], ("z", "y"))
    cancel = Cancel()
    with RouteLLM(
        Path(sys.executable), stand_in, data, cancel, lambda *way: told.append(way)
    ) as program:
        widths = program.ask({"do": "embed"})
        assert len(widths) == 3 and {*widths} == {widths[0]} and widths[0] > 0
        assert told == [(1, 2)]
        processes = list(program._processes)
        with pytest.raises(UsageError, match=r"it ended .*routellm\.log"):
            program.ask({"do": "end"})
        cancel.set()
        with pytest.raises(Cancelled):
            program.ask({"do": "embed"})
    assert all(process.poll() is not None for process in processes)
    assert "out of memory" in (stand_in / "routellm.log").read_text()


def test_an_environment_without_routellm_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RouteLLM, "_serve", lambda self, token: "http://127.0.0.1:9")
    data = exchange(TABLE, [], ("z", "y"))
    for python, said in ((tmp_path / "nowhere", "does not start"), (Path(sys.executable), "route")):
        program = RouteLLM(python, tmp_path / "work", data, Cancel())
        with pytest.raises(UsageError, match=said) as error, program:
            program.ask({"do": "mf"})
        assert "pip install routellm==0.2.0" in error.value.hint


def test_the_share_of_the_gap_by_hand() -> None:
    """Four queries, the strong model better on two of them, worse on one."""
    scores = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    best = _recovered(scores, scores[:, 0] - scores[:, 1])
    assert best["CPT(50%)"] == 0.2 and best["CPT(80%)"] == 0.2 and best["APGR"] > 1
    even = _recovered(scores, np.zeros(4))
    # Calls rounded to whole queries: 0 0 1 1 2 2 2 3 3 4 4 of 4.
    assert even["APGR"] == pytest.approx(np.mean([0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]) / 4)
    worst = _recovered(scores, scores[:, 1] - scores[:, 0])
    assert worst["APGR"] < even["APGR"] < best["APGR"] and worst["CPT(80%)"] == 0.9
