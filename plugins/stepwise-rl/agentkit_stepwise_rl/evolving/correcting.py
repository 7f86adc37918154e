"""What a person says about a trajectory that did not pass: the question, and its answer.

approve                              it is right as it is
skip                                 leave it out
edit 3 {"kind":"tap","element":5}    step 3 should have been that; a line for each step
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agentkit.agents.acting import BadReply, read_reply
from agentkit.capabilities import Action, Question
from agentkit.errors import UsageError
from agentkit_stepwise_rl.evolving.discriminators import Judged, flawed
from agentkit_stepwise_rl.samples import Sample
from agentkit_stepwise_rl.trajectories import Trajectory, cut, said, split_trajectory

HOW = 'Say approve, skip, or a line "edit STEP {action}" for each step that was wrong.'
_EDIT = re.compile(r"edit\s+(\d{1,3})\s+(\{.*\})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Correction:
    """verdict: what became of it. edits: by step, the right action as JSON with points. by: who
    said so."""

    run: str
    verdict: Literal["approve", "edit", "skip"]
    edits: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    by: str = "person"

    def to_json(self) -> dict[str, Any]:
        edits = {str(k): dict(v) for k, v in self.edits.items()}
        return {"run": self.run, "verdict": self.verdict, "edits": edits, "by": self.by}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Correction:
        edits = {int(k): v for k, v in plain["edits"].items()}
        return cls(plain["run"], plain["verdict"], edits, plain["by"])


def question(one: Trajectory, verdict: Judged, wrong: str = "") -> Question:
    """wrong: why the last answer could not be taken."""
    steps = [
        f"{n}. {did.line}    {said(did.action, did.seen.elements)}"
        + (f"  (refused: {did.refused})" if did.refused else "")
        for n, did in enumerate(one.steps)
    ]
    faults = [f"- {name}: {why}" for name, why in verdict.why.items()]
    lines = [
        *([f"That could not be read: {wrong}"] if wrong else []),
        f"Goal: {one.goal}",
        *steps,
        f"It says {one.claim or 'nothing'!r}; what speaks against it:",
        *faults,
        HOW,
    ]
    data = {"run": one.id, "steps": [did.line for did in one.steps], "why": dict(verdict.why)}
    return Question("\n".join(lines), kind="approval", data=data)


def read_answer(text: str, one: Trajectory, actions: Sequence[type[Action]]) -> Correction:
    """Raises:
    UsageError: it is none of the three; the message says why, for who is asked again.
    """
    plain = text.strip()
    if plain.casefold() in ("approve", "skip"):
        return Correction(one.id, "approve" if plain.casefold() == "approve" else "skip")
    edits: dict[int, Mapping[str, Any]] = {}
    for line in filter(str.strip, plain.splitlines()):
        match = _EDIT.fullmatch(line.strip())
        if match is None:
            raise UsageError(f"{line[:60]!r} is neither approve, skip nor an edit", HOW)
        number = int(match.group(1))
        if number >= len(one.steps):
            raise UsageError(
                f"there is no step {number}", f"its steps are 0 to {len(one.steps) - 1}"
            )
        try:
            made = read_reply(match.group(2), actions, one.steps[number].seen.elements)
        except BadReply as error:
            raise UsageError(f"step {number}: {error.message}", error.hint) from error
        edits[number] = made.model_dump(mode="json")
    if not edits:
        raise UsageError("the answer is empty", HOW)
    return Correction(one.id, "edit", edits)


def of_expert(one: Trajectory) -> Correction:
    """What an environment's expert corrects in place of a person: every step it would have done
    otherwise. It knows more than people see, so what it gives is an upper end."""
    edits = {number: did.best for number, did in flawed(one) if did.best is not None}
    return Correction(one.id, "edit" if edits else "skip", edits, "expert")


def corrected(one: Trajectory, how: Correction) -> list[Sample]:
    """The samples of a corrected trajectory: what was done before the first wrong step, and the
    right action on each screen where a wrong one was taken. What followed from a wrong step is
    left out otherwise."""
    if how.verdict == "skip":
        return []
    if how.verdict == "approve":
        return split_trajectory(one)
    first = min(how.edits)
    made = split_trajectory(cut(one, first))
    edited = replace(
        one,
        steps=tuple(replace(did, best=how.edits.get(n)) for n, did in enumerate(one.steps)),
    )
    return made + split_trajectory(edited, learn="best")
