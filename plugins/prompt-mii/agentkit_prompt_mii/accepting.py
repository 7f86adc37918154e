"""Whether an instruction may replace another, which of several is best, and what it all cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from agentkit.errors import UsageError
from agentkit.seeds import derive
from agentkit_prompt_mii.examples import Examples, normalised
from agentkit_prompt_mii.scoring import Difference, macro_f1, paired


@dataclass(frozen=True, slots=True)
class Trial:
    """One prompt's answers to the held-out rows. tokens: of the prompt before the input."""

    name: str
    said: tuple[str, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Decision:
    """accepted: whether the candidate replaces the incumbent. why: in words, kept with it. against:
    the paired difference to each rival."""

    accepted: bool
    why: str
    against: Mapping[str, Difference] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        rivals = {n: [d.mean, d.low, d.high] for n, d in self.against.items()}
        return {"accepted": self.accepted, "why": self.why, "against": rivals}


def judge(
    held: Examples,
    candidate: Trial,
    incumbent: Trial,
    rivals: Sequence[Trial] = (),
    *,
    induced_from: Examples | None = None,
    findings: Sequence[str] = (),
    seed: int = 0,
) -> Decision:
    """Guarded acceptance: the candidate must beat the incumbent, and lose to no rival of at most
    its own tokens.

    "Beat" is a paired bootstrap over held-out rows whose 95 % interval lies above 0. "Lose" is one
    whose interval lies below 0: a rival as good as the candidate for as few tokens is no reason to
    change nothing, one that is surely better is.

    Args:
        induced_from: the rows that the candidate was written from.
        findings: of the linter; any refuses the candidate.

    Raises:
        UsageError: a held-out row is one that the candidate was written from.
    """
    if induced_from is not None:
        known = {normalised(row.text) for row in induced_from.rows}
        both = [row.number for row in held.rows if normalised(row.text) in known]
        if both:
            raise UsageError(
                f"row {both[0]} was induced from, so it cannot judge the instruction",
                "judge on rows that were held out",
            )
    against = {
        one.name: paired(held.gold, candidate.said, one.said, held.labels, seed=seed)
        for one in (incumbent, *rivals)
    }
    if findings:
        return Decision(False, "; ".join(findings), against)
    first = against[incumbent.name]
    if first.low <= 0:
        return Decision(
            False,
            f"not surely better than {incumbent.name}: macro-F1 {100 * first.mean:+.1f} points "
            f"[{100 * first.low:+.1f}, {100 * first.high:+.1f}] on {first.n} held-out rows",
            against,
        )
    for one in rivals:
        difference = against[one.name]
        if one.tokens <= candidate.tokens and difference.high < 0:
            return Decision(
                False,
                f"{one.name} is surely better for {one.tokens} tokens instead of "
                f"{candidate.tokens}: {100 * -difference.mean:+.1f} points",
                against,
            )
    return Decision(
        True,
        f"better than {incumbent.name} by {100 * first.mean:.1f} points "
        f"[{100 * first.low:.1f}, {100 * first.high:.1f}] on {first.n} held-out rows",
        against,
    )


@dataclass(frozen=True, slots=True)
class Halving:
    """winner: place of the best candidate. calls: rows that were scored in all. rounds: the places
    that were left after each."""

    winner: int
    calls: int
    rounds: tuple[tuple[int, ...], ...]


def halving(
    count: int,
    examples: Examples,
    answers: Callable[[int, Examples], Sequence[str]],
    *,
    first: int = 16,
    seed: int = 0,
) -> Halving:
    """Best of `count` candidates by successive halving (Jamieson and Talwalkar 2016): all are
    scored on few rows, the better half on twice as many, and so on. Rows are the same for all.

    Args:
        answers: (place, rows) to what the follower says with that candidate.
        first: rows of the first round.
    """
    left, size, calls, rounds = list(range(count)), first, 0, []
    while len(left) > 1:
        rows = examples.part(examples.balanced(min(size, len(examples.rows)), seed))
        scores = {
            place: macro_f1(rows.gold, answers(place, rows), rows.labels).macro for place in left
        }
        calls += len(left) * len(rows.rows)
        rng = Random(derive(seed, "ties", size))
        order = sorted(left, key=lambda place: (-scores[place], rng.random()))
        left = sorted(order[: math.ceil(len(left) / 2)])
        rounds.append(tuple(left))
        size *= 2
    return Halving(left[0], calls, tuple(rounds))


@dataclass(slots=True)
class Ledger:
    """Tokens and calls by what they were spent on."""

    tokens: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def spend(self, what: str, tokens: int, calls: int = 1) -> None:
        self.tokens[what] = self.tokens.get(what, 0) + tokens
        self.calls[what] = self.calls.get(what, 0) + calls

    @property
    def total(self) -> int:
        return sum(self.tokens.values())


def break_even(spent: int, examples_tokens: int, instruction_tokens: int) -> int | None:
    """The number of calls after which an instruction has paid for itself beside a prompt with
    examples: the smallest n with n · saved > spent; None where it saves nothing.

    Args:
        spent: tokens to induce it.
        examples_tokens, instruction_tokens: of a call's prompt before the input.

    Raises:
        UsageError: a negative number of tokens.
    """
    if min(spent, examples_tokens, instruction_tokens) < 0:
        raise UsageError("tokens cannot be negative", "")
    saved = examples_tokens - instruction_tokens
    return spent // saved + 1 if saved > 0 else None
