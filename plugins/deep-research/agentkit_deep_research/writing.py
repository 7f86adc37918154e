"""The last step: what was found becomes the report, each quote checked against its source."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from agentkit.errors import BrokenOff
from agentkit_deep_research.composing import compose
from agentkit_deep_research.desk import Desk, look
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.markdown import markdown
from agentkit_deep_research.planning import refuse
from agentkit_deep_research.report import Quote, Report, sentence, title_of
from agentkit_deep_research.rules import Rules
from agentkit_deep_research.todo import render
from agentkit_deep_research.verify import verify
from agentkit_deep_research.wording import Wording

if TYPE_CHECKING:
    from agentkit.capabilities import Document, Runtime
    from agentkit.kit import Parts
    from agentkit_deep_research.settings import ResearchSettings


CONTEXT = 240  # bytes around a quote that are shown with it


@dataclass(frozen=True, slots=True)
class _Limits:
    quotes: int
    unsure: int
    reason: str


class Writer:
    """Works within one visit of the write node."""

    def __init__(self, rt: Runtime, parts: Parts, settings: ResearchSettings) -> None:
        self.rt, self.parts, self.settings = rt, parts, settings
        self._limits: _Limits | None = None

    def write(self, question: str, desk: Desk, reason: str) -> Report:
        """reason: why the search ended early, "" where it did not."""
        desk = self._settle(desk)
        self.rt.progress("writing and verifying")
        report = self._compose(question, desk, reason)
        if self.parts.names("writer"):
            with suppress(BrokenOff), self.rt.breakable((), lambda event: False):
                self._word(desk, report)  # up to where a limit of the run is met
            report = self._compose(question, look(self.rt), reason)
        documents: dict[tuple[str, str], Document] = {}

        def opened(source: str, document: str) -> Document:
            made = documents[source, document] = self.rt.open(source, document)
            return made

        verdict = verify([(q.number, q.span) for q in report.quotes], opened)
        faults = [[f.number, f.span, f.reason] for f in verdict.faults]
        self.rt.emit("report.verified", {"checked": verdict.checked, "faults": faults})
        return _with_context(replace(report, verdict=verdict), documents, look(self.rt).rules)

    def _word(self, desk: Desk, report: Report) -> None:
        """A model writes under the quotes of each section."""
        writing = Wording(self.rt, self.parts, self.settings.tokens)
        torn = {title for title, _ in report.conflicts}
        for section in report.sections:
            if section.title in torn or sentence(section.title) in torn:
                continue  # where the sources contradict each other a model decides nothing
            writing.write(desk, section.facet, [q.span for q in section.quotes])

    def _compose(self, question: str, desk: Desk, reason: str) -> Report:
        short = self._format(desk) == "short"
        quotes = desk.rules.limit("quotes", 1 if short else self.settings.quotes)
        unsure = desk.rules.limit("quotes", 2 if short else self.settings.unsure)
        limits = _Limits(quotes, unsure, desk.finish or reason)
        if limits != self._limits:  # so that the report can be made again from the events alone
            self.rt.emit("report.limited", asdict(limits))
            self._limits = limits
        return compose(title_of(question), desk, **asdict(limits))

    def _format(self, desk: Desk) -> str:
        return desk.rules.said("format") or self.settings.format

    def _settle(self, desk: Desk) -> Desk:
        """What can no longer be followed is rejected, visibly; what rules took out is counted."""
        over = "the search is over: " + (desk.finish or "a limit was reached")
        for asked in desk.unheard:
            refuse(self.rt, asked, f"add: {asked.text}", over)
            self.rt.emit("directive.heard", {"value": asked.text})
        for asked in desk.unsettled:
            refuse(self.rt, asked, asked.text, over)
            self.rt.emit("directive.heard", {"unclear": asked.text})
        against = desk.rules.against
        for rule in desk.rules.standing():
            hidden = [
                s for s in desk.evidence if against(s.text, s.about, s.source, s.task) is rule
            ]
            if hidden:
                self.rt.emit("directive.applied", {"id": rule.id, "spans": len(hidden)})
        for rule in desk.rules.standing("focus"):
            if not desk.speaks_of(rule):
                text = f"Nothing that was found speaks of {rule.value!r} ({rule.id}): see the rest."
                self.rt.emit("warning", {"text": text})
        return look(self.rt)

    def text(self, report: Report) -> str:
        return markdown(report)

    def keep(self, report: Report) -> list[str]:
        """Stores the report and the todo list with the run; gives their names."""
        desk = look(self.rt)
        files = {
            "report.md": (self.text(report), "text/markdown"),
            "report.json": (json.dumps(report.to_json(), indent=1), "application/json"),
            "todo.md": (render(desk.todo), "text/markdown"),
        }
        for name, (content, media) in files.items():
            self.rt.artifact(name, content, media)
        return list(files)


def _with_context(
    report: Report, documents: Mapping[tuple[str, str], Document], rules: Rules
) -> Report:
    """With what stands around each quote, so that it can be read where it stands; up to where
    something begins that people do not want to read."""

    def shown(quote: Quote) -> Quote:
        document = documents.get(quote.span.place)
        if document is None:
            return quote
        data, span = document.text.encode(), quote.span
        before = data[max(0, span.start - CONTEXT) : span.start].decode(errors="ignore")
        after = data[span.end : span.end + CONTEXT].decode(errors="ignore")
        before = "".join(_allowed(_pieces(before)[::-1], rules, span)[::-1])
        after = "".join(_allowed(_pieces(after), rules, span))
        return replace(quote, before=before, after=after)

    sections = [
        replace(
            section,
            quotes=tuple(map(shown, section.quotes)),
            replaced=tuple((shown(old), newer) for old, newer in section.replaced),
        )
        for section in report.sections
    ]
    return replace(report, sections=tuple(sections))


def _pieces(text: str) -> list[str]:
    """Sentences and lines, which together are the text."""
    return re.findall(r".+?(?:[.!?](?=\s)\s*|\n+|$)|\n+", text)


def _allowed(pieces: Sequence[str], rules: Rules, span: Span) -> list[str]:
    """Those before the first that a rule forbids; none where they speak of it only together."""
    kept: list[str] = []
    for piece in pieces:
        if rules.against(piece, "", span.source, span.task) is not None:
            break
        kept.append(piece)
    both = " ".join(kept), " ".join(kept[::-1])
    torn = any(rules.against(text, "", span.source, span.task) for text in both)
    return [] if torn else kept
