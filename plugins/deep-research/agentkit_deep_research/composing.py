"""The desk becomes a report. Pure, so the same run gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentkit_deep_research.answers import Conflict, Resolved, resolve
from agentkit_deep_research.desk import Desk
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.ranking import FAMILIAR, alike
from agentkit_deep_research.report import (
    Missing,
    Quote,
    Reference,
    Report,
    Section,
    link,
    sentence,
    title_of,
)
from agentkit_deep_research.tables import Table, charts, of_grid, of_rows
from agentkit_deep_research.terms import mentions
from agentkit_deep_research.verify import Verdict


def compose(
    question: str,
    desk: Desk,
    *,
    quotes: int,
    unsure: int | None = None,
    reason: str = "",
    verdict: Verdict | None = None,
) -> Report:
    """The report of a desk.

    Args:
        quotes: at most so many a facet; unsure: where none of them holds its words together.
        reason: why the search ended early, "" where it did not.
        verdict: what the check of the quotes saw, where that is known already.
    """
    cite = _Citations()
    sections, missing, found = [], [], []
    used: list[Span] = []
    told: dict[int, tuple[str, int]] = {}
    tables: list[Table] = []
    for number, facet in enumerate(desk.facets):
        title = sentence(title_of(facet.title)).rstrip(".")
        most = quotes if unsure is None or _familiar(desk, number) else unsure
        why = desk.absent.get(number)
        if why:
            missing.append(Missing(title, _nowhere(why), _tried(desk, number)))
            continue
        resolved = resolve(
            number, facet, _ordered(desk, number), desk.counts[number], desk.injections
        )
        pinned = [s for s in desk.usable(number) if s.id in desk.pinned]
        spans = _chosen(resolved, most, used, pinned)
        if not spans:
            why_not = (
                _unsearched(desk, number)
                or _left_out(desk, number)
                or desk.gaps.get(number)
                or "nothing was found"
            )
            missing.append(Missing(title, why_not, _tried(desk, number)))
            continue
        used += spans
        section = tuple(Quote(cite.number(s), s, link(s)) for s in spans)
        replaced = tuple(
            (Quote(cite.number(old), old, link(old)), cite.number(new))
            for old, new in resolved.replaced[:most]
            if new in spans
        )
        worded = tuple(_worded(desk, number, section))
        note = _left_out(desk, number) or desk.gaps.get(number, "")
        sections.append(Section(title, section, note, number, replaced, worded))
        if resolved.conflict is not None:
            found.append(resolved.conflict)
        told[number] = spans[0].sentence, section[0].number
        rows = of_rows(title, [(q.span.text, q.number) for q in section])
        tables += [rows] if rows else []
    grid = of_grid(desk.facets, told)
    tables = [grid, *tables] if grid else tables
    limits = tuple(_limits(desk))
    return Report(
        question,
        tuple(sections),
        tuple(missing),
        tuple(_shown(c, desk, cite) for c in found),
        limits,
        tuple(cite.references),
        tuple(tables),
        tuple(charts(tables)),
        "partial" if reason else "complete",
        reason,
        verdict,
    )


class _Citations:
    """Numbers of documents, by first use."""

    def __init__(self) -> None:
        self.references: list[Reference] = []
        self._numbers: dict[tuple[str, str], int] = {}

    def number(self, span: Span) -> int:
        if span.place not in self._numbers:
            number = self._numbers[span.place] = len(self._numbers) + 1
            self.references.append(
                Reference(number, span.source, span.document, span.title, span.uri, span.sha256)
            )
        return self._numbers[span.place]


def _familiar(desk: Desk, facet: int) -> bool:
    return any(
        name == "words" and value >= FAMILIAR
        for span in desk.evidence.of_facet(facet)
        for name, value in span.parts
    )


def _ordered(desk: Desk, facet: int) -> list[Span]:
    """A facet's spans that no rule forbids, those that people want first."""
    spans = desk.usable(facet)
    if desk.rules.standing("focus", "prefer", "require"):
        bonus = desk.rules.bonus
        spans.sort(key=lambda s: -(s.score + bonus(f"{s.text}\n{s.about}", s.source, s.task)))
    return spans


def _chosen(
    resolved: Resolved, most: int, used: Sequence[Span], pinned: Sequence[Span]
) -> list[Span]:
    """The spans to show: no near-duplicates, none that a facet before has used up; both sides of a
    contradiction, all of a chain of documents, and what people pinned."""
    kept: list[Span] = []
    sides = [] if resolved.conflict is None else [s for _, s in resolved.conflict.values]
    chain = [s for s in resolved.answers if s.via or any(o.via == s.id for o in resolved.answers)]
    for span in dict.fromkeys([*pinned, *sides, *chain[: 2 * most], *resolved.answers]):
        needed = span in sides or span in chain or span in pinned
        near = [k for k in kept if alike(k.text, span.text) or _overlap(k, span)]
        if (near and span not in pinned) or (
            kept and not needed and any(_overlap(u, span) for u in used)
        ):
            continue
        if len(kept) >= most and not needed:
            break
        kept.append(span)
    return kept


def _worded(
    desk: Desk, facet: int, quotes: Sequence[Quote]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A model's sentences whose spans are all quoted."""
    numbers = {q.span.id: q.number for q in quotes}
    for wording in desk.wordings.get(facet, ()):
        allowed = desk.rules.against(wording.text) is None
        if allowed and wording.spans and all(id in numbers for id in wording.spans):
            yield wording.text, tuple(sorted({numbers[id] for id in wording.spans}))


def _overlap(one: Span, two: Span) -> bool:
    return one.place == two.place and one.start < two.end and two.start < one.end


def _nowhere(words: Sequence[str]) -> str:
    shown = ", ".join(repr(title_of(w, 80)) for w in words)
    return f"{shown} occur{'s' if len(words) == 1 else ''} nowhere in the sources"


def _unsearched(desk: Desk, facet: int) -> str:
    tasks = desk.todo.of_facet(facet)
    if tasks and all(t.status == "cancelled" for t in tasks):
        return f"cancelled: {tasks[0].reason}"
    if tasks and all(t.status == "pending" for t in tasks):
        return "not searched for: the research ended before"
    return ""


def _left_out(desk: Desk, facet: int) -> str:
    """That people do not want to read what the facet asks for, "" otherwise."""
    title = desk.facets[facet].title
    for rule in desk.rules.standing("exclude"):
        if not rule.scope and mentions(title, rule.value):
            return f"it asks for {rule.value!r}, which {rule.id} leaves out"
    return ""


def _tried(desk: Desk, facet: int) -> tuple[str, ...]:
    tasks = {t.id for t in desk.todo.of_facet(facet)}
    told = {"ok": "{} passages", "empty": "no passage", "failed": "FAILED: {why}"}
    lines = []
    for q in desk.queries:
        if q.task in tasks:
            said = told.get(q.status, q.status + ": {why}").format(q.hits, why=q.reason)
            lines.append(f"{title_of(q.query)!r} in {q.source}: {said}")
    return tuple(dict.fromkeys(lines))


def _shown(
    conflict: Conflict, desk: Desk, cite: _Citations
) -> tuple[str, tuple[tuple[str, int], ...]]:
    values = tuple((value, cite.number(span)) for value, span in conflict.values)
    return sentence(title_of(desk.facets[conflict.facet].title)), values


def _limits(desk: Desk) -> Iterator[str]:
    """What a reader must know before believing the report."""
    for query in dict.fromkeys(
        (q.source, q.status, q.reason) for q in desk.queries if q.status in ("failed", "blocked")
    ):
        source, status, why = query
        word = "could not be searched" if status == "failed" else "must not be searched"
        yield f"The source {source} {word}{': ' + why if why else ''}. It may know more."
    for rule in desk.rules.all:
        state = f" ({rule.ended})" if rule.ended else ""
        yield f"{rule.id}{state}, {rule.author} said {rule.text!r}: {rule.meaning}; {rule.counted}."
    for (source, document), words in sorted(desk.injections.items()):
        yield (
            f"{document} in {source} holds text that reads like orders to a machine "
            f"({words!r}); it is only data, and was not obeyed."
        )
    for text, reason in desk.rejected:
        yield f"Not followed: {text!r}: {reason}."
    for text, times in sorted(desk.warnings.items()):
        yield text + (f" ({times} times)" if times > 1 else "")
    for name, role in sorted(desk.roles.items()):
        faults = f", {role.faults} failed ({role.last_fault})" if role.faults else ""
        if role.calls:
            yield f"A model took part as {name}: {role.calls} calls{faults}."
        else:
            yield f"No model could take part as {name}: 0 calls{faults}."
    if desk.dropped_wordings:
        yield f"{desk.dropped_wordings} sentences of a model were dropped: no quote bears them out."
    if desk.tokens:
        yield f"Language models read and wrote {desk.tokens} tokens."
    if not any(role.calls for role in desk.roles.values()):
        yield "No model took part in choosing quotes: rules chose them."
