"""The experiments at a tiny size, on documents written here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from drawing import CODE, PROSE, png, words

import agentkit
from agentkit.bench import Bench, Result
from agentkit.errors import DataError
from agentkit.testing.progress import Recorder
from agentkit_ocr.bench import sets
from agentkit_ocr.bench.languages import declarations, languages
from agentkit_ocr.bench.ocr_pages import ocr_pages, pages
from agentkit_ocr.bench.sources import items_of_html
from agentkit_ocr.bench.speed import speed

pytestmark = pytest.mark.slow

DOCUMENT = f"""<html><body><h1>Harbours</h1><p>{PROSE[0]}</p><h2>Fees</h2><p>{PROSE[1]}</p>
<table><tr><th>Boat</th><th>Fee</th></tr><tr><td>Sail</td><td>4</td></tr></table>
<p>{PROSE[2]}</p><ul><li>ropes<ul><li>long ones</li></ul></li><li>anchors</li></ul><pre>{CODE}</pre>
<div class="navfooter"><p>next page</p></div><script>var x;</script></body></html>"""
TEXTS = {
    "eng": (
        "English",
        "ltr",
        "All human beings are born free and equal in dignity and rights. " * 2,
    ),
    "kor": (
        "Korean",
        "ltr",
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. " * 4,
    ),
}


def bench(out: Path, **options: str) -> Bench:
    kit = agentkit.load(environ={})
    return Bench(kit, "quick", (0,), out, Recorder(), options)


def twice(experiment: Callable[[Bench], Result], made: Bench) -> Result:
    result = experiment(made)
    assert [t.rows for t in experiment(made).tables] == [t.rows for t in result.tables]
    made.kit.close()
    return result


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    for number in range(2):
        path = tmp_path / "documents" / f"{number}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(DOCUMENT)
    return path.parent


def test_a_manual_becomes_items() -> None:
    items = items_of_html(DOCUMENT.encode())
    told = [(item.kind, item.level, item.text[:8]) for item in items]
    assert told == [
        ("heading", 1, "Harbours"), ("paragraph", 0, PROSE[0][:8]), ("heading", 2, "Fees"),
        ("paragraph", 0, PROSE[1][:8]), ("table", 0, "Boat\nFee"),
        ("paragraph", 0, PROSE[2][:8]), ("list", 0, "ropes"),
        ("list", 1, "long one"), ("list", 0, "anchors"), ("code", 0, "def fee("),
    ]  # fmt: skip
    assert items[-1].text == CODE


def test_the_halves_share_no_document(documents: Path, tmp_path: Path) -> None:
    made = bench(tmp_path / "out", documents=str(documents))
    names = {split: {p.name.split()[0] for p in pages(made, split, 1, 0)} for split in
             ("development", "test")}  # fmt: skip
    assert names["development"] and names["test"]
    assert not names["development"] & names["test"]
    again = pages(made, "test", 1, 0)
    assert [p.items for p in again] == [p.items for p in pages(made, "test", 1, 0)]


def test_five_rows_of_each_set_are_read(tmp_path: Path) -> None:
    said = sets.dry_run(bench(tmp_path))
    assert said == [
        "en_page_ocr: 5 pages, with paragraph",
        "omnidocbench: 5 pages, with heading, paragraph, table",
    ]
    (first, *_) = sets.samples(sets.FIXTURES / "omnidocbench.json")
    assert [item.kind for item in first.items] == ["heading", "paragraph", "table"]
    with pytest.raises(DataError, match="neither"):
        sets.samples(Path(__file__))


@pytest.mark.slow
def test_a_set_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "en_page_ocr.json").write_text((sets.FIXTURES / "en_page_ocr.json").read_text())
    (tmp_path / "en_1.png").write_bytes(png(words("The harbour opens at six.")))
    made = bench(
        tmp_path / "out", data=str(tmp_path / "en_page_ocr.json"), pages="2", reader="rapidocr"
    )
    made.out.mkdir()
    result = twice(sets.sets, made)
    assert result.metrics["text edit distance"].value == 0
    assert "en_2.png" in result.verdict, "the picture that is not there is named"


@pytest.mark.slow
def test_damaged_pages(documents: Path, tmp_path: Path) -> None:
    made = bench(tmp_path / "out", documents=str(documents), reader="rapidocr")
    made.out.mkdir()
    result = twice(ocr_pages, made)
    assert result.tables[0].rows and 0 <= result.metrics["text edit distance"].value < 0.2


@pytest.mark.slow
def test_languages(tmp_path: Path) -> None:
    folder = tmp_path / "texts" / "declaration"
    folder.mkdir(parents=True)
    for code, (name, side, text) in TEXTS.items():
        (folder / f"{code}.html").write_text(
            f'<html data-iso6393="{code}" dir="{side}"><title>{name}</title><p>{text}</p></html>'
        )
    assert [one.name for one in declarations(folder.parent)] == ["English", "Korean"]
    made = bench(tmp_path / "out", texts=str(folder.parent))
    made.out.mkdir()
    result = twice(languages, made)
    errors = {row[1]: dict(zip(("readers", "rapidocr", "tesseract"), row[2:]))
              for row in result.tables[0].rows}  # fmt: skip
    assert errors["eng"]["readers"] < 0.05 and errors["kor"]["readers"] < 0.1
    assert errors["kor"]["rapidocr"] > 0.5, "whose models do not know it"


@pytest.mark.slow
def test_speed(documents: Path, tmp_path: Path) -> None:
    made = bench(tmp_path / "out", documents=str(documents))
    made.out.mkdir()
    assert twice(speed, made).metrics["rapidocr, 1 at once"].value > 0
