"""A report as DOCX, by python-docx: headings, quotes, tables, links, and the report as data."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from agentkit.errors import UsageError
from agentkit_deep_research.formats import ATTACHED, packed
from agentkit_deep_research.formats.charts import draw, told
from agentkit_deep_research.markdown import address, summary, where
from agentkit_deep_research.report import Quote, Report, sentence

_STAMP = (2020, 1, 1, 0, 0, 0)  # of all members, so that the same report gives the same bytes


def docx(report: Report, run: str = "") -> bytes:
    """The file's bytes.

    Raises:
        UsageError: python-docx is not installed.
    """
    try:
        import docx as library
    except ImportError as error:
        raise UsageError("DOCX needs the package python-docx", "pip install python-docx") from error
    file = library.Document()
    file.core_properties.title = report.question[:200]
    file.core_properties.author = ""
    _Page(file, report).fill()
    made = io.BytesIO()
    file.save(made)
    return _with_data(made.getvalue(), packed(report, run))


def attached(path: Path) -> str:
    """The data that a file carries.

    Raises:
        KeyError: it carries none.
    """
    with zipfile.ZipFile(path) as file:
        return file.read(f"customXml/{ATTACHED}").decode()


def _with_data(file: bytes, data: str) -> bytes:
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(file)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name == "[Content_Types].xml" and b'Extension="json"' not in content:
                kind = b'<Default Extension="json" ContentType="application/json"/>'
                content = content.replace(b"</Types>", kind + b"</Types>")
            new.writestr(zipfile.ZipInfo(name, _STAMP), content, zipfile.ZIP_DEFLATED)
        info = zipfile.ZipInfo(f"customXml/{ATTACHED}", _STAMP)
        new.writestr(info, data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


class _Page:
    """Fills a document, part by part."""

    def __init__(self, file: Any, report: Report) -> None:
        self.file, self.report = file, report

    def fill(self) -> None:
        report, file = self.report, self.file
        file.add_heading(clean(report.question), 0)
        file.add_paragraph(clean(summary(report)))
        if report.status == "partial":
            file.add_paragraph(clean(f"Partial: {report.reason}."), style="Intense Quote")
        for fault in report.verdict.faults if report.verdict else ():
            text = f"Do not trust [{fault.number}]: {fault.reason}"
            file.add_paragraph(clean(text), style="Intense Quote")
        for section in report.sections:
            file.add_heading(clean(section.title), 1)
            if section.note:
                file.add_paragraph(clean(f"Weak: {section.note}."))
            for quote in section.quotes:
                self._quote(quote)
            for text, numbers in section.wordings:
                marks = "".join(f"[{n}]" for n in numbers)
                file.add_paragraph(clean(f"In a model’s words: {text} {marks}"))
            for old, newer in section.replaced:
                dated = f" ({old.span.date})" if old.span.date else ""
                self._quote(old, f"Out of date{dated}, see [{newer}]: ")
        self._tables()
        self._rest()

    def _quote(self, quote: Quote, lead: str = "") -> None:
        paragraph = self.file.add_paragraph(style="Quote")
        before, said, after = map(clean, quote.span.cut)
        paragraph.add_run(f"{lead}“{before}")
        paragraph.add_run(said).bold = bool(before or after)
        paragraph.add_run(f"{after}” ")
        self._link(paragraph, f"[{quote.number}]", address(quote.link))
        paragraph.add_run(clean(f" {where(quote.span)}")).italic = True

    def _link(self, paragraph: Any, text: str, url: str) -> None:
        """python-docx has no call for a link: the relation and the element by hand."""
        from docx.opc.constants import RELATIONSHIP_TYPE
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        relation = paragraph.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
        link = OxmlElement("w:hyperlink")
        link.set(qn("r:id"), relation)
        run = paragraph.add_run(text)
        run.font.underline = True
        link.append(run._r)
        paragraph._p.append(link)

    def _tables(self) -> None:
        from docx.shared import Inches

        for place, table in enumerate(self.report.tables):
            self.file.add_heading(clean(table.title), 1)
            grid = self.file.add_table(1, len(table.columns), style="Light Grid Accent 1")
            for cell, column in zip(grid.rows[0].cells, table.columns, strict=True):
                cell.text = clean(column)
            for row in table.rows:
                for cell, content in zip(grid.add_row().cells, row, strict=True):
                    mark = f" [{content.number}]" if content.number else ""
                    cell.text = clean(content.text) + mark
            for chart in self.report.charts:
                if chart.table == place:
                    picture = io.BytesIO(draw(self.report, chart, "png"))
                    shape = self.file.add_picture(picture, width=Inches(6))
                    shape._inline.docPr.set("descr", clean(told(self.report, chart)))

    def _rest(self) -> None:
        report, file = self.report, self.file
        if report.conflicts:
            file.add_heading("Contradictions", 1)
            for title, values in report.conflicts:
                said = "; ".join(f"{value} [{number}]" for value, number in values)
                file.add_paragraph(clean(f"{title} Different values: {said}"), style="List Bullet")
        if report.missing:
            file.add_heading("Not found", 1)
            for one in report.missing:
                text = f"{one.title} {sentence(one.why)}"
                file.add_paragraph(clean(text), style="List Bullet")
                for query in one.queries:
                    file.add_paragraph(clean(f"searched for {query}"), style="List Bullet 2")
        if report.limits:
            file.add_heading("Limits", 1)
            for limit in report.limits:
                file.add_paragraph(clean(limit), style="List Bullet")
        if report.references:
            file.add_heading("References", 1)
            for ref in report.references:
                paragraph = file.add_paragraph(f"[{ref.number}] ")
                title = clean(ref.title or ref.document)
                self._link(paragraph, title, address(ref.uri or ref.document))
                text = f", {ref.document} in {ref.source}, sha256 {ref.sha256[:16]}"
                paragraph.add_run(clean(text))


def clean(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return "".join(c for c in text if c in "\n\t" or ord(c) >= 32)
