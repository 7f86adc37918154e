"""What all commands share: global options, the kit, and how results are shown."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.host import Host
    from agentkit.kit import Kit


@dataclass(frozen=True, slots=True)
class Globals:
    """The options in front of the command."""

    config: str | None
    options: tuple[str, ...]
    debug: bool
    host: Host


def options() -> Globals:
    """The global options of the command that is running."""
    found = click.get_current_context().find_object(Globals)
    assert found is not None
    return found


def open_kit(*overrides: str) -> Kit:
    """The kit of the settings that this command line names. Closed when the command ends.

    Args:
        overrides: further ones, as `-o` takes them.
    """
    from agentkit.kit import load

    chosen = options()
    kit = load(chosen.config, overrides=[*chosen.options, *overrides])
    click.get_current_context().call_on_close(kit.close)
    return kit


def setting_of(text: str) -> str:
    """A `--set NAME=VALUE` of a part, checked for its form."""
    if "=" not in text:
        raise UsageError(f"--set {text}: write it as NAME=VALUE")
    return text


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table that fits the terminal; tab-separated lines where there is none."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(str(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


def show_parts(kit: Kit, noun: str, as_json: bool) -> None:
    """The declared parts of a noun, each with what it uses."""
    rows = [(one, kit.values(noun, one).use) for one in kit.names(noun)]
    if as_json:
        show_json([dict(zip(("name", "use"), row)) for row in rows])
    else:
        show_table((noun, "use"), rows)


def note(text: str) -> None:
    """Something for the person, on standard error."""
    click.echo(printable(text), err=True)


def aside(do: Callable[[], object]) -> None:
    """For signal handlers: does it in another thread. The one that was interrupted may just be
    writing to the same stream, which raises where it is entered again."""
    threading.Thread(target=do, daemon=True).start()


def printable(text: str) -> str:
    """Text of models and documents for a terminal: nothing in it can move the cursor, colour the
    screen, or turn its letters around."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def for_stdout(text: str) -> str:
    """Text of others as it may be written to standard output: a file gets it as it is."""
    return printable(text) if sys.stdout.isatty() else text


def tell(notices: list[str]) -> None:
    """What a part has to say about itself, once."""
    while notices:
        note(notices.pop(0))
