"""Result pages, made from the JSON of a result and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentkit.errors import DataError
from agentkit.files import write_atomic

INDEX = "index.md"


def number(value: float) -> str:
    """Three digits that count, without exponents for everyday sizes."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    if 0.001 <= abs(value) < 1e6:
        digits = max(0, 3 - len(str(int(abs(value)))) + (abs(value) < 1))
        return f"{value:,.{digits}f}"
    return f"{value:.3g}"


def shown(metric: Mapping[str, Any]) -> str:
    """ "0.93 (0.88 to 0.96, n = 60)"."""
    unit = f" {metric['unit']}" if metric["unit"] else ""
    text = f"{number(metric['value'])}{unit}"
    if metric["low"] is not None and metric["high"] is not None:
        spread = f"{number(metric['low'])} to {number(metric['high'])}"
        return f"{text} ({spread}, n = {metric['n']})"
    return text if metric["n"] == 1 else f"{text} (n = {metric['n']})"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A Markdown table."""
    lines = [_row(columns), _row(["---"] * len(columns))]
    return lines + [_row(row) for row in rows]


def page(result: Mapping[str, Any]) -> str:
    """The Markdown page of one result."""
    lines = [f"# {result['name']}", "", result["question"], ""]
    if result["paper_claim"]:
        lines += [f"**The paper:** {result['paper_claim']}", ""]
    lines += [result["verdict"], "", f"    {result['command']}", ""]
    columns = ["", *(["here"] if result["baselines"] else ["value"]), *result["baselines"]]
    names = list(dict.fromkeys([*result["metrics"], *_keys(result["baselines"].values())]))
    rows = []
    for name in names:
        cells = [result["metrics"].get(name), *(b.get(name) for b in result["baselines"].values())]
        rows.append([name, *("" if cell is None else shown(cell) for cell in cells)])
    lines += [*table(columns, rows), ""]
    for one in result["tables"]:
        body = [[number(c) if isinstance(c, float) else c for c in row] for row in one["rows"]]
        lines += [f"## {one['title']}", "", *table(one["columns"], body), ""]
    if result["picture"]:
        lines += [f"![{result['name']}]({result['picture']})", ""]
    machine, versions = result["machine"], result["machine"]["versions"]
    lines += [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB"
        f"{', ' + machine['accelerator'] if machine['accelerator'] else ''}; "
        f"{machine['system']}, Python {machine['python']}, "
        f"{', '.join(f'{k} {v}' for k, v in versions.items())}; load at start "
        f"{machine['load']}; seeds {', '.join(map(str, result['seeds']))}; "
        f"{result['seconds']:.0f} s; {result['date']}, commit {result['commit'] or 'unknown'}.",
        "",
    ]
    return "\n".join(lines)


def index(folder: Path) -> str:
    """The page of all results in a folder.

    Raises:
        DataError: a result file cannot be read.
    """
    lines = [
        "# Results",
        "",
        "Made from the JSON files beside it; `agentkit bench NAME` makes one.",
    ]
    lines += ["", *table(("experiment", "question", "figures", "commit"), _summaries(folder)), ""]
    return "\n".join(lines)


def write_index(folder: Path) -> Path:
    return write_atomic(folder / INDEX, index(folder))


def _summaries(folder: Path) -> Iterable[Sequence[str]]:
    for path in sorted(folder.glob("*.json")):
        try:
            result = json.loads(path.read_text())
            figures = [f"{k}: {shown(m)}" for k, m in list(result["metrics"].items())[:4]]
            yield (
                f"[{result['name']}]({path.stem}.md)",
                result["question"],
                "<br>".join(figures),
                result["commit"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is no result: {error}", "run its experiment again") from error


def _row(cells: Sequence[Any]) -> str:
    return (
        "| " + " | ".join(" ".join(str(c).replace("|", "\\|").splitlines()) for c in cells) + " |"
    )


def _keys(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    return [key for group in groups for key in group]
