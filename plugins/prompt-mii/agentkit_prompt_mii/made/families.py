"""Families of made tasks, the small language of their instructions, and the exact follower.

A row is a few words. An instruction is at most three clauses, the first that holds decides:

    zor if has red ; mip if not sky ; else lun

    has W       the word occurs
    not W       it occurs right after the word "not"
    over K      there are more than K words ("not" is no word)
    before W V  both occur, W first

What cannot be read, and a row that no clause decides, is `<invalid>`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from agentkit.seeds import derive
from agentkit_prompt_mii.scoring import INVALID

Kind = Literal["keyword", "length", "order", "negation"]
KINDS: tuple[Kind, ...] = ("keyword", "length", "order", "negation")
WORDS = tuple(
    "red sky fox tree iron lamp rain salt wolf moon glass road bread stone silk coal fish wind "
    "gold leaf drum sand milk rope bell corn snow fire clay seed moss horn pine dust "
    "kite ship".split()
)
LABELS = tuple("zor mip lun dax vek tob rin sul gaf pim quo bex hol jav kip nar".split())
NUMBERS = ("two", "three", "four", "five")
COUNT = {word: n for n, word in enumerate(NUMBERS, 2)}
SHORTEST, LONGEST = 2, 6  # words of a row


@dataclass(frozen=True, slots=True)
class Clause:
    """label: what is said where the test holds. test: "has", "not", "over", "before" or "else"."""

    label: str
    test: str
    words: tuple[str, ...] = ()

    def holds(self, row: Sequence[str]) -> bool:
        """Whether it decides this row (words)."""
        if self.test == "else":
            return True
        plain = [w for w in row if w != "not"]
        if self.test == "has":
            return self.words[0] in plain
        if self.test == "over":
            return len(plain) > COUNT[self.words[0]]
        if self.test == "not":
            return any(a == "not" and b == self.words[0] for a, b in pairwise(row))
        one, other = self.words
        return one in plain and other in plain and plain.index(one) < plain.index(other)


ARGUMENTS = {"has": 1, "not": 1, "over": 1, "before": 2}


def read(instruction: str, labels: Sequence[str]) -> tuple[Clause, ...] | None:
    """The clauses of an instruction; None where it is not of the language, names a label that the
    task has not, or a word that nobody knows."""
    made = []
    for part in instruction.split(";"):
        words = part.split()
        if len(words) == 2 and words[0] == "else" and words[1] in labels:
            made.append(Clause(words[1], "else"))
            continue
        if len(words) < 3 or words[1] != "if" or words[0] not in labels:
            return None
        label, test, rest = words[0], words[2], tuple(words[3:])
        known = NUMBERS if test == "over" else WORDS
        if len(rest) != ARGUMENTS.get(test, -1) or any(w not in known for w in rest):
            return None
        made.append(Clause(label, test, rest))
    return tuple(made) if 0 < len(made) <= 3 else None


def follow(instruction: str, rows: Sequence[str], labels: Sequence[str]) -> list[str]:
    """What the exact follower answers to each row."""
    clauses = read(instruction, labels)
    if clauses is None:
        return [INVALID] * len(rows)
    split = [row.split() for row in rows]
    return [next((c.label for c in clauses if c.holds(row)), INVALID) for row in split]


@dataclass(frozen=True, slots=True)
class Family:
    """A task. clauses: its rule, which is also the oracle's instruction."""

    kind: Kind
    clauses: tuple[Clause, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({c.label for c in self.clauses}))

    @property
    def key(self) -> str:
        """What two tasks of one family share: rule and words, whatever the labels are called."""
        words = [f"{c.test} {' '.join(sorted(c.words))}" for c in self.clauses if c.words]
        return f"{self.kind}: {', '.join(sorted(words))}"

    @property
    def instruction(self) -> str:
        parts = [
            f"else {c.label}" if c.test == "else" else f"{c.label} if {c.test} {' '.join(c.words)}"
            for c in self.clauses
        ]
        return " ; ".join(parts)

    def rows(self, count: int, seed: int, purpose: str) -> list[tuple[str, str]]:
        """`count` distinct (row, label), the labels in turn, in chance order."""
        rng = random.Random(derive(seed, f"{purpose} {self.instruction}"))
        labels, made = list(self.labels), dict[str, str]()
        rng.shuffle(labels)
        while len(made) < count:
            wanted = labels[len(made) % len(labels)]
            text = self._row(wanted, rng)
            made.setdefault(text, wanted)
        found = list(made.items())
        rng.shuffle(found)
        return found

    def _row(self, label: str, rng: random.Random) -> str:
        """A row of that label: words by chance, with the rule's own words planted now and then, so
        that the labels are told apart by the rule and by nothing easier."""
        own = [w for c in self.clauses for w in c.words if w in WORDS]
        while True:
            words = rng.sample(WORDS, rng.randint(SHORTEST, LONGEST))
            for word in own:
                if rng.random() < (0.9 if self.kind == "order" else 0.45) and word not in words:
                    words[rng.randrange(len(words))] = word
            if self.kind == "negation":
                for n in range(len(words) - 1, -1, -1):
                    if rng.random() < (0.5 if words[n] in own else 0.15):
                        words.insert(n, "not")
            if next(c.label for c in self.clauses if c.holds(words)) == label:
                return " ".join(words)


def family(kind: Kind, rng: random.Random) -> Family:
    """One of that kind, words and labels by chance."""
    a, b, c = rng.sample(LABELS, 3)
    w, v = rng.sample(WORDS, 2)
    tests: dict[Kind, tuple[Clause, ...]] = {
        "keyword": (Clause(a, "has", (w,)), Clause(b, "has", (v,)), Clause(c, "else")),
        "length": (
            Clause(a, "over", (rng.choice(NUMBERS),)),
            Clause(b, "has", (v,)),
            Clause(c, "else"),
        ),
        "order": (Clause(a, "before", (w, v)), Clause(b, "else")),
        "negation": (Clause(a, "not", (w,)), Clause(b, "has", (v,)), Clause(c, "else")),
    }
    return Family(kind, tests[kind])


def families(count: int, seed: int = 0) -> list[Family]:
    """`count` families, kinds in turn, no two with one key."""
    rng, made = random.Random(derive(seed, "families")), dict[str, Family]()
    while len(made) < count:
        one = family(KINDS[len(made) % len(KINDS)], rng)
        made.setdefault(one.key, one)
    return list(made.values())


def split(known: Sequence[Family], unseen: int) -> tuple[list[Family], list[Family]]:
    """(to train on, unseen): the last `unseen`; keys are distinct, so none is on both."""
    return list(known[:-unseen]), list(known[-unseen:])
