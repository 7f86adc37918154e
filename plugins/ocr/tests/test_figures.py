"""Measures of figures against values computed by hand."""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from drawing import table

import agentkit
from agentkit.bench import Bench
from agentkit.capabilities import Block, Box, Image, PerceptionInfo, Seen
from agentkit.testing.progress import Recorder
from agentkit_ocr.bench.drawn import chart, geometry
from agentkit_ocr.bench.figures import figures, scores, table_of
from agentkit_ocr.document import Cell
from agentkit_ocr.figures.charts import entries, mapping_similarity, number, value_similarity
from agentkit_ocr.figures.geometry import (
    Drawing,
    Match,
    Segment,
    centred,
    match_points,
    match_segments,
    parse,
)
from agentkit_ocr.figures.molecules import smiles_score
from agentkit_ocr.labelled import cells_of_html

CHART = table("Year|Sail|Steam", "1900|40|10", "1910|20|30")
TRIANGLE = Drawing(
    (Segment((0, 0), (4, 0)), Segment((4, 0), (0, 3)), Segment((0, 3), (0, 0))),
    (("A", (0, 0)), ("B", (4, 0)), ("C", (0, 3))),
)


# -- charts ---------------------------------------------------------------------------------------


def test_a_chart_is_a_set_of_entries() -> None:
    told = [(one.row, one.column, one.value) for one in entries(CHART.cells)]
    assert told[0] == ("1900", "Sail", "40") and len(told) == 4
    wide = cells_of_html("<table><tr><td>a<td colspan=2>b</tr><tr><td>c<td>1<td>2</tr></table>")
    assert [(one.column, one.value) for one in entries(wide)] == [("b", "1"), ("b", "2")]


def test_numbers() -> None:
    assert number("$1,234.5") == 1234.5 and number("-12%") == -12 and number("1e3") == 1000
    assert number("1,23,4") is None and number("12 to 14") is None and number(".") is None
    assert number("9e999") is None
    assert value_similarity("100", "95") == pytest.approx(0.95)
    assert value_similarity("100", "89") == 0 and value_similarity("0", "0.0") == 1
    assert value_similarity("0", "1") == 0
    assert value_similarity("none", "nune") == 0.75 and value_similarity("none", "xyz1") == 0


def test_order_and_side_say_nothing() -> None:
    other = table("Year|Steam|Sail", "1910|30|20", "1900|10|40")
    assert mapping_similarity(CHART.cells, other.cells).f1 == 1
    turned = table("|1900|1910", "Sail|40|20", "Steam|10|30")
    assert mapping_similarity(CHART.cells, turned.cells).f1 == 1


def test_entries_that_are_wrong_missing_or_too_many() -> None:
    wrong = table("Year|Sail|Steam", "1900|40|10", "1910|19|90")  # 19 of 20 is 0.95, 90 is wrong
    found = mapping_similarity(CHART.cells, wrong.cells)
    assert found.precision == found.recall == pytest.approx((1 + 1 + 0.95 + 0) / 4)
    less = mapping_similarity(CHART.cells, table("Year|Sail", "1900|40", "1910|20").cells)
    assert (less.precision, less.recall) == (1, 0.5) and less.f1 == pytest.approx(2 / 3)
    more = mapping_similarity(table("Year|Sail", "1900|40", "1910|20").cells, CHART.cells)
    assert (more.precision, more.recall) == (0.5, 1)
    # "1900 snail" is one edit of ten letters from "1900 sail": 0.9 of each of two entries.
    near = mapping_similarity(
        table("Year|Sail", "1900|40").cells, table("Year|Snail", "1900|40").cells
    )
    assert near.f1 == pytest.approx(0.9)
    assert mapping_similarity(CHART.cells, ()).f1 == 0 and mapping_similarity((), ()).f1 == 1


# -- molecules ------------------------------------------------------------------------------------


def test_smiles() -> None:
    same = smiles_score("CCO", " `CCO`\n")
    assert same.exact and same.tanimoto == 1
    assert smiles_score("CCO", "<smiles>CCO</smiles>").exact
    empty = smiles_score("CCO", "")
    assert not empty.exact and empty.tanimoto == 0
    if find_spec("rdkit") is None:
        assert same.valid is None and not smiles_score("CCO", "OCC").exact
        return
    assert smiles_score("CCO", "OCC").exact, "ethanol, from its other end"
    assert smiles_score("c1ccccc1", "C1=CC=CC=C1").exact, "benzene, with its bonds named"
    # Of six environments each (an atom alone, an atom with its neighbours) ethanol and ethylamine
    # share three: CH3, CH2, and CH3 with its CH2. Nine in all.
    other = smiles_score("CCO", "CCN")
    assert not other.exact and other.tanimoto == pytest.approx(3 / 9) and other.valid
    assert smiles_score("CCO", "C1CC").valid is False, "its ring stays open"
    with pytest.raises(ValueError, match="no SMILES"):
        smiles_score("C1CC", "CCO")


# -- geometry -------------------------------------------------------------------------------------


def test_an_answer_is_read_and_written() -> None:
    assert parse(TRIANGLE.write()) == TRIANGLE
    told = '{"line": ["(-4.5, 2) -- (0, 2)"], "line_endpoint": ["A: (-4.5, 2)", "A: (1, 2)"]}'
    found = parse(told)
    assert found.segments == (Segment((-4.5, 2), (0, 2)),) and found.points == (("A", (1, 2)),)
    assert parse("__import__('os') (1, 2") == Drawing()
    assert len(parse("(1, 2) -- (3, 4) " * 5000).segments) == 500


def test_segments_have_no_direction_and_some_room() -> None:
    assert match_segments(TRIANGLE, TRIANGLE) == Match(3, 3, 3)
    back = Drawing(tuple(Segment(s.b, s.a) for s in reversed(TRIANGLE.segments)))
    assert match_segments(TRIANGLE, back) == Match(3, 3, 3)
    # The longer side is 4, so ends may be off by 0.2.
    near = Drawing((Segment((0, 0.19), (4, 0)), Segment((0, 0.21), (4, 0))))
    assert match_segments(TRIANGLE, near) == Match(1, 3, 2)
    twice = Drawing((TRIANGLE.segments[0],) * 2)
    found = match_segments(TRIANGLE, twice)
    assert found == Match(1, 3, 2), "each counts once"
    assert (found.precision, found.recall, found.f1) == (1 / 2, 1 / 3, 2 / 5)
    assert match_segments(Drawing(), Drawing()).f1 == 1
    assert match_segments(TRIANGLE, Drawing()).f1 == match_segments(Drawing(), TRIANGLE).f1 == 0


def test_points_go_by_their_names() -> None:
    swapped = Drawing((), (("A", (4, 0)), ("B", (0, 0)), ("C", (0, 3.1)), ("D", (1, 1))))
    assert match_points(TRIANGLE, swapped) == Match(1, 3, 4)
    assert match_points(Drawing(TRIANGLE.segments), Drawing()).f1 == 1


def test_where_on_the_picture_it_stands_says_nothing() -> None:
    moved = Drawing(
        tuple(Segment((s.a[0] + 7, s.a[1] - 9), (s.b[0] + 7, s.b[1] - 9))
              for s in TRIANGLE.segments),
        tuple((name, (x + 7, y - 9)) for name, (x, y) in TRIANGLE.points),
    )  # fmt: skip
    assert match_segments(TRIANGLE, moved).right == 0
    assert match_segments(centred(TRIANGLE), centred(moved)).f1 == 1
    assert match_points(centred(TRIANGLE), centred(moved)).f1 == 1


# -- drawn figures --------------------------------------------------------------------------------


class Knows:
    """Stands for a model that reads figures, which none here does: it knows the pictures drawn."""

    def __init__(self, answers: dict[bytes, str]) -> None:
        self.info = PerceptionInfo("knows")
        self.answers = answers

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        said = [self.answers.get(image.data, "") for image in images]
        return [Seen((Block(text, Box(0, 0, 512, 512)),) if text else ()) for text in said]


def html(cells: Sequence[Cell]) -> str:
    rows: dict[int, str] = {}
    for cell in cells:
        rows[cell.row] = rows.get(cell.row, "") + f"<td>{cell.text}</td>"
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows.values()) + "</table>"


def test_a_reader_that_knows_gets_everything_and_others_little(tmp_path: Path) -> None:
    charts = [chart(random.Random(f"chart 0 {n}")) for n in range(3)]
    drawings = [geometry(random.Random(f"geometry 0 {n}")) for n in range(3)]
    answers = {one.picture: html(one.cells) for one in charts}
    answers |= {one.picture: one.drawing.write() for one in drawings}
    with agentkit.load(environ={}) as kit:
        kit.add("perception", "knows", Knows(answers))
        made = Bench(kit, "quick", (0,), tmp_path, Recorder(), {"reader": "knows"})
        result = figures(made)
    for name in ("chart TEDS", "chart RMS F1", "segment F1", "point F1"):
        assert result.metrics[name].value == 1
        assert result.baselines["a blank picture"][name].value == 0
        assert result.baselines["another figure's answer"][name].value < 0.6
    assert ("molecule exact" in result.metrics) == (find_spec("rdkit") is not None)


def test_tables_of_answers() -> None:
    assert table_of("| a | b |\n|---|---|\n| c | 1 |") == table_of(html(table("a|b", "c|1").cells))
    assert table_of("no table") == ()
    assert scores("chart", chart(random.Random(0)), "")["chart RMS F1"] == 0
