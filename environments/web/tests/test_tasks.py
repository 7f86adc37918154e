"""Every kind of task can be done, is judged by its state, and is not done by nothing."""

from __future__ import annotations

import importlib.util

import pytest
from playing import SOLUTIONS, Declare, Player, solve

from agentkit.errors import ConfigError, UsageError
from agentkit_web import actions as act
from agentkit_web.environment import WebEnvironment
from agentkit_web.sites.templates import TEMPLATES

pytestmark = pytest.mark.slow


def _environment(part: Declare, **settings: object) -> WebEnvironment:
    made = part("environment", picture=False, **settings)
    assert isinstance(made, WebEnvironment)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_task_of_each_kind(part: Declare, name: str) -> None:
    environment = _environment(part, templates=[name])
    task = environment.tasks("test")[0]
    player = Player(environment, environment.reset(task, 0))
    assert not environment.check(task).success
    SOLUTIONS[name](player, dict(task.data))
    if player.last is None or not player.last.terminated:
        player.do(act.Answer(text="done"))
    assert player.last and player.last.terminated and player.last.reward == 1.0
    assert environment.check(task).success


def test_all_kinds_have_a_solution() -> None:
    assert {template.name for template in TEMPLATES} == set(SOLUTIONS)


@pytest.mark.slow
def test_what_was_changed_beside_the_task_costs_the_success(part: Declare) -> None:
    environment = _environment(part, templates=["mail-archive"])
    task = environment.tasks("train")[0]
    player = Player(environment, environment.reset(task, 0))
    SOLUTIONS["mail-archive"](player, dict(task.data))
    assert environment.check(task).success
    other = next(
        e["name"] for e in player.seen.data["elements"]
        if e["role"] == "link" and e["name"] not in ("Mail", "Calendar", "Files", "Settings")
    )  # fmt: skip
    player.click("link", other)
    player.click("button", "Delete")
    assert not environment.check(task).success


@pytest.mark.slow
def test_a_wrong_answer_is_no_success(part: Declare) -> None:
    environment = _environment(part, templates=["wiki-answer"])
    task = environment.tasks("train")[0]
    for said in ("", "7", f"{task.data['number']} or 12"):
        environment.reset(task, 0)
        step = environment.step(act.Answer(text=said))
        assert step.terminated and step.reward == 0


@pytest.mark.slow
def test_tabs_scrolling_and_what_does_not_work(part: Declare) -> None:
    environment = _environment(part, templates=["shop-order"])
    task = environment.tasks("train")[0]
    player = Player(environment, environment.reset(task, 0))
    player.do(act.Tab(what="open"))
    assert len(player.seen.data["tabs"]) == 2 and player.seen.data["tab"] == 1
    player.do(act.Goto(url="http://shop.test/cart"))
    assert "Your cart is empty" in repr(player.seen.parts[0])
    player.do(act.Tab(what="show", number=0))
    assert player.seen.data["url"] == "http://shop.test/"
    player.do(act.Tab(what="close", number=1))
    for action, said in (
        (act.Tab(what="close", number=0), "last tab"),
        (act.Tab(what="show", number=7), "no tab 7"),
        (act.Click(element="e9999"), "no element e9999"),
        (act.Goto(url="file:///etc/passwd"), "only http"),
        (act.Goto(url="javascript:alert(1)"), "only http"),
        (act.Goto(url="chrome://version"), "only http"),
        (act.Goto(url="http://169.254.169.254/"), "cannot be reached"),
        (act.Click(element="e1 >> body"), "no element e1 >> body"),
    ):
        player.do(action)
        assert any(said in message for message in player.seen.data["messages"]), said
        player.do(act.Goto(url="http://shop.test/"))
    player.do(act.Select(element=player.find("heading", "Shop"), option="x"))
    assert "select did not work" in player.seen.data["messages"][0]
    player.do(act.Scroll(direction="down", windows=1.0))
    player.do(act.Wait(seconds=5))
    assert not player.seen.data["messages"]


@pytest.mark.slow
def test_an_episode_is_cut_at_its_steps(part: Declare) -> None:
    environment = _environment(part, templates=["shop-order"], steps=2)
    environment.reset(environment.tasks("train")[0], 0)
    assert not environment.step(act.Wait()).truncated
    assert environment.step(act.Wait()).truncated


@pytest.mark.slow
def test_a_downloaded_file_can_be_read(part: Declare) -> None:
    environment = _environment(part, templates=["file-download"])
    task = environment.tasks("train")[0]
    environment.reset(task, 0)
    for action in solve(environment, task):
        environment.step(action)
    assert b": " in environment.file(task.data["file"])
    with pytest.raises(UsageError):
        environment.file("../../etc/passwd")


@pytest.mark.slow
def test_settings_that_cannot_be(part: Declare) -> None:
    with pytest.raises(ConfigError, match="no template"):
        part("environment", templates=["nothing"])
    with pytest.raises(ConfigError, match="needs `goals`"):
        part("environment", suite="open")
    environment = _environment(part)
    with pytest.raises(UsageError, match="no episode"):
        environment.observe()
    with pytest.raises(UsageError, match="no split"):
        environment.tasks("nope")


# -- MiniWoB++ ------------------------------------------------------------------------------------

miniwob = importlib.util.find_spec("miniwob")
needs_miniwob = pytest.mark.skipif(miniwob is None, reason="the package miniwob is not installed")


def _quoted(player: Player) -> str:
    return next(
        e["value"].split('"')[1].rstrip("\\")
        for e in player.seen.data["elements"]
        if e["value"].count('"') >= 2
    )


@pytest.mark.slow
@needs_miniwob
@pytest.mark.parametrize("name", ["click-button", "enter-text", "click-test-2", "focus-text"])
def test_miniwob_gives_its_own_reward(part: Declare, name: str) -> None:
    environment = _environment(part, suite="miniwob", templates=[name])
    task = environment.tasks("test")[0]
    player = Player(environment, environment.reset(task, 3))
    assert environment.check(task).score == 0
    if name == "click-button":
        player.click("button", _quoted(player))
    elif name == "enter-text":
        player.write("", _quoted(player))
        player.click("button", "Submit")
    elif name == "click-test-2":
        player.click("button", "ONE")
    else:
        player.click("textbox")
    assert player.last and player.last.terminated and player.last.reward == 1.0
    assert environment.check(task).success


@pytest.mark.slow
@needs_miniwob
def test_miniwob_punishes_and_repeats(part: Declare) -> None:
    environment = _environment(part, suite="miniwob", templates=["click-test-2"])
    task = environment.tasks("train")[0]
    first = environment.reset(task, 1)
    player = Player(environment, first)
    player.click("button", "TWO")
    assert player.last and player.last.terminated and player.last.reward < 0
    assert environment.check(task).score == 0
    again = environment.reset(task, 1)
    assert again.parts[0] == first.parts[0]


@needs_miniwob
def test_all_of_miniwob_is_there(part: Declare) -> None:
    environment = _environment(part, suite="miniwob")
    names = {task.template for task in environment.tasks("test")}
    assert len(names) > 100 and {"book-flight", "email-inbox", "use-slider"} <= names
    with pytest.raises(ConfigError, match="no task"):
        part("environment", suite="miniwob", templates=["nothing"])
