"""`agentkit index`: reads a folder now, and says what was read and what was not."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from agentkit.errors import DataError, UsageError
from agentkit.kit import Kit, load
from agentkit.names import nearest

if TYPE_CHECKING:
    from agentkit.capabilities import OnProgress
    from agentkit_sources.folder import FolderSource
    from agentkit_sources.index import Update


def index(
    what: Annotated[str, typer.Argument(help="a folder, a file, or a source of the settings")],
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Bring the index of a folder up to date; searches do the same when they need to.

    Interrupted, it goes on where it stopped when called again.
    """
    root = click.get_current_context().obj  # the options in front of the command
    with load(getattr(root, "config", None), overrides=getattr(root, "options", ())) as kit:
        source = _source(kit, what)
        file = source.index.database.file
        try:
            with _progress() as on_progress:
                done = source.update(on_progress=on_progress)
        except sqlite3.Error as error:
            raise DataError(
                f"{file}: {error}", "what was read stays; free some space, or set AGENTKIT_CACHE"
            ) from error
        if as_json:
            shown = {"index": str(file), "missing": source.semantics.missing}
            click.echo(json.dumps({**asdict(done), **shown}, ensure_ascii=False, indent=2))
        else:
            _show(source, done)


def _source(kit: Kit, what: str) -> FolderSource:
    from agentkit_sources.code.source import CodeSource
    from agentkit_sources.folder import FolderSource

    name = what
    if what not in kit.names("source"):
        if not Path(what).expanduser().exists():
            raise UsageError(
                f"{what!r} is neither a folder nor a source{nearest(what, kit.names('source'))}",
                "name a folder of documents, or a source that the settings declare",
            )
        name = "index"
        kit.define("source", name, use="folder", path=what)
    source = kit.source(name)
    if isinstance(source, CodeSource):
        source = source.files
    if not isinstance(source, FolderSource):
        raise UsageError(f"source {what!r} is not a folder", "only folders and code are indexed")
    return source


def _show(source: FolderSource, done: Update) -> None:
    click.echo(
        f"{done.documents} documents ({done.bytes / 1e6:.1f} MB), {done.chunks} passages; "
        f"{done.read} read, {done.removed} removed in {done.seconds:.1f} s"
        + ("; the index was damaged and made anew" if done.rebuilt else "")
    )
    for path, reason in done.notes:
        click.echo(f"  {path}: {reason}")
    if source.semantics.missing:
        click.echo(source.semantics.missing, err=True)


@contextmanager
def _progress() -> Iterator[OnProgress | None]:
    """A bar where somebody looks, else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int, description: str) -> None:
            bar.update(task, completed=done, total=total, description=description[-60:])

        yield show
