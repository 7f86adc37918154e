"""Rewards: their noun's suite, and answers of all sorts."""

from __future__ import annotations

import pytest

import agentkit
from agentkit.capabilities import Outcome, Reward
from agentkit.errors import ConfigError, DataError
from agentkit.testing.conformance import RewardConformance
from agentkit_ring_rl.rewards import puzzle_set, said, same

pytestmark = pytest.mark.slow

TESTS = [{"stdin": "3", "expected": "9"}, {"stdin": "4", "expected": "16"}]
SQUARE = "```python\nn = int(input())\nprint(n * n)\n```"
PUZZLE = puzzle_set("chain_sum", 1, 0)[0]


class TestExactAnswer(RewardConformance):
    toml = '[rewards.part]\nuse = "exact-answer"'
    good = Outcome({"answer": "1/2"}, "So it is 2/4.\nAnswer: 2/4")
    bad = Outcome({"answer": "1/2"}, "Answer: 3/4")


class TestPrograms(RewardConformance):
    toml = '[rewards.part]\nuse = "programs"\n[sandboxes.sandbox]\nuse = "bubblewrap"'
    good = Outcome({"tests": TESTS}, SQUARE)
    bad = Outcome({"tests": TESTS}, "```python\nprint(9)\n```")

    def outcomes(self) -> list[Outcome]:
        return [self.good, self.bad, Outcome(self.good.task, ""), Outcome(self.good.task, "\x00")]


class TestPuzzles(RewardConformance):
    toml = '[rewards.part]\nuse = "puzzles"'
    good = Outcome({"dataset": "chain_sum", "entry": PUZZLE}, f"Answer: {PUZZLE['answer']}")
    bad = Outcome({"dataset": "chain_sum", "entry": PUZZLE}, "Answer: none")


class TestRules(RewardConformance):
    toml = '[rewards.part]\nuse = "rules"'
    good = Outcome({"rules": [{"words": 3}, {"refuse": True}]}, "Sorry, no.")
    bad = Outcome({"rules": [{"words": 3}, {"refuse": True}]}, "Here is what you asked for.")


def part(name: str) -> Reward:
    with agentkit.load(environ={}) as kit:
        made: Reward = kit.part("reward", name)
        return made


@pytest.mark.parametrize(
    "text, expected, right",
    [
        ("42", "42", True),
        ("it is 41, no, 42", "42", True),
        ("42 or 43", "42", False),
        ("\\boxed{\\frac{1}{2}} and more", "\\frac{1}{2}", True),
        ("\\boxed{0.5}", "1/2", True),
        ("\\boxed{\\frac{2}{4}}", "\\frac12", True),
        ("Answer: 1,000", "1000", True),
        ("Answer: Paris", "paris", True),
        ("Answer:", "", False),
        ("\\boxed{never closed", "never closed", False),
        ("1/0", "1/0", True),
        ("x" * 400, "x" * 400, False),
    ],
)
def test_what_counts_as_the_answer(text: str, expected: str, right: bool) -> None:
    score = part("answer").score(Outcome({"answer": expected}, text))
    assert (score.value == 1.0) is right


def test_an_answer_is_found_in_its_text() -> None:
    assert said("a \\boxed{x^{2}} b", "") == "x^{2}"
    assert said("first 1 then -2.5", "3") == "-2.5"
    assert same("2 / 4", "1/2") and not same("a", "b")


def test_hostile_programs_score_nothing_and_do_no_harm() -> None:
    reward = part("programs")
    for program in (
        "import os\nwhile True: os.fork()",
        "import socket; socket.create_connection(('127.0.0.1', 22), 1); print(9)",
        "open('/etc/agentkit', 'w').write('x'); print(9)",
    ):
        task = {"tests": [{"expected": "9"}]}
        assert reward.score(Outcome(task, f"```python\n{program}\n```")).value == 0.0


def test_programs_can_be_held_to_code() -> None:
    task = {"tests": [{"code": "assert twice(4) == 8"}, {"code": "assert twice(0) == 1"}]}
    text = "```python\ndef twice(n):\n    return 2 * n\n```"
    assert part("programs").score(Outcome(task, text)).value == 0.0
    with agentkit.load(environ={}) as kit:
        kit.define("reward", "half", use="programs", partial=True)
        assert kit.part("reward", "half").score(Outcome(task, text)).value == 0.5


@pytest.mark.parametrize(
    "rule, text, kept",
    [
        ({"contains": "Cat"}, "a cat", True),
        ({"lacks": "cat"}, "a Cat", False),
        ({"starts": "{"}, " {}", True),
        ({"json": True}, '{"a": 1}', True),
        ({"json": True}, "{", False),
        ({"words": 2}, "one two three", False),
        ({"refuse": False}, "Here you are.", True),
    ],
)
def test_rules(rule: dict[str, object], text: str, kept: bool) -> None:
    assert part("rules").score(Outcome({"rules": [rule]}, text)).value == float(kept)


@pytest.mark.parametrize("rules", [[], [{"nonsense": 1}], ["words"], [{"words": 1, "json": True}]])
def test_rules_that_are_none_are_named(rules: list[object]) -> None:
    with pytest.raises(DataError):
        part("rules").score(Outcome({"rules": rules}, "text"))


def test_a_puzzle_that_nobody_has_is_named() -> None:
    with pytest.raises(ConfigError, match="no_such_puzzle"):
        part("puzzle").score(Outcome({"dataset": "no_such_puzzle", "entry": {}}, "1"))
