"""What the experiments share: a page read and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.bench import Bench, Metric, interval
from agentkit.capabilities import Perception
from agentkit.pictures import decode
from agentkit_ocr import metrics
from agentkit_ocr.document import Item
from agentkit_ocr.reading import Options, read_page

GOALS = {"text": 0.05, "order": 0.05, "headings": 0.8, "ruled tables": 0.8}


def reader_of(bench: Bench, name: str = "") -> Perception:
    """The perception under test: `--set reader=NAME`, of the settings."""
    made: Perception = bench.kit.part("perception", name or bench.options.get("reader", "readers"))
    return made


def judged(truth: Sequence[Item], read: Sequence[Item]) -> dict[str, Any]:
    """Figures of one page, as JSON."""
    text = metrics.running_text(read)
    found = metrics.headings(truth, read)
    blocks = [item.text for item in truth if item.kind != "table"]
    return {
        "text": metrics.edit_distance(metrics.running_text(truth), text),
        "order": metrics.order_distance(blocks, text),
        "headings": [found.right, found.missed, found.wrong],
        "tables": metrics.best_teds(truth, read),
        "strange tables": max(
            0,
            sum(item.kind == "table" for item in read) - sum(i.kind == "table" for i in truth),
        ),
    }


def read_and_judged(
    picture: bytes, truth: Sequence[Item], reader: Perception, layout: bool = True
) -> dict[str, Any]:
    """Without layout, lines stay in the order in which the reader gives them."""
    page = read_page(decode(picture), reader, options=Options(layout=layout, straighten=layout))
    return judged(truth, page.items)


def summed(pages: Sequence[Mapping[str, Any]]) -> dict[str, Metric]:
    """Means over pages with bootstrap intervals; headings are counted over all pages."""
    counts = metrics.Counts()
    for page in pages:
        counts += metrics.Counts(*page["headings"])
    found = {
        "text edit distance": interval([page["text"] for page in pages], center="mean"),
        "order edit distance": interval([page["order"] for page in pages], center="mean"),
        "heading F1": Metric(counts.f1, n=counts.right + counts.missed),
    }
    for name in ("ruled", "open"):
        scores = [
            score
            for page in pages
            if page.get("rules", "ruled") == name
            for score in page["tables"]
        ]
        if scores:
            found[f"{name} table TEDS"] = interval(scores, center="mean")
    return found
