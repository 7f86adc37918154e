"""The graph: the order of its nodes, and what each makes of good and bad replies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from color_told import Told, nodes

from agentkit.capabilities import Task
from agentkit.kit import Kit
from agentkit_color_agent.bench.noisy import NoisyExpert

pytestmark = pytest.mark.slow

DONE = '{"kind":"finish","status":"success"}'
HOME = '{"kind":"button","button":"home"}'
SETTINGS = '{"kind":"open","app":"Settings"}'
NOTHING = '{"kind":"tap","x":1,"y":3}'
"""A touch of the bar with the clock."""


@pytest.mark.parametrize("task", ["airplane-mode/1", "device-name/0"])
def test_a_task_is_done_and_said(
    kit: Kit, noisy: NoisyExpert, find: Callable[[str], Task], task: str
) -> None:
    """Acceptance 1: state-checked, with steps, calls by role, tokens, seconds, questions."""
    noisy.begin(find(task), 0, {})
    run = kit.agent("color").run("", task_id=task)
    result = run.result
    assert result.success and result.steps == 3 and result.calls == {"model": 4}
    assert result.tokens > 0 and result.questions == 0
    assert "What I did: open" in result.report
    assert bool(result.answer) == (task == "device-name/0")


def test_the_order_of_nodes_is_the_papers(kit: Kit, told: Told) -> None:
    """Acceptance 2, sheet 2.1: a step is observe, operate, act, action, trajectory."""
    run = told.run("Look at the settings", told.agent(SETTINGS, DONE))
    assert run.result.claim == "success"
    assert nodes(run, kit) == [
        "begin", "classify", "orchestrate", "personalise",
        "observe", "operate", "act", "reflect_action", "reflect_trajectory",
        "observe", "operate", "act", "finish_check", "answer", "end",
    ]  # fmt: skip


def test_a_bad_reply_is_told_and_asked_again(kit: Kit, told: Told) -> None:
    bad = ["I think I will tap it", '{"kind":"fly"}', SETTINGS, DONE]
    run = told.run("Look at the settings", told.agent(*bad))
    assert run.result.steps == 1 and run.result.calls == {"model": 4}
    prompts = told.prompts()
    assert "holds no JSON object" in prompts[1] and "no action 'fly'" in prompts[2]
    # The next step's prompt is clean again.
    assert "no action" not in str([m.text for m in told.models["model"].requests[3].messages])
    rejected = kit.runs.tail(run.id, kinds=("reply.rejected",))
    assert [e.data["said"] for e in rejected] == bad[:2]


def test_what_was_of_no_use_on_a_screen_is_not_done_there_again(kit: Kit, told: Told) -> None:
    """The operator is told so, and says another action; if it insists, it may."""
    text = '{"kind":"tap","element":0}'  # a heading, which does nothing
    run = told.run("Open the settings", told.agent(SETTINGS, text, text, "x", DONE, retries=2))
    assert run.result.steps == 2 and run.result.claim == "success"
    assert "You did that on this screen before" in told.prompts()[3]
    again = told.run("Open the settings", told.agent(SETTINGS, text, text, text, DONE))
    assert again.result.steps == 3
    paper = told.agent(SETTINGS, text, text, DONE, mode="paper")
    assert told.run("Open the settings", paper).result.steps == 3
    assert "You did that" not in "".join(told.prompts())


def test_a_finish_that_was_undone_is_not_said_again_on_that_screen(kit: Kit, told: Told) -> None:
    wifi = '{"kind":"tap","element":2}'
    agent = told.agent(SETTINGS, DONE, DONE, wifi, DONE)
    run = told.run("Change the name of this phone", agent)
    assert run.result.steps == 2 and run.result.claim == "success"
    undone = [e.data["told"] for e in kit.runs.tail(run.id, kinds=("color.reflected",))]
    assert undone[0] == "nothing was touched yet"


def test_a_circle_longer_than_the_way_between_two_looks_is_seen(kit: Kit, told: Told) -> None:
    ways = [f'{{"kind":"open","app":"{app}"}}' for app in ("Settings", "Clock", "Notes")]
    run = told.run("Look at everything", told.agent(*ways * 3, DONE))
    (seen,) = [
        e.data["told"]
        for e in kit.runs.tail(run.id, kinds=("color.reflected",))
        if e.data["level"] == "trajectory"
    ]
    assert seen.startswith("the last 6 actions go in a circle")


def test_replies_that_are_none_end_in_giving_up(kit: Kit, told: Told) -> None:
    run = told.run("Look at the settings", told.agent("nothing", retries=1))
    assert run.result.claim == "gave up" and run.result.steps == 0
    assert run.result.calls["model"] == 3 * 2


@pytest.mark.parametrize(
    "reply",
    [
        "",
        '{"kind":"tap","element":1} {"kind":"tap","element":2}',
        '{"kind":"tap","x":5000,"y":10}',
        '{"kind":"tap","element":99}',
        "\x00" + "{" * 500,
        '{"kind":"type","text":"\\ud83d"}',
        '{"kind":"answer"}',
    ],
)
def test_nonsense_touches_nothing(kit: Kit, told: Told, reply: str) -> None:
    run = told.run("Look at the settings", told.agent(reply, DONE, reflect_global=False))
    assert run.result.steps == 0 and run.result.claim == "success"


def test_a_note_skips_reflection(kit: Kit, told: Told) -> None:
    note = '{"kind":"remember","text":"the code is 4411"}'
    run = told.run("Look at the settings", told.agent(SETTINGS, note, DONE))
    assert "Note: remembered: the code is 4411" in told.prompts()[2]
    visited = nodes(run, kit)
    at = visited.index("act", visited.index("act") + 1)
    assert visited[at + 1] == "reflect_action"
    assert not [e for e in kit.runs.tail(run.id, kinds=("color.reflected",))
                if e.data["level"] == "action"]  # fmt: skip
    assert run.result.steps == 1


def test_typing_twice_into_one_field_is_prevented(
    kit: Kit, told: Told, find: Callable[[str], Task]
) -> None:
    """The paper's pre-reflection: outcome C, nothing is typed."""
    steps = [
        '{"kind":"open","app":"Messages"}', '{"kind":"type","text":"one"}',
    ]  # fmt: skip
    run = told.run("Look", told.agent(*steps, DONE, reflect_global=False))
    assert "Note: action: no effect: no field has the focus" in told.prompts()[2]
    assert run.result.steps == 2


def test_only_b_and_c_reach_the_operator(kit: Kit, told: Told) -> None:
    """Acceptance 2: a tap that does nothing is told at the next step only."""
    told.run("Look at the settings", told.agent(SETTINGS, NOTHING, HOME, DONE))
    first, second, third, fourth = told.prompts()
    assert "action:" not in first + second + fourth
    assert "Note: action: no effect: the screen did not change" in third


def test_a_wrong_finish_is_undone(kit: Kit, told: Told) -> None:
    """Acceptance 4: at first "Failed" cancels; in `paper` mode a second finish is accepted."""
    for mode, calls in (("paper", 2), ("ours", 5)):
        run = told.run("Turn on airplane mode", told.agent(DONE, DONE, DONE, DONE, mode=mode))
        assert run.result.claim == "success" and run.result.calls == {"model": calls}
        assert not run.result.success and not run.result.sure
        assert "Note: finish: not done: nothing was done" in told.prompts()[1]


def test_giving_up_at_once_is_not_believed(kit: Kit, told: Told) -> None:
    no = '{"kind":"finish","status":"infeasible"}'
    run = told.run("Play chess with me", told.agent(no))
    assert run.result.claim == "infeasible" and run.result.calls == {"model": 3}


def test_a_judge_is_asked_where_rules_cannot_tell(kit: Kit, told: Told) -> None:
    judge = ['{"done":"Failed","reason":"nothing was sent"}', '{"done":"Success","reason":"ok"}']
    run = told.run("Look around", told.agent(SETTINGS, DONE, HOME, DONE, judge=judge))
    assert run.result.sure and run.result.calls == {"model": 4, "judge": 2}
    assert "Note: finish: not done: nothing was sent" in told.prompts()[2]
    run = told.run("Look around", told.agent(SETTINGS, DONE, judge=["Success!"]))
    assert not run.result.sure, "what is no JSON counts as uncertain"
    assert kit.runs.tail(run.id, kinds=("role.failed",))


@pytest.mark.parametrize(
    ("module", "level"),
    [("reflect_action", "action"), ("reflect_trajectory", "trajectory"),
     ("reflect_global", "global")],
)  # fmt: skip
def test_each_level_can_be_switched_off(kit: Kit, told: Told, module: str, level: str) -> None:
    """Acceptance 10."""
    replies = [SETTINGS, *[NOTHING] * 8, *[DONE] * 5]  # insisting on each

    def levels(**settings: bool) -> set[str]:
        run = told.run("Turn on airplane mode", told.agent(*replies, **settings))
        assert run.status == "done"
        return {e.data["level"] for e in kit.runs.tail(run.id, kinds=("color.reflected",))}

    assert levels() == {"action", "trajectory", "global"}
    assert levels(**{module: False}) == {"action", "trajectory", "global"} - {level}


def test_budgets_hold(kit: Kit, told: Told) -> None:
    run = told.run("Look around", told.agent(SETTINGS, HOME, SETTINGS, HOME, steps=3))
    assert run.result.claim == "out of steps" and run.result.steps == 3


@pytest.mark.parametrize("goal", ["", "   ", "\n"])
def test_an_empty_goal_is_an_error(kit: Kit, told: Told, goal: str) -> None:
    run = told.run(goal, told.agent(DONE))
    assert run.status == "failed" and "the goal is empty" in run.row.note


@pytest.mark.parametrize("goal", ["비행기 모드를 켜 줘", "🙂", "x" * 20_000, "a\x00b\nc"])
def test_odd_goals_do_no_harm(kit: Kit, told: Told, goal: str) -> None:
    result = told.run(goal, told.agent(SETTINGS, DONE)).result
    assert result.goal == goal and result.claim == "success"


def test_the_environment_must_be_a_phone(kit: Kit, told: Told) -> None:
    kit.define("environment", "grid", use="grid")
    run = told.run("go", told.agent(DONE, environment="grid"))
    assert run.status == "failed" and "is no phone" in run.row.note


def test_a_message_to_the_run_reaches_the_operator(kit: Kit, told: Told) -> None:
    agent = told.agent(SETTINGS, DONE)
    run: Any = kit.agent(agent).run("Look at the settings")
    run.send("not the Wi-Fi page")
    run.wait(60)
    assert run.status == "done"
