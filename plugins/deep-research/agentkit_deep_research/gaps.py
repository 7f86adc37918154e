"""What is still missing, where to look for it, and what cannot be there. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentkit_deep_research.answers import Counts, answers, named, resolve, strict
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.facets import Facet
from agentkit_deep_research.ranking import VERSION, rarity_of
from agentkit_deep_research.values import asked_for, dates, holds_subject
from agentkit_deep_research.words import (
    STOP,
    content,
    is_code,
    names,
    same_stem,
    says_a_number,
    stem,
    stems,
    tokens,
    word_set,
)

GapKind = Literal[
    "none",
    "nothing",
    "weak",
    "unanswered",
    "contradiction",
    "number",
    "version",
    "entity",
    "few",
]


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


@dataclass(frozen=True, slots=True)
class Gap:
    """What a facet lacks. kind: a class that code has checked; why: the same in words."""

    kind: GapKind
    why: str = ""

    def __bool__(self) -> bool:
        return self.kind != "none"


COVERED = Gap("none")


def gap(
    facet: Facet,
    spans: Sequence[Span],
    enough: Enough = Enough(),
    counts: Counts = ({}, 0),
) -> Gap:
    """What a facet still lacks, given its spans.

    Args:
        counts: in how many passages each of its words occurs, and how many there are.
    """
    if not spans:
        return Gap("nothing", "nothing was found")
    good = [s for s in spans if s.score >= enough.score]
    if strict(facet, counts):
        found = resolve(0, facet, spans, counts)
        if not found.answers:
            why = answers(facet, spans[0], counts)
            return Gap("unanswered", f"nothing that was found answers it; of the best, {why}")
        if found.conflict is not None:
            said = " and ".join(value for value, _ in found.conflict.values)
            return Gap("contradiction", f"the sources say {said}")
        good = list(found.answers)
    if not good:
        return Gap("weak", "what was found shares too little with the question")
    if facet.kind == "number" and not any(says_a_number(s.text) for s in good):
        return Gap("number", "a number is asked for and none was found")
    dated = asked_for(facet.text) == "date" and any(dates(s.text) for s in good)
    if facet.kind == "version" and not dated and not any(VERSION.search(s.text) for s in good):
        return Gap("version", "a version is asked for and none was found")
    for entity in facet.entities:
        if not any(entity.lower() in content(s.text + "\n" + s.about) for s in good):
            return Gap("entity", f"nothing was found about {entity}")
    if len(good) < enough.spans or len({s.place for s in good}) < enough.documents:
        return Gap("few", f"only {len(good)} of {enough.spans} quotes were found")
    return COVERED


@dataclass(frozen=True, slots=True)
class Hop:
    """A name that a passage about the facet's subject gives, to be followed from there."""

    bridge: str
    query: str
    via: str


def hops(facet: Facet, spans: Sequence[Span], counts: Counts, most: int = 2) -> list[Hop]:
    """Names and codes that lead from what the facet names to what it asks, rarest matter first.

    "Who leads the project behind order PX-1042?" finds "PX-1042 belongs to project Heron": Heron is
    where to look for who leads.
    """
    about = named(facet, counts)
    if not about:
        return []  # nothing to start from
    asked = set(content(facet.query)) | set(about)
    rare = rarity_of(*counts)
    found: list[Hop] = []
    for span in spans:
        text = f"{span.text}\n{span.about}"
        near = span.bridge in text if span.bridge else all(holds_subject(s, text) for s in about)
        if not near:
            continue
        said = set(stems(span.sentence))
        open = [w for w in content(facet.text) if w not in about and not same_stem(w, said)]
        open.sort(key=lambda w: -rare.get(stem(w), 1.0))
        for bridge in _names_in(span.sentence):
            known = all(t in asked for t in tokens(bridge)) or bridge == span.bridge
            if known or any(h.bridge == bridge for h in found):
                continue
            found.append(Hop(bridge, " ".join([bridge, *(open or content(facet.text))]), span.id))
    return found[:most]


def _names_in(sentence: str) -> list[str]:
    """Names and codes of a sentence as written, several words as one."""
    coded = re.findall(r"\b[A-Z]{1,8}-\d[\w-]*\b", sentence)
    named = re.findall(r"\b[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*", sentence)
    inside = " ".join(coded)
    bare = [_LEAD_WORD.sub("", n) for n in named]
    plain = [n for n in bare if n and n.lower() not in STOP and n not in inside]
    first = sentence.split(" ", 1)[0]
    plain = [n for n in plain if n != first or n.isupper()]
    return list(dict.fromkeys([*coded, *plain]))


_LEAD_WORD = re.compile(
    r"^(?:The|A|An|In|On|At|For|Since|By|It|Its|This|Order|Project|Team|Ticket|Invoice|Contract|"
    r"Mr|Mrs|Ms|Dr)\b ?"
)


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
