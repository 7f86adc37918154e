"""Pages with known text: parts of documents, laid out in several ways and drawn as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from random import Random
from typing import TYPE_CHECKING

from agentkit_ocr.document import Item
from agentkit_ocr.write.html import table

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

LATIN = ("Liberation Serif", "Liberation Sans", "DejaVu Serif", "DejaVu Sans")
KOREAN = ("NanumMyeongjo", "NanumGothic")
MONO = ("Liberation Mono", "DejaVu Sans Mono")
LAYOUTS = ("one column", "two columns", "table", "open table", "code", "list")
BLOCKS = {"table": "table", "open table": "table", "code": "code", "list": "list"}
MOST_TABLE, MOST_CODE = 900, 1400  # letters


@dataclass(frozen=True, slots=True)
class Style:
    """How a page looks. size: of its text in points."""

    layout: str
    font: str
    mono: str = "Liberation Mono"
    size: float = 11.0
    justify: bool = False

    @property
    def css(self) -> str:
        columns = "column-count: 2; column-gap: 2.2em;" if self.layout == "two columns" else ""
        rule = "none" if self.layout == "open table" else "0.6pt solid black"
        wide = "padding: 2pt 9pt;" if self.layout == "open table" else "padding: 2.5pt 5pt;"
        return f"""
        @page {{ size: A4; margin: 20mm 18mm; }}
        body {{ font-family: "{self.font}", "NanumGothic", sans-serif; font-size: {self.size}pt;
            line-height: 1.35; {columns} text-align: {"justify" if self.justify else "left"}; }}
        h1 {{ font-size: 1.9em; column-span: all; }} h2 {{ font-size: 1.5em; }}
        h3 {{ font-size: 1.25em; }} h4 {{ font-size: 1.08em; }}
        h1, h2, h3, h4 {{ margin: 0.9em 0 0.5em; line-height: 1.2; text-align: left; }}
        p {{ margin: 0 0 0.7em; }}
        pre {{ font-family: "{self.mono}", "NanumGothicCoding"; font-size: 0.86em;
            margin: 0 0 0.8em 1em; line-height: 1.25; }}
        div.entry {{ text-indent: -1.3em; margin-bottom: 0.35em; }}
        div.entry span {{ display: inline-block; width: 1.3em; text-indent: 0; }}
        table {{ border-collapse: collapse; margin: 0.6em 0 1em; font-size: 0.95em; }}
        td {{ border: {rule}; {wide} text-align: left; vertical-align: top; }}
        """


@dataclass(frozen=True, slots=True)
class Made:
    """A page and its truth. pdf: one page, with its text; name: where it comes from."""

    name: str
    items: tuple[Item, ...]
    style: Style
    pdf: bytes


def made(
    documents: Sequence[tuple[str, Sequence[Item]]], count: int, seed: int, korean: bool = False
) -> list[Made]:
    """Pages whose layouts take turns, each from another place of the documents.

    Args:
        documents: (name, items).
        korean: fonts that have its letters.
    """
    random = Random(f"{seed}/{korean}")
    found: list[Made] = []
    used: set[tuple[str, int]] = set()
    for number in range(count):
        layout = LAYOUTS[number % len(LAYOUTS)]
        style = Style(
            layout,
            random.choice(KOREAN if korean else LATIN),
            random.choice(MONO),
            round(
                random.uniform(9.5, 10.5) if layout == "two columns" else random.uniform(10, 12), 1
            ),
            random.random() < 0.5,
        )
        place = _place(documents, BLOCKS.get(layout, "paragraph"), used, random)
        if place is None:
            continue
        name, start = place
        used.add(place)
        items = dict(documents)[name][start:]
        items = [item for item in items if _fits(item, layout)]
        if page := filled(items, style):
            found.append(Made(f"{name} from {start}", tuple(page[0]), style, page[1]))
    return found


def picture(pdf: bytes, dpi: int) -> Picture:
    """The first page of a PDF."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        drawn: Picture = document[0].render(scale=dpi / 72).to_pil().convert("RGB")
        return drawn
    finally:
        document.close()


def _place(
    documents: Sequence[tuple[str, Sequence[Item]]],
    kind: str,
    used: set[tuple[str, int]],
    random: Random,
) -> tuple[str, int] | None:
    """A heading after which a block of that kind comes soon."""
    places = []
    for name, items in documents:
        for start, item in enumerate(items):
            soon = [i for i in items[start + 1 : start + 7] if _fits(i, "table")]
            if item.kind != "heading" or (name, start) in used:
                continue
            if any(i.kind == kind for i in soon) and sum(len(i.text) for i in items[start:]) > 600:
                places.append((name, start))
    return random.choice(places) if places else None


def _fits(item: Item, layout: str) -> bool:
    if item.kind == "table":
        return layout in ("table", "open table") and len(item.text) <= MOST_TABLE
    if item.kind == "code":
        longest = max(map(len, item.text.splitlines()), default=0)
        return len(item.text) <= MOST_CODE and longest <= (44 if layout == "two columns" else 84)
    return True


def filled(items: Sequence[Item], style: Style) -> tuple[list[Item], bytes] | None:
    """As many items as fit on one page, which does not end with a heading."""
    from weasyprint import HTML

    letters, count = 0, 0
    while count < len(items) and letters < 5500:
        letters += len(items[count].text)
        count += 1
    while count:
        chosen = list(items[:count])
        while chosen and chosen[-1].kind == "heading":
            chosen.pop()
        if not chosen:
            return None
        body = "\n".join(_html(item) for item in chosen)
        document = HTML(string=f"<meta charset=utf-8><style>{style.css}</style>{body}").render()
        if len(document.pages) == 1:
            return [_shown(item) for item in chosen], document.write_pdf()
        excess = max(1, round(len(chosen) * 0.5 * (1 - 1 / len(document.pages))))
        count = len(chosen) - excess
    return None


def _shown(item: Item) -> Item:
    """A heading is marked by its number where it has one, as the page shows it."""
    return replace(item, text=item.text.strip())


def _html(item: Item) -> str:
    text = escape(item.text)
    if item.kind == "heading":
        return f"<h{item.level}>{text}</h{item.level}>"
    if item.kind == "code":
        return f"<pre>{text}</pre>"
    if item.kind == "table":
        return table(item)
    if item.kind == "list":
        mark = "•" if item.marker == "-" else item.marker
        indent = 1.6 + 1.6 * item.level
        return f'<div class="entry" style="margin-left: {indent}em"><span>{mark}</span>{text}</div>'
    return f"<p>{text}</p>"
