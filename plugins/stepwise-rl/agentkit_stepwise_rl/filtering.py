"""What is done to samples before they are trained on: difficulty, pass rates, mixing. Each says how
many went in, came out, and why not; each is the same for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeVar

from agentkit.errors import UsageError
from agentkit.seeds import derive

RUNS = 8
"""Independent runs of a sample that say how hard it is (arXiv 2510.19386, section 3.1.1)."""
KEEP_ZERO = 0.25
"""Share of the samples that none of them solves that is kept; the paper keeps some, and does not
say how many."""


class Identified(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


@dataclass(slots=True)
class Report:
    """Counts of one treatment: `into` = `out` + all that was dropped, by reason. notes: further
    numbers."""

    name: str
    into: int = 0
    out: int = 0
    why: Counter[str] = field(default_factory=Counter)
    notes: dict[str, float] = field(default_factory=dict)

    def came(self, count: int = 1) -> None:
        self.into += count

    def kept(self, count: int = 1) -> None:
        self.out += count

    def dropped(self, why: str, count: int = 1) -> None:
        self.why[why] += count

    def to_json(self) -> dict[str, Any]:
        plain = {"name": self.name, "in": self.into, "out": self.out, "dropped": dict(self.why)}
        return plain | ({"notes": dict(self.notes)} if self.notes else {})

    def told(self) -> str:
        """In a line."""
        lost = ", ".join(f"{n} {why}" for why, n in self.why.most_common())
        return f"{self.name}: {self.out} of {self.into}" + (f" (left out: {lost})" if lost else "")


def difficulty_filter(
    samples: Sequence[T],
    right: Mapping[str, int],
    *,
    runs: int = RUNS,
    keep_zero: float = KEEP_ZERO,
    seed: int = 0,
    report: Report | None = None,
) -> list[T]:
    """Without those that every run solves, and without a part of those that none does.

    Args:
        right: by id, how many of the `runs` were right.
        keep_zero: share of the unsolved that stays, each by a draw of its own.

    Raises:
        UsageError: a sample was not run, or was right more often than it was run.
    """
    report = report or Report("difficulty")
    report.came(len(samples))
    made = []
    for one in samples:
        count = right.get(one.id, -1)
        if not 0 <= count <= runs:
            raise UsageError(f"sample {one.id!r} was right {count} times in {runs} runs", "")
        if count == runs:
            report.dropped("solved by every run")
        elif count == 0 and _share(seed, "none right", one.id) >= keep_zero:
            report.dropped("solved by no run")
        else:
            made.append(one)
    report.kept(len(made))
    report.notes["solved_by_none_kept"] = sum(right[one.id] == 0 for one in made)
    return made


def mix(
    sets: Mapping[str, Sequence[T]],
    shares: Mapping[str, float],
    *,
    size: int | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> list[T]:
    """Samples of several tasks in given shares, none twice, in an order of the seed.

    Args:
        shares: by set, above 0; they need not add up to 1.
        size: of the whole; by default as many as the scarcest set allows.

    Raises:
        UsageError: a set has no share, a share no set, or a share is not above 0.
    """
    report = report or Report("mix")
    if sets.keys() != shares.keys() or not sets or min(shares.values()) <= 0:
        raise UsageError(
            f"sets {sorted(sets)} and shares {dict(shares)} do not fit", "give each a share above 0"
        )
    whole = sum(shares.values())
    wanted = {name: share / whole for name, share in shares.items()}
    most = int(min(len(sets[name]) / share for name, share in wanted.items()) + 1e-9)
    total = most if size is None else min(size, most)
    made: list[T] = []
    for name in sorted(sets):
        some = list(sets[name])
        Random(derive(seed, f"mix {name}")).shuffle(some)
        taken = some[: round(total * wanted[name])]
        report.came(len(some))
        report.kept(len(taken))
        if len(some) > len(taken):
            report.dropped(f"beyond the share of {name}", len(some) - len(taken))
        made += taken
    Random(derive(seed, "mix")).shuffle(made)
    return made


def capped(
    samples: Sequence[T],
    key: Callable[[T], str],
    most: int,
    *,
    seed: int = 0,
    report: Report | None = None,
) -> list[T]:
    """At most `most` of each key, drawn by the seed: easy tasks must not drown the others."""
    report = report or Report("cap")
    report.came(len(samples))
    order = sorted(samples, key=lambda one: derive(seed, "cap", derive(0, one.id)))
    chosen: dict[str, list[str]] = {}
    for one in order:
        chosen.setdefault(key(one), []).append(one.id)
    kept = {i for ids in chosen.values() for i in ids[:most]}
    made = [one for one in samples if one.id in kept]
    report.kept(len(made))
    if len(made) < len(samples):
        report.dropped("beyond the cap of its query", len(samples) - len(made))
    return made


def useless_share(rate: float, group: int) -> float:
    """Share of groups whose rewards are all alike, and which teach nothing, at a pass rate."""
    return float(rate**group + (1 - rate) ** group)


@dataclass(slots=True)
class PassRates:
    """How often each sample is solved, told anew with every group that is drawn: what a filter
    found before the training grows stale as the policy moves.

    A Beta distribution a sample, (1, 1) at the start; older groups count less by `decay`.
    """

    decay: float = 0.9
    counts: dict[str, tuple[float, float]] = field(default_factory=dict)

    def told(self, id: str, right: int, runs: int) -> None:
        """A group of a sample: so many were right."""
        won, lost = self.counts.get(id, (0.0, 0.0))
        self.counts[id] = won * self.decay + right, lost * self.decay + runs - right

    def rate(self, id: str) -> float:
        """The posterior's mean."""
        won, lost = self.counts.get(id, (0.0, 0.0))
        return (won + 1) / (won + lost + 2)

    def worth(self, id: str, group: int) -> float:
        """The chance that a group of this sample teaches anything, at least 1 %: what was given up
        is looked at again now and then."""
        return max(0.01, 1 - useless_share(self.rate(id), group))

    def draw(self, ids: Sequence[str], count: int, group: int, seed: int) -> list[str]:
        """Samples for a step, none twice, by their worth (Efraimidis and Spirakis, 2006)."""
        random = Random(seed)
        keys = {i: random.random() ** (1 / self.worth(i, group)) for i in ids}
        return sorted(ids, key=lambda i: (-keys[i], i))[:count]

    def to_json(self) -> dict[str, list[float]]:
        return {id: [a, b] for id, (a, b) in self.counts.items()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Sequence[float]], decay: float = 0.9) -> PassRates:
        return cls(decay, {id: (float(a), float(b)) for id, (a, b) in plain.items()})


def _share(seed: int, purpose: str, id: str) -> float:
    """Of [0, 1), the sample's own."""
    return (derive(seed, f"{purpose} {id}") % 1_000_000) / 1_000_000
