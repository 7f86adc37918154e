"""What is still missing, what contradicts itself, and what cannot be there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentkit_deep_research.evidence import Span
from agentkit_deep_research.facets import Facet
from agentkit_deep_research.ranking import VERSION
from agentkit_deep_research.words import (
    content,
    is_code,
    names,
    numbers,
    says_a_number,
    share,
    stem,
    stems,
    word_set,
)


@dataclass(frozen=True, slots=True)
class Enough:
    """When a facet counts as covered: `spans` over `score`, from `documents` different ones."""

    spans: int = 1
    documents: int = 1
    score: float = 0.3


def absent(facet: Facet, frequencies: Mapping[str, int], rare: Mapping[str, float]) -> list[str]:
    """Words without which the facet cannot be answered and that occur nowhere in the sources.

    A name (a code word, a capitalised word) that occurs nowhere settles it. Other words may be a
    lay person's for something that the sources call otherwise, so they settle it only where they
    are half of what is asked for, and not one of two words.

    Args:
        frequencies: content word, lower case, to the number of passages with its stem.
        rare: weight per stem, see `ranking.rarity`.
    """
    words = content(facet.query)
    gone = [w for w in words if frequencies.get(w, 1) == 0]
    missing_names = [n for n in names(facet.text) if n.lower() in gone]
    if missing_names:
        return missing_names
    if len(gone) < 2 and len(words) < 3:
        return []
    weight = {w: rare.get(stem(w), 1.0) for w in words}
    return gone if 2 * sum(weight[w] for w in gone) >= sum(weight.values()) else []


def gap(facet: Facet, spans: Sequence[Span], enough: Enough = Enough()) -> str:
    """Why a facet is not covered by its spans, in words; "" where it is."""
    good = [s for s in spans if s.score >= enough.score]
    if not spans:
        return "nothing was found"
    if not good:
        return "what was found shares too little with the question"
    if facet.kind == "number" and not any(says_a_number(s.text) for s in good):
        return "a number is asked for and none was found"
    if facet.kind == "version" and not any(VERSION.search(s.text) for s in good):
        return "a version is asked for and none was found"
    for entity in facet.entities:
        if not any(entity.lower() in content(s.text + "\n" + s.about) for s in good):
            return f"nothing was found about {entity}"
    if len(good) < enough.spans or len({s.place for s in good}) < enough.documents:
        return f"only {len(good)} of {enough.spans} quotes were found"
    return ""


def other_words(facet: Facet, spans: Sequence[Span], tried: Sequence[str]) -> list[str]:
    """Queries to try next, best first: the compared things one by one, the facet's words without
    those that ask, and these with words from the headings of what came nearest."""
    matter = content(facet.query)
    bare = [w for w in matter if w not in _ASKING]
    compared = {e.lower() for e in facet.entities}
    ideas = [" ".join([e, *(w for w in bare if w not in compared)]) for e in facet.entities]
    ideas.append(" ".join(bare))
    seen = {stem(w) for w in matter}
    for span in spans[:3]:
        fresh = [w for w in content(" ".join(span.heading[-2:])) if stem(w) not in seen]
        if fresh:
            ideas.append(" ".join([*bare, *fresh[:3]]))
    rare = [w for w in bare if is_code(w) or "_" in w]
    if rare and len(bare) > len(rare):
        ideas.append(" ".join(rare))
    return [q for q in dict.fromkeys(ideas) if q and q not in tried]


_ASKING = word_set(
    "called difference differ compare compared explain describe list name mean means meaning "
    "percentage quickly exactly happen happens kind sort"
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same thing with two values: (value, span) each."""

    facet: int
    values: tuple[tuple[str, Span], ...]


def conflicts(number: int, facet: Facet, spans: Sequence[Span]) -> list[Conflict]:
    """Spans that name the thing asked for and give different single values for it."""
    if facet.kind not in ("number", "value", "version"):
        return []
    wanted, asked = stems(facet.query), set(numbers(facet.query))
    by_value: dict[str, Span] = {}
    for span in spans:
        given = [n for n in dict.fromkeys(numbers(span.sentence)) if n not in asked]
        if len(given) == 1 and share(wanted, stems(span.sentence)) >= 0.75:
            by_value.setdefault(given[0], span)
    return [Conflict(number, tuple(by_value.items()))] if len(by_value) > 1 else []
