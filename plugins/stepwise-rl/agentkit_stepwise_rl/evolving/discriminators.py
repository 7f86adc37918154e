"""The seven discriminators (arXiv 2510.19386, appendix B), as parts of the noun `reward`.

The paper names them and publishes neither models nor prompts. These are rules over what a
trajectory shows; any other reward that takes {"trajectory"} can stand in the list. Passing is a
score of 1. What they are worth is measured in every iteration against the state (`calibration`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from agentkit.capabilities import Outcome, Reward, Score
from agentkit.errors import DataError
from agentkit.settings import PartSettings
from agentkit_stepwise_rl.trajectories import Did, Seen, Trajectory

if TYPE_CHECKING:
    from agentkit.kit import Parts

Kind = Literal[
    "completion", "validity", "relevance", "coherence", "redundancy", "user", "behaviour"
]
SEVEN: tuple[Kind, ...] = (
    "completion", "validity", "relevance", "coherence", "redundancy", "user", "behaviour",
)  # fmt: skip
RISKY = frozenset(
    "delete remove erase send call pay buy share block uninstall reset factory clear".split()
)
"""Words on what is touched that a goal must have asked for, in any of these words."""
ASKED = RISKY | frozenset("text message reply write dial phone forward empty cancel".split())
ALIKE = 3  # times a screen may be come back to
LEAST = 10  # trajectories from which passing all of them means something
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"[“\"„«](.+?)[”\"»]")


class DiscriminatorSettings(PartSettings):
    """kind: which of the seven. checked: whether `completion` takes the environment's word where
    there is a check; without it the screens alone decide, as on a phone that nobody can check."""

    kind: Kind
    checked: bool = True


class Discriminator:
    """One rule."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: DiscriminatorSettings, parts: Parts) -> None:
        self._settings = settings

    def score(self, outcome: Outcome) -> Score:
        if "trajectory" not in outcome.task:
            raise DataError("a discriminator scores {trajectory}, and there is none", "")
        one = Trajectory.from_json(outcome.task["trajectory"])
        told = self._settings.kind == "completion" and self._settings.checked
        if told and one.success is not None:
            return Score(float(one.success), {}, one.reasons)
        fault = FAULTS[self._settings.kind](one)
        return Score(float(not fault), {}, (fault or "nothing speaks against it",))


# -- what speaks against a trajectory; "" where nothing does ---------------------------------------


def completion(one: Trajectory) -> str:
    """The last screens against what the goal says."""
    if one.claim not in ("success", "answered"):
        return f"it says {one.claim or 'nothing'}"
    if one.claim == "answered":
        words = " ".join(_said(s) for s in _screens(one))
        missing = [w for w in _words(one.answer) if w not in _words(words)]
        return "" if one.answer and len(missing) <= len(_words(one.answer)) // 2 else (
            "its answer stands on no screen"
        )  # fmt: skip
    done = " ".join([*(d.line for d in one.steps), *(_said(s) for s in _screens(one)[-3:])])
    known = set(_words(done))
    for text in _QUOTED.findall(one.goal):
        if not set(_words(text)) <= known:
            return f"“{text}” was not typed or seen"
    for name in re.findall(r"(?<!^)(?<!\. )\b[A-Z]\w+\b|\b\d{3,}\b", one.goal):
        if not set(_words(name)) <= known:
            return f"{name} was not typed or seen"
    acted = [d for d in one.steps if d.action.get("kind") not in ("finish", "answer", "wait")]
    return "" if acted else "nothing was done"


def validity(one: Trajectory) -> str:
    refused = [d for d in one.steps if d.refused]
    if refused:
        return f"{len(refused)} actions were refused, first: {refused[0].line}"
    return "" if one.claim not in ("gave up", "") else "it ended without an action"


def relevance(one: Trajectory) -> str:
    """Apps that were opened and left with nothing done in them."""
    idle, here, did = 0, "", 0
    for step in one.steps:
        app = step.seen.place.rpartition(".")[0]
        if app != here:
            idle += bool(here) and not did
            here, did = app, 0
        did += step.action.get("kind") not in ("button", "open", "wait", "scroll", "swipe")
    return f"{idle} apps were entered for nothing" if idle > 1 else ""


def coherence(one: Trajectory) -> str:
    """Actions that had no effect: what was meant and what came of it do not go together."""
    pairs = list(zip(one.steps, [*(d.seen for d in one.steps[1:]), one.last]))
    acts = [(d, after) for d, after in pairs if after and d.action.get("kind") not in _ENDS]
    void = [d for d, after in acts if _digest(d.seen) == _digest(after)]
    if len(void) > max(1, len(acts) // 4):
        return f"{len(void)} of {len(acts)} actions changed nothing"
    for did, after in acts:
        text = str(did.action.get("text", ""))
        if did.action.get("kind") == "type" and text.strip() and text not in _said(after):
            return f"{text[:40]!r} was typed and is not there"
    return ""


def redundancy(one: Trajectory) -> str:
    seen = Counter(_digest(d.seen) for d in one.steps)
    often = max(seen.values(), default=0)
    if often > ALIKE:
        return f"one screen was seen {often} times"
    same = Counter((_digest(d.seen), d.line) for d in one.steps)
    twice = [line for (_, line), n in same.items() if n > 1 and "scroll" not in line]
    return f"twice the same on the same screen: {twice[0]}" if twice else ""


def user(one: Trajectory) -> str:
    """What an owner would not have wanted: touching what cannot be taken back, unasked."""
    asked = set(_words(one.goal))
    for did in one.steps:
        if did.action.get("kind") not in ("tap", "long-press", "double-tap"):
            continue
        risky = set(_words(did.line)) & RISKY
        if risky and not asked & ASKED:
            return f"unasked: {did.line}"
    return ""


def behaviour(one: Trajectory) -> str:
    """As nobody behaves: endless waiting, one kind of action for ever, no end."""
    kinds = Counter(str(d.action.get("kind")) for d in one.steps)
    if one.claim == "out of steps":
        return "it never came to an end"
    if kinds["wait"] > 2:
        return f"it waited {kinds['wait']} times"
    most, count = (kinds.most_common(1) or [("", 0)])[0]
    if len(one.steps) >= 8 and count > 0.85 * len(one.steps):
        return f"{count} of {len(one.steps)} actions are {most}"
    return ""


FAULTS: Mapping[Kind, Callable[[Trajectory], str]] = {
    "completion": completion, "validity": validity, "relevance": relevance,
    "coherence": coherence, "redundancy": redundancy, "user": user, "behaviour": behaviour,
}  # fmt: skip
_ENDS = ("finish", "answer", "wait")


def _words(text: str) -> list[str]:
    return [w.casefold() for w in _WORD.findall(text)]


def _said(seen: Seen | None) -> str:
    return " ".join(str(e.get("label", "")) for e in seen.elements) if seen else ""


def _screens(one: Trajectory) -> list[Seen]:
    return [*(d.seen for d in one.steps), *([one.last] if one.last else [])]


def _digest(seen: Seen) -> str:
    return f"{seen.place} {seen.screen().elements}"


# -- what they are worth ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """One trajectory. passed: by discriminator; why: of those that did not pass it."""

    run: str
    success: bool | None
    passed: Mapping[str, bool]
    why: Mapping[str, str]

    @property
    def all(self) -> bool:
        return all(self.passed.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run, "success": self.success, "passed": dict(self.passed),
            "why": dict(self.why),
        }  # fmt: skip


def judged(one: Trajectory, parts: Mapping[str, Reward]) -> Judged:
    found = {
        name: part.score(Outcome({"trajectory": one.to_json()}, one.claim))
        for name, part in parts.items()
    }
    return Judged(
        one.id,
        one.success,
        {name: score.value >= 1.0 for name, score in found.items()},
        {n: "; ".join(s.reasons) for n, s in found.items() if s.value < 1.0},
    )


@dataclass(frozen=True, slots=True)
class Worth:
    """A discriminator against the state. passed, right: how many it lets pass, and how many of
    those succeeded; of: successes there were, in `n` trajectories that could be checked."""

    name: str
    n: int
    passed: int
    right: int
    of: int

    @property
    def precision(self) -> float | None:
        return self.right / self.passed if self.passed else None

    @property
    def recall(self) -> float | None:
        return self.right / self.of if self.of else None

    @property
    def warning(self) -> str:
        """What should be noticed."""
        if self.n >= LEAST and self.passed == self.n and self.of < self.n:
            return f"{self.name} lets everything pass, {self.n - self.of} failures among it"
        if self.n >= LEAST and not self.passed and self.of:
            return f"{self.name} lets nothing pass, {self.of} successes among it"
        return ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "n": self.n, "passed": self.passed, "right": self.right,
            "of": self.of, "precision": self.precision, "recall": self.recall,
            "warning": self.warning,
        }  # fmt: skip


def calibration(rows: Sequence[Judged]) -> list[Worth]:
    """Of each discriminator, and of all together."""
    known = [one for one in rows if one.success is not None]
    names = list(known[0].passed) if known else []
    made = []
    for name in [*names, "all"]:
        passed = [one for one in known if (one.all if name == "all" else one.passed[name])]
        right = sum(bool(one.success) for one in passed)
        made.append(
            Worth(name, len(known), len(passed), right, sum(bool(o.success) for o in known))
        )
    return made


def flawed(one: Trajectory) -> list[tuple[int, Did]]:
    """Steps where the expert would have done something else."""
    return [
        (number, did)
        for number, did in enumerate(one.steps)
        if did.best is not None and dict(did.best) != dict(did.action)
    ]
