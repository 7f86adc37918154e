"""A folder in OmniDocBench's form, made by hand; blocks paired and compared."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from drawing import PROSE, heading, page_pdf, png, prose, table

import agentkit
from agentkit.bench import Bench
from agentkit.errors import UsageError
from agentkit.testing.progress import Recorder
from agentkit_ocr.bench.matching import Pair, TrueBlock, bare, compared, paired
from agentkit_ocr.bench.official import evaluated
from agentkit_ocr.bench.omnidocbench import omnidocbench
from agentkit_ocr.bench.pages import picture
from agentkit_ocr.bench.sets import data_of, sets

GRID = "<table><tr><td>Boat</td><td>Fee</td></tr><tr><td>Sail</td><td>4</td></tr></table>"


def det(number: int, category: str, order: int | None, **more: Any) -> dict[str, Any]:
    plain = {"category_type": category, "anno_id": number, "order": order, "poly": [0] * 8}
    return {**plain, "ignore": False, **more}


def page_of(name: str, *dets: dict[str, Any], **attributes: str) -> dict[str, Any]:
    return {
        "layout_dets": list(dets),
        "page_info": {"image_path": name, "page_attribute": attributes},
        "extra": {"relation": []},
    }


def blocks(*texts: str) -> list[TrueBlock]:
    return [TrueBlock(text) for text in texts]


# -- the form -------------------------------------------------------------------------------------


def test_a_page_of_the_form() -> None:
    first, second = PROSE[0][:50], PROSE[0][50:]
    page = page_of(
        "a/b/one.png",
        det(4, "equation_isolated", 4, latex="$$x = 1$$"),
        det(0, "title", 1, text="Fees"),
        det(1, "text_block", 2, text=first),
        det(2, "table", 3, html=GRID),
        det(3, "text_block", 5, text=second),
        det(5, "header", None, text="A head"),
        det(6, "text_block", 6, text="not to be read", ignore=True),
        det(7, "abandon", None, text="a stamp"),
        language="english",
    )
    page["extra"]["relation"] = [
        {"source_anno_id": 1, "target_anno_id": 3, "relation_type": "truncated"},
        {"source_anno_id": 2, "target_anno_id": 0, "relation": "parent_son"},
        {"source_anno_id": 1, "target_anno_id": 99, "relation": "truncated"},
    ]
    (sample,) = omnidocbench([page], Path("set"))
    assert sample.picture == Path("set/images/one.png")
    assert [item.kind for item in sample.items] == ["heading", "paragraph", "table"]
    assert sample.items[1].text == PROSE[0], "cut in two by the layout, and one again"
    assert sample.blocks == (
        TrueBlock("Fees"),
        TrueBlock(PROSE[0]),
        TrueBlock("$$x = 1$$", formula=True),
        TrueBlock("A head", scored=False),
    )
    assert sample.attributes == {"language": "english"}
    assert [one["type"] for one in sample.official["blocks"]] == [
        "title", "text", "table", "equation", "header"
    ]  # fmt: skip


# -- pairs ----------------------------------------------------------------------------------------


def test_what_of_a_block_is_compared() -> None:
    assert bare("The harbour’s fee: 4 — “net”.") == "Theharboursfee4net"
    assert bare(r"\[ x_1 = 2 \]", formula=True) == "x_1=2" and bare("$$a$$", formula=True) == "a"


def test_each_block_has_its_own() -> None:
    truth = blocks("alpha beta gamma", "one two three four", "nothing like these")
    read = ["one two three four", "alpha beta gama"]
    assert paired(truth, read) == [Pair((0,), (1,)), Pair((1,), (0,)), Pair((2,), ())]
    # Edits: 1 of 14, 0 of 15, 16 of 16. Order: [0, 1, 2] is two edits from [1, 0].
    found = compared(truth, read)
    assert found["text"] == pytest.approx((1 + 0 + 16) / (14 + 15 + 16))
    assert found["order"] == pytest.approx(2 / 3) and found["formulas"] is None


def test_paragraphs_in_pieces_are_put_together() -> None:
    truth = blocks("the first half and the second half", "another one")
    assert paired(truth, ["the first half", "and the second half", "another one"]) == [
        Pair((0,), (0, 1)), Pair((1,), (2,))
    ]  # fmt: skip
    joined = ["the first half and the second half another one"]
    assert paired(truth, joined) == [Pair((0, 1), (0,))]
    assert compared(truth, joined) == {"text": 0.0, "formulas": None, "order": 0.0}


def test_what_is_not_scored_is_taken_out_all_the_same() -> None:
    truth = [TrueBlock("Chapter seven", scored=False), *blocks("The harbour opens at six")]
    assert compared(truth, ["Chapter seven", "The harbour opens at six"])["text"] == 0
    assert compared(truth, ["The harbour opens at six"])["text"] == 0
    extra = ["The harbour opens at six", "something that is nowhere in it"]
    assert compared(truth, extra)["text"] == 0, "what is read besides costs nothing"


def test_formulas_keep_their_signs() -> None:
    truth = [TrueBlock("$$x+1=2$$", formula=True), *blocks("Then x is one")]
    assert compared(truth, [r"\[x + 1 = 2\]", "Then x is one"])["formulas"] == 0
    assert compared(truth, [r"\[x - 1 = 2\]", "Then x is one"])["formulas"] == pytest.approx(1 / 5)


def test_nothing_read_and_nothing_there() -> None:
    assert compared(blocks("a text"), []) == {"text": 1.0, "formulas": None, "order": 1.0}
    assert compared([], ["a text"]) == {"text": None, "formulas": None, "order": None}


# -- a folder -------------------------------------------------------------------------------------


def test_a_folder_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none of OmniDocBench\.json"):
        data_of(tmp_path)
    (tmp_path / "OmniDocBench.json").write_text("[]")
    assert data_of(tmp_path) == tmp_path / "OmniDocBench.json"


def test_a_python_without_the_program_is_named() -> None:
    with pytest.raises(UsageError, match="No module named 'omnidocbench'"):
        evaluated(Path(sys.executable), [{"markdown": "a", "truth": {}}])
    with pytest.raises(UsageError, match="cannot judge pages"):
        evaluated(Path("/nowhere/python"), [])


@pytest.mark.slow
def test_a_folder_is_read_and_scored(tmp_path: Path) -> None:
    items = [heading("Harbour fees"), prose(0), table("Boat|Fee", "Sail|4", "Steam|9")]
    (tmp_path / "images").mkdir()
    drawn = picture(page_pdf(items), 100)
    (tmp_path / "images" / "one.png").write_bytes(png(drawn))
    html = GRID.replace("</table>", "<tr><td>Steam</td><td>9</td></tr></table>")
    page = page_of(
        "one.png",
        det(0, "title", 1, text="Harbour fees"),
        det(1, "text_block", 2, text=PROSE[0]),
        det(2, "table", 3, html=html),
        language="english",
        data_source="book",
    )
    lost = page_of("gone.png", det(0, "title", 1, text="Gone"), language="english")
    (tmp_path / "OmniDocBench.json").write_text(json.dumps([page, lost]))
    (tmp_path / "out").mkdir()
    with agentkit.load(environ={}) as kit:
        options = {"data": str(tmp_path), "reader": "rapidocr"}
        result = sets(Bench(kit, "full", (0,), tmp_path / "out", Recorder(), options))
    assert result.metrics["text by block, edit distance"].value < 0.02
    assert result.metrics["order by block, edit distance"].value == 0
    assert result.metrics["table TEDS"].value == 1
    assert result.metrics["table TEDS, structure alone"].value == 1
    assert [row[:2] for row in result.tables[0].rows] == [
        ("data_source: book", 1), ("language: english", 1)
    ]  # fmt: skip
    assert "gone.png" in result.verdict
