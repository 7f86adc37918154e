"""Tables, office files, other scripts: found, quoted, and left out with a note where broken."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentkit_sources.blocks import Parsed, Unreadable
from agentkit_sources.folder import FolderSource
from agentkit_sources.readers import read
from agentkit_sources.words import searchable, words

Make = Callable[..., FolderSource]


def texts(parsed: Parsed, kind: str = "row") -> list[str]:
    data = parsed.text.encode()
    return [data[b.start : b.end].decode() for b in parsed.blocks if b.kind == kind]


# -- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_rows_can_be_read_alone(separator: str) -> None:
    rows = [["city", "people", "note"], ["Lyon", "520000", ""], ["Porto", "230000", "old; nice"]]
    lines = (separator.join(f'"{c}"' if ";" in c else c for c in row) for row in rows)
    parsed = read("cities.csv", "\n".join(lines).encode())
    assert texts(parsed) == [
        "columns: city, people, note",
        "city: Lyon; people: 520000",
        "city: Porto; people: 230000; note: old; nice",
    ]
    assert [block.anchor for block in parsed.blocks] == ["", "row2", "row3"]


def test_tables_without_names_and_with_a_thousand_columns() -> None:
    assert texts(read("n.csv", b"1,2\n3,4\n")) == ["1 | 2", "3 | 4"]
    head = ",".join(f"c{n}" for n in range(1000))
    parsed = read("wide.csv", f"{head}\n{','.join('7' * 1000)}\n".encode())
    assert parsed.notes == ("1,000 columns",) and "c999: 7" in texts(parsed)[1]


def test_what_only_looks_like_a_table() -> None:
    assert texts(read("one.csv", b"just words")) == ["just words"]
    huge = b'"' + b"x" * 200_000  # an open quote: longer than a cell may be
    parsed = read("open.csv", huge)
    assert "no table" in parsed.notes[0] and len(parsed.text) > 199_000


def test_a_cell_is_found_and_quoted(docs: Path, source: Make) -> None:
    (docs / "cities.csv").write_text(
        "city,people\n" + "\n".join(f"Town{n},{n}" for n in range(500))
    )
    made = source(docs)
    hit = made.search("Town321").hits[0]
    assert "city: Town321; people: 321" in hit.text and hit.location.anchor.startswith("row")
    assert made.open(hit.document).quote(hit.location) == hit.text


# -- office files ---------------------------------------------------------------------------------


def word_file(text: str = "The ferry leaves at nine.") -> bytes:
    import docx

    document = docx.Document()
    document.core_properties.title = "Island guide"
    document.add_heading("Arrival", 1)
    document.add_heading("Boats", 2)
    document.add_paragraph(text)
    document.add_paragraph("Take a coat", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, words_ in zip(table._cells, ("Boat", "Fare", "Gull", "12 euros")):
        cell.text = words_
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def excel_file() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "Fares"
    for row in (["boat", "fare"], ["Gull", 12], [None, None], ["Tern", 7.5]):
        sheet.append(row)
    book.create_sheet("Notes").append(["only words here"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_word_document() -> None:
    parsed = read("guide.docx", word_file())
    assert parsed.title == "Island guide"
    assert texts(parsed, "paragraph") == ["The ferry leaves at nine."]
    assert texts(parsed, "item") == ["Take a coat"]
    assert texts(parsed) == ["Boat: Gull; Fare: 12 euros"]
    paragraph = next(b for b in parsed.blocks if b.kind == "paragraph")
    assert paragraph.heading == ("Arrival", "Boats")


def test_an_excel_workbook() -> None:
    parsed = read("fares.xlsx", excel_file())
    assert texts(parsed) == ["boat: Gull; fare: 12", "boat: Tern; fare: 7.5", "only words here"]
    assert [b.anchor for b in parsed.blocks if b.kind == "row"][:2] == ["Fares!A2", "Fares!A4"]
    assert parsed.blocks[1].heading == ("Fares",)


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


@pytest.mark.slow
def test_office_files_that_cannot_be_read() -> None:
    good = word_file()
    for data, said in (
        (b"PK\x03\x04 cut short", "broken office file"),
        (good[: len(good) // 2], "broken office file"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "password"),
        (_zip(mimetype=b"x"), "neither"),
        (_zip(word__document_xml=b"x"), "neither"),
        (_zip(**{"word/document.xml": b"<not closed"}), "broken Word document"),
        (_zip(**{"xl/workbook.xml": b"nothing"}), "broken Excel workbook"),
        (_zip(**{"word/document.xml": b"\0" * 250_000_000}), "unpack to more"),
    ):
        with pytest.raises(Unreadable, match=said):
            read("file.docx", data)


def test_names_in_an_archive_lead_nowhere(docs: Path, source: Make) -> None:
    """Zip slip: a member called ../../evil.txt is not written anywhere."""
    out = io.BytesIO(word_file("The heron waits."))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("../../evil.txt", "gotcha")
    (docs / "slip.docx").write_bytes(out.getvalue())
    before = {p for p in docs.parent.rglob("*")}
    assert source(docs).search("heron").hits[0].document == "slip.docx"
    new = {p.name for p in docs.parent.rglob("*")} - {p.name for p in before}
    assert not any("evil" in name for name in new)


def test_entities_are_not_expanded() -> None:
    """Billion laughs in the part that a Word document is read from."""
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
        + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
        + "]><w>&m;</w>"
    )
    with zipfile.ZipFile(io.BytesIO(word_file())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with pytest.raises(Unreadable):
        read("bomb.docx", _zip(**{**members, "word/document.xml": bomb.encode()}))


# -- scripts and encodings ------------------------------------------------------------------------

KOREAN = "서울은 한강이 흐르는 도시이다. 인구는 약 940만 명이다.\n\n부산에는 항구가 있다."
JAPANESE = "東京タワーは高さ333メートルの塔です。\n\n京都には古い寺がたくさんあります。"
CHINESE = "长城是一座古老的建筑。\n\n黄河是中国的第二长河。"


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("서울에 흐르는 강은?", "한강이 흐르는"),
        ("부산의 항구", "부산에는 항구가"),
        ("東京タワーの高さ", "333メートル"),
        ("京都の寺は古いですか", "古い寺"),
        ("长城古老吗", "古老的建筑"),
        ("黄河 second longest", "黄河"),
        ("How high is the 東京タワー in Tokyo?", "333メートル"),
        ("SQLite의 잠금", "SQLite는 파일을 잠근다"),
        ("sqlite", "SQLite는 파일을 잠근다"),
        ("塔", "333メートル"),
    ],
)
def test_questions_in_korean_japanese_and_chinese(
    docs: Path, source: Make, question: str, found: str
) -> None:
    for name, text in (("ko", KOREAN), ("ja", JAPANESE), ("zh", CHINESE)):
        (docs / f"{name}.txt").write_text(text)
    (docs / "mixed.md").write_text("# SQLite\n\nSQLite는 파일을 잠근다.")
    (docs / "english.md").write_text("# Rivers\n\nThe second longest river, the highest tower.")
    made = source(docs)
    result = made.search(question, 3)
    assert result.status == "ok" and any(found in hit.text for hit in result.hits)
    for hit in result.hits:
        assert made.open(hit.document).quote(hit.location) == hit.text


def test_words_of_other_scripts_are_counted(docs: Path, source: Make) -> None:
    (docs / "ko.txt").write_text(KOREAN)
    made = source(docs)
    assert made.document_frequency("한강") == 1 and made.document_frequency("평양") == 0
    assert made.search("평양").status == "empty"
    (docs / "ko.txt").write_text("평양은 북쪽에 있다.")
    assert made.search("평양").status == "ok" and made.search("한강").status == "empty"


def test_english_is_indexed_as_before() -> None:
    assert (
        searchable("A plain sqlite3_busy-text, 3.5 café") == "A plain sqlite3_busy-text, 3.5 café"
    )
    assert words("東京 tower") == ["東京", "tower"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (KOREAN * 3, "cp949"),
        (JAPANESE * 3, "shift_jis"),
        (JAPANESE * 3, "euc_jp"),
        (CHINESE * 5, "gb18030"),
        ("Привет, как дела? Это река Волга. " * 5, "cp1251"),
    ],
)
def test_encodings_of_other_scripts(text: str, encoding: str) -> None:
    parsed = read("old.txt", text.encode(encoding))
    assert text[:12].strip() in parsed.text and parsed.notes[0].startswith("not UTF-8; read as")


def test_western_text_is_read_as_before() -> None:
    parsed = read("old.txt", "Das Café schließt für die Gäste um fünf.".encode("latin-1"))
    assert "schließt für" in parsed.text and parsed.notes == ("not UTF-8; read as Windows-1252",)
