"""What an instruction for a made task is worth, and what can be had without a generator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.capabilities import LanguageModel, Request
from agentkit.seeds import derive
from agentkit_prompt_mii.made import bed
from agentkit_prompt_mii.made.families import Family, follow
from agentkit_prompt_mii.scoring import macro_f1

BEST = 8  # samples of best-of-m
SEARCH = 200  # guesses that the search tries on the examples


@dataclass(frozen=True, slots=True)
class Case:
    """One unseen family with n examples and rows to be judged on."""

    family: Family
    examples: list[tuple[str, str]]
    rows: list[tuple[str, str]]

    def f1(self, said: Sequence[str]) -> float:
        return macro_f1([g for _, g in self.rows], said, self.family.labels).macro

    def of(self, instruction: str) -> float:
        return self.f1(follow(instruction, [t for t, _ in self.rows], self.family.labels))


def cases(unseen: Sequence[Family], size: int, rows: int) -> list[Case]:
    """The same for every generator and seed."""
    made = []
    for one in unseen:
        examples = one.rows(size, 0, "shown to judge")
        seen = {text for text, _ in examples}
        test = [r for r in one.rows(rows + size, 0, "judged on") if r[0] not in seen][:rows]
        made.append(Case(one, examples, test))
    return made


def written(model: LanguageModel, known: Sequence[Case], seed: int = 0, n: int = 1) -> list[Any]:
    """Instructions: one greedy a case, or n drawn at temperature 1."""
    requests = [
        Request(
            (),
            prompt=bed.prompt(case.family.labels, case.examples),
            max_tokens=bed.LIMIT,
            n=n,
            temperature=0.0 if n == 1 else 1.0,
        )
        for case in known
    ]
    made = model.generate(requests)
    if n == 1:
        return [one.text.strip() for one in made]
    return [[c.text.strip() for c in (one, *one.others)] for one in made]


def on_examples(case: Case, instruction: str) -> float:
    said = follow(instruction, [t for t, _ in case.examples], case.family.labels)
    return macro_f1([g for _, g in case.examples], said, case.family.labels).macro


def best_of(case: Case, drawn: Sequence[str]) -> str:
    """The one that does best on the examples themselves; the first among equals."""
    return max(drawn, key=lambda one: on_examples(case, one))


# -- what needs no generator -----------------------------------------------------------------------


def naive(case: Case) -> float:
    """The label list alone: the exact follower knows nothing, so it guesses."""
    rng = random.Random(derive(0, f"naive {case.family.instruction}"))
    return case.f1([rng.choice(case.family.labels) for _ in case.rows])


def most(case: Case) -> float:
    counts = [g for _, g in case.examples]
    label = max(sorted(set(counts)), key=counts.count)
    return case.f1([label] * len(case.rows))


def icl(case: Case) -> float:
    """What a follower that reads examples could do without an instruction: the label of the
    example with the most words in common (Jaccard, the first among equals)."""
    shown = [(set(text.split()), label) for text, label in case.examples]

    def nearest(text: str) -> str:
        words = set(text.split())
        return max(shown, key=lambda e: len(words & e[0]) / len(words | e[0]))[1]

    return case.f1([nearest(text) for text, _ in case.rows])


def search(case: Case) -> float:
    """APE's way with this follower: SEARCH well-formed guesses, the best on the examples."""
    rng = random.Random(derive(0, f"search {case.family.instruction}"))
    drawn = [bed.guess(case.family.labels, case.examples, rng) for _ in range(SEARCH)]
    return case.of(best_of(case, drawn))


PLAIN = {"naive": naive, "majority": most, "nearest example": icl, "search": search}
