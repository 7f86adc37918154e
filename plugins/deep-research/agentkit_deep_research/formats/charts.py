"""Charts drawn from their specifications, by our own code alone."""

from __future__ import annotations

import io
from typing import Literal

from agentkit.errors import UsageError
from agentkit_deep_research.report import Report
from agentkit_deep_research.tables import Chart, number


def draw(report: Report, chart: Chart, form: Literal["svg", "png"]) -> bytes:
    """A chart as a picture. The same chart gives the same bytes.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("charts need the package matplotlib", "pip install matplotlib") from error
    table = report.tables[chart.table]
    x, y = table.columns.index(chart.x), table.columns.index(chart.y)
    points = [(row[x].text, number(row[y].text)) for row in table.rows]
    names = [name for name, value in points if value is not None]
    values = [value for _, value in points if value is not None]
    with matplotlib.rc_context({"svg.hashsalt": "agentkit", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes = figure.subplots()
        if chart.mark == "line":
            axes.plot(names, values, marker="o", color="#2f6f9f")
        else:
            axes.bar(names, values, color="#2f6f9f")
        axes.set_ylabel(chart.y)
        axes.set_xlabel(chart.x)
        axes.spines[["top", "right"]].set_visible(False)
        if len(names) > 6:
            axes.tick_params(axis="x", labelrotation=40)
        made = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(made, format=form, metadata=metadata, dpi=144)
    return made.getvalue()


def told(report: Report, chart: Chart) -> str:
    """A chart in words, for those who cannot see it."""
    table = report.tables[chart.table]
    x, y = table.columns.index(chart.x), table.columns.index(chart.y)
    return f"{chart.title}: " + "; ".join(f"{row[x].text} {row[y].text}" for row in table.rows)
