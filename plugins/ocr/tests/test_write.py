"""What is written out: Markdown, HTML, JSON, text, searchable PDF."""

from __future__ import annotations

import json
import math
from io import BytesIO
from pathlib import Path

import pypdfium2
import pytest
from drawing import CODE, NOWHERE, entry, heading, page_pdf, png, prose, table, words, written
from PIL import Image, ImageChops
from pypdf import PdfReader, PdfWriter

from agentkit.capabilities import Block, Box, PerceptionInfo, Seen
from agentkit.capabilities import Image as Given
from agentkit_ocr.document import Cell, Document, Item, Line, Page
from agentkit_ocr.files import outline
from agentkit_ocr.labelled import cells_of_html, items_of_blocks
from agentkit_ocr.reading import read_page
from agentkit_ocr.write import WRITERS, html, markdown
from agentkit_ocr.write.pdf import searchable

BOX = (10.0, 10.0, 200.0, 40.0)


def document(*items: Item, **page: object) -> Document:
    return Document("a.png", (Page(1, 400, 300, tuple(items), **page),))  # type: ignore[arg-type]


def test_markdown() -> None:
    made = markdown(
        document(
            heading("Fees", 1), prose(0), entry("ropes"), entry("pay", "2."),
            Item("code", CODE, NOWHERE), table("a|b", "c|d"),
        )
    )  # fmt: skip
    assert made.startswith("# Fees\n\nThe harbour opens")
    assert "\n- ropes\n2. pay\n" in made and f"```\n{CODE}\n```" in made
    assert "| a | b |\n| --- | --- |\n| c | d |" in made
    assert '<td colspan="2">wide</td>' in markdown(document(table("wide>2", "a|b")))


def test_text_of_a_document_is_never_markup() -> None:
    hostile = "<script>alert(1)</script> [x](javascript:y) # *bold* `code` | cell"
    made = document(
        Item("paragraph", "# " + hostile, NOWHERE),
        Item("table", "", NOWHERE, cells=(Cell(0, 0, hostile),)),
        Item("code", "```\n" + hostile, NOWHERE),
    )  # fmt: skip
    assert "<script>" not in html(made)
    told = markdown(made)
    assert "\\<script>" in told and "\\[x\\]" in told and told.startswith("\\# ")
    assert "````\n```" in told, "the fence is longer than what is in it"


def test_a_lost_page_is_told_in_its_place() -> None:
    made = Document("a.pdf", (Page(1, 0, 0, error="it -- broke"), Page(2, 9, 9, (prose(0),))))
    for name, write in WRITERS.items():
        text = write(made)
        assert "broke" in text and "harbour" in text, name


def test_json_and_back() -> None:
    page = document(Item("list", "a", BOX, (Line("a", BOX),), 1, "2."), skew=1.5).pages[0]
    assert Page.from_json(json.loads(json.dumps(page.to_json()))) == page
    told = json.loads(WRITERS["json"](Document("a", (page,))))
    assert told["pages"][0]["items"][0]["original_box"] != list(BOX), "it was turned by the skew"


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_boxes_lead_back_to_the_picture_as_it_came(turn: int) -> None:
    """A mark is drawn, the picture turned, and the mark's place in it led back."""
    original = Image.new("L", (300, 200), 255)
    original.paste(0, (40, 60, 80, 70))
    turned = original.rotate(-90 * turn, expand=True)
    left, top, right, bottom = Image.eval(turned, lambda value: 255 - value).getbbox() or BOX
    page = Page(1, *turned.size, turn=turn)
    assert page.original_box((left, top, right, bottom)) == pytest.approx((40, 60, 80, 70))


class Reads:
    """Stands for a model that lays out pages itself, whose weights are too large to be here."""

    info = PerceptionInfo("reads")

    def see(self, images: list[Given], mode: str = "") -> list[Seen]:
        table = "<table><tr><td rowspan='2'>a</td><td>b</td></tr><tr><td>c</td></tr></table>"
        blocks = (
            Block("# Fees", Box(10, 10, 300, 40), "title"),
            Block("Two lines\nof text", Box(10, 50, 300, 90)),
            Block(table, Box(10, 100, 300, 160), "table"),
        )
        return [Seen(blocks) for _ in images]


def test_a_perception_that_lays_out_pages_is_taken_at_its_word() -> None:
    page = read_page(words("anything", (700, 400)), Reads())
    assert [(i.kind, i.level) for i in page.items] == [
        ("heading", 1),
        ("paragraph", 0),
        ("table", 0),
    ]
    assert page.items[1].text == "Two lines of text"
    assert [(c.row, c.column, c.text, c.rows) for c in page.items[2].cells] == [
        (0, 0, "a", 2), (0, 1, "b", 1), (1, 1, "c", 1),
    ]  # fmt: skip


def test_tables_of_models_may_be_cut() -> None:
    assert [c.text for c in cells_of_html("<table><tr><td>a<td>b</tr><tr><td>c")] == ["a", "b", "c"]
    assert cells_of_html("no table") == () and items_of_blocks([]) == []


class TestSearchablePdf:
    def found(self, data: bytes, text: str) -> list[tuple[float, float, float, float]]:
        page = pypdfium2.PdfDocument(data)[0].get_textpage()
        place = page.search(text).get_next()
        assert place is not None, f"{text!r} is not in {page.get_text_range()!r}"
        return [page.get_charbox(place[0] + n) for n in range(place[1])]

    def test_a_picture_with_its_text(self, tmp_path: Path) -> None:
        picture = words("Harbour", (720, 360))
        path = written(tmp_path / "a.png", png(picture))
        box = (40.0, 60.0, 240.0, 110.0)
        line = Line("항구 Harbour 5€", box)
        made = Document("a", (Page(1, 720, 360, (Item("paragraph", "", box, (line,)),)),))
        data = searchable(outline(path), made)
        boxes = self.found(data, "항구 Harbour 5€")
        scale = 72 / 200  # points a pixel
        assert boxes[0][0] == pytest.approx(40 * scale, abs=2)
        assert boxes[-1][2] == pytest.approx(240 * scale, abs=4)
        drawn = pypdfium2.PdfDocument(data)[0].render(scale=200 / 72).to_pil().convert("L")
        drawn = drawn.crop((0, 0, *picture.size))
        assert ImageChops.difference(drawn, picture.convert("L")).getextrema()[1] < 128

    @pytest.mark.parametrize("rotation", [0, 90, 180, 270])
    def test_a_pdf_however_it_is_turned(self, rotation: int, tmp_path: Path) -> None:
        writer = PdfWriter(clone_from=PdfReader(BytesIO(png(words("Harbour", (600, 300)), "PDF"))))
        writer.pages[0].rotate(rotation)
        out = BytesIO()
        writer.write(out)
        path = written(tmp_path / "a.pdf", out.getvalue())
        width, height = pypdfium2.PdfDocument(out.getvalue())[0].get_size()
        box = (0.1 * width, 0.2 * height, 0.5 * width, 0.3 * height)
        item = Item("paragraph", "", box, (Line("Harbour", box),))
        data = searchable(
            outline(path), Document("a", (Page(1, int(width), int(height), (item,)),))
        )
        boxes = self.found(data, "Harbour")
        assert boxes[0][0] == pytest.approx(0.1 * width, abs=2)
        assert math.isclose(boxes[0][1], 0.7 * height, abs_tol=0.1 * height)

    def test_a_text_layer_is_not_doubled(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.pdf", page_pdf([prose(0)]))
        page = Page(1, 100, 100, (prose(0),), source="text layer")
        text = pypdfium2.PdfDocument(searchable(outline(path), Document("a", (page,))))[0]
        assert text.get_textpage().get_text_range().count("harbour opens") == 1
