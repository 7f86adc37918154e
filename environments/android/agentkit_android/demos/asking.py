"""Questions about a page that a walk came to: what stands on it is the answer."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

from agentkit_android.client.driver import Look
from agentkit_android.demos.made_up import table
from agentkit_android.demos.seeing import first
from agentkit_android.demos.telling import LONGEST, Teller, fill

DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
KINDS = (
    ("money", r"€\d[\d,]*\.\d\d"),
    ("mail", r"[\w.]+@[\w.]+\w"),
    ("phone", r"\+\d[\d ]{7,}\d"),
    ("date", rf"(?:(?:{DAYS}), )?(?:{MONTHS}) \d{{1,2}}"),
    ("time", r"(?<!\d)\d\d:\d\d(?!:)"),
    ("length", r"(?<![\d:])\d:\d\d(?!\d)"),
    ("size", r"[\d.]+ (?:bytes|kB|MB|KB)"),
    ("count", r"(\d+) (?:items?|songs?|places?)"),
)  # fmt: skip
"""What a text is by its look; a question fits it."""


def question(look: Look, thing: str, teller: Teller, random: Random) -> tuple[str, str, str] | None:
    """(question, answer, what it is about) for something on the screen; None where there is
    nothing to ask.

    Args:
        thing: the row that led here, or "".
    """
    found = [*_rows(look, teller, random), *_pairs(look, thing, teller, random)]
    found += _page(look, thing, teller, random) if thing else []
    labels = [e.label for e in look.elements]
    told = [(q, a, about) for q, a, about in found if _once(a, labels)]
    return random.choice(told) if told else None


def _rows(look: Look, teller: Teller, random: Random) -> list[tuple[str, str, str]]:
    rows = [e.label for e in look.elements if e.role == "row" and ", " in e.label]
    names = [first(r) for r in rows]
    made = []
    for row, name in zip(rows, names):
        if names.count(name) > 1 or len(name.split()) > LONGEST or not name[:1].isalnum():
            continue
        rest = row[len(name) + 2 :]
        for kind, value in _values(rest):
            made.append((_ask(kind, random, thing=teller.item(name)), value, name))
        last = re.split(r", | · ", rest)[-1]
        if len(last.split()) <= LONGEST and not any(v in last for _, v in _values(rest)):
            made.append((_ask("words", random, thing=teller.item(name)), last, name))
            if sum(last in r for r in rows) == 1:
                made.append((_ask("who", random, value=teller.name(last)), name, last))
    return made


def _pairs(look: Look, thing: str, teller: Teller, random: Random) -> list[tuple[str, str, str]]:
    """A text with another right under it, or a row of two parts: what it is called, and what it
    is."""
    of = teller.of(thing)
    names = [first(e.label) for e in look.elements]
    made = []
    elements = look.elements
    for one, other in pairwise(elements):
        under = (
            0 <= other.bounds[1] - one.bounds[3] < one.height and one.bounds[0] == other.bounds[0]
        )
        if one.role == other.role == "text" and under and _plain(one.label):
            made.append((one.label, other.label))
    for e in elements:
        label, comma, value = e.label.partition(", ")
        alone = names.count(label) == 1 and not thing and e.role == "row"
        if alone and comma and _plain(label) and len(value.split()) < 5:
            made.append((label, value))
    return [
        (
            _ask("value", random, label=teller.plain(label), bare=label.casefold(), of=of),
            value,
            label,
        )
        for label, value in made
        if value and len(value.split()) <= LONGEST
    ]


def _page(look: Look, thing: str, teller: Teller, random: Random) -> list[tuple[str, str, str]]:
    texts = [e.label for e in look.elements if e.role in ("text", "row") and e.label != thing]
    made = []
    for kind, _ in KINDS:
        values = [v for t in texts for k, v in _values(t) if k == kind]
        if len(values) == 1 and kind != "count":
            made.append((_ask(kind, random, thing=teller.item(thing)), values[0], thing))
    bodies = [t for t in texts if 3 <= len(t.split()) <= 20 and not _values(t)]
    if len(bodies) == 1:
        made.append((_ask("words", random, thing=teller.item(thing)), bodies[0], thing))
    return made


def _values(text: str) -> list[tuple[str, str]]:
    """Each kind of value of which the text has one."""
    made = []
    for kind, pattern in KINDS:
        found = list(re.finditer(pattern, text))
        if len(found) == 1:
            made.append((kind, found[0].group(found[0].lastindex or 0)))
    return made


def _ask(kind: str, random: Random, **words: str) -> str:
    return fill(random.choice(table()["asked"][kind]), words)


def _plain(label: str) -> bool:
    """Whether it is what something is called, not what something is."""
    return label.replace(" ", "").isalpha() and len(label.split()) <= 3


def _once(answer: str, labels: list[str]) -> bool:
    """Whether one place alone says it, and so an answer is right or wrong."""
    return bool(answer) and (answer.isdecimal() or sum(answer in label for label in labels) <= 2)
