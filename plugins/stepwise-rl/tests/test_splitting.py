"""From stored runs to samples: as many as steps, nothing of the future, and back to the run."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from agentkit.agents.acting import StepPrompt
from agentkit.errors import DataError, UsageError
from agentkit.kit import Kit
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.reading import KINDS, named, trajectories, trajectory
from agentkit_stepwise_rl.runs import samples_of_runs, traced
from agentkit_stepwise_rl.samples import of_example
from agentkit_stepwise_rl.trajectories import Did, Seen, Trajectory, split_trajectory

pytestmark = pytest.mark.slow


def made(count: int, words: list[str]) -> Trajectory:
    """An episode whose every screen and line holds a mark of its step."""
    steps = tuple(
        Did(
            Seen(f"app.page{n}", "", ({"role": "row", "label": f"{words[n]} {n}",
                                       "bounds": [0, 0, 50, 50], "clickable": True},), (100, 200)),
            {"kind": "tap", "x": 5, "y": 5},
            f'tap row "{words[n]} {n}"',
        )
        for n in range(count)
    )  # fmt: skip
    return Trajectory("run", "Goal “ü”", "t/1", "t", "train", 0, steps)


def test_a_step_knows_what_was_before_and_nothing_of_what_comes() -> None:
    random = Random(0)
    for _ in range(50):
        count = random.randint(0, 12)
        words = [random.choice(["Wi-Fi", "안녕", "\u202ex\\n\"", "", "Done: no", "日本 \n"])
                 for _ in range(count)]  # fmt: skip
        one = made(count, words)
        samples = split_trajectory(one)
        assert len(samples) == count
        for n, sample in enumerate(samples):
            assert sample.history == tuple(d.line for d in one.steps[:n])
            assert StepPrompt.read(sample.prompt).screen.place == f"app.page{n}"
            # Whatever the future is, the sample is the same.
            later = replace(one, steps=(*one.steps[: n + 1], *made(3, ["other"] * 3).steps))
            assert split_trajectory(later)[n] == sample
            assert of_example(sample.example()) == sample


def test_a_sample_is_what_the_policy_was_asked(played: Kit) -> None:
    """The writer in training is the one in use: of a policy's own run, the prompts are equal."""
    store = played.runs
    (row,) = store.runs(agent="alone")
    actions = played.environment("inside").info.actions
    one = trajectory(row, store.tail(row.id, kinds=KINDS), actions)
    assert one is not None
    asked = [
        event.data["requests"][0]["messages"][1]["parts"][0]["text"]
        for event in store.tail(row.id, kinds=("model.asked",))
    ]
    samples = split_trajectory(one)
    assert [s.prompt for s in samples] == asked and len(asked) > 2
    said = [event.data["texts"][0] for event in store.tail(row.id, kinds=("model.done",))]
    assert [json.loads(s.answer) for s in samples] == [json.loads(text) for text in said]


def test_runs_are_taken_by_id_and_by_agent_with_counts(played: Kit) -> None:
    actions = played.environment("inside").info.actions
    samples, reports = samples_of_runs(played.runs, ["warm"], actions)
    read, chosen, split = reports
    assert read.into == 10 == chosen.into and split.out == len(samples) > 10
    for one in reports:
        assert one.into == one.out + sum(one.why.values())
    best, _ = samples_of_runs(played.runs, ["warm"], actions, learn="best")
    assert len(best) > len(samples), "with an expert's advice failures teach too"
    assert any(one.off for one in best)
    (row,) = played.runs.runs(agent="alone")
    more, _ = samples_of_runs(played.runs, [row.id, row.id, "warm"], actions)
    assert len({one.id for one in more}) == len(more) > len(samples)
    with pytest.raises(UsageError):
        samples_of_runs(played.runs, ["nobody"], actions)


def test_every_sample_leads_back_to_its_run(played: Kit) -> None:
    actions = played.environment("inside").info.actions
    samples, _ = samples_of_runs(played.runs, ["warm"], actions)
    for sample in samples[::5]:
        found = traced(played.runs, sample.id, actions)
        event = next(e for e in played.runs.tail(found["run"]) if e.seq == found["event"])
        assert event.kind == "action.asked"
        taken = dict(event.data["action"])
        assert taken["kind"] == json.loads(sample.answer)["kind"]
        assert found["task"] == sample.task and found["success"] is True
    with pytest.raises(DataError, match="no step 99"):
        traced(played.runs, f"{samples[0].source}.99", actions)


def test_half_written_runs_and_other_spaces_are_left_out_and_counted(played: Kit) -> None:
    rows = list(named(played.runs, ["warm"]))
    actions = played.environment("inside").info.actions
    report = Report("runs")
    half = [replace(rows[0], status="running"), replace(rows[1], status="failed"), rows[2]]
    assert len(list(trajectories(played.runs, half, actions, report))) == 1
    assert report.out == 1 and sum(report.why.values()) == 2
    fewer = tuple(a for a in actions if a.__name__ != "Open")  # as a later version may have it
    report = Report("runs")
    assert not list(trajectories(played.runs, rows[:3], fewer, report))
    assert report.why == {"another action space": 3}


def test_a_run_that_was_cut_off_in_the_midst_ends_with_its_last_known_screen(played: Kit) -> None:
    (row,) = played.runs.runs(agent="alone")
    actions = played.environment("inside").info.actions
    events: Any = played.runs.tail(row.id, kinds=KINDS)
    last = max(n for n, e in enumerate(events) if e.kind == "action.done")
    whole, cut = (trajectory(row, some, actions) for some in (events, events[:last]))
    assert whole is not None and cut is not None
    assert len(cut.steps) == len(whole.steps) - 1


def test_a_touch_on_a_screen_of_unknown_size_is_counted_and_left_out() -> None:
    one = made(3, ["a", "b", "c"])
    blind = replace(one, steps=tuple(replace(d, seen=replace(d.seen, size=None))
                                     for d in one.steps))  # fmt: skip
    report = Report("split")
    assert split_trajectory(blind, report) == []
    assert report.into == 3 and sum(report.why.values()) == 3
