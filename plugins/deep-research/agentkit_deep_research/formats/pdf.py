"""A report as PDF: the HTML page, laid out by WeasyPrint, with the report attached as data."""

from __future__ import annotations

from pathlib import Path

from agentkit.errors import UsageError
from agentkit_deep_research.formats import ATTACHED, packed
from agentkit_deep_research.formats.html import html
from agentkit_deep_research.report import Report


def pdf(report: Report, run: str = "") -> bytes:
    """The file's bytes.

    Raises:
        UsageError: WeasyPrint, or the Pango library that it needs, is not there.
    """
    try:
        from weasyprint import HTML, Attachment
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:
        raise UsageError(
            f"PDF needs WeasyPrint and the Pango library: {error}",
            "pip install weasyprint, and on Debian: apt-get install libpango-1.0-0 "
            "libpangoft2-1.0-0 libharfbuzz-subset0; or write .html or .docx",
        ) from error
    data = packed(report, run).encode()
    attachment = Attachment(string=data, name=ATTACHED, description="the report as data")
    nothing = URLFetcher(allowed_protocols=["data"])  # a report loads only the pictures in it
    page = HTML(string=html(report, run), url_fetcher=nothing)
    # Tagged: headings, tables and what pictures show, for those who hear the page.
    made: bytes = page.write_pdf(attachments=[attachment], pdf_tags=True)
    return made


def attached(path: Path) -> str:
    """The data that a file carries.

    Raises:
        KeyError: it carries none.
    """
    from pypdf import PdfReader

    found: bytes = PdfReader(path).attachments[ATTACHED][0]
    return found.decode()
