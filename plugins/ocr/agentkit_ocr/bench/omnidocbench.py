"""OmniDocBench's form (arXiv 2412.07626, version 1.5): a JSON list of pages with their blocks.

`layout_dets` are the blocks, each with `category_type`, `order`, `ignore` and `text`, `latex` or
`html`; `page_info` names the picture and the page's attributes; `extra.relation` says, among other
things, which paragraphs are cut in two by the layout ("truncated") and count as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentkit_ocr.bench.matching import TrueBlock
from agentkit_ocr.document import Item
from agentkit_ocr.labelled import cells_of_html

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
"""Categories of the page as a whole: not page numbers, heads and feet, nor formulas."""
SCORED = ("title", "text_block", "reference", "code_txt", "equation_isolated")
MATCHED = (
    "figure_caption", "figure_footnote", "table_caption", "table_footnote", "code_txt_caption",
    "header", "footer", "page_footnote", "page_number", "equation_caption",
)  # fmt: skip
"""Paired with what was read, so that it is not taken for another's, but not scored."""
OFFICIAL = {
    "title": "title", "text_block": "text", "reference": "ref_text", "code_txt": "code",
    "code_txt_caption": "code_caption", "equation_isolated": "equation", "table": "table",
    "figure_caption": "image_caption", "figure_footnote": "image_footnote",
}  # fmt: skip
"""Names in the program `omnidocbench`, where they differ."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture with its truth. group: by which results are told apart. attributes: of the page.
    blocks: for comparing block by block; () where a set has none. official: the truth as the
    program `omnidocbench` takes it."""

    picture: Path
    items: tuple[Item, ...]
    group: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    blocks: tuple[TrueBlock, ...] = ()
    official: Mapping[str, Any] = field(default_factory=dict)


def omnidocbench(data: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[Sample]:
    """Pages of OmniDocBench.json; pictures lie in `images` beside it.

    Raises:
        KeyError, TypeError: a page is not of that form.
    """
    for page in data:
        dets = [dict(det) for det in page["layout_dets"] if not det.get("ignore")]
        dets.sort(key=lambda det: (det.get("order") is None, det.get("order") or 0))
        dets = _whole(dets, (page.get("extra") or {}).get("relation") or [])
        items = tuple(
            item
            for det in dets
            if det["category_type"] in KINDS and (item := _item(det)) is not None
        )
        blocks = tuple(
            TrueBlock(text, det["category_type"] == "equation_isolated", scored)
            for det in dets
            if (scored := det["category_type"] in SCORED) or det["category_type"] in MATCHED
            if (text := _text(det))
        )
        info = page["page_info"]
        attributes = {
            str(name): str(value) for name, value in (info.get("page_attribute") or {}).items()
        }
        group = f"{attributes.get('data_source', 'any')}, {attributes.get('language', 'any')}"
        picture = folder / "images" / Path(info["image_path"]).name
        yield Sample(picture, items, group, attributes, blocks, _official(dets))


def _whole(
    dets: Sequence[dict[str, Any]], relations: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Blocks with those put together that the layout cuts in two; the first one's place holds."""
    places = {det.get("anno_id"): place for place, det in enumerate(dets)}
    joined = list(range(len(dets)))  # the block that each one belongs to
    for relation in relations:
        kind = relation.get("relation_type") or relation.get("relation")
        ends = [places.get(relation.get(f"{end}_anno_id")) for end in ("source", "target")]
        if kind == "truncated" and None not in ends:
            one, other = (joined[place] for place in ends if place is not None)
            joined = [min(one, other) if n in (one, other) else n for n in joined]
    made: list[dict[str, Any]] = []
    for place, det in enumerate(dets):
        parts = [dets[n] for n in range(len(dets)) if joined[n] == place]
        if len(parts) > 1:
            det = {**det, "text": "".join(str(part.get("text") or "") for part in parts)}
        if parts:
            made.append(det)
    return made


def _text(det: Mapping[str, Any]) -> str:
    formula = det["category_type"] == "equation_isolated"
    return str(det.get("latex" if formula else "text") or "").strip()


def _item(det: Mapping[str, Any]) -> Item | None:
    kind: Any = KINDS[det["category_type"]]
    if kind == "table":
        cells = cells_of_html(det.get("html") or "")
        return Item("table", "", NOWHERE, cells=cells) if cells else None
    text = _text(det)
    return Item(kind, text, NOWHERE, level=int(kind == "heading")) if text else None


def _official(dets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    blocks = []
    for det in dets:
        category = det["category_type"]
        content = str(det.get("html") or "").strip() if category == "table" else _text(det)
        if content and (category in OFFICIAL or category in MATCHED):
            blocks.append({"type": OFFICIAL.get(category, category), "content": content})
    return {"blocks": blocks, "relations": []}
