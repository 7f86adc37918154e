"""Rewards that can be checked: right answers, programs that pass, puzzles solved, rules kept."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from agentkit.capabilities import Limits, Outcome, Sandbox, Score
from agentkit.errors import ConfigError, DataError
from agentkit.kit import Parts
from agentkit.settings import PartSettings

LONGEST = 300  # characters of an answer that are compared
PYTHON = ("/usr/bin/python3", "-I", "main.py")
_BLOCK = re.compile(r"```(?:python|py|python3)?[ \t]*\n(.*?)(?:```|\Z)", re.S | re.I)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?")
_REFUSALS = (
    "i can't",
    "i cannot",
    "i won't",
    "i will not",
    "i'm not able",
    "i am not able",
    "sorry",
)


class NoSettings(PartSettings):
    """None."""


class ExactAnswer:
    """1 where the answer is the task's `answer`: as written, as a number, or, where math-verify is
    installed, in value. What counts of the text is what stands in the last \\boxed{}, else behind
    the last "Answer:", else its last number where the expected answer is one, else all of it."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: NoSettings, parts: Parts) -> None:
        self._name = parts.name

    def score(self, outcome: Outcome) -> Score:
        expected = str(_needed(self._name, outcome.task, "answer")).strip()
        given = said(outcome.answer, expected)
        right = bool(given) and len(given) <= LONGEST and same(given, expected)
        reason = f"{given[:60]!r} is {'' if right else 'not '}{expected[:60]!r}"
        return Score(float(right), {"right": float(right)}, (reason,))


def said(text: str, expected: str) -> str:
    """The answer in a text."""
    if "\\boxed{" in text:
        return _braced(text.rpartition("\\boxed{")[2])
    _, mark, behind = text.rpartition("Answer:")
    if mark:
        return behind.strip().splitlines()[0].strip() if behind.strip() else ""
    numbers = _NUMBER.findall(text) if _number(expected) is not None else []
    return numbers[-1] if numbers else text.strip()


def _braced(text: str) -> str:
    depth = 1
    for at, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if not depth:
            return text[:at].strip()
    return ""


def same(given: str, expected: str) -> bool:
    """Whether two answers are equal."""
    if _plain(given) == _plain(expected):
        return True
    one, other = _number(given), _number(expected)
    if one is not None and other is not None:
        return one == other
    return importlib.util.find_spec("math_verify") is not None and _verified(given, expected)


def _plain(text: str) -> str:
    return "".join(text.split()).strip("$.").casefold()


def _number(text: str) -> Fraction | None:
    try:
        return Fraction(text.replace(",", "").strip("$% ."))
    except (ValueError, ZeroDivisionError):
        return None


def _verified(given: str, expected: str) -> bool:
    """By value. The library's time limits are signals, which only the main thread can have."""
    verify = importlib.import_module("math_verify")
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    limit = 3 if threading.current_thread() is threading.main_thread() else None
    try:
        one, other = (verify.parse(f"${t}$", parsing_timeout=limit) for t in (expected, given))
        return bool(one and other and verify.verify(one, other, timeout_seconds=limit))
    except Exception:  # a text that a model made up may break any parser
        return False


class ProgramSettings(PartSettings):
    """sandbox: where programs run. seconds: for each test. partial: the share of tests that pass,
    in place of all or nothing."""

    sandbox: str = "sandbox"
    seconds: float = 5.0
    partial: bool = False


class Programs:
    """Runs the last code block of an answer in a sandbox against the task's `tests`: a list of
    {"stdin", "expected"}, or {"code"} that is appended and must end well."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: ProgramSettings, parts: Parts) -> None:
        self._settings, self._name = settings, parts.name
        self._sandbox: Sandbox = parts["sandbox"]

    def score(self, outcome: Outcome) -> Score:
        tests = _needed(self._name, outcome.task, "tests")
        if not isinstance(tests, Sequence) or not tests:
            raise DataError(f"rewards.{self._name}: a task's tests are an empty list", "give some")
        blocks = _BLOCK.findall(outcome.answer)
        program = blocks[-1] if blocks else outcome.answer
        passed = [self._passes(program, test) for test in tests]
        share = sum(passed) / len(passed)
        value = share if self._settings.partial else float(share == 1.0)
        return Score(value, {"passed": share}, (f"{sum(passed)} of {len(passed)} tests passed",))

    def _passes(self, program: str, test: Mapping[str, Any]) -> bool:
        whole = f"{program}\n\n{test['code']}\n" if "code" in test else program
        done = self._sandbox.run(
            PYTHON,
            files={"main.py": whole.encode(errors="replace")},
            stdin=str(test.get("stdin", "")).encode(errors="replace"),
            limits=Limits(seconds=self._settings.seconds),
        )
        expected = test.get("expected")
        if done.exit != 0:
            return False
        return expected is None or _lines(done.stdout) == _lines(str(expected))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


class Puzzles:
    """The verdict of reasoning-gym's own verifier. A task names its `dataset`, and carries the
    `entry` that was made."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: NoSettings, parts: Parts) -> None:
        self._name, self._known = parts.name, dict[str, Any]()

    def score(self, outcome: Outcome) -> Score:
        dataset = str(_needed(self._name, outcome.task, "dataset"))
        entry = _needed(self._name, outcome.task, "entry")
        if dataset not in self._known:
            self._known[dataset] = puzzle_set(dataset, 1, 0)
        value = float(self._known[dataset].score_answer(said(outcome.answer, ""), dict(entry)))
        value = min(1.0, max(0.0, value))
        return Score(value, {"solved": float(value >= 1.0)}, (f"{dataset}: {value:g}",))


def puzzle_set(name: str, size: int, seed: int, **settings: Any) -> Any:
    """A data set of reasoning-gym.

    Raises:
        ConfigError: the package is not installed, or has no such set.
    """
    try:
        gym = importlib.import_module("reasoning_gym")
    except ImportError as error:
        raise ConfigError(
            f"puzzles need the package reasoning-gym: {error}",
            "python -m pip install 'agentkit-ring-rl[puzzles]'",
        ) from error
    try:
        return gym.create_dataset(name, size=size, seed=seed, **settings)
    except (ValueError, TypeError, AssertionError) as error:
        raise ConfigError(f"reasoning-gym: {name}: {error}", "see its list of data sets") from error


class Rules:
    """The share of a task's `rules` that an answer keeps: for general RL, format and refusal.
    A rule is one of {"contains": text}, {"lacks": text}, {"words": most}, {"starts": text},
    {"json": true}, {"refuse": true or false}."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: NoSettings, parts: Parts) -> None:
        self._name = parts.name

    def score(self, outcome: Outcome) -> Score:
        rules = _needed(self._name, outcome.task, "rules")
        if not isinstance(rules, Sequence) or not rules:
            raise DataError(f"rewards.{self._name}: a task's rules are an empty list", "give some")
        kept = [(_told(rule), self._keeps(outcome.answer, rule)) for rule in rules]
        value = sum(held for _, held in kept) / len(kept)
        reasons = tuple(f"{'keeps' if held else 'breaks'} {rule}" for rule, held in kept)
        return Score(value, {rule: float(held) for rule, held in kept}, reasons)

    def _keeps(self, text: str, rule: Mapping[str, Any]) -> bool:
        ((kind, wanted),) = rule.items()
        if kind == "contains":
            return str(wanted).casefold() in text.casefold()
        if kind == "lacks":
            return str(wanted).casefold() not in text.casefold()
        if kind == "words":
            return 0 < len(text.split()) <= int(wanted)
        if kind == "starts":
            return text.lstrip().startswith(str(wanted))
        if kind == "json":
            return _is_json(text) == bool(wanted)
        if kind == "refuse":
            return any(word in text.casefold()[:200] for word in _REFUSALS) == bool(wanted)
        raise DataError(
            f"rewards.{self._name}: no rule {kind!r}",
            "use contains, lacks, words, starts, json or refuse",
        )


def _told(rule: Any) -> str:
    if not isinstance(rule, Mapping) or len(rule) != 1:
        raise DataError(f"a rule is {rule!r}", 'write it as {"contains": "text"}')
    return json.dumps(dict(rule), ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _needed(name: str, task: Mapping[str, Any], key: str) -> Any:
    if key not in task:
        raise DataError(f"rewards.{name}: a task has no {key!r}", "give it with the example")
    return task[key]
