"""`agentkit runs`: what was run, what is running, and what to do with it."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.context import for_stdout, note, open_kit, printable, show_json, show_table, tell
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit.runs.store import RunRow, RunStore

app = typer.Typer(no_args_is_help=True, help="Runs: list, follow, steer, resume, fork, export.")
POLL = 0.025  # seconds between looks at a run that another process drives
PATIENCE = 10.0  # seconds that a command waits for another process

RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="its id, the beginning or end of one, or last")
]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]


def _store() -> RunStore:
    return _open()[1]


def _open() -> tuple[Kit, RunStore]:
    kit = open_kit()
    store = kit.runs
    tell(store.notices)
    return kit, store


@app.command("list")
def list_(
    agent: Annotated[str, typer.Option(help="runs of one agent")] = "",
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest runs first."""
    rows = _store().runs(limit, agent)
    if as_json:
        show_json([_plain(row) for row in rows])
    elif not rows:
        note('no runs yet; start one: agentkit run AGENT "task"')
    else:
        columns = ("run", "status", "agent", "when", "task")
        show_table(
            columns, [(r.id, _status(r), r.agent, _when(r.created), _short(r.task)) for r in rows]
        )


@app.command()
def show(run: RunId, as_json: AsJson = False) -> None:
    """One run: status, spent, models, questions, messages, artifacts, result."""
    from agentkit.runs.drive import answered, spent
    from agentkit.runs.export import result_text

    store = _store()
    row = store.get(run)
    meter, models = spent(store, row.id), answered(store, row.id)
    questions, messages = store.questions(row.id), store.messages(row.id)
    if as_json:
        show_json(
            {
                **_plain(row),
                "input": row.input,
                "spent": {"tokens": meter.tokens, "steps": meter.steps, "seconds": meter.seconds},
                "models": [asdict(one) for one in models],
                "questions": [
                    {"number": q.number, "text": q.question.text, "options": q.question.options}
                    for q in questions
                ],
                "messages": [
                    {"id": m.directive.id, "text": m.directive.text, "state": m.state}
                    for m in messages
                ],
                "artifacts": store.artifacts(row.id),
                "result": row.result,
            }
        )
        return
    facts = [
        ("run", row.id),
        ("agent", row.agent),
        ("task", row.task),
        ("status", f"{_status(row)} {row.note}".strip()),
        ("started", _when(row.created)),
        ("spent", f"{meter.tokens} tokens, {meter.steps} steps, {meter.seconds:.1f} s"),
    ]
    for one in models:
        count = f"{one.answers} answer{'s' * (one.answers != 1)}, {one.tokens} tokens"
        facts.append(("model", f"{one.node}: {' > '.join(one.path)}, {count}"))
    if row.parent:
        facts.append(("forked", f"from {row.parent} after step {row.parent_step}"))
    facts += [(f"asks {q.number}", q.question.text) for q in questions]
    facts += [(m.directive.id, f"{m.directive.text} ({m.state})") for m in messages]
    latest = {a["name"]: a for a in store.artifacts(row.id)}
    facts += [("artifact", str(store.artifact(row.id, name))) for name in latest]
    for name, value in facts:
        typer.echo(printable(f"{name:10} {value}"))
    if row.result is not None:
        text = result_text(row.result)
        typer.echo(f"\n{for_stdout(text)}")


@app.command()
def tail(
    run: RunId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="until it stops")] = False,
    kind: Annotated[list[str], typer.Option(help="only events of this kind")] = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """The events of a run, those of other processes too."""
    from agentkit.cli.live import JsonLines, line

    store = _store()
    row, seen = store.get(run), 0
    while True:
        driven = _status(store.get(row.id)) in ("created", "running")
        for event in store.tail(row.id, seen, kind):
            seen = event.seq
            if as_json:
                JsonLines().show(event)
            else:
                typer.echo(line(event))
        if not (follow and driven):
            break
        sys.stdout.flush()
        time.sleep(POLL)


@app.command()
def resume(
    run: RunId,
    tokens: Annotated[int | None, typer.Option(help="a new limit")] = None,
    seconds: Annotated[float | None, typer.Option(help="a new limit")] = None,
    steps: Annotated[int | None, typer.Option(help="a new limit")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one event a line")] = False,
) -> None:
    """Go on with a run that stopped, was killed, or waits for an answer."""
    from dataclasses import asdict

    from agentkit.cli.run import follow, limited

    kit, store = _open()
    row = store.get(run)
    limits = limited(asdict(row.budget), tokens, seconds, steps)
    follow(kit.resume(row.id, budget=limits), as_json)


@app.command()
def fork(
    run: RunId,
    step: Annotated[int, typer.Option(min=0, help="the last step that both share")],
    as_json: Annotated[bool, typer.Option("--json", help="one event a line")] = False,
) -> None:
    """A new run that shares the first steps of another. Effects outside are not undone."""
    from agentkit.cli.run import follow

    kit, store = _open()
    follow(kit.fork(store.get(run).id, step), as_json)


@app.command()
def export(
    run: RunId,
    form: Annotated[str, typer.Option("--format", help="jsonl, md or html")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="a file; standard output by default")] = None,
) -> None:
    """All of a run in one file."""
    from agentkit.files import write_atomic
    from agentkit.runs.export import export as exported

    text = exported(_store(), run, form)
    if out is None:
        typer.echo(text, nl=False)
    else:
        note(f"wrote {write_atomic(out, text)}")


@app.command()
def delete(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="ids")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget runs, with their artifacts."""
    store = _store()
    rows = [store.get(run) for run in runs]
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("deleting cannot be undone", "add --yes where nobody can be asked")
        for row in rows:
            note(f"{row.id}  {row.agent}  {_short(row.task)}")
        typer.confirm("delete for good?", abort=True)
    for row in rows:
        store.delete(row.id)
        note(f"deleted {row.id}")
    if as_json:
        show_json({"deleted": [row.id for row in rows]})


@app.command()
def send(
    run: RunId,
    text: Annotated[str, typer.Argument(help="what the agent shall hear")],
    as_json: AsJson = False,
) -> None:
    """Put a message into a run's inbox; the agent reads it between two steps."""
    store = _store()
    row = store.get(run)
    made = store.send(row.id, text)
    if as_json:
        show_json({"run": row.id, "message": made.id})
    else:
        note(f"sent as {made.id}")


@app.command()
def answer(
    run: RunId,
    text: Annotated[str, typer.Argument(help="the answer")],
    number: Annotated[int | None, typer.Option(help="which question, where several wait")] = None,
    go_on: Annotated[bool, typer.Option("--resume/--no-resume", help="and go on here")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="one event a line")] = False,
) -> None:
    """Answer a question of a run, and go on with it where nobody drives it."""
    from agentkit.cli.run import follow

    kit, store = _open()
    row = store.get(run)
    answered = store.answer(row.id, text, number)
    note(f"answered {answered.number}")
    if go_on and _let_go(store, row.id).status == "waiting":
        follow(kit.resume(row.id), as_json)


def _let_go(store: RunStore, run: str) -> RunRow:
    """The run; one that has just stopped to wait is seen once its process has let go of it."""
    from agentkit.runs.lease import lapsed

    until = time.monotonic() + PATIENCE
    while True:
        row = store.get(run)
        free = row.status != "waiting" or lapsed(row.owner, row.until)
        if free or time.monotonic() > until:
            return row
        time.sleep(POLL)


@app.command()
def pause(run: RunId, as_json: AsJson = False) -> None:
    """Stop a run of any process between two calls."""
    _request(run, "pause", as_json)


@app.command()
def cancel(run: RunId, as_json: AsJson = False) -> None:
    """Stop a run for good."""
    _request(run, "cancel", as_json)


def _request(run: str, control: Any, as_json: bool) -> None:
    store = _store()
    row = store.get(run)
    store.request(row.id, control)
    until = time.monotonic() + PATIENCE
    while (now := store.get(row.id)).status == "running" and time.monotonic() < until:
        time.sleep(POLL)
    if as_json:
        show_json(_plain(now))
    elif now.status == "running":
        note("asked; it is still at work")
    else:
        note(f"{row.id} is {now.status}")


# -- how a run is told ----------------------------------------------------------------------------


def _status(row: RunRow) -> str:
    """`running` is only believed of a run whose process is there, `created` for a moment longer."""
    from agentkit.runs.lease import lapsed

    begun = row.status == "running" or row.owner or time.time() - row.created > PATIENCE
    if row.status in ("created", "running") and begun and lapsed(row.owner, row.until):
        return "interrupted"
    return row.status


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:59]}…"


def _plain(row: RunRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "agent": row.agent,
        "task": row.task,
        "status": _status(row),
        "note": row.note,
        "seed": row.seed,
        "parent": row.parent,
        "parent_step": row.parent_step,
        "created": row.created,
        "changed": row.changed,
    }
