"""Record and replay: with other words, on another phone, and where it no longer fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from color_told import Told
from hypothesis import given
from hypothesis import strategies as st

from agentkit.capabilities import Task
from agentkit.errors import DataError, UsageError
from agentkit.kit import Kit
from agentkit_color_agent.bench.noisy import NoisyExpert
from agentkit_color_agent.command import demonstrated, taken
from agentkit_color_agent.script import Script, compile_script, fill, next_action
from agentkit_color_agent.teaching import Teaching, demonstrate

pytestmark = pytest.mark.slow

DONE = '{"kind":"finish","status":"success"}'


def screen(*labels: str, wide: int = 100) -> dict[str, Any]:
    made = [
        {"role": "row", "label": t, "bounds": [0, n * 10, wide, n * 10 + 10], "clickable": True}
        for n, t in enumerate(labels)
    ]
    return {"package": "p", "activity": ".A", "width": wide, "height": 200, "elements": made}


def tap(y: int) -> dict[str, Any]:
    return {"kind": "tap", "x": 5, "y": y}


def test_what_the_goal_named_is_a_parameter() -> None:
    steps = [(screen("Mia", "Ben"), tap(5)), (screen("x"), {"kind": "type", "text": "Mia: {hi}"})]
    script = compile_script("Text “Mia” now", steps)
    assert script.goal == "Text “{text1}” now" and script.parameters == {"text1": "Mia"}
    other = script.filled({"text1": "Ben"})
    assert other.words == "Text “Ben” now"
    assert next_action(other.steps[0], screen("Mia", "Ben"), other.parameters)["y"] == 15
    assert next_action(other.steps[1], screen("x"), other.parameters)["text"] == "Ben: {hi}"
    with pytest.raises(UsageError, match="no parameter 'name'"):
        script.filled({"name": "Ben"})


def test_selectors_before_coordinates() -> None:
    """An element is found where it is now; only what nothing tells apart is touched where it was,
    as a share of the screen."""
    script = compile_script("Open Mia", [(screen("Ada", "Mia"), tap(15))])
    moved = screen("Mia", "Ada", "Ben")
    assert next_action(script.steps[0], moved, script.parameters)["y"] == 5
    nameless = compile_script("Open it", [(screen("", ""), tap(15))])
    wider = {**screen("", "", wide=200), "height": 400}
    found = next_action(nameless.steps[0], wider, nameless.parameters)
    assert (found["x"], found["y"]) == (10, 30)


@pytest.mark.parametrize(
    "now", [screen("Ada"), {**screen("Ada", "Mia"), "activity": ".B"}], ids=["gone", "elsewhere"]
)
def test_what_does_not_fit_is_not_forced(now: dict[str, Any]) -> None:
    script = compile_script("Open Mia", [(screen("Ada", "Mia"), tap(15))])
    with pytest.raises(LookupError):
        next_action(script.steps[0], now, script.parameters)


def test_equal_elements_are_counted() -> None:
    script = compile_script("Open", [(screen("Same", "Same"), tap(15))])
    assert next_action(script.steps[0], screen("Same", "Same"), {})["y"] == 15
    with pytest.raises(LookupError):
        next_action(script.steps[0], screen("Same"), {})


@given(st.text(max_size=30), st.text(min_size=2, max_size=10))
def test_texts_come_back_as_they_were(text: str, named: str) -> None:
    steps = [(screen("x"), {"kind": "type", "text": f"{text}{named}{text}"})]
    script = compile_script(f"Write “{named}” down", steps)
    assert script.words == f"Write “{named}” down"
    assert fill(script.steps[0].action["text"], script.parameters) == f"{text}{named}{text}"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"goal":"x","steps":[],"version":2}', "\x00"])
def test_what_is_no_script_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no script"):
        Script.read(text)
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(DataError, match="no recording"):
        demonstrated(file)


def test_nothing_done_is_no_script() -> None:
    with pytest.raises(UsageError, match="nothing was done"):
        compile_script("x", [(screen(), {"kind": "finish"})])


def replay(kit: Kit, script: Script, agent: str, **input: Any) -> Any:
    run = kit.agent(agent).run(script.words, script=script.model_dump_json(), **input)
    run.wait(60)
    while run.status == "waiting":
        run.answer("yes", run.questions[0].number)
        run.wait(60)
    return run


def test_a_run_becomes_a_script_with_other_words(
    kit: Kit, told: Told, noisy: NoisyExpert, find: Callable[[str], Task]
) -> None:
    """Recorded on one task, replayed on another of the same kind without any model."""
    first, second = find("task-add/0"), find("task-add/1")
    noisy.begin(first, 0, {})
    run = kit.agent("color").run("", task_id=first.id)
    assert run.result.success
    script = compile_script(first.goal, taken(kit.runs, run.id), run.id)
    (name,) = script.parameters
    other = script.filled({name: "Sort the photos"})
    assert other.words == second.goal
    done = replay(kit, other, told.agent(DONE, knowledge=False), task_id=second.id)
    assert done.result.success and done.result.calls == {}, done.result.report


def test_where_it_no_longer_fits_the_agent_takes_over(
    kit: Kit, noisy: NoisyExpert, find: Callable[[str], Task]
) -> None:
    task = find("airplane-mode/1")
    noisy.begin(task, 0, {})
    run = kit.agent("color").run("", task_id=task.id)
    assert run.result.success
    script = compile_script(task.goal, taken(kit.runs, run.id))
    plain = json.loads(script.model_dump_json())
    plain["steps"][1]["targets"]["element"]["label"] = "A row of an older version"
    noisy.begin(task, 0, {})
    run = replay(kit, Script.model_validate(plain), "color", task_id=task.id)
    assert run.result.success and run.result.calls["model"] >= 1
    (left,) = kit.runs.tail(run.id, kinds=("script.left",))[:1]
    assert left.data["step"] == 2 and "older version" in left.data["reason"]


def test_a_demonstration_becomes_a_script(
    kit: Kit, told: Told, phone: Teaching, find: Callable[[str], Task], tmp_path: Path
) -> None:
    """In the form that `agentkit phone view` saves."""
    task = find("wifi/2")
    shown = [
        {"seen": dict(s.data), "action": a.model_dump(mode="json")}
        for s, a in demonstrate(phone, task)
    ]
    file = tmp_path / "demo.json"
    file.write_text(json.dumps({"version": 1, "goal": task.goal, "steps": shown}))
    goal, steps = demonstrated(file)
    script = compile_script(goal, steps)
    done = replay(kit, script, told.agent(DONE, knowledge=False), task_id=task.id)
    assert done.result.success and done.result.calls == {}
