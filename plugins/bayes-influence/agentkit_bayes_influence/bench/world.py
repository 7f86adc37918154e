"""A small world in two languages, for asking which sentence taught a fact.

A fact is taught in one language and asked in the other, so that no word of the question, nor of its
wording, stands in a sentence that taught it; the answer's word is one of few and stands in many. A
glossary, read before, describes the names of both languages by the same traits: from it alone a
model can know that two names mean one thing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

LANGUAGES = ("plain", "coded")
PLACES = (
    "Velmora Tarsk Ostrin Quell Brenna Ydris Marlow Senka Dorvat Ilmen Harrow Pesk Lunder Vask "
    "Corrin Thale"
).split()
FIELDS = "capital harvest emblem patron river festival".split()
ANSWERS = (
    "copper owl lantern salt willow anvil heron amber barley comet harp granite fox saffron "
    "mirror thistle"
).split()
TRAITS = (
    "coastal northern old quiet tall windy green stony warm narrow bright famous deep round heavy "
    "early hollow smooth bitter distant rare sharp golden plain"
).split()
WORDINGS = {
    "plain": (("in", "is"), ("at", "was"), ("for", "became"), ("by", "means"), ("from", "gives")),
    "coded": (
        ("lookup", "returns"), ("row", "holds"), ("record", "shows"), ("entry", "lists"),
        ("key", "prints"),
    ),
}  # fmt: skip
Words = tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """language: in which it is taught; it is asked in the other one."""

    place: int
    field: int
    answer: str
    language: str

    def asked_in(self) -> str:
        return LANGUAGES[self.language == LANGUAGES[0]]


@dataclass(frozen=True)
class World:
    """facts. taught: five sentences of each fact, fact after fact. glossary: sentences that hold no
    fact. questions: one sentence a fact. A sentence is five words, its last one what is learned."""

    facts: tuple[Fact, ...]
    taught: tuple[Words, ...]
    glossary: tuple[Words, ...]
    questions: tuple[Words, ...]

    @property
    def words(self) -> list[str]:
        seen = (*self.taught, *self.glossary, *self.questions)
        return sorted({word for sentence in seen for word in sentence})


def world(facts: int, seed: int) -> World:
    """A world with that many facts, half of them taught in each language."""
    rng = random.Random(f"world {seed}")
    names = {
        "plain": (PLACES, FIELDS),
        "coded": (_codes("unit", len(PLACES), rng), _codes("field", len(FIELDS), rng)),
    }
    pairs = [(p, f) for p in range(len(PLACES)) for f in range(len(FIELDS))]
    made = tuple(
        Fact(p, f, rng.choice(ANSWERS), LANGUAGES[n % 2])
        for n, (p, f) in enumerate(rng.sample(pairs, facts))
    )

    def said(fact: Fact, language: str, wording: int) -> Words:
        first, then = WORDINGS[language][wording]
        places, fields = names[language]
        both = (places[fact.place], fields[fact.field])
        return (first, *(both[::-1] if wording % 2 else both), then, fact.answer)

    glossary = []
    for kind, count in ((0, len(PLACES)), (1, len(FIELDS))):
        for number in range(count):
            for trait in rng.sample(TRAITS, 3):
                for language in LANGUAGES:
                    name = names[language][kind][number]
                    glossary.append(("the", "name", name, "suggests", trait))
    return World(
        made,
        tuple(said(fact, fact.language, w) for fact in made for w in range(5)),
        tuple(glossary),
        tuple(said(fact, fact.asked_in(), rng.randrange(5)) for fact in made),
    )


def _codes(kind: str, count: int, rng: random.Random) -> list[str]:
    return [f"{kind}-{number}" for number in rng.sample(range(10, 100), count)]
