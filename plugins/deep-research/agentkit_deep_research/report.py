"""The report: quotes under their facets, numbered and linked; what was not found; what limits it.

Extractive: every statement about the matter is a verbatim quote. Pure: made from the desk alone,
so the same run gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from agentkit_deep_research.desk import Desk
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.gaps import Conflict, conflicts
from agentkit_deep_research.ranking import FAMILIAR, alike
from agentkit_deep_research.verify import Verdict
from agentkit_deep_research.words import folded


@dataclass(frozen=True, slots=True)
class Quote:
    """A span as cited. wording: a model's sentence about it, shown below it and marked."""

    number: int
    span: Span
    link: str
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A facet with its quotes, best first. note: what is missing, "" where it is covered."""

    title: str
    quotes: tuple[Quote, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A facet without quotes: why, and what was searched for, with what each search said."""

    title: str
    why: str
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A cited document; numbered by first use."""

    number: int
    source: str
    document: str
    title: str
    uri: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is printed. reason: why it is partial, "" where it is complete."""

    question: str
    sections: tuple[Section, ...]
    missing: tuple[Missing, ...]
    conflicts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    limits: tuple[str, ...]
    references: tuple[Reference, ...]
    status: Literal["complete", "partial"]
    reason: str = ""
    verdict: Verdict | None = None

    @property
    def quotes(self) -> list[Quote]:
        return [q for section in self.sections for q in section.quotes]

    @property
    def coverage(self) -> float:
        """Share of facets that are covered, 0..1."""
        facets = len(self.sections) + len(self.missing)
        return sum(not s.note for s in self.sections) / facets if facets else 0.0

    def to_json(self) -> dict[str, Any]:
        return {"schema": 1, "coverage": round(self.coverage, 4), **asdict(self)}


def compose(
    question: str, desk: Desk, *, quotes: int, unsure: int | None = None, reason: str = ""
) -> Report:
    """The report of a desk.

    Args:
        quotes: at most so many a facet; unsure: where none of them holds its words together.
        reason: why the search ended early, "" where it did not.
    """
    cite = _Citations()
    sections, missing, found = [], [], []
    used: list[Span] = []
    for number, facet in enumerate(desk.facets):
        title = _sentence(facet.title)
        most = quotes if unsure is None or _familiar(desk, number) else unsure
        spans = _wanted(desk, number, most, used)
        why = desk.absent.get(number)
        if why:
            missing.append(Missing(title, _nowhere(why), _tried(desk, number)))
        elif not spans:
            why_not = _unsearched(desk, number) or desk.gaps.get(number) or "nothing was found"
            missing.append(Missing(title, why_not, _tried(desk, number)))
        else:
            used += spans
            section = tuple(Quote(cite.number(s), s, link(s)) for s in spans)
            sections.append(Section(title, section, desk.gaps.get(number, "")))
            found += conflicts(number, facet, spans)
    limits = tuple(_limits(desk))
    return Report(
        question,
        tuple(sections),
        tuple(missing),
        tuple(_shown(c, desk, cite) for c in found),
        limits,
        tuple(cite.references),
        "partial" if reason else "complete",
        reason,
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


def _wanted(desk: Desk, facet: int, most: int, used: Sequence[Span]) -> list[Span]:
    """A facet's best spans that no rule forbids and no facet before has used up."""
    kept: list[Span] = []
    spans = desk.evidence.of_facet(facet)
    if desk.rules.standing("focus", "prefer"):
        spans.sort(key=lambda s: -(s.score + desk.rules.bonus(f"{s.text}\n{s.about}")))
    for span in spans:
        if desk.rules.against(span.text, span.about):
            continue
        near = [k for k in kept if alike(k.text, span.text) or _overlap(k, span)]
        if near or (kept and any(_overlap(u, span) for u in used)):
            continue
        kept.append(span)
        if len(kept) == most:
            break
    return kept


def _overlap(one: Span, two: Span) -> bool:
    return one.place == two.place and one.start < two.end and two.start < one.end


def link(span: Span) -> str:
    """Where a click leads: the anchor or the page, where there is one."""
    base = span.uri or span.document
    if span.page is not None:
        return f"{base}#page={span.page}"
    return f"{base}#{span.anchor}" if span.anchor else base


def _nowhere(words: Sequence[str]) -> str:
    shown = ", ".join(repr(w) for w in words)
    return f"{shown} occur{'s' if len(words) == 1 else ''} nowhere in the sources"


def _unsearched(desk: Desk, facet: int) -> str:
    tasks = desk.todo.of_facet(facet)
    if tasks and all(t.status == "cancelled" for t in tasks):
        return f"cancelled: {tasks[0].reason}"
    if tasks and all(t.status == "pending" for t in tasks):
        return "not searched for: the research ended before"
    return ""


def _tried(desk: Desk, facet: int) -> tuple[str, ...]:
    tasks = {t.id for t in desk.todo.of_facet(facet)}
    told = {"ok": "{} passages", "empty": "no passage", "failed": "FAILED: {why}"}
    lines = []
    for q in desk.queries:
        if q.task in tasks:
            said = told.get(q.status, q.status + ": {why}").format(q.hits, why=q.reason)
            lines.append(f"{q.query!r} in {q.source}: {said}")
    return tuple(dict.fromkeys(lines))


def _shown(
    conflict: Conflict, desk: Desk, cite: _Citations
) -> tuple[str, tuple[tuple[str, int], ...]]:
    values = tuple((value, cite.number(span)) for value, span in conflict.values)
    return _sentence(desk.facets[conflict.facet].title), values


def _limits(desk: Desk) -> Iterator[str]:
    """What a reader must know before believing the report."""
    for query in dict.fromkeys(
        (q.source, q.status, q.reason) for q in desk.queries if q.status in ("failed", "blocked")
    ):
        source, status, why = query
        word = "could not be searched" if status == "failed" else "must not be searched"
        yield f"The source {source} {word}{': ' + why if why else ''}. It may know more."
    for rule in desk.rules.all:
        state = "" if rule.standing else " (lifted)"
        yield f"{rule.id}{state}, {rule.author} said {rule.text!r}: {rule.meaning}; {rule.counted}."
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
    if desk.tokens:
        yield f"Language models read and wrote {desk.tokens} tokens."
    if not any(role.calls for role in desk.roles.values()):
        yield "No model took part in choosing quotes: rules chose them."


# -- Markdown -------------------------------------------------------------------------------------

_SPECIAL = re.compile(r"[\\`*<\[\]&~]|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"^(?:(\d{1,9})([.)])|([-+=#>|]))")


def escaped(text: str) -> str:
    """Text as CommonMark that shows just this text, on one line; it can hold no markup or link."""
    plain = _SPECIAL.sub(lambda m: f"\\{m.group()}", folded(text))
    return _START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", plain)


def markdown(report: Report) -> str:
    """The report as CommonMark."""
    lines = [f"# {escaped(report.question)}", "", _summary(report), ""]
    for section in report.sections:
        lines += [f"## {escaped(section.title)}", ""]
        if section.note:
            lines += [f"*Weak: {escaped(section.note)}.*", ""]
        for quote in section.quotes:
            lines += [f"- “{_quoted(quote.span)}” {_cited(quote)}"]
            if quote.wording:
                lines += [f"  *In a model's words:* {escaped(quote.wording)}"]
        lines.append("")
    if report.conflicts:
        lines += ["## Contradictions", ""]
        for title, values in report.conflicts:
            said = "; ".join(f"{escaped(value)} [{number}]" for value, number in values)
            lines.append(f"- {escaped(title)} Different values: {said}")
        lines.append("")
    if report.missing:
        lines += ["## Not found", ""]
        for one in report.missing:
            lines.append(f"- **{escaped(one.title)}** {escaped(_sentence(one.why))}")
            lines += [f"  - searched for {escaped(query)}" for query in one.queries]
        lines.append("")
    if report.limits:
        lines += ["## Limits", "", *(f"- {escaped(limit)}" for limit in report.limits), ""]
    if report.references:
        lines += ["## References", ""]
        for ref in report.references:
            where = ref.uri or ref.document
            lines.append(
                f"- [{ref.number}] [{escaped(ref.title or ref.document)}](<{_target(where)}>), "
                f"{escaped(ref.document)} in {escaped(ref.source)}, sha256 {ref.sha256[:16]}"
            )
        lines.append("")
    return "\n".join(lines)


def _summary(report: Report) -> str:
    """One line: how much was found, whether it was checked, why it is partial."""
    quotes, documents = len(report.quotes), len(report.references)
    said = f"{quotes} quote{'s' * (quotes != 1)} from {documents} document{'s' * (documents != 1)}"
    verdict = report.verdict
    if verdict is not None and verdict.checked:
        held = verdict.checked - len(verdict.faults)
        said += f", {held} of {verdict.checked} verified against their sources"
    if report.missing:
        said += f"; {len(report.missing)} not found"
    partial = f" **Partial:** {escaped(report.reason)}." if report.status == "partial" else ""
    faults = ""
    if verdict is not None and not verdict.ok:
        told = "; ".join(f"[{f.number}] {escaped(f.reason)}" for f in verdict.faults)
        faults = f" **Do not trust:** {told}."
    return f"{said}.{partial}{faults}"


def _quoted(span: Span) -> str:
    """The text, the sentence that it was chosen for in bold where more stands around it."""
    before, sentence, after = span.cut
    if not (before or after):
        return escaped(sentence)
    space = [
        " " if text[at].isspace() else "" for text, at in ((before or "x", -1), (after or "x", 0))
    ]
    return f"{escaped(before)}{space[0]}**{escaped(sentence)}**{space[1]}{escaped(after)}"


def _cited(quote: Quote) -> str:
    span = quote.span
    path = [*dict.fromkeys(p for p in (span.title, *span.heading) if p)]
    page = [f"page {span.page}"] if span.page is not None else []
    where = " › ".join([*path[-2:], *page]) or span.document
    return f"[[{quote.number}]](<{_target(quote.link)}>) *{escaped(where)}*"


def _target(uri: str) -> str:
    """A link target inside <…>: no line breaks, no angle brackets, and no script. Files as paths:
    careful renderers, the terminal's among them, show links to `file:` as bare text."""
    plain = re.sub(r"[\s<>\\]", lambda m: f"%{ord(m.group()):02X}", uri)
    plain = re.sub(r"^file://(?=/)", "", plain)
    return "#" if re.match(r"(?i)(?:javascript|vbscript|data):", plain) else plain


def _sentence(text: str) -> str:
    """With a capital at its beginning and a mark at its end."""
    text = folded(text)
    if not text:
        return text
    mark = "?" if _ASKS.search(text) else "."
    return text[0].upper() + text[1:] + ("" if text[-1] in ".?!" else mark)


_AUX = "is|are|was|were|do|does|did|can|could|may|might|must|should|shall|will|would|has|have|had"
_ASKS = re.compile(
    rf"^(?:(?:in|at|by|on|for|from|of|to|with) )?(?:what|which|when|where|why|who|whose|how)\b"
    rf"|(?:^|[,;] )(?:{_AUX})\b|[,;] (?:what|why|how)\b",
    re.I,
)


def entries(report: Report) -> Mapping[int, Reference]:
    """References by number."""
    return {r.number: r for r in report.references}
