"""The published reply: what is read of it, and which fault everything else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentkit_stepwise_rl import actions as said
from agentkit_stepwise_rl.actions import read_published


def reply(arguments: Any, thought: str = "I see it.", action: str = "Tap it.") -> str:
    answer = json.dumps([{"name": "mobile_use", "arguments": arguments}])
    return f"Thought: {thought}\nAction: {action}\n<answer>{answer}</answer>"


CLICK = {"action": "click", "coordinate": [540, 703]}


def test_a_whole_reply_is_a_typed_action() -> None:
    found = read_published(reply(CLICK))
    assert found.formatted and found.action == said.Click(coordinate=(540, 703))
    assert (found.thought, found.summary) == ("I see it.", "Tap it.")


@pytest.mark.parametrize(
    "arguments",
    [
        {"action": "long_press", "coordinate": [1, 2], "time": 2},
        {"action": "swipe", "coordinate": [1, 2], "coordinate2": [1, 9.5]},
        {"action": "type", "text": "안녕 “x”"},
        {"action": "clear_text"},
        {"action": "system_button", "button": "Back"},
        {"action": "open", "text": "Settings"},
        {"action": "wait", "time": 1},
        {"action": "answer", "text": ""},
        {"action": "terminate", "status": "failure"},
    ],
)
def test_each_of_the_ten_is_read(arguments: dict[str, Any]) -> None:
    assert read_published(reply(arguments)).formatted


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"action": "dance"}, "unknown action"),
        ({"action": ["click"]}, "unknown action"),
        ({"action": "key", "text": "volume_up"}, "not enabled"),
        ({"action": "click"}, "missing parameter"),
        ({**CLICK, "time": 1}, "extra parameter"),
        ({"action": "click", "coordinate": "540, 703"}, "wrong type"),
        ({"action": "click", "coordinate": [540]}, "wrong type"),
        ({"action": "click", "coordinate": [True, 3]}, "wrong type"),
        ({"action": "click", "coordinate": [float("nan"), 3]}, "bad number"),
        ({"action": "click", "coordinate": [-1, 3]}, "bad number"),
        ({"action": "wait", "time": float("inf")}, "bad number"),
        ({"action": "type", "text": 5}, "wrong type"),
        ({"action": "terminate", "status": "done"}, "wrong type"),
        ("click", "no call"),
    ],
)
def test_a_wrong_action_has_a_fault_by_name(arguments: Any, fault: str) -> None:
    found = read_published(reply(arguments))
    assert found.action is None and found.fault == fault and not found.formatted


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no answer"),
        ("Thought: x\nAction: y\n<answer>[{</answer>", "bad json"),
        ("Thought: x\nAction: y\n<answer>" + "[" * 100_000 + "</answer>", "bad json"),
        (f"Thought: x\nAction: y\n<answer>{json.dumps(CLICK)}</answer>", "no list"),
        ("Thought: x\nAction: y\n<answer>[]</answer>", "no call"),
        (f"Thought: x\nAction: y\n<answer>{json.dumps([CLICK, CLICK])}</answer>", "several calls"),
        (reply(CLICK) + reply(CLICK), "several calls"),
    ],
)
def test_no_reply_raises(text: str, fault: str) -> None:
    found = read_published(text)
    assert found.action is None and found.fault == fault


def test_a_missing_part_leaves_the_action() -> None:
    for text, fault in (
        (reply(CLICK, thought=" "), "no thought"),
        (reply(CLICK, action=""), "no action line"),
    ):
        found = read_published(text)
        assert found.fault == fault and not found.formatted and found.action is not None


def test_key_is_read_where_it_is_enabled() -> None:
    text = reply({"action": "key", "text": "volume_up"})
    assert read_published(text, more=True).action == said.Key(text="volume_up")
