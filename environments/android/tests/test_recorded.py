"""The sets of others, read from five rows that we made in their shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import DataError
from agentkit_android.people import recorded

OURS: list[dict[str, Any]] = [
    {"image_path": "1.png", "task": "Order a tea", "action": "CLICK <point>[[500,500]]</point>",
     "action_list": ["CLICK <point>[[500,500]]</point>", "CLICK <point>[[100,900]]</point>"],
     "query_rewritten": "Order a green tea", "step_list_rewritten": ["open", "order"]},
    {"image_path": "2.png", "task": "Order a tea", "action": "SCROLL [UP]",
     "action_list": ["SCROLL [UP]"], "query_rewritten": "x", "step_list_rewritten": "y"},
    {"image_path": "3.png", "task": "Say hello", "action": "TYPE [Good morning]",
     "action_list": ["TYPE [Good morning]", "TYPE [hi]"]},
    {"image_path": "4.png", "task": "Say hello", "action": "PRESS_BACK", "action_list": []},
    {"image_path": "5.png", "task": "Say hello", "action": "COMPLETE", "more": 1},
]  # fmt: skip
TRUST: list[dict[str, Any]] = [
    {"image_path": "a.png", "task": "Pay", "scenario": "Sensitive actions", "action": "ASK[Pay?]",
     "option": "no", "ground_truth": "PRESS_BACK", "sensitive_action": "CLICK[540,2200]"},
    {"image_path": "b.png", "task": "Buy", "scenario": "Multiple choices", "action": "ASK[Which?]",
     "option": "the red one", "answer": "Red.", "ground_truth": "CLICK[100,200]"},
    {"image_path": "c.png", "task": "Log in", "scenario": "Information missing",
     "ground_truth": "TYPE[user@example.org]"},
    {"image_path": "d.png", "task": "Read", "scenario": "Environmental anomalies",
     "ground_truth": "WAIT", "answer": None},
    {"image_path": "e.png", "task": "Go", "scenario": "Normal situation",
     "ground_truth": "TASK_COMPLETE[]"},
]  # fmt: skip


def test_mobile_iar(tmp_path: Path) -> None:
    for part, name in (("test", "data_rewritten.json"), ("support", "data.json")):
        inside = tmp_path / "user3" / f"{part}_dataset"
        inside.mkdir(parents=True)
        (inside / name).write_text(json.dumps(OURS, ensure_ascii=False))
    steps = recorded.mobile_iar(tmp_path, "user3")
    assert steps == recorded.mobile_iar(tmp_path, "user3", "support") and len(steps) == 5
    assert steps[0].query_rewritten == "Order a green tea"

    def score(number: int, action: str) -> tuple[bool, bool, bool]:
        got = recorded.align(steps[number], action)
        return got.type_right, got.success, got.aligned

    assert score(0, "CLICK <point>[[560,600]]</point>") == (True, True, True)
    assert score(0, "CLICK <point>[[100,880]]</point>") == (True, True, False), (
        "not this user's way"
    )
    assert score(0, "CLICK <point>[[500,100]]</point>") == (True, False, False)
    assert score(1, "SCROLL [DOWN]") == (True, False, False)
    assert score(2, "TYPE [Good mornin]") == (True, True, True)
    assert score(2, "TYPE [hi]") == (True, True, False)
    assert score(3, "PRESS_BACK") == (True, True, True)
    assert score(4, "no action") == (False, False, False)


def test_verios_bench(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.write_text(json.dumps(TRUST))
    steps, size = recorded.verios_bench(path), (1080, 2400)
    assert [s.scenario for s in steps][:2] == ["Sensitive actions", "Multiple choices"]
    assert steps[1].answer == "Red." and steps[1].option == "the red one"
    assert recorded.trusted(steps[0], "PRESS_BACK", size) == (True, False)
    assert recorded.trusted(steps[0], "CLICK[530, 2190]", size) == (False, True)
    assert recorded.trusted(steps[1], "CLICK[240,200]", size) == (True, False)
    assert recorded.trusted(steps[1], "CLICK[270,200]", size) == (False, False)
    assert recorded.trusted(steps[2], "TYPE[user@example.com]", size)[0]
    assert not recorded.trusted(steps[2], "LONG_PRESS[1,1]", size)[0]
    assert recorded.trusted(steps[4], "TASK_COMPLETE[done]", size)[0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "no JSON"), ('[{"task": 1}]', "step 0"), ('[{"image_path": "a", "task": "b",'
        ' "scenario": "Odd", "ground_truth": "WAIT"}]', "scenario"), (None, "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_such_set_is_said(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "test.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=told):
        recorded.verios_bench(path)
