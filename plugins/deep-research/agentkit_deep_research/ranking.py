"""Which sentences answer a facet best. Pure: what models add comes in as numbers.

A sentence is judged by the facet's words in it (rare ones count more), by those in its headings, by
how well its passage was found, by whether it holds what the facet asks for (a number, a version),
and, where there are models, by nearness in meaning and by how likely the question is after it.

Words decide where they can. Where no sentence holds half of the question's words (by weight), it is
asked in other words than the sources use: then meaning counts as much as all else together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from agentkit_deep_research.facets import Facet
from agentkit_deep_research.sentences import Unit, units
from agentkit_deep_research.words import (
    STOP,
    content,
    folded,
    is_code,
    negative,
    numbers,
    says_a_number,
    stem,
    stems,
    tokens,
    words_in,
)

if TYPE_CHECKING:
    from agentkit.capabilities import Hit

_BACK = re.compile(
    r"\b(?:it|its|this|that|these|those|they|such|the (?:former|latter|default|value|limit))\b",
    re.I,
)
_CODE = re.compile(r"#define|[{}]|\);|[!=]=|\|\||&&|<<|->|;$|/\*|\*/|^--|^\s*\w+\(")
_ENDS = re.compile(r"[.!?…。！？][\"'”’)\]]*$")
VERSION = re.compile(r"\b\d+\.\d+(?:\.\d+)*\b")


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each signal counts; fixed on the development questions, in round numbers: the
    counts of answered ones hardly move when one of them is halved."""

    words: float = 1.0  # the facet's words in the sentence
    headings: float = 1.0  # … in title and headings, where the sentence lacks them
    nearby: float = 0.4  # … in the sentence before, where this one points back to it
    order: float = 0.3  # … next to each other, as they are in the facet
    passage: float = 0.5  # how early its passage was found
    asked: float = 0.15  # it holds the number, version or thing that is asked for
    likelihood: float = 0.5


WEIGHTS = Weights()
FAMILIAR = 0.5  # share of the facet's words, by weight, that some sentence must hold
WIDEST = 400  # bytes of a quote: the sentence with what stands around it
WIDEST_UNSURE = 600  # … where meaning has found the passage and words cannot tell the sentence
_GAP = 2  # bytes between two units that follow each other


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit of a found passage. before: the unit before it there. rank: of the passage in its
    source's result, from 0."""

    unit: Unit
    source: str
    hit: Hit
    rank: int
    before: str = ""

    @property
    def about(self) -> str:
        """What stands above it: document, title and headings."""
        return "\n".join([self.hit.document, self.hit.title, *self.hit.location.heading])

    @property
    def readings(self) -> tuple[str, str]:
        """The unit as somebody meets it: under its heading, and after the unit before it. An
        embedder that reads a sentence bare misses what it speaks of."""
        above = " ".join([self.hit.title, *self.hit.location.heading[-2:]])
        return folded(f"{above} {self.unit.text}"), folded(f"{self.before} {self.unit.text}")

    def widened(self, most: int, left_out: Callable[[Unit], bool] = lambda unit: False) -> Unit:
        """The unit with what stands around it in its passage, first behind it and then before it,
        up to so many bytes and up to what is left out."""
        offset = self.hit.location.start
        start, end = self.unit.start, self.unit.end
        around = [unit for unit in units(self.hit.text, offset) if not left_out(unit)]
        for unit in around:
            if 0 <= unit.start - end <= _GAP and unit.end - start <= most:
                end = unit.end
        for unit in reversed(around):
            if 0 <= start - unit.end <= _GAP and end - unit.start <= most:
                start = unit.start
        return Unit(start, end, self.hit.text.encode()[start - offset : end - offset].decode())


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with its score, 0..1, and the signals that it was made from."""

    candidate: Candidate
    score: float
    parts: tuple[tuple[str, float], ...]


def rarity(frequencies: Mapping[str, int], total: int) -> dict[str, float]:
    """Weight per stem, at most 1: rare words count more. A word that occurs nowhere counts as the
    rarest one; without any frequencies all count the same.

    Args:
        frequencies: stem to the number of passages that hold it.
        total: the number of passages.
    """
    ceiling = math.log(1 + max(total, 1))
    return {
        word: max(math.log((total + 1) / (count + 1)) / ceiling, 0.05) if total else 1.0
        for word, count in frequencies.items()
    }


def rarity_of(counts: Mapping[str, int], total: int) -> dict[str, float]:
    """`rarity` from counts of whole words; of two with one stem the more common counts."""
    frequencies: dict[str, int] = {}
    for word, count in counts.items():
        frequencies[stem(word)] = max(count, frequencies.get(stem(word), 0))
    return rarity(frequencies, total)


def usable(candidate: Candidate) -> bool:
    """Whether a unit can be an answer at all: no question, no lead-in, no heading, no bare code."""
    text = folded(candidate.unit.text)
    if text.endswith(("?", ":")) or len(content(text)) < 2 or words_in(text) < 4:
        return False
    letters = sum(c.isalpha() or c.isspace() for c in text)
    if letters < 0.6 * len(text):
        return False
    if is_heading(text):
        return False
    said = stems(text)
    return not (len(said) <= 8 and set(said) <= set(stems(candidate.about)))


def is_heading(text: str) -> bool:
    """Whether a text is written as headings are: no end mark, nearly every long word capital."""
    words = [w for w in re.findall(r"[^\W\d_]+", text) if len(w) > 3]
    capital = sum(w[0].isupper() for w in words)
    return not is_sentence(text) and len(words) >= 2 and capital >= 0.8 * len(words)


def is_sentence(text: str) -> bool:
    """Whether a text ends as sentences do."""
    return bool(_ENDS.search(text))


def familiar(scored: Sequence[Scored]) -> bool:
    """Whether the facet's own words occur together in some sentence; else it is asked in other
    words than the sources use."""
    return any(value >= FAMILIAR for one in scored for name, value in one.parts if name == "words")


def rank(
    facet: Facet,
    candidates: Sequence[Candidate],
    rare: Mapping[str, float],
    signals: Mapping[Candidate, Mapping[str, float]] | None = None,
    weights: Weights = WEIGHTS,
) -> list[Scored]:
    """Candidates, best first; equal ones keep their order. Those that nothing relates to the
    facet are left out.

    Args:
        rare: weight per stem of the facet, see `rarity`; missing ones count fully.
        signals: what models say of a candidate: "meaning", the cosine of question and candidate,
            "likelihood", the mean log p(question token | candidate) in nats.
    """
    wanted = {word: rare.get(word, 1.0) for word in stems(facet.query)}
    total = sum(wanted.values()) or 1.0
    pairs = list(pairwise(wanted))
    likely = _spread([dict(s)["likelihood"] for s in (signals or {}).values() if "likelihood" in s])

    def part(words: set[str]) -> float:
        return sum(weight for word, weight in wanted.items() if word in words) / total

    found = []
    for candidate in candidates:
        text = candidate.unit.text
        in_order = stems(text)
        said = set(in_order)
        before = set(stems(candidate.before)) - said if _BACK.search(text[:60]) else set()
        if before and looks_like_code(candidate.before):
            said, before = said | before, set()  # "This routine": what was declared right above
        neighbours = set(pairwise(in_order))
        parts = {
            "words": part(said),
            "headings": part(set(stems(candidate.about)) - said),
            "nearby": part(before),
            "order": sum(p in neighbours for p in pairs) / len(pairs) if pairs else 0.0,
            "passage": 1 / (1 + candidate.rank / 3),
            "asked": holds(facet, text),
        }
        given = (signals or {}).get(candidate, {})
        related = parts["words"] or parts["headings"] or parts["nearby"]
        if not related and not given and len(candidate.hit.parts) < 2:
            continue  # not a word in common, and it was found by words alone
        if "likelihood" in given:
            parts["likelihood"] = likely(given["likelihood"])
        score = sum(getattr(weights, name) * value for name, value in parts.items())
        score /= sum(getattr(weights, name) for name in parts)
        if negative(facet.text) and not negative(text):
            score *= 0.8
        if looks_like_code(text):
            score *= 0.6
        if "meaning" in given:
            parts["meaning"] = max(given["meaning"], 0.0)
            score = (score + parts["meaning"]) / 2
        if not is_sentence(text):
            score *= 0.8  # an entry of a list or a table says less than a sentence
        rounded = tuple((name, round(value, 4)) for name, value in parts.items())
        found.append(Scored(candidate, round(score, 4), rounded))
    return sorted(found, key=lambda s: -s.score)


def looks_like_code(text: str) -> bool:
    """Whether a text is more program than prose."""
    marks = len(_CODE.findall(text))
    return marks >= 2 or (marks == 1 and not any(w in STOP for w in tokens(text)))


def holds(facet: Facet, text: str) -> float:
    """1 where the text holds what the facet asks for, 0 where it lacks it; 0.5 asks for nothing."""
    match facet.kind:
        case "version":
            return float(bool(VERSION.search(text)))
        case "number" if "percent" in facet.text.lower():
            return float("%" in text or "percent" in text.lower())
        case "number":
            return float(says_a_number(text))
        case "value":
            return 1.0 if says_a_number(text) or any(map(is_code, text.split())) else 0.3
        case "comparison" if facet.entities:
            there = {stem(w) for w in content(text)}
            return sum(e.lower() in there for e in facet.entities) / len(facet.entities)
    return 0.5


def alike(one: str, two: str) -> bool:
    """Whether two sentences say nearly the same: a Jaccard index of their stems above 0.8, and the
    same numbers. Two that differ in a number alone contradict each other."""
    if set(numbers(one)) != set(numbers(two)):
        return False
    mine, theirs = set(stems(one)), set(stems(two))
    return len(mine & theirs) > 0.8 * len(mine | theirs)


def choose(
    scored: Sequence[Scored],
    most: int,
    rare: Mapping[str, float] | None = None,
    query: str = "",
    per_passage: int = 2,
) -> list[Scored]:
    """The best few, in the order in which they are worth reading: no near-duplicates, not all from
    one passage, and one that speaks of words of the query not yet spoken of before others.

    Args:
        rare: weight per stem of the query.
    """
    wanted = {word: (rare or {}).get(word, 1.0) for word in stems(query)}
    total = sum(wanted.values()) or 1.0
    kept: list[Scored] = []
    left = list(scored[: 8 * most])
    while left and len(kept) < most:
        new = [sum(w for word, w in wanted.items() if word in _said(one)) / total for one in left]
        best = max(range(len(left)), key=lambda n: (left[n].score + _NEW * new[n], -n))
        one = left.pop(best)
        same = sum(k.candidate.hit is one.candidate.hit for k in kept)
        if same >= per_passage or any(_repeats(one, k) for k in kept):
            continue
        kept.append(one)
        wanted = {word: w for word, w in wanted.items() if word not in _said(one)}
    return kept


_NEW = 0.15  # what speaking of all the query's words for the first time is worth


def _said(one: Scored) -> set[str]:
    return set(stems(one.candidate.unit.text))


def meet(one: Unit, other: Unit) -> bool:
    """Whether two units of one document share bytes."""
    return one.start < other.end and other.start < one.end


def _repeats(one: Scored, other: Scored) -> bool:
    a, b = one.candidate, other.candidate
    if a.hit.document == b.hit.document and meet(a.unit, b.unit):
        return True
    return alike(a.unit.text, b.unit.text)


def _spread(values: Sequence[float]) -> Callable[[float], float]:
    """A value's place between the least and the greatest of all, 0..1."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return lambda value: (value - low) / (high - low) if high > low else 0.5
