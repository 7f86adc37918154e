"""A report as a file: Markdown, HTML, PDF, DOCX, or JSON, with the same numbers and links in all.

HTML, PDF and DOCX carry the report itself as data, so that `agentkit verify FILE` can check their
quotes against the sources again; Markdown names its run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentkit.errors import DataError, UsageError
from agentkit_deep_research.report import Report

ATTACHED = "agentkit-report.json"  # the name of the report's data inside of a file


def packed(report: Report, run: str) -> str:
    """What a file carries along: the report, and the run that made it."""
    return json.dumps({"run": run, "report": report.to_json()}, ensure_ascii=False)


def _markdown(report: Report, run: str) -> bytes:
    from agentkit_deep_research.markdown import markdown

    text = markdown(report)
    return (f"{text}\n<!-- agentkit run {run} -->\n" if run else text).encode()


def _html(report: Report, run: str) -> bytes:
    from agentkit_deep_research.formats.html import html

    return html(report, run).encode()


def _pdf(report: Report, run: str) -> bytes:
    from agentkit_deep_research.formats.pdf import pdf

    return pdf(report, run)


def _docx(report: Report, run: str) -> bytes:
    from agentkit_deep_research.formats.docx import docx

    return docx(report, run)


def _json(report: Report, run: str) -> bytes:
    return packed(report, run).encode()


FORMATS: Mapping[str, Callable[[Report, str], bytes]] = {
    "md": _markdown,
    "html": _html,
    "pdf": _pdf,
    "docx": _docx,
    "json": _json,
}


def form_of(path: Path) -> str:
    """The format that a file's name asks for.

    Raises:
        UsageError: it is none of FORMATS.
    """
    form = {"markdown": "md", "htm": "html"}.get(suffix := path.suffix[1:].lower(), suffix)
    if form not in FORMATS:
        raise UsageError(
            f"{path.name}: there is no format {path.suffix or '(no ending)'!r}",
            f"end it with one of: {', '.join('.' + f for f in FORMATS)}",
        )
    return form


def render(report: Report, form: str, run: str = "") -> bytes:
    """The report in one of FORMATS.

    Raises:
        UsageError: there is no such format, or the package that it needs is not installed.
    """
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", f"one of: {', '.join(FORMATS)}")
    return FORMATS[form](report, run)


_RUN = re.compile(r"<!-- agentkit run ([\w-]+) -->")


def unpack(path: Path) -> tuple[str, Report | None]:
    """The run and the report that a file carries; Markdown carries the run alone.

    Raises:
        DataError: the file cannot be read, or carries neither.
    """
    form = form_of(path)
    try:
        text = _attached(path, form)
        if form == "md":
            found = _RUN.search(text)
            if found is None:
                raise ValueError("it names no run")
            return found[1], None
        data: Any = json.loads(text)
        return str(data["run"]), Report.from_json(data["report"])
    except DataError:
        raise
    except Exception as error:  # three formats, each read by another library
        raise DataError(
            f"{path} carries no report that could be checked: {error}",
            "only files that `agentkit research` or `agentkit report` wrote can be",
        ) from error


def _attached(path: Path, form: str) -> str:
    match form:
        case "pdf":
            from agentkit_deep_research.formats.pdf import attached

            return attached(path)
        case "docx":
            from agentkit_deep_research.formats.docx import attached as of_docx

            return of_docx(path)
        case "html":
            from agentkit_deep_research.formats.html import attached as of_html

            return of_html(path.read_text("utf-8"))
    return path.read_text("utf-8")
