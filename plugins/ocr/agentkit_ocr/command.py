"""`agentkit ocr`: pictures and PDFs read into text with structure."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import astuple
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from agentkit.cli.context import for_stdout, note, open_kit, show_json
from agentkit.cli.progress import progress
from agentkit.errors import AgentkitError, Cancelled, DataError, UsageError

if TYPE_CHECKING:
    from agentkit_ocr.document import Document
    from agentkit_ocr.work import Task

_RANGE = re.compile(r"(\d+)?(-)?(\d+)?")


class Format(StrEnum):
    md = "md"
    html = "html"
    json = "json"
    txt = "txt"
    pdf = "pdf"


class TextLayer(StrEnum):
    auto = "auto"
    never = "never"
    only = "only"


def find(
    picture: Annotated[Path, typer.Argument(help="a screenshot, or another picture")],
    text: Annotated[str, typer.Argument(help="what stands there")],
    reader: Annotated[
        str, typer.Option("--with", help="a perception: readers, rapidocr, tesseract, your own")
    ] = "rapidocr",
) -> None:
    """Say where a text stands in a picture: the point to tap, in pixels, as JSON.

    Status 1 where it stands nowhere, or in several places; these are listed all the same.
    """
    from agentkit.capabilities import Image
    from agentkit_ocr.finding import find_text

    try:
        data = picture.read_bytes()
    except OSError as error:
        raise UsageError(f"{picture}: cannot be read: {error}", "name a picture") from error
    found = find_text(open_kit().part("perception", reader), Image(data), text)
    spots = [
        {"point": spot.point, "box": astuple(spot.box), "text": spot.text,
         "confidence": round(spot.confidence, 3)}
        for spot in found.spots
    ]  # fmt: skip
    show_json({"status": found.status, "point": found.point, "spots": spots})
    if found.status != "found":
        sys.exit(1)


def ocr(
    files: Annotated[list[Path], typer.Argument(help="pictures and PDFs")],
    to: Annotated[
        Format, typer.Option(help="pdf: the pages as they came, with their text")
    ] = Format.md,
    out: Annotated[
        Path | None, typer.Option(help="a folder; without one, text goes to standard output")
    ] = None,
    reader: Annotated[
        str, typer.Option("--with", help="a perception: readers, rapidocr, tesseract, your own")
    ] = "readers",
    pages: Annotated[str, typer.Option(help="of PDFs and TIFF files: 1-3,7,20-")] = "",
    text_layer: Annotated[
        TextLayer, typer.Option(help="of PDFs: used where it is good, never, or nothing else")
    ] = TextLayer.auto,
    jobs: Annotated[int, typer.Option(min=0, help="pages at once; 0: as many as processors")] = 0,
    seconds: Annotated[float, typer.Option(min=1, help="for one page, at most")] = 600.0,
    dpi: Annotated[int, typer.Option(min=50, max=600, help="of PDF pages")] = 200,
    layout: Annotated[bool, typer.Option(help="columns, headings, lists, tables")] = True,
    straighten: Annotated[
        bool, typer.Option(help="take skew out, turn what lies on its side")
    ] = True,
) -> None:
    """Read pictures and PDFs into Markdown, HTML, JSON, text, or a searchable PDF.

    Interrupted, it goes on where it stopped when called again. A page that cannot be read is named
    and costs no other. A password comes from AGENTKIT_PDF_PASSWORD, or is asked for.
    """
    from agentkit_ocr.reading import Options
    from agentkit_ocr.work import Work, forget, read

    if out is None and len(files) > 1:
        raise UsageError(f"{len(files)} files need a place to go", "say --out FOLDER")
    if out is None and to is Format.pdf:
        out = Path(".")
    kit = open_kit()
    kit.check("perception", reader)
    tasks, refused = _tasks(files, pages)
    work = Work(
        kit.recipe("perception", reader),
        jobs or min(os.cpu_count() or 1, 8),
        seconds,
        dpi,
        text_layer.value,
        Options(straighten=straighten, turn=straighten, layout=layout),
    )
    with progress("pages") as watched:
        try:
            documents = read(tasks, work, watched)
        except Cancelled:
            raise UsageError("stopped", "the same command goes on from here") from None
    failed = list(refused)
    for task, document, name in zip(tasks, documents, _names(tasks, to.value)):
        try:
            _write(task, document, to.value, out / name if out is not None else None)
        except DataError as error:
            failed.append(error)
            continue
        lost = [page for page in document.pages if page.error]
        for page in lost:
            note(f"{task.file.path}, page {page.number}: {page.error}")
        for text in document.notes:
            note(f"{task.file.path}: {text}")
        if lost:
            failed.append(DataError(f"{task.file.path}: {len(lost)} pages could not be read"))
    forget(tasks)
    for fault in failed:
        note(str(fault))
    if failed:
        sys.exit(1)


def _tasks(files: Sequence[Path], pages: str) -> tuple[list[Task], list[AgentkitError]]:
    """What is to be read, and why some files cannot be."""
    from agentkit_ocr.files import MOST_PAGES, NeedsPassword, outline
    from agentkit_ocr.work import Task

    tasks: list[Task] = []
    refused: list[AgentkitError] = []
    for path in files:
        password = _password()
        try:
            try:
                file = outline(path, password)
            except NeedsPassword:
                if password or not sys.stdin.isatty():
                    raise
                password = click.prompt(f"password of {path.name}", hide_input=True, err=True)
                file = outline(path, password)
            wanted = chosen(pages, file.pages)
            if len(wanted) > MOST_PAGES:
                raise DataError(
                    f"{path} has {len(wanted)} pages", f"say --pages, at most {MOST_PAGES} at once"
                )
            tasks.append(Task(file, wanted, password))
        except DataError as error:
            refused.append(error)
    if not tasks and refused:
        raise refused[0]
    return tasks, refused


def _password() -> str:
    from agentkit_ocr.files import PASSWORD

    return os.environ.get(PASSWORD, "")


def chosen(pages: str, count: int) -> list[int]:
    """Numbers of pages from "1-3,7,20-", ascending; all of them for "".

    Raises:
        UsageError: it is not of that form, or names no page that there is.
    """
    if not pages.strip():
        return list(range(1, count + 1))
    found: set[int] = set()
    for part in pages.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None or not (match[1] or match[3]):
            raise UsageError(f"--pages {pages!r} is not understood", "write for instance 1-3,7,20-")
        first = int(match[1] or 1)
        last = int(match[3] or count) if match[2] else first
        found.update(range(max(first, 1), min(last, count) + 1))
    if not found:
        raise UsageError(f"--pages {pages!r} names none of {count} pages", "pages begin with 1")
    return sorted(found)


def _names(tasks: Sequence[Task], ending: str) -> list[str]:
    """A name for each result; files of one name get a number."""
    names: list[str] = []
    for task in tasks:
        stem, number = task.file.path.stem, 1
        ending_ = "ocr.pdf" if ending == "pdf" else ending
        name = f"{stem}.{ending_}"
        while name in names:
            number += 1
            name = f"{stem}-{number}.{ending_}"
        names.append(name)
    return names


def _write(task: Task, document: Document, to: str, path: Path | None) -> None:
    from agentkit.files import write_atomic
    from agentkit_ocr.write import WRITERS
    from agentkit_ocr.write.pdf import searchable

    if to == "pdf":
        assert path is not None
        write_atomic(path, searchable(task.file, document, task.password))
        click.echo(str(path))
        return
    text = WRITERS[to](document)
    if path is None:
        click.echo(for_stdout(text), nl=False)
    else:
        write_atomic(path, text)
        click.echo(str(path))
