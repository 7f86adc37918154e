"""`agentkit bench ocr-sets`: OmniDocBench and Fox, for who has them, by our own measures.

Formats: OmniDocBench (arXiv 2412.07626), a JSON list of pages with `layout_dets` and `page_info`;
Fox (arXiv 2405.14295), `xx_page_ocr.json`, a list of pictures with a conversation whose answer is
the page's text. OmniDocBench's own evaluator is another program, under the AGPL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit.errors import DataError, UsageError
from agentkit_ocr.bench.reading import read_and_judged, reader_of, summed
from agentkit_ocr.document import Item
from agentkit_ocr.labelled import cells_of_html

FIXTURES = Path(__file__).parent / "fixtures"
NOWHERE = (0.0, 0.0, 0.0, 0.0)
KINDS = {
    "title": "heading",
    "text_block": "paragraph",
    "reference": "paragraph",
    "figure_caption": "paragraph",
    "figure_footnote": "paragraph",
    "table_caption": "paragraph",
    "table_footnote": "paragraph",
    "code_txt": "code",
    "table": "table",
}
"""Categories that are compared: not page numbers, heads and feet, nor formulas."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture with its truth. group: by which results are told apart."""

    picture: Path
    items: tuple[Item, ...]
    group: str


def omnidocbench(data: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[Sample]:
    """Pages of OmniDocBench.json; pictures lie in `images` beside it.

    Raises:
        KeyError, TypeError: a page is not of that form.
    """
    for page in data:
        dets = [det for det in page["layout_dets"] if not det.get("ignore")]
        dets = [det for det in dets if det["category_type"] in KINDS]
        dets.sort(key=lambda det: (det.get("order") is None, det.get("order") or 0))
        items = tuple(item for det in dets if (item := _item(det)) is not None)
        info = page["page_info"]
        attributes = info.get("page_attribute") or {}
        group = f"{attributes.get('data_source', 'any')}, {attributes.get('language', 'any')}"
        yield Sample(folder / "images" / Path(info["image_path"]).name, items, group)


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


def sets(bench: Bench) -> Result:
    if not bench.options.get("data"):
        raise UsageError(
            "ocr-sets needs the data", "--set data=FILE: OmniDocBench.json, or en_page_ocr.json"
        )
    chosen = samples(Path(bench.options["data"]).expanduser())
    chosen = chosen[: int(bench.options.get("pages", len(chosen)))]
    reader = reader_of(bench)
    found: dict[str, list[dict[str, Any]]] = {}
    lost: list[str] = []
    for number, sample in enumerate(chosen):

        def measure(sample: Sample = sample) -> dict[str, Any] | None:
            try:
                return read_and_judged(sample.picture.read_bytes(), sample.items, reader)
            except (OSError, DataError):
                return None

        judged = bench.once(f"{number} {sample.picture.name}", measure)
        if judged is None:
            lost.append(sample.picture.name)
        else:
            found.setdefault(sample.group, []).append(judged)
        bench.progress.update(number + 1, len(chosen))
    every = [page for pages in found.values() for page in pages]
    if not every:
        raise DataError(f"none of {len(chosen)} pictures can be read", f"{chosen[0].picture}?")
    names = list(summed(every))
    rows = tuple(
        (
            group,
            len(pages),
            *(round(m.value, 3) if (m := summed(pages).get(n)) else "" for n in names),
        )
        for group, pages in sorted(found.items())
    )
    said = f"{len(every)} pages by the perception {bench.options.get('reader', 'readers')}. "
    said += "Text is compared as a whole and in order, by our own measures, so that figures of "
    said += "papers, which match block by block, are not the same thing; formulas, heads and feet "
    said += "of pages are left out. "
    said += f"Pictures that could not be read: {', '.join(lost[:5])}." if lost else ""
    return Result(summed(every), said, tables=[Table("By group", ("group", "pages", *names), rows)])


def dry_run(bench: Bench) -> list[str]:
    """Reads five rows of each format."""
    said = []
    for path in sorted(FIXTURES.glob("*.json")):
        found = samples(path)
        kinds = sorted({item.kind for sample in found for item in sample.items})
        said.append(f"{path.stem}: {len(found)} pages, with {', '.join(kinds)}")
    return said


def _item(det: Mapping[str, Any]) -> Item | None:
    kind: Any = KINDS[det["category_type"]]
    if kind == "table":
        cells = cells_of_html(det.get("html") or "")
        return Item("table", "", NOWHERE, cells=cells) if cells else None
    text = str(det.get("text") or "").strip()
    return Item(kind, text, NOWHERE, level=int(kind == "heading")) if text else None


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
        "data": "the set's JSON file",
        "reader": "a perception of the settings",
        "pages": "so many of the first",
    },
)
