"""The experiments at their smallest: each runs, and each would see a fault."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentkit
from agentkit.bench import Bench
from agentkit.capabilities import Request
from agentkit.errors import DataError, UsageError
from agentkit.testing.fakes import ScriptedModel
from agentkit.testing.progress import Recorder
from agentkit_deep_research.experiments import judged, kills, steering, tokens
from agentkit_deep_research.experiments.judged import Judge, read
from agentkit_deep_research.experiments.needles import company
from agentkit_deep_research.experiments.perfect import Perfect

# -- steering -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exclude a name", "edit the todo list", "nonsense"])
def test_an_act_at_a_random_moment_is_answered_once(tmp_path: Path, name: str) -> None:
    act = next(a for a in steering.ACTS if a.name == name)
    seen = steering.one(tmp_path, act, 3, seed=5)
    assert seen.state in steering.KEPT and seen.reason and seen.times == 1
    assert seen.effect is not False and seen.matter == 0


def test_a_lost_or_doubled_act_would_be_counted() -> None:
    good = steering.Seen("stop a task", "x", "work", "applied", "why", 1, True, 1, 0.1, False, 0)
    bad = replace(good, state="lost", reason="", times=2, effect=False, matter=3)
    found = steering.result([good, bad]).metrics
    assert found["answered"].value == 0.5 and found["lost"].value == 1
    assert found["applied twice"].value == 1 and found["excluded matter in reports"].value == 3
    assert found["effect there"].value == 0.5


# -- kills ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_runs_end_as_undisturbed_ones(tmp_path: Path) -> None:
    tally = kills.Tally(**kills.kill_run(tmp_path / "k", "scripted", 0, 3, seed=9))
    assert tally.kills >= 1 and tally.faults == 0, tally
    assert len(tally.moments) == tally.kills


# -- tokens ---------------------------------------------------------------------------------------


def test_the_perfect_model_says_only_what_stands_before_it() -> None:
    papers = company(0)
    needle = next(n for n in papers.needles if n.kind == "plain")
    model = Perfect([needle])
    paper = next(text for text in papers.papers.values() if needle.values[0] in text)
    written = Request.of(f"Question: x\nQuotes (JSON):\n{json.dumps([paper])}")
    assert needle.values[0] in model(written)
    assert model(Request.of('Question: x\nQuotes (JSON):\n["nothing of it"]')) == ""


@pytest.mark.slow
def test_both_systems_cover_facts_for_tokens_and_the_curve_rises(tmp_path: Path) -> None:
    setting = tokens.Setting(tmp_path, 1, tokens.PERFECT)
    with setting.kit:
        (needles,) = tokens.questions(setting.papers, 1, 1)
        ours = setting.ours(needles, with_model=True)
        loop = setting.loop(needles)
        floor = setting.ours(needles, with_model=False)
    for row in (ours, loop):
        assert row.covered >= 4 and row.tokens > 100
        assert row.steps == sorted(row.steps)
    assert floor.tokens == 0 and floor.covered >= 4
    found = tokens.result({("m", tokens.OURS): [ours], ("m", tokens.LOOP): [loop]})
    assert 0 < found.metrics["facts covered (m)"].value <= 1
    assert "supervisor loop" in found.baselines


def test_equal_coverage_is_compared_and_nothing_else() -> None:
    cheap = tokens.Row(4, 100, 4, [[10, 1], [50, 3], [100, 4]])
    dear = tokens.Row(4, 900, 3, [[100, 1], [500, 3], [900, 3]])
    assert tokens.at_share(cheap, 0.75) == 50 and tokens.at_share(dear, 1.0) is None
    found = tokens.result({("m", tokens.OURS): [cheap], ("m", tokens.LOOP): [dear]})
    assert found.metrics["loop's tokens over ours, 75% of the facts (m)"].value == 10.0
    assert ("m", 1.0, 0, 1, "", "", "") in found.tables[0].rows


# -- judged sets ----------------------------------------------------------------------------------


def lines(path: Path, *rows: Mapping[str, Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Three sets of one or two questions, in the shape that they are published in."""
    # The folders are those of clones of the sets' repositories.
    consult, qa = tmp_path / "consult" / "datasets" / "DeepConsult", tmp_path / "qa"
    bench = tmp_path / "bench" / "data"
    asked, criteria = bench / "prompt_data", bench / "criteria_data"
    cleaned, raw = bench / "test_data" / "cleaned_data", bench / "test_data" / "raw_data"
    for folder in (consult, qa, asked, criteria, cleaned, raw):
        folder.mkdir(parents=True)
    prompt = "What is the kettle made of?"
    lines(asked / "query.jsonl", {"id": 1, "topic": "x", "language": "en", "prompt": prompt})
    lines(cleaned / "reference.jsonl", {"id": 1, "prompt": prompt, "article": "It is of tin."})
    lines(raw / "reference.jsonl", {"id": 1, "prompt": prompt, "article": "It is of tin. [1]"})
    criterions = {
        d: [{"criterion": f"good {d}", "explanation": f"how {d} it is", "weight": 1.0}]
        for d in judged.DIMENSIONS
    }
    weights = dict.fromkeys(judged.DIMENSIONS, 0.25)
    rows = {"id": 1, "prompt": prompt, "dimension_weight": weights, "criterions": criterions}
    lines(criteria / "criteria.jsonl", rows)
    head = ["question", "baseline_answer", "candidate_answer"]
    name = "responses_OpenAI-DeepResearch_vs_ARI_2025-05-15.csv"
    with (consult / name).open("w", newline="") as file:
        csv.writer(file).writerows([head, ["What is the kettle made of?", "Tin.", "Gold."]])
    (consult / "queries.csv").write_text("query\nWhat is the kettle made of?\n")
    for split, material in (("test", "steel"), ("valid", "tin")):
        words = [f"Does it say {material}?", "Does it say gold?"]
        rubric = [{"rubric_item": word, "type": "Information"} for word in words]
        whose = {"general_domain": "x", "subdomain": "x", "field": "x", "date": "2024-01-01"}
        row = {"id": f"{split}1", **whose, "query": "What is it made of?", "rubric": rubric}
        (qa / f"{split}.json").write_text(json.dumps([row]))
    return tmp_path


def fair(request: Request) -> str:
    """A judge that prefers reports with steel in them, wherever they stand."""
    text = request.messages[1].text
    assert request.messages[0].text == judged.SYSTEM
    if "To what extent" in text:
        report, asked = text.split("To what extent")
        there = asked.split("Does it say ")[1].split("?")[0] in report
        return json.dumps({"extent": "Mostly" if there else "Not at all"})
    first = text.index("Report A") < text.index("steel") < text.index("Report B")
    if "Which is better" in text:
        return json.dumps({"better": "A" if first else "B"})
    return json.dumps({"a": 8 if first else 2, "b": 2 if first else 8})


REPORT = "The kettle is made of steel."


@pytest.mark.parametrize(
    ("name", "folder", "value"),
    [
        ("deepresearch-bench", "bench", 0.8),
        ("deepconsult", "consult", 1.0),
        ("researchqa", "qa", 0.375),
        ("researchqa", "qa/valid.json", 0.0),
    ],
)
def test_reports_are_judged_in_both_orders(
    copies: Path, name: str, folder: str, value: float
) -> None:
    (item,) = read(name, copies / folder)
    score = judged.SETS[name][1](Judge(ScriptedModel.of(fair)), item, REPORT)
    assert score.value == pytest.approx(value)


def test_the_reference_is_the_cleaned_one_and_criteria_are_explained(copies: Path) -> None:
    (item,) = read("deepresearch-bench", copies / "bench")
    assert item.other == "It is of tin."
    assert ("insight", "good insight: how insight it is", 0.25) in item.criteria


def test_a_judge_that_always_prefers_the_first_decides_nothing(copies: Path) -> None:
    (item,) = read("deepconsult", copies / "consult")
    biased = Judge(ScriptedModel.of('{"better": "A"}'))
    assert judged.pairwise(biased, item, REPORT).parts == {"win": 0.0, "tie": 1.0, "lose": 0.0}


def test_a_judge_that_talks_is_asked_again_and_counted(copies: Path) -> None:
    (item,) = read("researchqa", copies / "qa")
    asked: list[Request] = []

    def talks(request: Request) -> str:
        asked.append(request)
        return "Well, it depends."

    judge = Judge(ScriptedModel.of(talks))
    assert judged.rubric(judge, item, REPORT).value == 0.0
    assert judge.failed == 2 and len(asked) == 2 * (1 + judged.REPAIRS)


def test_the_experiment_runs_on_a_users_copy(
    copies: Path, make: Callable[..., agentkit.Kit], tmp_path: Path
) -> None:
    kit = make()
    kit.add("model", "judge", ScriptedModel.of(fair))
    options = {"set": "researchqa", "path": str(copies / "qa"), "judge": "judge"}
    (tmp_path / "out").mkdir()
    bench = Bench(kit, "normal", (0,), tmp_path / "out", Recorder(), options)
    found = judged.judged(bench)
    assert found.metrics["rubric coverage"].value == 0.375
    with pytest.raises(UsageError, match="needs the option judge"):
        judged.judged(replace(bench, options={"set": "researchqa", "path": "x"}))


def test_copies_that_are_none_are_told(copies: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no set 'researchq'"):
        read("researchq", tmp_path)
    with pytest.raises(DataError, match="no copy of researchqa"):
        read("researchqa", tmp_path / "nowhere")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (tmp_path / "responses.csv").write_text(pointer)
    with pytest.raises(DataError, match="git lfs pull"):
        read("deepconsult", tmp_path)
    (tmp_path / "responses-2.csv").write_text("question,baseline_answer\n")
    with pytest.raises(DataError, match="2 files are called"):
        read("deepconsult", tmp_path)
    (copies / "qa" / "test.json").write_text('[{"id": "q1"}]')
    with pytest.raises(DataError, match="not as researchqa has it"):
        read("researchqa", copies / "qa")
