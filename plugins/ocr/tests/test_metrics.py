"""Measures against values that are known."""

from __future__ import annotations

import pytest
from drawing import NOWHERE, heading, table

from agentkit_ocr.document import Cell, Item
from agentkit_ocr.metrics import (
    Counts,
    best_teds,
    character_error,
    edit_distance,
    headings,
    order_distance,
    pipe_tables,
    teds,
)

BLOCKS = ["The first paragraph of the page", "Then a second one follows", "And the third is last"]


def test_text() -> None:
    assert edit_distance("kitten", "sitting") == pytest.approx(3 / 7)
    assert edit_distance("", "") == 0 and edit_distance("text", "") == 1
    assert edit_distance("“a”  –\n• b", '"a" - b') == 0, "quotes, dashes, blanks, bullets"
    assert character_error("abcd", "abcdefgh") == 1


def test_order() -> None:
    assert order_distance(BLOCKS, " ".join(BLOCKS)) == 0
    swapped = " ".join([BLOCKS[1], BLOCKS[0], BLOCKS[2]])
    assert order_distance(BLOCKS, swapped) == pytest.approx(2 / 3)
    assert order_distance([], "anything") == 0


def test_headings() -> None:
    truth = [heading("Fees"), heading("Pilots"), heading("Water and fuel")]
    read = [heading("Fees"), heading("Water andfuel"), heading("A line in bold")]
    assert headings(truth, read) == Counts(right=2, missed=1, wrong=1)
    assert Counts(2, 1, 1).f1 == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert headings([], []).f1 == 1


def test_teds_by_hand() -> None:
    one, other = table("a|b", "c|d"), table("a|b", "c|x")
    assert teds(one.cells, one.cells) == 1
    # 7 nodes: table, 2 rows, 4 cells; one cell's text is wholly different.
    assert teds(one.cells, other.cells) == pytest.approx(1 - 1 / 7)
    assert teds(one.cells, other.cells, structure_only=True) == 1
    # A row of three nodes is missing.
    assert teds(one.cells, table("a|b").cells) == pytest.approx(1 - 3 / 7)
    # Half of a cell's text is right.
    half = table("a|b", "c|dx")
    assert teds(one.cells, half.cells) == pytest.approx(1 - 0.5 / 7)
    assert teds(one.cells, ()) == 0 and teds((), ()) == 1


def test_a_span_is_part_of_the_structure() -> None:
    wide = (Cell(0, 0, "a", 1, 2),)
    assert teds(wide, (Cell(0, 0, "a"),)) == pytest.approx(1 - 1 / 3)


def test_each_table_that_was_read_counts_once() -> None:
    one, other = table("a|b", "c|d"), table("1|2|3", "4|5|6")
    assert best_teds([one, other], [other, one]) == [1, 1]
    assert best_teds([one, one], [one]) == [1, 0]
    assert best_teds([one], [Item("paragraph", "a b", NOWHERE)]) == [0]


def test_pipe_tables() -> None:
    (cells,) = pipe_tables("text\n| a | b\\|c |\n| --- | --- |\n| d | e |\n\nmore")
    assert [cell.text for cell in cells] == ["a", "b|c", "d", "e"]
