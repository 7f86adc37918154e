"""Runs one experiment: makes its `Bench`, times it, and writes its result files."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.bench import machine, pages
from agentkit.bench.experiment import Bench, Experiment, Figure, Result, Scale
from agentkit.errors import UsageError
from agentkit.files import cache_dir, write_atomic
from agentkit.names import nearest

if TYPE_CHECKING:
    from agentkit.capabilities.trainer import Progress
    from agentkit.kit import Kit


def prepare(
    experiment: Experiment,
    kit: Kit,
    scale: Scale,
    progress: Progress,
    *,
    seeds: tuple[int, ...] = (),
    options: Mapping[str, str] | None = None,
) -> Bench:
    """What the experiment will be given. Its folder outlives an interruption, so that a second
    call goes on where the first one stopped.

    Raises:
        UsageError: the experiment does not offer this scale.
    """
    if scale not in experiment.needs:
        raise UsageError(
            f"experiment {experiment.name!r} has no scale {scale!r}",
            f"it offers: {', '.join(experiment.needs) or 'none'}",
        )
    for name in options or ():
        if experiment.options and name not in experiment.options:
            known = "; ".join(f"{key}: {what}" for key, what in experiment.options.items())
            raise UsageError(
                f"experiment {experiment.name!r} has no option {name!r}"
                f"{nearest(name, experiment.options)}",
                f"it has {known}",
            )
    out = cache_dir() / "bench" / f"{experiment.name}-{scale}"
    out.mkdir(parents=True, exist_ok=True)
    return Bench(kit, scale, seeds or experiment.seeds, out, progress, options or {})


def run(experiment: Experiment, bench: Bench, command: str) -> dict[str, Any]:
    """Runs it and gives the result as JSON, figures apart; see `write`.

    Raises:
        RunInterrupted: it was cancelled; what it finished is kept for the next call.
    """
    shape, began, started = machine.describe(), time.gmtime(), time.perf_counter()
    result = experiment.run(bench)
    made = _plain(result)
    picture = _draw(result.figures, bench.out / "picture.png")
    return {
        "name": experiment.name,
        "question": experiment.question,
        "paper_claim": experiment.claim,
        "command": command,
        "scale": bench.scale,
        "commit": machine.commit(Path.cwd()),
        "date": time.strftime("%Y-%m-%d", began),
        "seconds": round(time.perf_counter() - started, 1),
        "machine": shape,
        "seeds": list(bench.seeds),
        **made,
        "picture": f"{experiment.name}.png" if picture else "",
    }


def write(result: Mapping[str, Any], bench: Bench, folder: Path | None) -> list[Path]:
    """NAME.json, NAME.md, NAME.png and the index, in `folder`, or nothing. The experiment's own
    folder goes, so that the next call measures anew."""
    if folder is None:
        shutil.rmtree(bench.out, ignore_errors=True)
        return []
    text = json.dumps(result, ensure_ascii=False, indent=1, default=float) + "\n"
    written = [
        write_atomic(folder / f"{result['name']}.json", text),
        write_atomic(folder / f"{result['name']}.md", pages.page(json.loads(text))),
    ]
    if result["picture"]:
        drawn = (bench.out / "picture.png").read_bytes()
        written.append(write_atomic(folder / result["picture"], drawn))
    written.append(pages.write_index(folder))
    shutil.rmtree(bench.out, ignore_errors=True)
    return written


def _plain(result: Result) -> dict[str, Any]:
    return {
        "metrics": {name: asdict(metric) for name, metric in result.metrics.items()},
        "baselines": {
            who: {name: asdict(metric) for name, metric in metrics.items()}
            for who, metrics in result.baselines.items()
        },
        "tables": [asdict(table) for table in result.tables],
        "verdict": " ".join(result.verdict.split()),
    }


def _draw(figures: tuple[Figure, ...] | Any, path: Path) -> bool:
    if not figures:
        return False
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    plot, axes = pyplot.subplots(
        1, len(figures), figsize=(6 * len(figures), 4), squeeze=False, layout="constrained"
    )
    for figure, place in zip(figures, axes[0], strict=True):
        figure.draw(place)
        place.set_title(figure.title)
    plot.savefig(path, dpi=100)
    pyplot.close(plot)
    return True
