"""One task, judged whole: the incumbent, examples (ICL), and an induced instruction on rows that
were held out, with what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.errors import ContextOverflow
from agentkit_prompt_mii.accepting import Decision, Ledger, Trial, break_even, judge
from agentkit_prompt_mii.examples import Examples, majority
from agentkit_prompt_mii.follower import Follower
from agentkit_prompt_mii.inducing import InstructionInducer
from agentkit_prompt_mii.instruction import Instruction, copy_rate
from agentkit_prompt_mii.scoring import F1, macro_f1
from agentkit_prompt_mii.template import NAIVE

SHOTS = (5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the report. tokens: of the prompt before the input; None where no prompt is."""

    name: str
    f1: F1
    tokens: int | None

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "macro_f1": self.f1.macro,
            "error": self.f1.error,
            "invalid": self.f1.invalid,
            "tokens": self.tokens,
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """lines: who reached what on the held-out rows. even: calls after which the instruction has
    paid for itself, by name of the ICL prompt, None where it saves nothing; ledger: what writing,
    choosing and judging took."""

    instruction: Instruction
    decision: Decision
    lines: tuple[Line, ...]
    even: dict[str, int | None]
    ledger: Ledger
    copied: float
    skipped: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "instruction": self.instruction.to_json(),
            "decision": self.decision.to_json(),
            "scores": [line.to_json() for line in self.lines],
            "break_even_calls": self.even,
            "spent": {"tokens": self.ledger.tokens, "calls": self.ledger.calls},
            "copy_rate": self.copied,
            "skipped": list(self.skipped),
        }


def run(
    inducer: InstructionInducer,
    examples: Examples,
    held: Examples,
    *,
    incumbent: Instruction | None = None,
    shots: Sequence[int] = SHOTS,
    m: int = 1,
    seed: int = 0,
) -> Judged:
    """Induces from `examples`, and judges on `held`, rows that nothing was written from.

    With m > 1, half of the examples choose among candidates.

    Args:
        incumbent: what holds now; the naive instruction where nothing does.
        shots: sizes of ICL prompts; those beyond the examples are left out, those that do not fit
            the follower's context are named in `skipped`.

    Raises:
        BackendUnavailable: generator or follower is down. Nothing is scored then.
    """
    follower, parent = inducer.follower, incumbent.hash if incumbent else ""
    if m > 1:
        middle = max(1, len(examples.rows) // 2)
        shown, judged = examples.part(examples.rows[:middle]), examples.part(examples.rows[middle:])
        made = inducer.best(shown, judged, m, seed=seed, parent=parent)
    else:
        made = inducer.induce(examples, seed=seed, parent=parent)
    spent = inducer.ledger.total  # what judging takes is no part of the price of the instruction
    tokens, calls = follower.tokens, follower.calls
    name = "incumbent" if incumbent else "naive"
    first = _trial(follower, held, name, incumbent.text if incumbent else NAIVE)
    induced = _trial(follower, held, "induced", made.text)
    rivals, skipped = [], []
    for n in shots:
        if n > len(examples.rows) and n != min(shots):
            continue
        some = examples.rows[:n]
        try:
            rivals.append(_trial(follower, held, f"ICL n={len(some)}", NAIVE, some))
        except ContextOverflow as error:
            skipped.append(f"ICL n={len(some)}: {error.message}")
    if incumbent:
        rivals.append(_trial(follower, held, "naive", NAIVE))
    findings = inducer.findings(made, examples.rows)
    decision = judge(
        held, induced, first, rivals, induced_from=examples, findings=findings, seed=seed
    )
    inducer.ledger.spend("judging", follower.tokens - tokens, follower.calls - calls)
    lines = [
        Line(one.name, macro_f1(held.gold, one.said, held.labels, error=True), one.tokens)
        for one in (first, *rivals, induced)
    ]
    guess = [majority(examples)] * len(held.rows)
    lines.insert(0, Line("majority", macro_f1(held.gold, guess, held.labels, error=True), None))
    even = {
        one.name: break_even(spent, one.tokens, induced.tokens)
        for one in rivals
        if one.name.startswith("ICL")
    }
    copied = copy_rate(made.text, examples.rows)
    return Judged(made, decision, tuple(lines), even, inducer.ledger, copied, tuple(skipped))


def _trial(
    follower: Follower, held: Examples, name: str, text: str, shown: Sequence[Any] = ()
) -> Trial:
    found = follower.answers(text, held.labels, held.texts, shown)
    return Trial(name, found.said, found.prompt)
