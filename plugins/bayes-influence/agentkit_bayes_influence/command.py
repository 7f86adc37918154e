"""`agentkit influence …`: why did the model say that?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

from agentkit.cli.context import note, open_kit, printable, show_json, show_table
from agentkit.cli.progress import progress
from agentkit.errors import Cancelled, UsageError

if TYPE_CHECKING:
    from agentkit_bayes_influence.analyzer import InfluenceAnalyzer

app = typer.Typer(no_args_is_help=True)
OWN = "influence-command"  # the part that a command line declares for itself


@app.command()
def why(
    examples: Annotated[Path, typer.Argument(help="what the model learned from: JSON lines")],
    query: Annotated[
        list[str], typer.Option("--query", "-q", help='"prompt => answer", a prompt, or run:ID:N')
    ],
    model: Annotated[str, typer.Option(help="whose answers")] = "small",
    out: Annotated[Path, typer.Option(help="the folder of traces and page")] = Path("influence"),
    checkpoint: Annotated[Path | None, typer.Option(help="a trainer's folder")] = None,
    setting: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="e.g. sampling.draws=400")
    ] = [],  # noqa: B006
    plan: Annotated[bool, typer.Option("--plan", help="say what it takes, and stop")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Rank the examples that taught what the model says, each with its error.

    Ctrl-C keeps the chains that ended; the same command goes on there.
    """
    given = [f"model={model}", f"examples={examples.resolve()}", *setting]
    if checkpoint:
        given.append(f"checkpoint={checkpoint.resolve()}")
    analyzer = _analyzer(given)
    if plan:
        note(analyzer.plan(query, out))
        return
    with progress("influence") as moving:
        try:
            report = analyzer.analyze(query, out, moving, note)
        except Cancelled:
            note(f"stopped; the same command goes on with the chains in {out}")
            raise
    if as_json:
        tables = [
            {"query": t.title, "rows": [dict(zip(t.columns, r)) for r in t.rows]}
            for t in report.tables
        ]
        show_json({"tables": tables, "page": str(report.plots[0])})
        return
    for table in report.tables:
        click.echo(printable(table.title))
        show_table(table.columns, [[printable(str(c)) for c in row] for row in table.rows])
    click.echo(printable(report.summary))
    click.echo(f"page: {report.plots[0]}")


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="an --out of `why`")],
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """How far the chains in a folder can be trusted."""
    import numpy as np

    from agentkit_bayes_influence.diagnostics import Gate, health
    from agentkit_bayes_influence.traces import TraceStore

    traces = TraceStore(folder / "traces").read()
    train, query = traces.sequences()
    found = health(np.concatenate([train, query], axis=2))
    faults = [fault for fault in Gate().faults(found) if fault]
    plain: dict[str, Any] = {
        "chains": len(traces.distance),
        "draws": traces.distance.shape[1],
        "series": len(found.ess),
        "not settled": len(faults),
        "median R-hat": round(float(np.median(found.rhat)), 3),
        "median draws that count": round(float(np.median(found.ess)), 1),
        "distance from the trained weights": round(float(traces.distance.mean()), 4),
        **traces.about,
        **traces.used,
    }
    if as_json:
        show_json(plain)
        return
    for key, value in plain.items():
        click.echo(f"{key}: {value}")
    for fault in sorted(set(faults))[:5]:
        click.echo(f"  {fault}")


def _analyzer(pairs: list[str]) -> InfluenceAnalyzer:
    from agentkit_bayes_influence.analyzer import InfluenceAnalyzer

    for pair in pairs:
        if "=" not in pair:
            raise UsageError(f"--set {pair}: write it as NAME=VALUE")
    kit = open_kit(
        f"analyzers.{OWN}.use={json.dumps('bayes-influence')}",
        *(f"analyzers.{OWN}.{pair}" for pair in pairs),
    )
    made = kit.part("analyzer", OWN)
    assert isinstance(made, InfluenceAnalyzer)
    return made
