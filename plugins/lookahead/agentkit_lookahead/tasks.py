"""Questions with answers that can be checked, of kinds that small local models differ on: what the
shipped router is trained on, and what `route-local` asks.

    sums    generated arithmetic, asked in several ways      the last number said is right
    facts   capitals, elements, opposites, animals' young    the word is said
    code    what a Python line gives, how one is written     the right token or line is found
    notes   facts about invented places, from a source       the word is said
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from agentkit.seeds import derive
from agentkit_lookahead.collecting import Prompt

CAPITALS = (
    "France Paris|Italy Rome|Spain Madrid|Germany Berlin|Japan Tokyo|China Beijing|Russia Moscow|"
    "Egypt Cairo|Greece Athens|Portugal Lisbon|Austria Vienna|Poland Warsaw|Sweden Stockholm|"
    "Norway Oslo|Finland Helsinki|Denmark Copenhagen|Ireland Dublin|Hungary Budapest|Turkey Ankara|"
    "Canada Ottawa|Cuba Havana|Peru Lima|Chile Santiago|Kenya Nairobi|Iran Tehran|Iraq Baghdad|"
    "Thailand Bangkok|Belgium Brussels|Romania Bucharest|Bulgaria Sofia|Ukraine Kyiv"
)
OPPOSITES = (
    "hot cold|big small|up down|fast slow|old young|light dark|wet dry|happy sad|open closed|"
    "early late|full empty|hard soft|high low|rich poor|strong weak|thick thin|long short"
)
ELEMENTS = "hydrogen H|oxygen O|carbon C|nitrogen N|gold Au|silver Ag|iron Fe|sodium Na|helium He"
YOUNG = (
    "dog puppy|cat kitten|cow calf|sheep lamb|horse foal|bear cub|duck duckling|goat kid|"
    "frog tadpole"
)
FACTS: Mapping[str, tuple[str, Sequence[str]]] = {
    "capital": (
        CAPITALS,
        ("What is the capital of {}?", "Which city is the capital of {}?", "Name {}'s capital."),
    ),
    "opposite": (
        OPPOSITES,
        ("What is the opposite of {}?", "Give a word that means the contrary of {}."),
    ),
    "element": (ELEMENTS, ("What is the chemical symbol of {}?",)),
    "young": (YOUNG, ("What is a young {} called?", "What do you call the baby of a {}?")),
}
SUMS = (
    "What is {}?",
    "Calculate {}",
    "How much is {}?",
    "Please work out {} for me.",
    "{} =",
    "I need the result of {}, thanks.",
)
CODE = (
    ("How do you get the length of a list named {a} in Python?", r"len\({a}\)"),
    ("Write a Python line that prints the variable {a}.", r"print\({a}\)"),
    ("Write a Python function add(a, b) that returns the sum.", r"return\s+\(?a\s*\+\s*b"),
    ("Write a Python function square(x).", r"return\s+\(?x\s*(\*\s*x|\*\*\s*2)"),
    ("How do you sort the list {a} in place in Python?", r"{a}\.sort\("),
    ("How do you append {n} to the list {a} in Python?", r"{a}\.append\({n}\)"),
    ("Complete the Python loop over ten numbers: for {a} in", r"range\(\s*(0,\s*|1,\s*)?1[01]\)"),
    ("How do I import the module math in Python?", r"import math"),
    ("In Python, open the file {a}.txt for reading.", r"open\(['\"]{a}\.txt['\"]"),
    ("Which Python keyword begins a function definition?", r"\bdef\b"),
    ("In Python, turn the string {a} into an integer.", r"int\({a}\)"),
    ("Write a SQL query for all rows of the table {a}.", r"(?i)select\s+\*\s+from\s+{a}"),
    ("In Python, how do you make {a} upper case?", r"{a}\.upper\(\)"),
    ("Write a Python lambda that doubles x.", r"lambda x\s*:\s*\(?(x ?\* ?2|2 ?\* ?x)"),
    ("In Python, how do you join the list {a} with commas?", r"['\"],\s?['\"]\.join\({a}\)"),
    ("How do you define an empty dictionary {a} in Python?", r"{a}\s*=\s*(\{{\s*\}}|dict\(\))"),
)  # fmt: skip
NAMES = "items values total name rows users words data numbers text result cities".split()
PLACES = "Velmora Tarsk Ondrell Quibara Lesmont Farrowdene Istrica Morvale Pelluth Xandria".split()
ATTRIBUTES: Mapping[str, Sequence[str]] = {
    "river": ("Olm", "Serrin", "Tavo", "Wendle", "Brisk"),
    "founder": ("Maren", "Idris", "Colwyn", "Petra", "Sorrel"),
    "anthem": ("Dawnsong", "Ironleaf", "Bellweather", "Nightglass", "Harrow"),
    "emblem": ("heron", "lantern", "thistle", "otter", "anvil"),
}
ASKED = (
    "What is the {} of {}?",
    "Tell me the {} of {}, please.",
    "Do you know the {} of {}?",
)


def tasks(kinds: Sequence[str], count: int, seed: int = 0) -> list[Prompt]:
    """So many prompts of each kind; a kind that has fewer gives all it has."""
    makers = {"sums": _sums, "facts": _facts, "code": _code, "notes": _notes}
    found: list[Prompt] = []
    for kind in kinds:
        rng = random.Random(derive(seed, kind))
        found += makers[kind](count, rng)
    return found


def notes() -> dict[str, str]:
    """The documents that `notes` are answered from."""
    made = {}
    for place in PLACES:
        facts = [f"The {what} of {place} is {_fact(place, what)}." for what in ATTRIBUTES]
        made[place.lower()] = " ".join([f"{place} is a small country.", *facts])
    return made


def _fact(place: str, what: str) -> str:
    values = ATTRIBUTES[what]
    return values[derive(0, f"{place} {what}") % len(values)]


def _sums(count: int, rng: random.Random) -> list[Prompt]:
    found: dict[str, Prompt] = {}
    while len(found) < count:
        a, b, c = rng.randrange(12, 999), rng.randrange(12, 999), rng.randrange(2, 99)
        text, value = rng.choice(
            [
                (f"{a} + {b}", a + b),
                (f"{a} - {b}", a - b),
                (f"{a} * {c}", a * c),
                (f"{a} plus {b}", a + b),
                (f"{a} times {c}", a * c),
                (f"({a} + {b}) * {c}", (a + b) * c),
                (f"{a} + {b} - {c}", a + b - c),
            ]
        )
        asked = rng.choice(SUMS).format(text)
        found[asked] = Prompt(f"sums {asked}", asked, "sums", str(value), "number")
    return list(found.values())


def _facts(count: int, rng: random.Random) -> list[Prompt]:
    every = [
        Prompt(f"facts {ask.format(key)}", ask.format(key), "facts", value, "contains")
        for pairs, asks in FACTS.values()
        for key, value in (pair.split(" ", 1) for pair in pairs.split("|"))
        for ask in asks
    ]
    return rng.sample(every, min(count, len(every)))


def _code(count: int, rng: random.Random) -> list[Prompt]:
    every: dict[str, Prompt] = {}
    for ask, pattern in CODE:
        for name in NAMES:
            n = rng.randrange(2, 99)
            text = ask.format(a=name, n=n)
            found = pattern.format(a=name, n=n) if "{a}" in ask or "{{" in pattern else pattern
            every.setdefault(text, Prompt(f"code {text}", text, "code", found, "regex"))
    return rng.sample(list(every.values()), min(count, len(every)))


def _notes(count: int, rng: random.Random) -> list[Prompt]:
    every = [
        Prompt(
            f"notes {ask.format(what, place)}",
            ask.format(what, place),
            "notes",
            _fact(place, what),
            "contains",
        )
        for place in PLACES
        for what in ATTRIBUTES
        for ask in ASKED
    ]
    return rng.sample(every, min(count, len(every)))
