"""`agentkit lines …`: how a model breaks lines, stage by stage."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from agentkit.cli.context import for_stdout, open_kit, show_json, show_table
from agentkit.cli.progress import progress
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.capabilities import Progress
    from agentkit_manifolds.study import Study

app = typer.Typer(no_args_is_help=True)
Texts = Annotated[
    list[str] | None, typer.Argument(help="text files, or prose, code, changelogs, mail")
]
Out = Annotated[Path, typer.Option(help="the study's folder; stages that are there are kept")]
Set = Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help="a setting")]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]
Name = Annotated[str, typer.Option("--analyzer", help="a declared one of the kind manifolds")]


def _study(
    texts: list[str] | None, out: Path, given: list[str], name: str, told: Progress
) -> Study:
    from agentkit_manifolds.analyzer import study_of
    from agentkit_manifolds.settings import Settings

    for text in given:
        if "=" not in text:
            raise UsageError(f"--set {text}: write it as NAME=VALUE")
    kit = open_kit(*(f"analyzers.{name}.{text}" for text in given))
    settings = kit.validated("analyzer", name)
    if not isinstance(settings, Settings):
        raise UsageError(f"analyzers.{name} is no study of lines", 'use = "manifolds"')
    model = kit.model(settings.model)
    return study_of(settings, model, texts or [settings.kind], out, told)


def _stage(stage: str, help_text: str) -> None:
    def run(
        texts: Texts = None,
        out: Out = Path("lines"),
        given: Set = [],  # noqa: B006
        name: Name = "manifolds",
        as_json: AsJson = False,
    ) -> None:
        from agentkit_manifolds import words

        with progress(stage) as told:
            found = _study(texts, out, given, name, told).stage(stage)
        if as_json:
            show_json(found)
            return
        for table in words.tables({stage: found}):
            click.echo("\t".join(table.columns))
            for row in table.rows:
                click.echo(for_stdout("\t".join(map(str, row))))
        click.echo(for_stdout(words.summary({stage: found})))

    app.command(stage, help=help_text)(run)


for _name, _help in (
    ("data", "The texts in lines, and what is known of them."),
    ("behaviour", "Does the model know where lines end?"),
    ("probe", "What linear probes know of the count, beside controls."),
    ("geometry", "The curve of the count: dimensions, bend, ringing, nulls."),
    ("heads", "Heads that compare counts with widths, and heads that count."),
    ("decision", "Characters left against the length of the next word."),
    ("features", "A sparse dictionary of hidden states, beside a random one."),
    ("patch", "The count taken away, and moved: what the next line break does."),
    ("illusion", "Strings that make the model lose count."),
):
    _stage(_name, _help)


class Thing(StrEnum):
    days, months, years, list = "days", "months", "years", "list"


@app.command()
def ordinal(
    thing: Annotated[Thing, typer.Argument(help="days, months, years, or places in a list")],
    given: Set = [],  # noqa: B006
    name: Name = "manifolds",
    as_json: AsJson = False,
) -> None:
    """The same questions about other ordered things, in sentences of many forms."""
    from agentkit_manifolds.ordinals import measure, ordinal_task

    with progress(thing.value) as told:
        study = _study(None, Path(), given, name, told)
        task = ordinal_task(thing.value, study.placer)
        sites = tuple(s for s in study.sites if not s.startswith("heads"))
        with study.module() as module:
            rows = measure(module, task, sites, told)
    if as_json:
        show_json(rows)
        return
    show_table(tuple(rows[0]), [[f"{v:.3f}" if isinstance(v, float) else v for v in r.values()]
                                for r in rows])  # fmt: skip


@app.command()
def report(
    texts: Texts = None,
    out: Out = Path("lines"),
    given: Set = [],  # noqa: B006
    name: Name = "manifolds",
    as_json: AsJson = False,
) -> None:
    """All stages, and one page with their plots: OUT/lines.html."""
    from agentkit_manifolds.analyzer import report as made

    with progress("lines") as told:
        found = made(_study(texts, out, given, name, told))
    if as_json:
        show_json({"summary": found.summary, "plots": [str(p) for p in found.plots]})
        return
    click.echo(for_stdout(found.summary))
    for plot in found.plots:
        click.echo(str(plot))
