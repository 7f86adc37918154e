"""`agentkit bench ocr-pages`: damaged pages with known text, read as a user's scans are."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit_ocr.bench import sources
from agentkit_ocr.bench.degrade import Damage, damaged
from agentkit_ocr.bench.pages import Made, made, picture
from agentkit_ocr.bench.reading import read_and_judged, reader_of, summed

SPLITS = {"development": 0, "test": 1}
ENGLISH, KOREAN = 18, 6


def pages(bench: Bench, split: str, english: int = ENGLISH, korean: int = KOREAN) -> list[Made]:
    """Pages of every second chapter: those of the other half are never looked at while tuning."""
    folder = bench.options.get("documents", "")
    root = Path(folder).expanduser() if folder else sources.fetched(sources.PACKAGE)
    found: list[Made] = []
    seed = bench.seeds[0] + (split == "development")
    for language, count in (("en", english), ("ko", korean)):
        documents = sources.documents(root, "" if folder and language == "en" else language)
        half = documents[SPLITS[split] :: 2]
        if half:
            found += made(half, count, seed, language == "ko")
    return found


def damage_of(number: int, seed: int) -> Damage:
    return Damage.drawn(Random(f"{seed}/{number}"))


def ocr_pages(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    split = bench.options.get("split", "test")
    chosen = pages(bench, split, 3 if quick else ENGLISH, 1 if quick else KOREAN)
    if quick:
        chosen = chosen[1:] or chosen
    readers = {"readers": True, "rapidocr": False, "tesseract": False}
    if only := bench.options.get("reader"):
        readers = {only: True}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in readers}
    rows: list[tuple[Any, ...]] = []
    for number, page in enumerate(chosen):
        damage = damage_of(number, bench.seeds[0])
        data = damaged(picture(page.pdf, damage.dpi), damage, number)
        for name, layout in readers.items():

            def measure(
                data: bytes = data, page: Made = page, name: str = name, layout: bool = layout
            ) -> dict[str, Any]:
                return read_and_judged(data, page.items, reader_of(bench, name), layout)

            judged = bench.once(f"{split} {page.name} {damage} {name}", measure)
            judged["rules"] = "open" if page.style.layout == "open table" else "ruled"
            found[name].append(judged)
        first = found[next(iter(readers))][-1]
        tables = ", ".join(f"{score:.2f}" for score in first["tables"])
        rows.append(
            (
                page.name,
                page.style.layout,
                page.style.font,
                damage.dpi,
                round(damage.skew, 1),
                damage.quality,
                round(first["text"], 3),
                round(first["order"], 3),
                "/".join(map(str, first["headings"])),
                tables,
            )
        )
        bench.progress.update(number + 1, len(chosen))
    main, *others = readers
    metrics = summed(found[main])
    baselines = {
        f"{name}, lines as it gives them": {
            key: metric for key, metric in summed(found[name]).items() if "distance" in key
        }
        for name in others
    }
    columns = (
        "page",
        "layout",
        "font",
        "dpi",
        "skew",
        "JPEG",
        "text",
        "order",
        "headings right/missed/wrong",
        "TEDS",
    )
    return Result(
        metrics, verdict(metrics, len(chosen), split), baselines,
        [Table("Pages", columns, tuple(rows))],
    )  # fmt: skip


def verdict(metrics: dict[str, Metric], count: int, split: str) -> str:
    goals = {
        "text edit distance": (0.05, False),
        "order edit distance": (0.05, False),
        "heading F1": (0.8, True),
        "ruled table TEDS": (0.8, True),
    }
    said = []
    for name, (goal, more) in goals.items():
        if name in metrics:
            value = metrics[name].value
            met = value >= goal if more else value <= goal
            said.append(f"{name} {value:.3f} (goal {goal}: {'met' if met else 'missed'})")
    return (
        f"{count} {split} pages, drawn from the Debian installation guide in English and Korean, "
        "turned by up to 3 degrees, unevenly lit, blurred, noisy and compressed: "
        f"{'; '.join(said)}. Tables are left out of the text and judged by TEDS. Tuning was on "
        "pages of other chapters. The pages are drawn, not scanned: handwriting, stamps, bent "
        "pages and worn print are not among them."
    )


OCR_PAGES = Experiment(
    name="ocr-pages",
    question="How near to the truth are damaged pages read: text, order, headings, tables?",
    run=ocr_pages,
    claim="",
    needs={
        "normal": Needs(data=("Debian's installation-guide-amd64",), memory=3 << 30, hours=0.5),
        "quick": Needs(data=("Debian's installation-guide-amd64",), memory=3 << 30, hours=0.05),
    },
    options={
        "reader": "a perception of the settings, in place of all",
        "documents": "a folder of HTML documents, in place of Debian's",
        "split": "development or test",
    },
)
