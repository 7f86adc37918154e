"""`agentkit bench ocr-sets`: OmniDocBench and Fox, for who has them, by our own measures.

Formats: OmniDocBench (arXiv 2412.07626), a JSON list of pages with `layout_dets` and `page_info`;
Fox (arXiv 2405.14295), `xx_page_ocr.json`, a list of pictures with a conversation whose answer is
the page's text. OmniDocBench's own evaluator is another program, under the AGPL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities import Perception
from agentkit.capabilities.analyzer import Table
from agentkit.errors import DataError, UsageError
from agentkit.pictures import decode
from agentkit_ocr.bench.matching import compared
from agentkit_ocr.bench.official import evaluated
from agentkit_ocr.bench.omnidocbench import NOWHERE, Sample, omnidocbench
from agentkit_ocr.bench.reading import judged, reader_of, summed
from agentkit_ocr.document import Document, Item
from agentkit_ocr.metrics import best_teds
from agentkit_ocr.reading import read_page
from agentkit_ocr.write.markdown import markdown

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = ("OmniDocBench.json", "en_page_ocr.json", "cn_page_ocr.json")


def fox(data: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[Sample]:
    """Pages of en_page_ocr.json or cn_page_ocr.json; pictures lie in xx_pdf_png beside it."""
    for page in data:
        text = page["conversations"][1]["value"]
        name = Path(page["image"]).name
        places = [folder / part / name for part in ("en_pdf_png", "cn_pdf_png", "images", "")]
        picture = next((place for place in places if place.exists()), places[0])
        words = len(text.split())
        group = f"{words // 100 * 100} to {words // 100 * 100 + 99} words"
        yield Sample(picture, (Item("paragraph", text, NOWHERE),), group)


def samples(path: Path) -> list[Sample]:
    """The pages of a set's JSON file, whichever of the two it is.

    Raises:
        DataError: it is neither.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        read = omnidocbench if "layout_dets" in data[0] else fox
        return list(read(data, path.parent))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"{path} is neither OmniDocBench.json nor Fox's xx_page_ocr.json: {error!r}",
            "see the README of the plugin ocr",
        ) from error


def data_of(path: Path) -> Path:
    """The set's JSON file, which may be named by the folder that it lies in.

    Raises:
        UsageError: there is none in the folder.
    """
    if not path.is_dir():
        return path
    found = [path / name for name in NAMES if (path / name).exists()]
    if not found:
        raise UsageError(f"{path} has none of {', '.join(NAMES)}", "--set data=FILE names the file")
    return found[0]


def judge(sample: Sample, reader: Perception) -> dict[str, Any] | None:
    """A page's figures and its Markdown; None where its picture cannot be read."""
    try:
        page = read_page(decode(sample.picture.read_bytes()), reader)
    except (OSError, DataError):
        return None
    texts = [item.text for item in page.items if item.kind not in ("table", "figure")]
    found = {**judged(sample.items, page.items), "markdown": markdown(Document("", (page,)))}
    if sample.blocks:
        found["blocks"] = compared(sample.blocks, texts)
        found["structure"] = best_teds(sample.items, page.items, structure_only=True)
    return found


def measured(pages: Sequence[Mapping[str, Any]]) -> dict[str, Metric]:
    """`summed`, and what is compared block by block: means over pages that have such blocks."""
    found = summed(pages)
    if "ruled table TEDS" in found:  # a set does not say whether its tables have rules
        found["table TEDS"] = found.pop("ruled table TEDS")
    for name in ("text", "formulas", "order"):
        values = [page["blocks"][name] for page in pages if page.get("blocks")]
        if values := [value for value in values if value is not None]:
            found[f"{name} by block, edit distance"] = interval(values, center="mean")
    if scores := [score for page in pages for score in page.get("structure", ())]:
        found["table TEDS, structure alone"] = interval(scores, center="mean")
    return found


def by_official(
    python: str, samples: Sequence[Sample], pages: Sequence[Mapping[str, Any]]
) -> dict[str, Metric]:
    """What the benchmark's own program says of the same Markdown."""
    asked = [
        {"markdown": page["markdown"], "truth": dict(sample.official)}
        for sample, page in zip(samples, pages, strict=True)
    ]
    said = [one for one in evaluated(Path(python), asked) if one]
    made = {}
    for name in said[0] if said else ():
        if values := [one[name] for one in said if one[name] is not None]:
            made[f"omnidocbench: {name}"] = interval(values, center="mean")
    return made


def sets(bench: Bench) -> Result:
    if not bench.options.get("data"):
        raise UsageError(
            "ocr-sets needs the data", "--set data=FILE: OmniDocBench.json, or en_page_ocr.json"
        )
    chosen = samples(data_of(Path(bench.options["data"]).expanduser()))
    chosen = chosen[: int(bench.options.get("pages", len(chosen)))]
    reader = reader_of(bench)
    done: list[tuple[Sample, dict[str, Any]]] = []
    lost: list[str] = []
    for number, sample in enumerate(chosen):
        key = f"{number} {sample.picture.name}"
        page = bench.once(key, partial(judge, sample, reader))
        if page is None:
            lost.append(sample.picture.name)
        else:
            done.append((sample, page))
        bench.progress.update(number + 1, len(chosen))
    every = [page for _, page in done]
    if not every:
        raise DataError(f"none of {len(chosen)} pictures can be read", f"{chosen[0].picture}?")
    metrics = measured(every)
    names = list(metrics)
    groups: dict[str, list[dict[str, Any]]] = {}
    for sample, page in done:
        told = [f"{name}: {value}" for name, value in sample.attributes.items()]
        for group in told or [sample.group]:
            groups.setdefault(group, []).append(page)
    rows = tuple(
        (
            group,
            len(pages),
            *(round(m.value, 3) if (m := measured(pages).get(n)) else "" for n in names),
        )
        for group, pages in sorted(groups.items())
    )
    if python := bench.options.get("evaluator"):
        if not done[0][0].official:
            raise UsageError("that evaluator judges OmniDocBench's form alone", "leave it out")
        metrics |= by_official(python, [sample for sample, _ in done], every)
    said = f"{len(every)} pages by the perception {bench.options.get('reader', 'readers')}. "
    said += "By block: text, formulas and order are compared pair by pair, as the benchmark does, "
    said += "by our own code; the other figures compare a page as a whole, in order, without "
    said += "formulas, heads and feet. CDM is not computed. "
    said += f"Pictures that could not be read: {', '.join(lost[:5])}." if lost else ""
    tables = [Table("By attribute", ("group", "pages", *names), rows)]
    return Result(metrics, said, tables=tables)


def dry_run(bench: Bench) -> list[str]:
    """Reads five rows of each format."""
    said = []
    for path in sorted(FIXTURES.glob("*.json")):
        found = samples(path)
        kinds = sorted({item.kind for sample in found for item in sample.items})
        said.append(f"{path.stem}: {len(found)} pages, with {', '.join(kinds)}")
    return said


OCR_SETS = Experiment(
    name="ocr-sets",
    question="How near to the truth are the pages of OmniDocBench or Fox read?",
    run=sets,
    claim="DeepSeek-OCR, Base: text 0.054 on OmniDocBench, English (arXiv 2510.18234)",
    needs={
        "full": Needs(
            data=("OmniDocBench.json with images/, or Fox's en_page_ocr.json with en_pdf_png/",),
            memory=3 << 30,
            hours=3.0,
        ),
    },
    dry_run=dry_run,
    options={
        "data": "the set's JSON file, or its folder",
        "evaluator": "a Python that has omnidocbench, for its own figures beside ours",
        "reader": "a perception of the settings",
        "pages": "so many of the first",
    },
)
