"""The last step: what was found becomes the report, each quote checked against its source."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from agentkit_deep_research.desk import Desk, look
from agentkit_deep_research.markdown import markdown
from agentkit_deep_research.planning import refuse
from agentkit_deep_research.report import Report, compose
from agentkit_deep_research.rules import mentions
from agentkit_deep_research.todo import render
from agentkit_deep_research.verify import verify
from agentkit_deep_research.wording import Wording
from agentkit_deep_research.words import folded

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime
    from agentkit.kit import Parts
    from agentkit_deep_research.settings import ResearchSettings


class Writer:
    """Works within one visit of the write node."""

    def __init__(self, rt: Runtime, parts: Parts, settings: ResearchSettings) -> None:
        self.rt, self.parts, self.settings = rt, parts, settings

    def write(self, question: str, desk: Desk, reason: str) -> Report:
        """reason: why the search ended early, "" where it did not."""
        desk = self._settle(desk)
        self.rt.progress("writing and verifying")
        report = self._compose(question, desk, reason)
        if self.parts.names("writer"):
            writing = Wording(self.rt, self.parts, self.settings.tokens)
            for section in report.sections:
                writing.write(desk, section.facet, [q.span for q in section.quotes])
            report = self._compose(question, look(self.rt), reason)
        verdict = verify([(q.number, q.span) for q in report.quotes], self.rt.open)
        faults = [[f.number, f.span, f.reason] for f in verdict.faults]
        self.rt.emit("report.verified", {"checked": verdict.checked, "faults": faults})
        return replace(report, verdict=verdict)

    def _compose(self, question: str, desk: Desk, reason: str) -> Report:
        short = self._format(desk) == "short"
        quotes = desk.rules.limit("quotes", 1 if short else self.settings.quotes)
        unsure = desk.rules.limit("quotes", 2 if short else self.settings.unsure)
        reason = desk.finish or reason
        return compose(folded(question), desk, quotes=quotes, unsure=unsure, reason=reason)

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
            if not any(mentions(f"{s.text}\n{s.about}", rule.value) for s in desk.evidence):
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
