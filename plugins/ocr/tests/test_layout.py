"""Order, headings, lists, code and tables, from lines whose text is known: PDFs' own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawing import CODE, NOWHERE, PROSE, entry, heading, page_pdf, prose, table, written

from agentkit_ocr import metrics, straight
from agentkit_ocr.document import Item, Line
from agentkit_ocr.files import Reader
from agentkit_ocr.layout import analyse
from agentkit_ocr.layout.rows import paragraph, rows_of

pytestmark = pytest.mark.slow


def read(items: list[Item], folder: Path, layout: str = "one column") -> list[Item]:
    path = written(folder / "page.pdf", page_pdf(items, layout))
    opened = Reader(path).page(1, 150)
    assert opened.lines
    return analyse(opened.lines, straight.ink(straight.grey(opened.picture)))


def kinds(items: list[Item]) -> list[str]:
    return [item.kind for item in items]


def test_a_plain_page(tmp_path: Path) -> None:
    truth = [heading("Harbours", 1), prose(0), heading("Fees and pilots"), prose(1), prose(2)]
    found = read(truth, tmp_path)
    assert [(item.kind, item.text) for item in found] == [(i.kind, i.text) for i in truth]
    assert [item.level for item in found if item.kind == "heading"] == [1, 2]


def test_two_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    truth = [heading("Harbours", 1)]
    for n in range(6):
        truth += [heading(f"Part number {n + 1}", 3), prose(n), prose(n + 1)]
    found = read(truth, tmp_path, "two columns")
    text = metrics.running_text(found)
    assert metrics.edit_distance(metrics.running_text(truth), text) < 0.01
    assert metrics.order_distance([item.text for item in truth], text) == 0
    assert metrics.headings(truth, found).f1 == 1


def test_lists_keep_their_marks(tmp_path: Path) -> None:
    truth = [
        prose(0),
        *(entry(text) for text in ("Ropes of twenty metres", "Two anchors", PROSE[1])),
        prose(2),
        *(entry(text, f"{n}.") for n, text in enumerate(("Ask the office", "Pay the fee"), 1)),
    ]
    found = read(truth, tmp_path)
    assert [(i.kind, i.marker, i.text) for i in found] == [
        (i.kind, i.marker, i.text) for i in truth
    ]


def test_code_keeps_its_lines_and_indents(tmp_path: Path) -> None:
    found = read([prose(0), Item("code", CODE, NOWHERE), prose(1)], tmp_path)
    assert kinds(found) == ["paragraph", "code", "paragraph"]
    assert found[1].text == CODE


def test_a_table_with_rules_and_spans(tmp_path: Path) -> None:
    wanted = table("Boat|Length|Fee", "Sail|8 m|4", "Motor|12 m|7", "All prices are in crowns>3")
    found = read([prose(0), wanted, prose(1)], tmp_path, "table")
    assert kinds(found) == ["paragraph", "table", "paragraph"]
    assert found[1].cells == wanted.cells


def test_a_table_without_rules(tmp_path: Path) -> None:
    wanted = table("Boat|Length|Fee", "Sail|8 m|4", "Motor|12 m|7", "Barge|30 m|19")
    found = read([prose(0), wanted, prose(1)], tmp_path, "open table")
    assert kinds(found) == ["paragraph", "table", "paragraph"]
    assert found[1].cells == wanted.cells


def test_a_frame_is_no_table() -> None:
    mask = np.zeros((400, 600), np.uint8)
    cv2.rectangle(mask, (50, 50), (550, 350), 255, 2)
    lines = [Line("Only a frame around this", (80, 180, 400, 210))]
    assert kinds(analyse(lines, mask)) == ["paragraph"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_lines(count: int) -> None:
    lines = [Line(f"line {n}", (10, 40 * n + 5, 200, 40 * n + 30)) for n in range(count)]
    assert sum(len(item.lines) for item in analyse(lines, np.zeros((200, 300), np.uint8))) == count


def test_right_to_left_pieces_of_a_row_are_joined_from_the_right() -> None:
    lines = [Line("العالم", (10, 10, 90, 40)), Line("مرحبا", (120, 10, 200, 40))]
    (item,) = analyse(lines, np.zeros((60, 300), np.uint8))
    assert item.text == "مرحبا العالم"


def test_words_cut_at_the_end_of_a_line() -> None:
    assert paragraph(["the back-", "end is"]) == "the back-end is"
    assert paragraph(["the har-", "bour is"], hyphenated=True) == "the harbour is"
    assert paragraph(["漢字の", "文"]) == "漢字の文"
    assert paragraph(["한국어", "문장"]) == "한국어 문장"


def test_rows_go_by_what_stands_beside_each_other() -> None:
    lines = [Line("b", (50, 12, 60, 30)), Line("a", (10, 10, 20, 30)), Line("c", (10, 40, 20, 60))]
    assert [[line.text for line in row.lines] for row in rows_of(lines)] == [["a", "b"], ["c"]]


@pytest.mark.parametrize("angle", [-4.3, -0.7, 0.0, 2.1])
def test_skew_is_measured_and_taken_out(angle: float, tmp_path: Path) -> None:
    path = written(tmp_path / "page.pdf", page_pdf([prose(n) for n in range(9)]))
    mask = straight.ink(straight.grey(Reader(path).page(1, 100).picture))
    turned = straight.rotated(mask, -angle, 0)
    assert straight.skew(turned) == pytest.approx(angle, abs=0.1)
