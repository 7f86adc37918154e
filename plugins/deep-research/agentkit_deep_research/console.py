"""What the console shows of a research run besides: its report, files of it, how it was steered."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.console import views
from agentkit.console.views import Export, Look, Panel, Views
from agentkit_deep_research.desk import Desk

if TYPE_CHECKING:
    from agentkit_deep_research.report import Quote, Report, Section

USE = "deep-research"
MEDIA = {
    "md": ("Markdown", "text/markdown"),
    "html": ("HTML, one file", "text/html"),
    "pdf": ("PDF", "application/pdf"),
    "docx": ("Word", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "json": ("JSON", "application/json"),
}


class ResearchViews(Views):
    """Of runs whose agent is made of "deep-research"."""

    def report(self, run: Look) -> Mapping[str, Any] | None:
        if not _written(run):
            return None
        from agentkit_deep_research.report_command import stored

        return shown(stored(run.store, run.row.id))

    def exports(self, run: Look) -> Sequence[Export]:
        if run.use != USE:
            return ()
        made = [
            Export(
                "todo.md", "Todo list", "text/markdown", lambda: _todo(run), {"ko": "할 일 목록"}
            ),
            Export(
                "evidence.csv",
                "Evidence, CSV",
                "text/csv",
                lambda: _evidence(run),
                {"ko": "근거, CSV"},
            ),
        ]
        if _written(run):
            made += [_rendered(run, form) for form in MEDIA]
            made.append(
                Export(
                    "trajectory.jsonl",
                    "Training data, JSONL",
                    "application/jsonl",
                    lambda: _trajectory(run),
                    {"ko": "학습 자료, JSONL"},
                )
            )
        return made

    def panels(self, run: Look) -> Sequence[Panel]:
        """How the models of its roles did, and what was read that gave orders."""
        if run.use != USE:
            return ()
        desk = _desk(run)
        made = []
        if desk.roles:
            columns = ("role", "calls", "faults", "last fault")
            rows = [(n, r.calls, r.faults, r.last_fault) for n, r in desk.roles.items()]
            made.append(Panel("roles", "Models and their roles", [views.table(columns, rows)]))
        if desk.injections:
            found = [(s, d, words) for (s, d), words in desk.injections.items()]
            told = views.text("Text that reads as if it were meant for a machine. Not followed.")
            table = views.table(("source", "document", "text"), found)
            made.append(Panel("orders", "Orders in what was read", [told, table]))
        return made

    def revise(self, run: Look, text: str) -> str | None:
        if run.use != USE:
            return None
        from agentkit_deep_research.report_command import reopened

        return reopened(run.store, run.row.id, text)


def _written(run: Look) -> bool:
    return run.use == USE and "report" in run.state


def _desk(run: Look) -> Desk:
    from agentkit_deep_research.comparing import desk_of

    return desk_of(run.store, run.row.id)


def _rendered(run: Look, form: str) -> Export:
    title, media = MEDIA[form]

    def make() -> bytes:
        from agentkit_deep_research.formats import render
        from agentkit_deep_research.report_command import stored

        return render(stored(run.store, run.row.id), form, run.row.id)

    korean = f"보고서, {title.split(',')[0]}"
    return Export(f"report.{form}", f"Report, {title}", media, make, {"ko": korean})


def _todo(run: Look) -> bytes:
    from agentkit_deep_research.todo import render

    return render(_desk(run).todo).encode()


def _trajectory(run: Look) -> bytes:
    from agentkit_deep_research.trajectory import check, trajectory

    line = trajectory(run.store, run.row.id)
    check(line)
    return (json.dumps(line, ensure_ascii=False) + "\n").encode()


def _evidence(run: Look) -> bytes:
    names = "id task source document title uri page start end score date text".split()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    for span in _desk(run).evidence:
        plain = span.to_json()
        writer.writerow([_harmless(plain[name]) for name in names])
    return out.getvalue().encode()


def _harmless(value: Any) -> Any:
    """What a spreadsheet would take for a formula becomes text."""
    dangerous = isinstance(value, str) and value.lstrip()[:1] in tuple("=+-@\t\r")
    return f"'{value}" if dangerous else value


# -- the report -----------------------------------------------------------------------------------


def shown(report: Report) -> dict[str, Any]:
    """A report in the console's form: what is quoted, what a model wrote, what bears it out."""
    faults = {f.number: f.reason for f in report.verdict.faults} if report.verdict else {}
    return {
        "title": report.question,
        "status": report.status,
        "reason": report.reason,
        "coverage": round(report.coverage, 4),
        "sections": [_section(section, faults) for section in report.sections],
        "missing": [
            {"title": m.title, "why": m.why, "queries": list(m.queries)} for m in report.missing
        ],
        "conflicts": [
            {"title": title, "sides": [{"text": text, "number": n} for text, n in sides]}
            for title, sides in report.conflicts
        ],
        "limits": list(report.limits),
        "references": [
            {"number": r.number, "title": r.title, "uri": r.uri, "document": r.document}
            for r in report.references
        ],
        "tables": [_table(table) for table in report.tables],
        "checked": report.verdict.checked if report.verdict else 0,
    }


def _section(section: Section, faults: Mapping[int, str]) -> dict[str, Any]:
    sentences = [
        {"text": text, "mark": "supported", "quotes": list(numbers)}
        for text, numbers in section.wordings
    ]
    return {
        "title": section.title,
        "facet": section.facet,
        "note": section.note,
        "sentences": sentences,
        "quotes": [_quote(quote, faults) for quote in section.quotes],
        "replaced": [{**_quote(old, faults), "by": new} for old, new in section.replaced],
    }


def _quote(quote: Quote, faults: Mapping[int, str]) -> dict[str, Any]:
    span = quote.span
    return {
        "number": quote.number,
        "key": f"{span.id}:{span.facet}",
        "text": span.text,
        "sentence": span.sentence,
        "before": quote.before,
        "after": quote.after,
        "title": span.title,
        "link": quote.link,
        "mark": "quoted",
        "support": faults.get(quote.number, "verified"),
    }


def _table(table: Any) -> dict[str, Any]:
    return {
        "title": table.title,
        "columns": [str(name) for name in table.columns],
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
    }


def _cell(cell: Any) -> str:
    return str(getattr(cell, "text", cell))
