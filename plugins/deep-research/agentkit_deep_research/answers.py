"""Which spans answer a facet, which are out of date, and which contradict each other. Pure.

A facet that names something (a person, a project, an order number) is answered only by a passage
about that very thing which also speaks of what is asked: a passage about its neighbour, or about
the thing but not the question, is no answer, however many words they share.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from agentkit_deep_research.evidence import Span
from agentkit_deep_research.facets import Facet
from agentkit_deep_research.ranking import rarity_of
from agentkit_deep_research.values import (
    KIND_WORDS,
    asked_for,
    holds_subject,
    holds_value,
    subjects,
    value_of,
)
from agentkit_deep_research.words import content, same_stem, stem, stems

ENOUGH = 0.5  # share of what is asked, by weight, that an answer must speak of …
ENOUGH_UNTYPED = 0.25  # … where nothing of a kind is asked for, which would have to be there too


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same thing with two values: (value, span) each; none is known to be the newer one."""

    facet: int
    values: tuple[tuple[str, Span], ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A facet's spans sorted out.

    answers: what holds, best first; the spans that lead to a later one stand before it. replaced:
    (span, the one that replaced it). conflict: None where all agree.
    """

    answers: tuple[Span, ...] = ()
    replaced: tuple[tuple[Span, Span], ...] = ()
    conflict: Conflict | None = None


Counts = tuple[Mapping[str, int], int]
"""In how many passages each word occurs, and how many passages there are."""

UBIQUITOUS = 0.1  # share of passages from which on a name tells nothing apart …
FEW = 60  # … where there are more passages than so many


def named(facet: Facet, counts: Counts = ({}, 0)) -> list[str]:
    """What a facet is about by name; names that stand everywhere ("SQLite" in its own manual) and
    things that are compared, which may be spoken of apart, are none."""
    if facet.kind == "comparison":
        return []
    found, total = counts
    about = subjects(f"about {facet.cell[0]}" if facet.cell else facet.query)
    about = about or (content(facet.cell[0]) if facet.cell else [])
    return [s for s in about if total <= FEW or found.get(s, 0) <= UBIQUITOUS * total]


def strict(facet: Facet, counts: Counts = ({}, 0)) -> bool:
    """Whether an answer can be told from a neighbour's: by a name."""
    return bool(named(facet, counts))


def answers(facet: Facet, span: Span, counts: Counts = ({}, 0), before: str = "") -> str:
    """Why a span is no answer to a facet, in words; "" where it is one.

    Args:
        before: what the spans say that led to this one. What they cover need not be said again, but
            this one has to say something of what is asked itself.
    """
    text = f"{span.text}\n{span.about}"
    about = named(facet, counts)
    start = f"{before}\n{span.about}" if span.bridge else text
    missing = [s for s in about if not holds_subject(s, start)]
    missing += [span.bridge] if span.bridge and not holds_subject(span.bridge, text) else []
    if missing:
        return f"it does not speak of {', '.join(missing)}"
    rare = rarity_of(*counts)
    said = set(stems(text))
    parts = {part for s in about for part in content(s)} | set(about)
    open = [w for w in content(facet.text) if w not in parts]
    open = [w for w in open if w not in KIND_WORDS] or open
    unknown = {w for w in open if counts[0].get(w) == 0}  # a lay person's word, perhaps
    wanted = {w: rare.get(stem(w), 1.0) * (0.5 if w in unknown else 1.0) for w in open}
    own = {w for w in wanted if same_stem(w, said)}
    told = set(stems(before))
    there = sum(wanted[w] for w in wanted if w in own or same_stem(w, told))
    asked = asked_for(facet.text)
    enough = ENOUGH if asked else ENOUGH_UNTYPED
    if wanted and (not own or there < enough * sum(wanted.values())):
        return "it does not speak of what is asked"
    if not holds_value(asked, facet.query, span.sentence) and not holds_value(
        asked, facet.query, span.text
    ):
        return f"a {asked} is asked for and none is given"
    return ""


def resolve(
    number: int,
    facet: Facet,
    spans: Sequence[Span],
    counts: Counts = ({}, 0),
    suspect: Collection[tuple[str, str]] = (),
) -> Resolved:
    """Sorts a facet's usable spans, which come best first.

    Args:
        suspect: places (source, document) that hold orders to machines: what stands there puts
            nothing out of date.
    """
    if not strict(facet, counts):
        return Resolved(tuple(spans), conflict=_conflict(number, facet, spans))
    by_id = {s.id: s for s in spans}
    legs = {s.id: _legs(s, by_id) for s in spans}
    good = [
        s
        for s in spans
        if not answers(facet, s, counts, "\n".join(leg.text for leg in legs[s.id][:-1]))
    ]
    held, replaced, conflict = _newest(number, facet, good, suspect)
    chained = [*dict.fromkeys(leg for span in held for leg in legs[span.id])]
    return Resolved(tuple(chained), tuple(replaced), conflict)


def _legs(span: Span, by_id: Mapping[str, Span]) -> list[Span]:
    """The spans that led to one, the first in front, and it."""
    legs = [span]
    while legs[0].via in by_id and by_id[legs[0].via] not in legs:
        legs.insert(0, by_id[legs[0].via])
    return legs


def _newest(
    number: int, facet: Facet, good: Sequence[Span], suspect: Collection[tuple[str, str]]
) -> tuple[list[Span], list[tuple[Span, Span]], Conflict | None]:
    """Where values differ, the newest dated one holds; undated or equally old ones conflict, and
    what is only told at second hand, or in a suspect place, does not put a plain statement out of
    date."""
    by_value = _values(facet, good)
    if len(by_value) < 2:
        return list(good), [], None
    dated = {value: max(s.date for s in spans) for value, spans in by_value.items()}
    newest = max(dated, key=lambda v: dated[v])
    plain = {
        value: any(s.place not in suspect and not second_hand(facet, s) for s in found)
        for value, found in by_value.items()
    }
    clear = all(
        _comparable(dated[newest], date) and (plain[newest] or not plain[value])
        for value, date in dated.items()
        if value != newest
    )
    if not clear:
        values = tuple((value, spans[0]) for value, spans in by_value.items())
        return list(good), [], Conflict(number, values)
    newer = by_value[newest][0]
    old = [s for value, spans in by_value.items() if value != newest for s in spans]
    held = [newer, *(s for s in good if s not in old and s is not newer)]
    return held, [(s, newer) for s in old], None


def second_hand(facet: Facet, span: Span) -> bool:
    """Whether a sentence does not state the matter itself but tells somebody to: what a facet names
    stands behind a colon, a "that" or an opening quote, and more than a label before it."""
    subject = next(iter(subjects(facet.query)), "")
    at = span.sentence.lower().find(subject.lower()) if subject else -1
    before = span.sentence[: max(at, 0)]
    cuts = [m.start() for m in _FRAME.finditer(before)]
    return bool(cuts) and len(before[: cuts[-1]].split()) > LABEL


LABEL = 2  # words before a colon that only say what follows: "Decision:"
_FRAME = re.compile(r":\s|\bthat\b|(?<=\w)[(\"'“‘]+(?=\w)|[“\"]", re.I)


def _comparable(newer: str, older: str) -> bool:
    """Whether one date is later than the other as far as both are exact."""
    size = min(len(newer), len(older))
    return bool(newer and older) and newer[:size] > older[:size]


def _values(facet: Facet, spans: Sequence[Span]) -> dict[str, list[Span]]:
    counted = facet.kind in ("number", "value") or facet.cell is not None
    asked = asked_for(facet.text) or ("number" if counted else "")
    found: dict[str, list[Span]] = {}
    for span in spans:
        value = value_of(asked, facet.query, span.sentence)
        if value:
            found.setdefault(value, []).append(span)
    return found


def _conflict(number: int, facet: Facet, spans: Sequence[Span]) -> Conflict | None:
    """Spans that hold nearly all that is asked and give different single values for it."""
    if facet.kind not in ("number", "value", "version"):
        return None
    wanted = set(stems(facet.query))
    close = [s for s in spans if len(wanted & set(stems(s.sentence))) >= 0.75 * len(wanted)]
    by_value = _values(facet, close)
    if len(by_value) < 2:
        return None
    return Conflict(number, tuple((value, found[0]) for value, found in by_value.items()))
