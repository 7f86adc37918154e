"""The published rewards: their values, the rules for parameters, and what a trace tells."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from agentkit.agents.acting import Screen, StepPrompt
from agentkit.capabilities import Action, Example, Outcome
from agentkit.errors import DataError
from agentkit.kit import Kit
from agentkit_stepwise_rl.rewards import Rules, f1, score
from agentkit_stepwise_rl.samples import (
    Accepted,
    AtPlace,
    Box,
    Ended,
    Named,
    Place,
    Pressed,
    Sample,
    Spot,
    Swiped,
    Written,
    accepted_of,
    direction,
    of_example,
)
from agentkit_stepwise_rl.spaces import OtherSpace, check_space, published

PHONE = (1080, 2400)
BOX = Box(x1=100, y1=200, x2=300, y2=400, space=PHONE)
TAP = AtPlace(action="click", place=Place(box=BOX))


def sample(*accepted: Accepted, **given: Any) -> Sample:
    prompt = StepPrompt("Do it", Screen("app.page")).write()
    return Sample(
        id="r.0", source="r", step=0, prompt=prompt, answer="{}", accepted=accepted,
        **{"size": PHONE, "elements": (), **given},
    )  # fmt: skip


def published_reply(thought: str = "so", **arguments: Any) -> str:
    answer = json.dumps([{"name": "mobile_use", "arguments": arguments}])
    return f"Thought: {thought}\nAction: it\n<answer>{answer}</answer>"


def reward(one: Sample, text: str, **rules: Any) -> float:
    return score(one, text, Rules("published", **rules)).reward


def click(x: float, y: float, thought: str = "so") -> str:
    return published_reply(thought, action="click", coordinate=[x, y])


def test_the_values_of_both_modes() -> None:
    one, right, wrong = sample(TAP), click(200, 300), click(0, 0)
    half = click(200, 300, thought="")
    values = {m: [reward(one, t, mode=m) for t in (right, half, wrong, "")]
              for m in ("literal", "gated")}  # fmt: skip
    assert values == {"literal": [1.2, 1.0, 0.2, 0.0], "gated": [1.2, 0.0, 0.2, 0.0]}
    assert score(one, half, Rules("published", "gated")).mode == "gated"
    assert reward(one, right, alpha=1.0) == 2.0 and reward(one, right, alpha=0.0) == 1.0


@pytest.mark.parametrize("scale", [(1080, 2400), (540, 1200), (812, 1792)])
def test_edges_are_inside_in_whatever_image(scale: tuple[int, int]) -> None:
    """A processor resizes 1080 x 2400 to sizes that do not keep the ratio to the last pixel."""
    across, down = scale[0] / PHONE[0], scale[1] / PHONE[1]
    for x, y, inside in (
        (100, 200, True), (300, 400, True), (99, 300, False), (301, 300, False),
        (200, 199, False), (200, 401, False),
    ):  # fmt: skip
        found = score(sample(TAP), click(x * across, y * down), Rules("published", size=scale))
        assert found.right is inside and found.rule == "box", (x, y)


def test_a_pixel_of_the_wrong_image_is_wrong() -> None:
    """The commonest silent bug: the reply speaks of the resized image, the box of the phone's."""
    small = (540, 1200)
    there = click(250, 350)
    assert reward(sample(TAP), there) == 1.2
    assert reward(sample(TAP), there, size=small) == 0.2


@pytest.mark.parametrize("box", [(3, 1, 3, 5), (5, 1, 3, 5), (1, 5, 3, 5)])
def test_a_box_without_extent_is_an_error_when_it_is_read(box: tuple[int, ...]) -> None:
    x1, y1, x2, y2 = box
    plain = sample(TAP).example().data
    broken = json.loads(json.dumps(plain))
    broken["accepted"][0]["place"]["box"] |= {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    with pytest.raises(DataError, match="a box from"):
        of_example(Example("r.0", broken))


def test_a_point_without_a_box_says_by_which_rule_it_was_scored() -> None:
    spot = AtPlace(action="click", place=Place(point=Spot(x=540, y=1200, space=PHONE)))
    near = score(sample(spot), click(540, 1200 + 0.139 * 2400), Rules("published"))
    far = score(sample(spot), click(540, 1200 + 0.141 * 2400), Rules("published"))
    assert (near.right, far.right, near.rule) == (True, False, "point")


@pytest.mark.parametrize(
    ("start", "end", "way"),
    [
        ((5, 5), (5, 1), "up"), ((5, 5), (6, 9), "down"), ((5, 5), (1, 6), "left"),
        ((5, 5), (9, 5), "right"), ((5, 5), (5, 5), None),
        ((5, 5), (8, 8), "down"), ((5, 5), (2, 2), "up"),  # both axes alike: the vertical one
    ],
)  # fmt: skip
def test_a_swipe_is_the_way_the_finger_moves(start: Any, end: Any, way: str | None) -> None:
    assert direction(start, end) == way
    text = published_reply(action="swipe", coordinate=list(start), coordinate2=list(end))
    for wanted in ("up", "down", "left", "right"):
        one = sample(Swiped(direction=wanted))
        assert score(one, text, Rules("published")).right is (wanted == way)


def test_scrolling_down_is_a_finger_that_moves_up() -> None:
    made = accepted_of({"kind": "scroll", "direction": "down"}, [], None)
    assert made == Swiped(direction="up")
    assert accepted_of({"kind": "scroll", "direction": "left"}, [], None).model_dump()[
        "direction"
    ] == "right"  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [
        ("", "", 1.0), ("", "x", 0.0), ("x", "", 0.0), ("Hello  World", "hello world", 1.0),
        ("Ｈｅｌｌｏ", "hello", 1.0), ("a b c d", "a b x y", 0.5),
        ("안녕하세요", "안녕하십니까", 6 / 11),
        ("東京 タワー", "東京タワー", 1.0), ("a a", "a", 2 / 3),
    ],
)  # fmt: skip
def test_texts_are_compared_by_their_tokens(one: str, other: str, value: float) -> None:
    assert f1(one, other) == pytest.approx(value)


def test_the_threshold_of_texts_is_a_setting() -> None:
    one, text = sample(Written(action="type", text="a b x y")), published_reply(
        action="type", text="a b c d"
    )  # fmt: skip
    assert reward(one, text) == 1.2 and reward(one, text, same_text=0.51) == 0.2


def test_any_accepted_action_is_right_and_order_does_not_matter() -> None:
    others: list[Accepted] = [
        Named(action="open", text="com.android.settings"), TAP, Pressed(button="Back"),
        Ended(status="success"), TAP,
    ]  # fmt: skip
    for text in (
        click(200, 300), published_reply(action="open", text="com.android.settings"),
        published_reply(action="system_button", button="Back"),
        published_reply(action="terminate", status="success"),
    ):  # fmt: skip
        assert reward(sample(*others), text) == reward(sample(*reversed(others)), text) == 1.2
    for text in (
        click(0, 0), published_reply(action="open", text="Clock"),
        published_reply(action="system_button", button="Home"),
        published_reply(action="terminate", status="failure"),
        published_reply(action="wait", time=1),
    ):  # fmt: skip
        assert reward(sample(*others), text) == 0.2


def test_a_reply_that_was_cut_off_has_no_format() -> None:
    found = score(sample(TAP), click(200, 300), Rules("published"), whole=False)
    assert (found.reward, found.fault) == (0.0, "cut off")


def test_a_policys_own_reply_and_its_trace(kit: Kit) -> None:
    elements = ({"role": "row", "label": "Wi-Fi", "bounds": [100, 200, 300, 400]},)
    one = sample(TAP, elements=elements)
    known: tuple[type[Action], ...] = kit.environment("inside").info.actions
    right = score(one, '{"kind":"tap","element":0}', Rules(), known)
    assert (right.reward, right.rule, right.matched) == (1.2, "box", 0)
    for text, reward_, fault in (
        ('{"kind":"tap","element":1}', 0.0, "no single action"),
        ('{"kind":"scroll","direction":"down"}', 0.2, ""),
        ("tap #0", 0.0, "no single action"),
    ):
        found = score(one, text, Rules(), known)
        assert (found.reward, found.fault) == (reward_, fault) and found.why
    json.dumps(right.to_json())


def test_a_demonstration_without_boxes_is_scored_by_element(kit: Kit) -> None:
    screen = Screen.of(_observation([("row", f"Row {n}") for n in range(4)]))
    prompt = StepPrompt("Tap row 2", screen).write()
    one = of_example(Example("t@0.1", {"prompt": prompt, "answer": '{"kind":"tap","element":2}'}))
    known = kit.environment("inside").info.actions
    marks = [score(one, f'{{"kind":"tap","element":{n}}}', Rules(), known) for n in range(4)]
    assert [m.right for m in marks] == [False, False, True, False]
    assert {m.rule for m in marks} == {"element"}


def _observation(elements: list[tuple[str, str]]) -> Any:
    from agentkit.capabilities import Observation

    plain = [{"role": r, "label": t, "bounds": [0, 0, 1, 1]} for r, t in elements]
    return Observation((), {"package": "app", "activity": ".Page", "elements": plain})


def test_other_action_spaces_are_refused_by_name(kit: Kit) -> None:
    from dataclasses import replace

    info = kit.environment("inside").info
    assert check_space(info) == "phone/1"
    with pytest.raises(OtherSpace, match="version 7"):
        check_space(replace(info, version=7))
    with pytest.raises(OtherSpace, match="fly"):
        published({"kind": "fly"})
    broken = {**sample(TAP).example().data, "space": "phone/9"}
    with pytest.raises(OtherSpace, match="phone/9"):
        of_example(Example("r.0", broken))


@pytest.mark.parametrize("form", ["reply", "published"])
def test_the_reward_part_scores_as_the_rules_do(
    kit: Kit, form: Literal["reply", "published"]
) -> None:
    kit.define("reward", "own", use="step", environment="inside", form=form, mode="gated")
    part = kit.part("reward", "own")
    elements = ({"role": "row", "label": "Wi-Fi", "bounds": [100, 200, 300, 400]},)
    task = {"id": "r.0", **sample(TAP, elements=elements).example().data}
    text = click(200, 300) if form == "published" else '{"kind":"tap","element":0}'
    found = part.score(Outcome(task, text))
    assert found.value == 1.2 and found.parts == {"right": 1.0, "format": 1.0}
    assert part.score(Outcome(task, "nonsense")).value == 0.0
