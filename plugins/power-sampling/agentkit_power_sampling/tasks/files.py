"""Files of yours, one task a line, as AIME, MATH and LiveCodeBench are handed around."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.capabilities import Completion, Message, Request, Sandbox
from agentkit.errors import DataError
from agentkit.unicode import split_lines
from agentkit_power_sampling.tasks.grading import equal
from agentkit_power_sampling.tasks.programs import Case, contest
from agentkit_power_sampling.tasks.task import Task

QUESTIONS = ("problem", "question", "prompt", "question_content")
ANSWERS = ("answer", "final_answer", "expected_answer", "solution")
TESTS = ("tests", "public_test_cases", "private_test_cases", "input_output")
NAMES = ("id", "unique_id", "question_id", "task_id")
# The paper's own words ask for a box, too.
MATHS = "Solve the problem step by step. Put the final answer within \\boxed{}."


def maths(path: Path) -> list[Task]:
    """A line: {"problem": …, "answer": …}; a solution whose answer is boxed will do as well.

    Raises:
        DataError: naming file and line.
    """
    made = []
    for number, entry in lines(path):
        question, answer = (_field(path, number, entry, keys) for keys in (QUESTIONS, ANSWERS))
        request = Request.of(Message.system(MATHS), question)
        made.append(Task(_name(entry, number), request, partial(_equal, answer)))
    return made


def _equal(answer: str, made: Completion) -> float:
    return float(equal(made.text, answer))


def code(path: Path, sandbox: Sandbox) -> list[Task]:
    """A line: {"question": …, "tests": [{"input": …, "output": …}]}, or LiveCodeBench's own fields;
    tests that call a function have its name in "call", or in metadata's func_name.

    Raises:
        DataError: naming file and line.
    """
    made = []
    for number, entry in lines(path):
        question = _field(path, number, entry, QUESTIONS)
        if entry.get("starter_code"):
            question += f"\n\nBegin with:\n```python\n{entry['starter_code']}\n```"
        cases = _cases(path, number, entry)
        made.append(contest(_name(entry, number), question, cases, sandbox))
    return made


def _cases(path: Path, number: int, entry: Mapping[str, Any]) -> list[Case]:
    name = str(_decoded(path, number, entry.get("metadata") or {}).get("func_name") or "")
    found = []
    for key in TESTS:
        given = _decoded(path, number, entry.get(key) or [])
        if isinstance(given, Mapping):  # {"inputs": […], "outputs": […]}
            given = [
                {"input": one, "output": other}
                for one, other in zip(given.get("inputs", ()), given.get("outputs", ()))
            ]
        for test in given:
            if not isinstance(test, Mapping) or not {"input", "output"} <= test.keys():
                raise DataError(f"{path}:{number}: {key}: a test needs input and output")
            call = name if test.get("testtype") == "functional" else ""
            case = Case(str(test["input"]), str(test["output"]), str(test.get("call") or call))
            found.append(case)
    if not found:
        raise DataError(f"{path}:{number}: no tests", f"give them as one of {', '.join(TESTS)}")
    return found


def _decoded(path: Path, number: int, value: Any) -> Any:
    """JSON inside JSON. What is packed in another way (LiveCodeBench pickles its private tests) is
    not read: unpickling runs what it is given."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise DataError(
            f"{path}:{number}: packed tests are not read",
            "unpack them to JSON first, with a program that you trust",
        ) from None


def lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """(line number, object) of a JSON lines file.

    Raises:
        DataError: naming file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", "give a file of JSON lines") from error
    found = []
    for number, line in enumerate(split_lines(text), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: no JSON: {error}", "one object a line") from error
        if not isinstance(entry, dict):
            raise DataError(f"{path}:{number}: no object", "one object a line")
        found.append((number, entry))
    if not found:
        raise DataError(f"{path} holds no task", "one JSON object a line")
    return found


def _field(path: Path, number: int, entry: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        if entry.get(key) not in (None, ""):
            return str(entry[key])
    raise DataError(f"{path}:{number}: there is none of: {', '.join(keys)}")


def _name(entry: Mapping[str, Any], number: int) -> str:
    return str(next((entry[key] for key in NAMES if entry.get(key) is not None), number))
