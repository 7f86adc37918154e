"""`agentkit research` and `agentkit verify`."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from agentkit.cli.context import note, open_kit
from agentkit.errors import AgentkitError, UsageError
from agentkit.names import nearest


def research(
    question: Annotated[str, typer.Argument(help="what to find out; - reads standard input")],
    source: Annotated[
        list[str], typer.Option("--source", "-s", help="a folder, a file, or a declared source")
    ] = [],  # noqa: B006
    mode: Annotated[
        str | None, typer.Option(help="quick, standard, deep, or question for a short answer")
    ] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="show the plan before it runs")
    ] = False,
    todo: Annotated[
        Path | None,
        typer.Option(help="keep the todo list in this file; edits to it steer the run"),
    ] = None,
    say: Annotated[list[str], typer.Option(help='a message to begin with, e.g. "exclude X"')] = [],  # noqa: B006
    agent: Annotated[str, typer.Option(help="the agent that does it")] = "research",
    settings: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="a setting, e.g. quotes=5")
    ] = [],  # noqa: B006
    out: Annotated[
        list[Path], typer.Option("--out", "-o", help="write the report: .md .html .pdf .docx")
    ] = [],  # noqa: B006
    seed: Annotated[int | None, typer.Option(help="of the run")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one event a line")] = False,
) -> None:
    """Answer a question from documents, in quotes that are checked. Ctrl-C pauses; a line that is
    typed while it works steers it."""
    from agentkit.cli.run import follow, pairs
    from agentkit_deep_research.formats import form_of
    from agentkit_deep_research.report_command import save
    from agentkit_deep_research.todo_sync import kept_in
    from agentkit_deep_research.typed import steered

    if question == "-":
        question = sys.stdin.read()
    if not question.strip():
        raise UsageError("the question is empty", 'agentkit research "…" --source FOLDER')
    for path in out:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", "name a file, e.g. --out report.pdf")
        form_of(path)
    chosen = [*pairs(settings)]
    chosen += [f"mode={json.dumps(mode)}"] if mode else []
    chosen += ["approve=true"] if approve else []
    overrides = [f"agents.{agent}.{pair}" for pair in chosen]
    if source:
        overrides += _sources(source, agent)
    kit = open_kit(*overrides)
    run = kit.agent(agent).run(question, seed=seed)
    for text in say:
        run.send(text)
    try:
        with kept_in(todo, kit.runs, run.id), steered(run):
            follow(run, as_json)
    except typer.Exit:  # it waits or was paused, and has said how it goes on
        if out:
            files = " ".join(f"--out {shlex.quote(str(path))}" for path in out)
            note(f"then write the report: agentkit report export {run.id[-6:]} {files}")
        raise
    for path in out:
        save(kit.runs, run.id, path)
    late = sum(m.state == "late" for m in kit.runs.messages(run.id))
    if late:
        note(f"{late} messages came too late: agentkit report revise {run.id[-6:]}")


def _sources(given: list[str], agent: str) -> list[str]:
    """Overrides that make sources of folders and give them to the agent."""
    declared = open_kit().names("source")
    names: list[str] = []
    made: list[str] = []
    for text in given:
        path = Path(text).expanduser()
        if path.exists():
            name = _slug(path.resolve().name, [*declared, *names])
            made += [
                f'sources.{name}.use="folder"',
                f"sources.{name}.path={json.dumps(str(path.resolve()))}",
            ]
        elif text in declared:
            name = text
        else:
            known = ", ".join(declared) or "none"
            raise UsageError(
                f"--source {text}: there is no such folder, and no source of that name"
                f"{nearest(text, declared)}",
                f"declared sources: {known}",
            )
        names.append(name)
    return [*made, f"agents.{agent}.sources={json.dumps(names)}"]


def _slug(text: str, taken: list[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "folder"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def verify(
    what: Annotated[
        str, typer.Argument(metavar="RUN|FILE", help="a finished run, or a file of its report")
    ],
) -> None:
    """Check every quote of a research report against its source, as it is now."""
    from agentkit.kit import Kit
    from agentkit_deep_research.formats import unpack
    from agentkit_deep_research.report_command import stored
    from agentkit_deep_research.verify import verify as check

    path = Path(what).expanduser()
    if path.suffix and not path.is_file():
        raise UsageError(f"there is no file {what}", "name a run, or a file of its report")
    kit = open_kit()
    run, report = unpack(path) if path.suffix else (what, None)
    row = kit.runs.get(run)
    report = report or stored(kit.runs, row.id)
    quotes = [(quote.number, quote.span) for quote in report.quotes]
    with Kit.from_recipe(row.recipe) as made:
        made.part("agent", row.agent)  # it may declare sources of its own
        verdict = check(quotes, lambda source, document: made.source(source).open(document))
    if verdict.ok:
        typer.echo(f"{verdict.checked} of {verdict.checked} quotes stand in their sources")
        return
    lines = "\n".join(f"[{fault.number}] {fault.reason}" for fault in verdict.faults)
    raise AgentkitError(
        f"{len(verdict.faults)} of {verdict.checked} quotes do not hold:\n{lines}",
        "the sources changed after the report was written; run the research again",
    )
