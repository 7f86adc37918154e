"""`agentkit research` and `agentkit verify`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from agentkit.cli.context import note, open_kit
from agentkit.errors import AgentkitError, DataError, UsageError
from agentkit.files import write_atomic
from agentkit.names import nearest


def research(
    question: Annotated[str, typer.Argument(help="what to find out")],
    source: Annotated[
        list[str], typer.Option("--source", "-s", help="a folder, a file, or a declared source")
    ] = [],  # noqa: B006
    agent: Annotated[str, typer.Option(help="the agent that does it")] = "research",
    settings: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="a setting, e.g. quotes=5")
    ] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="also write the report to this file")] = None,
    seed: Annotated[int | None, typer.Option(help="of the run")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one event a line")] = False,
) -> None:
    """Answer a question from documents, in quotes that are checked. Ctrl-C pauses."""
    from agentkit.cli.run import follow, pairs

    if not question.strip():
        raise UsageError("the question is empty", 'agentkit research "…" --source FOLDER')
    if out is not None and out.is_dir():
        raise UsageError(f"{out} is a folder", "name a file, e.g. --out report.md")
    overrides = [f"agents.{agent}.{pair}" for pair in pairs(settings)]
    if source:
        overrides += _sources(source, agent)
    kit = open_kit(*overrides)
    run = kit.agent(agent).run(question, seed=seed)
    follow(run, as_json)
    if out is not None:
        write_atomic(out, run.result.model_dump()["report"])
        note(f"written to {out}")


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
    run: Annotated[str, typer.Argument(help="a finished run, by id or the beginning of one")],
) -> None:
    """Check every quote of a research report against its source, as it is now."""
    from agentkit.kit import Kit
    from agentkit_deep_research.evidence import Span
    from agentkit_deep_research.verify import verify as check

    kit = open_kit()
    row = kit.runs.get(run)
    try:
        report = json.loads(kit.runs.artifact(row.id, "report.json").read_text("utf-8"))
    except (UsageError, OSError, ValueError) as error:
        raise DataError(
            f"run {row.id} has no report to check: {error}", "only finished research runs have one"
        ) from error
    quotes = [
        (quote["number"], Span.from_json(quote["span"]))
        for section in report["sections"]
        for quote in section["quotes"]
    ]
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
