"""`agentkit report`: export, revise and compare research runs; their todo lists, trajectories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.context import for_stdout, note, open_kit
from agentkit.errors import DataError, UsageError
from agentkit.files import write_atomic

if TYPE_CHECKING:
    from agentkit.runs.store import RunStore
    from agentkit_deep_research.report import Report
    from agentkit_deep_research.todo import Todo

app = typer.Typer(no_args_is_help=True, help="Research reports: export, revise, compare, check.")

RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="its id, the beginning or end of one, or last")
]


@app.command()
def export(
    run: RunId,
    out: Annotated[
        list[Path], typer.Option("--out", "-o", help="once or more: .md .html .pdf .docx .json")
    ],
) -> None:
    """Write a finished report to files, in the formats that their names end with."""
    from agentkit_deep_research.formats import form_of

    for path in out:
        form_of(path)
    store = open_kit().runs
    for path in out:
        save(store, store.get(run).id, path)


def save(store: RunStore, run: str, out: Path) -> None:
    """Writes a run's report to a file."""
    from agentkit_deep_research.formats import form_of, render

    form = form_of(out)
    note(f"wrote {write_atomic(out, render(stored(store, run), form, run))}")


def stored(store: RunStore, run: str) -> Report:
    """The report that a run has written.

    Raises:
        DataError: it has none.
    """
    from agentkit_deep_research.report import Report

    try:
        data: Any = json.loads(store.artifact(run, "report.json").read_text("utf-8"))
    except (UsageError, OSError, ValueError) as error:
        raise DataError(
            f"run {run} has no report: {error}", "only finished research runs have one"
        ) from error
    return Report.from_json(data)


@app.command()
def todo(
    run: RunId,
    edited: Annotated[
        Path | None, typer.Option("--edited", help="an edited list, merged into the run's own")
    ] = None,
) -> None:
    """Print a run's todo list, or hand an edited one back while the run works."""
    from agentkit_deep_research.todo import render

    store = open_kit().runs
    row = store.get(run)
    if edited is None:
        typer.echo(for_stdout(render(todo_of(store, row.id))), nl=False)
        return
    try:
        text = edited.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{edited} cannot be read: {error}", "name the edited todo.md") from error
    sent = store.send(row.id, "", todo=text)
    note(f"sent as message {sent.id}; `agentkit runs show {row.id[-6:]}` says what became of it")


def todo_of(store: RunStore, run: str) -> Todo:
    """A run's todo list as it is now."""
    from agentkit_deep_research.todo import Todo

    made = Todo()
    for event in store.tail(run, kinds=("todo.changed", "evidence.added")):
        if event.kind == "todo.changed":
            made.apply(event.data)
        else:
            made.found(event.data["task"], event.data["id"])
    return made


@app.command()
def revise(
    run: RunId,
    text: Annotated[str, typer.Argument(help='what to change: "exclude X", "add: …"')] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="also write it to a file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one event a line")] = False,
) -> None:
    """Reopen a finished report as a new revision: a run that shares everything but the writing.

    Messages that came too late for the report are taken up with it.
    """
    from agentkit.cli.run import follow
    from agentkit_deep_research.formats import form_of

    if out is not None:
        form_of(out)
    kit = open_kit()
    fork = reopened(kit.runs, run, text)
    again = kit.resume(fork)
    follow(again, as_json)
    if out is not None:
        save(kit.runs, again.id, out)


def reopened(store: RunStore, run: str, text: str) -> str:
    """A new run that stands just before the writing of another one, with messages waiting in it."""
    row = store.get(run)
    steps = [
        int(e.position.split(":")[0])
        for e in store.tail(row.id, kinds=("node.entered",))
        if e.position.split(":")[-1].split("#")[0] == "write"
    ]
    if not steps or row.status != "done":
        raise UsageError(
            f"run {row.id} is {row.status}: only a finished report is revised",
            f'steer it instead: agentkit runs send {row.id[-6:]} "…"',
        )
    late = [m.directive for m in store.messages(row.id) if m.state == "late"]
    if not text.strip() and not late:
        raise UsageError("there is nothing to change", 'agentkit report revise RUN "exclude X"')
    fork = store.fork(row.id, steps[-1] - 1)
    for directive in late:
        store.send(fork.id, directive.text, author=directive.author, **dict(directive.data))
    if text.strip():
        store.send(fork.id, text)
    return fork.id


@app.command()
def trajectory(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="ids")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="a .jsonl file")] = None,
) -> None:
    """Research runs as training data, one JSON object a line."""
    from agentkit_deep_research.trajectory import check
    from agentkit_deep_research.trajectory import trajectory as made

    store = open_kit().runs
    lines = [made(store, run) for run in runs]
    for line in lines:
        check(line)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if out is None:
        typer.echo(text, nl=False)
    else:
        note(f"wrote {write_atomic(out, text)}")


@app.command()
def compare(one: RunId, two: RunId) -> None:
    """What differs between two runs, for instance a run and its fork: todo, evidence, report."""
    from agentkit_deep_research.comparing import compare as compared

    store = open_kit().runs
    typer.echo(for_stdout(compared(store, store.get(one).id, store.get(two).id)), nl=False)
