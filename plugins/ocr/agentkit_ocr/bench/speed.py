"""`agentkit bench ocr-speed`: pages a minute, by the whole command's way: processes, files."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit.cli.progress import LineProgress
from agentkit_ocr.bench.degrade import damaged
from agentkit_ocr.bench.ocr_pages import damage_of, pages
from agentkit_ocr.bench.pages import picture
from agentkit_ocr.files import outline
from agentkit_ocr.work import Task, Work, forget, read

REPEATS = 3


def speed(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    cores = os.cpu_count() or 1
    count = 2 if quick else 2 * max(2, cores)
    repeats = 1 if quick else REPEATS
    paths = _pages(bench, count)
    ways = [(name, jobs) for name in ("rapidocr", "tesseract", "readers") for jobs in (1, cores)]
    ways = [("rapidocr", 1)] if quick else ways
    times: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    for repeat in range(repeats):  # ways take turns, so that a busy minute spoils none alone
        for way in ways:
            key = f"{way} {repeat} {count}"
            times[way].append(bench.once(key, partial(_minute, bench, paths, *way)))
            bench.progress.update(sum(map(len, times.values())), repeats * len(ways))
    metrics: dict[str, Metric] = {}
    rows: list[tuple[Any, ...]] = []
    for (name, jobs), values in times.items():
        metric = interval(values, "pages/min")
        metrics[f"{name}, {jobs} at once"] = metric
        rows.append((name, jobs, round(metric.value, 2)))
    verdict = (
        f"{count} damaged pages at 150 to 200 dpi, processes started anew for each measurement, "
        "which counts their start (some seconds) too. Ratios between the rows hold; the figures "
        "are of this machine."
    )
    columns = ("reader", "pages at once", "pages a minute")
    return Result(metrics, verdict, tables=[Table("Speed", columns, tuple(rows))])


def _pages(bench: Bench, count: int) -> list[Path]:
    found = []
    for number, page in enumerate(pages(bench, "development", count, 0)):
        path = bench.out / f"{number}.jpg"
        if not path.exists():
            damage = damage_of(number, bench.seeds[0])
            path.write_bytes(damaged(picture(page.pdf, damage.dpi), damage, number))
        found.append(path)
    return found


def _minute(bench: Bench, paths: list[Path], name: str, jobs: int) -> float:
    """Pages a minute."""
    tasks = [Task(outline(path), [1]) for path in paths]
    work = Work(bench.kit.recipe("perception", name), jobs)
    watched = LineProgress(name)
    watched.cancel = bench.progress.cancel
    started = time.perf_counter()
    read(tasks, work, watched)
    seconds = time.perf_counter() - started
    forget(tasks)
    return 60 * len(paths) / seconds


OCR_SPEED = Experiment(
    name="ocr-speed",
    question="How many pages a minute are read, by each reader and by several processes?",
    run=speed,
    needs={
        "normal": Needs(data=("Debian's installation-guide-amd64",), memory=4 << 30, hours=0.5),
        "quick": Needs(data=("Debian's installation-guide-amd64",), memory=2 << 30, hours=0.02),
    },
    options={"documents": "a folder of HTML documents, in place of Debian's"},
)
