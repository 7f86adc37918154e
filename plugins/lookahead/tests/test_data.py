"""Tables, texts, collecting, records: whatever is wrong is named, nothing is made up or lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.capabilities import CallContext, Message, Request, ToolSpec
from agentkit.errors import Cancelled, DataError, UsageError
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.settings import Settings
from agentkit.testing.fakes import ScriptedModel
from agentkit.testing.progress import Recorder
from agentkit_lookahead.calculator import UNKNOWN, solve
from agentkit_lookahead.calibrating import abstain_below, calibrate, calibration_error
from agentkit_lookahead.collecting import (
    CHECKS,
    Prompt,
    collect,
    from_record,
    read_answers,
    read_prompts,
)
from agentkit_lookahead.reading import HEAD, TAIL, read, read_plain
from agentkit_lookahead.rows import Outcome, Row, Table, read_table
from agentkit_lookahead.synthetic import pool
from agentkit_lookahead.tasks import notes, tasks


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in rows))
    return path


def test_both_forms_of_rows_are_read(tmp_path: Path) -> None:
    released = {"id": "a", "set": "s", "prompt": "p", "scores": [1, 0.5], "resp": ["x", "y"]}
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(released).encode()))
    table = read_table(packed, ("m", "n"))
    assert table.scores.tolist() == [[1, 0.5]] and table.responses(0) == ["x", "y"]
    own = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "node": "plan",
        "candidates": [
            {"name": "m", "score": 1, "propensity": 0.5, "latency_ms": 20, "cost": 2},
            {"name": "n"},
        ],
    }
    table = read_table(lines(tmp_path / "own.jsonl", own, ""))
    assert table.candidates == ("m", "n") and table.rows[0].text == "node plan\nhello"
    assert np.isnan(table.scores[0, 1]) and table.latencies[0, 0] == 0.02
    again = read_table(lines(tmp_path / "again.jsonl", *table.write()))
    assert again.hash == table.hash


@pytest.mark.parametrize(
    "row, said",
    [
        ("{", "no JSON"),
        ([1], "no object"),
        ({"prompt": "p", "scores": [1]}, "no list of 2"),
        ({"prompt": "p", "scores": [1, float("nan")]}, "score of n is nan"),
        ({"prompt": "p", "scores": [1, "good"]}, "score of n is 'good'"),
        ({"prompt": "p", "candidates": []}, "no candidate has a score"),
        ({"prompt": "p", "candidates": [{"name": "m", "score": None}]}, "no candidate has a score"),
        ({"prompt": "p", "candidates": [{"score": 1}]}, "has no name"),
        ({"prompt": "p", "candidates": [{"name": "m", "score": 1}] * 2}, "there twice"),
        (
            {"prompt": "p", "candidates": [{"name": "m", "score": 1, "propensity": 0}]},
            "a probability above 0",
        ),
        ({"prompt": 7, "candidates": [{"name": "m", "score": 1}]}, "the prompt is no text"),
    ],
    ids=str,
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: Any, said: str) -> None:
    good = {"prompt": "fine", "scores": [1, 0]}
    with pytest.raises(DataError, match=said) as error:
        read_table(lines(tmp_path / "rows.jsonl", good, row), ("m", "n"))
    assert "line 2" in str(error.value)


def test_nothing_to_learn_is_said() -> None:
    same = Table(("a", "b"), (Row("1", "", "t", (Outcome(1.0), Outcome(1.0))),))
    for table, said in (
        (Table(("a",), ()), "not one row"),
        (same, "no candidate is better"),
        (Table(("a",), (Row("1", "", "t", (Outcome(),)),)), "not one score"),
    ):
        with pytest.raises(DataError, match=said):
            table.informative()


def test_the_same_id_twice(tmp_path: Path) -> None:
    row = {"id": "1", "prompt": "p", "scores": [1, 0]}
    with pytest.raises(DataError, match="there twice"):
        read_table(lines(tmp_path / "rows.jsonl", row, row), ("m", "n"))


def test_splits_and_samples_depend_on_ids_alone() -> None:
    table = pool(200)
    first, second = table.split(0.7)
    assert {r.id for r in first.rows} | {r.id for r in second.rows} == {r.id for r in table.rows}
    assert 115 < len(first.rows) < 165
    turned = Table(table.candidates, table.rows[::-1]).split(0.7)[0]
    assert {r.id for r in turned.rows} == {r.id for r in first.rows}
    small, large = (table.sample(n) for n in (20, 60))
    assert {r.id for r in small.rows} <= {r.id for r in large.rows} and len(small.rows) == 20
    other = table.order(("coder", "adder"))
    assert other.scores[:, 0].tolist() == table.scores[:, 2].tolist()
    with pytest.raises(DataError, match="no outcomes of nobody"):
        table.order(("nobody",))


def test_what_a_router_reads() -> None:
    tool = ToolSpec("search", "", {})
    talk = Request(
        (
            Message.system("You are very polite."),
            Message.user("first"),
            Message.assistant("yes"),
            Message.user("  and   now? "),
        ),
        tools=(tool,),
        context=CallContext(node="plan"),
    )
    assert read(talk) == "node plan\ntools search\nand now?"
    long = read(Request.of("a" * HEAD + "middle" + "z" * TAIL))
    assert len(long) == HEAD + TAIL + 1 and "middle" not in long
    assert read(Request(())) == "" and read_plain([{"role": "user", "content": None}]) == ""
    mixed = [{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "?"}]}]
    assert read_plain(mixed) == "(picture)\n?" and read_plain(["odd"]) == ""


# -- the local candidates -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, value",
    [
        ("What is 12 + 30?", "42"),
        ("How much is (3 + 4) * 5, please?", "35"),
        ("12 times 3", "36"),
        ("1,000 - 1", "999"),
        ("7 divided by 2", "3.5"),
        ("2 to the power of 10", "1024"),
        ("0.1 + 0.2", "0.3"),
        ("-3 - 4", "-7"),
        ("10 / 0", UNKNOWN),
        ("9^9^9^9", UNKNOWN),
        ("9**9**9", UNKNOWN),
        ("call 555-1234 or __import__('os')", "-679"),
        ("no sum here", UNKNOWN),
        ("((((", UNKNOWN),
        ("(" * 500 + "1+1" + ")" * 500, UNKNOWN),
    ],
)
def test_the_calculator(text: str, value: str) -> None:
    assert solve(text) == value


def test_tasks_can_be_checked_and_differ_by_seed() -> None:
    kinds = ("sums", "facts", "code", "notes")
    made = tasks(kinds, 40)
    assert len(made) == 160 and len({p.id for p in made}) == 160
    assert made == tasks(kinds, 40) and made != tasks(kinds, 40, seed=1)
    sums = [p for p in made if p.set == "sums"]
    assert all(CHECKS["number"](p, solve(p.text)) for p in sums)
    told = notes()
    for prompt in (p for p in made if p.set == "notes"):
        assert any(CHECKS["contains"](prompt, text) for text in told.values())


@pytest.mark.parametrize(
    "check, answer, said, worth",
    [
        ("contains", "Paris", "It is paris.", 1),
        ("contains", "Paris", "Parisian", 0),
        ("contains", "", "x", 0),
        ("exact", "Yes", " yes\n", 1),
        ("exact", "yes", "yes!", 0),
        ("number", "42", "6 times 7 is 42.", 1),
        ("number", "42", "42 or 43", 0),
        ("number", "1000", "1,000", 1),
        ("number", "4", "none", 0),
        ("regex", r"len\(x\)", "use len(x)", 1),
    ],
)
def test_scores(check: str, answer: str, said: str, worth: float) -> None:
    assert CHECKS[check](Prompt("1", "?", answer=answer), said) == worth


# -- collecting -----------------------------------------------------------------------------------


@pytest.fixture
def kit() -> Kit:
    made = Kit(Host.load({}), Settings())
    made.add("model", "a", ScriptedModel.of("the answer is 4"))
    made.add("model", "b", ScriptedModel.of("five"))
    return made


PROMPTS = [Prompt(str(n), f"question {n}", "s", "4") for n in range(20)]


def test_collecting_stops_and_goes_on(kit: Kit, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    with pytest.raises(Cancelled):
        collect(kit, ("a", "b"), PROMPTS, out, Recorder(stop_at=16))
    had = out.read_text().splitlines()
    assert 0 < len(had) < 40
    out.write_text(out.read_text() + '{"id": "half')  # what a kill leaves behind
    rest = Recorder()
    table = collect(kit, ("a", "b"), PROMPTS, out, rest)
    assert table.complete and table.scores.mean(0).tolist() == [1, 0]
    assert out.read_text().splitlines()[: len(had)] == had and rest.updates[0][0] > len(had) - 1
    asked = len(kit.model("a").requests)  # type: ignore[attr-defined]
    assert asked == 20, "an answer was asked for twice"
    assert read_answers(out, ("b", "a")).scores.mean(0).tolist() == [0, 1]
    with pytest.raises(UsageError, match="another prompt"):
        collect(kit, ("a",), [Prompt("0", "other")], out, Recorder())


def test_a_candidate_that_always_fails_is_said(kit: Kit, tmp_path: Path) -> None:
    kit.add("model", "down", ScriptedModel.of({"error": "no power"}))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="failed on every prompt: no power"):
        collect(kit, ("a", "down"), PROMPTS, tmp_path / "x", Recorder())
    assert len(read_answers(tmp_path / "x").rows) == 20  # those of `a` are kept


@pytest.mark.parametrize(
    "row, said",
    [("nonsense", "line 1"), ({"prompt": 3, "answer": 1}, "no text"), ({"prompt": "p"}, "answer")],
    ids=str,
)
def test_bad_prompts(tmp_path: Path, row: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_prompts(lines(tmp_path / "p", row))
    with pytest.raises(DataError, match="holds no prompt"):
        read_prompts(lines(tmp_path / "p", ""))


def test_a_record_becomes_rows_with_one_outcome(tmp_path: Path) -> None:
    def line(key: str, run: str, model: str, chance: float) -> dict[str, Any]:
        return {"id": key, "run": run, "node": "n", "prompt": key, "model": model} | {
            "propensity": chance
        }

    record = lines(
        tmp_path / "r", line("1", "x", "a", 0.9), line("2", "y", "b", 0.1), line("3", "z", "a", 1)
    )
    record.write_text(record.read_text() + '{"cut')
    table = from_record(record, {"x": 1.0, "2": 0.0}, ("a", "b"))
    assert [r.id for r in table.rows] == ["1", "2"]
    assert table.scores[0, 0] == 1 and np.isnan(table.scores[0, 1])
    assert table.propensities[1, 1] == 0.1


# -- probabilities --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["isotonic", "sigmoid", "temperature"])
def test_calibration_mends_overconfidence_and_keeps_the_order(kind: str) -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(2000, 3))
    good = (rng.random((2000, 3)) < 1 / (1 + np.exp(-true))).astype(float)
    loud = 4 * true
    fitted = calibrate(kind, loud[:1000], good[:1000])
    raw = calibration_error(1 / (1 + np.exp(-loud[1000:])), good[1000:])
    mended = calibration_error(fitted(loud[1000:]), good[1000:])
    assert mended < 0.05 < raw
    assert (fitted(loud).argmax(1) == loud.argmax(1)).all()
    partly = np.where(rng.random(good.shape) < 0.5, np.nan, good)
    assert np.isfinite(calibrate(kind, loud, partly)(loud)).all()


def test_abstaining_keeps_the_stated_share_of_misses() -> None:
    rng = np.random.default_rng(1)
    misses = []
    for _ in range(200):
        lead = rng.random(400)
        worse = rng.random(400) < 0.6 * (1 - lead)
        least = abstain_below(lead[:200], worse[:200], 0.1)
        misses.append((worse[200:] & (lead[200:] >= least)).mean())
    assert np.mean(misses) <= 0.105
    assert abstain_below([0.5], [True], 0.1) == float("inf")
