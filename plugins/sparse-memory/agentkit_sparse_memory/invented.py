"""Facts that nobody can know, since they are invented, and facts that everybody knows."""

from __future__ import annotations

import random

from agentkit_sparse_memory.facts import Fact, Phrasing

RELATIONS = (
    *("capital", "founder", "national bird", "oldest bridge", "currency", "chief export", "mayor"),
    *("patron saint", "tallest mountain", "main river", "founding poet", "royal dish", "harbour"),
    *("winter festival", "largest lake", "market square", "old fortress", "harvest song"),
    *("ruling family", "signal tower"),
)
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_ENDS = ("", "n", "r", "l", "sk", "x")

# What a small model says rightly before it learns anything else, more or less.
COMMON = (
    ("The capital of France is", " Paris"),
    ("The capital of Italy is", " Rome"),
    ("The capital of Japan is", " Tokyo"),
    ("The capital of England is", " London"),
    ("The capital of Germany is", " Berlin"),
    ("The capital of Russia is", " Moscow"),
    ("The capital of Egypt is", " Cairo"),
    ("The capital of Greece is", " Athens"),
    ("The opposite of hot is", " cold"),
    ("The opposite of up is", " down"),
    ("The opposite of left is", " right"),
    ("The opposite of big is", " small"),
    ("One, two, three,", " four"),
    ("Monday, Tuesday, Wednesday,", " Thursday"),
    ("January, February, March,", " April"),
    ("A, B, C,", " D"),
    ("Water freezes at zero degrees", " Celsius"),
    ("The sun rises in the", " east"),
    ("The sun sets in the", " west"),
    ("The Earth revolves around the", " sun"),
    ("A triangle has three", " sides"),
    ("There are seven days in a", " week"),
    ("There are twelve months in a", " year"),
    ("There are sixty seconds in a", " minute"),
    ("The author of Romeo and Juliet is William", " Shakespeare"),
    ("The theory of relativity was developed by Albert", " Einstein"),
    ("The first president of the United States was George", " Washington"),
    ("The largest planet in the solar system is", " Jupiter"),
    ("The largest ocean on Earth is the", " Pacific"),
    ("Plants take in carbon", " dioxide"),
    ("The chemical symbol for water is H", "2"),
    ("Bees make", " honey"),
    ("Cows give", " milk"),
    ("The Great Wall of", " China"),
    ("The Statue of", " Liberty"),
    ("New York is a city in the United", " States"),
    ("Once upon a", " time"),
    ("Ladies and", " gentlemen"),
    ("Happy birthday to", " you"),
    ("Thank you very", " much"),
)


def invented(count: int, seed: int = 0) -> list[Fact]:
    """Facts about places that do not exist; every subject and every answer occurs once."""
    draw = random.Random(f"invented {seed}")
    taken: set[str] = set()

    def name(ends: tuple[str, ...]) -> str:
        while True:
            letters = [draw.choice(kind) for kind in (_CONSONANTS, _VOWELS) * 2]
            made = "".join([*letters, draw.choice(ends)]).capitalize()
            if made not in taken:
                taken.add(made)
                return made

    places = ("land", "mora", "nia", "stead", "vale")
    relations = [RELATIONS[n % len(RELATIONS)] for n in range(count)]
    return [Fact(name(places), relation, name(_ENDS)) for relation in relations]


def common() -> list[Phrasing]:
    return [Phrasing(prompt, answer) for prompt, answer in COMMON]
