"""`agentkit analyze`: look into a model or into runs with a declared analyzer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from agentkit.cli.context import note, open_kit, setting_of, show_json, show_parts, show_table
from agentkit.cli.progress import progress
from agentkit.errors import RunInterrupted, UsageError
from agentkit.files import write_atomic

if TYPE_CHECKING:
    from agentkit.capabilities import Analyzer, Report

app = typer.Typer()
REPORT = "report.json"  # its presence says that a folder's analysis is complete


@app.command()
def analyze(
    name: Annotated[str, typer.Argument(help="a declared analyzer; none: list them")] = "",
    subjects: Annotated[
        list[str] | None,
        typer.Argument(help="what to look at, as the analyzer takes it: texts, files, run ids"),
    ] = None,
    out: Annotated[Path, typer.Option(help="the folder of the report")] = Path("analysis"),
    setting: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="a setting of the analyzer")
    ] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Analyze: progress on the screen, and a report with its tables, arrays and plots in --out.

    Ctrl-C keeps what the analyzer has; the same command goes on from there.
    """
    kit = open_kit(*(f"analyzers.{name}.{setting_of(text)}" for text in setting))
    if not name:
        show_parts(kit, "analyzer", as_json)
        return
    analyzer = cast("Analyzer", kit.part("analyzer", name))
    if (out / REPORT).exists():
        raise UsageError(f"{out} holds a report already", "--out names another folder")
    out.mkdir(parents=True, exist_ok=True)
    with progress(name) as moving:
        try:
            report = analyzer.analyze(list(subjects or []), out, moving)
        except RunInterrupted:
            note(f"stopped; the same command goes on from what is in {out}")
            raise
    plain = _kept(report, out)
    if as_json:
        show_json(plain)
        return
    typer.echo(report.summary)
    for table in report.tables:
        typer.echo(f"\n{table.title}")
        show_table(table.columns, table.rows)
    typer.echo(f"\n{out / 'report.md'}")


def _kept(report: Report, out: Path) -> Mapping[str, Any]:
    """Writes the report beside its plots: for people, for programs, and its arrays."""
    plots = [str(plot.resolve().relative_to(out.resolve())) for plot in report.plots]
    plain = {
        "summary": report.summary,
        "tables": [
            {"title": t.title, "columns": list(t.columns), "rows": [list(row) for row in t.rows]}
            for t in report.tables
        ],
        "arrays": {key: list(value.shape) for key, value in report.arrays.items()},
        "plots": plots,
    }
    if report.arrays:
        import io

        import numpy as np

        packed = io.BytesIO()
        np.savez_compressed(packed, **report.arrays)
        write_atomic(out / "arrays.npz", packed.getvalue())
    write_atomic(out / "report.md", "\n".join(_page(report, plots)))
    write_atomic(out / REPORT, json.dumps(plain, ensure_ascii=False, indent=1, default=str))
    return plain


def _page(report: Report, plots: list[str]) -> Iterator[str]:
    from agentkit.bench.pages import table as markdown

    yield from (report.summary, "")
    for table in report.tables:
        yield from (f"## {table.title}", "", *markdown(table.columns, table.rows), "")
    yield from (
        f"![{plot}]({plot})" if Path(plot).suffix in (".png", ".svg") else f"[{plot}]({plot})"
        for plot in plots
    )
