"""Reports as files: the same numbers and links in all, nothing from outside is markup, and each can
be checked again."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from agentkit.errors import DataError, UsageError
from agentkit.kit import Kit
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.formats import FORMATS, form_of, render, unpack
from agentkit_deep_research.formats.charts import told
from agentkit_deep_research.formats.html import plain
from agentkit_deep_research.markdown import where
from agentkit_deep_research.report import Report
from agentkit_deep_research.report_command import stored
from agentkit_deep_research.tables import Cell, Chart, Table, charts, of_grid, of_rows, rows_of
from agentkit_deep_research.trajectory import check, replayed, trajectory
from agentkit_deep_research.verify import numbering

pytestmark = pytest.mark.slow

Make = Callable[..., Kit]

THINGS = {
    "kettle.md": "# Kettle\n\nDate: 2024-03-01\n\nThe price of the Kettle is 45 euros. "
    "It is <b>loud</b>.",
    "old.md": "# Old prices\n\nDate: 2020-03-01\n\nThe price of the Kettle is 39 euros.",
    "toaster.md": "# Toaster\n\nThe price of the Toaster is 30 euros & it is [hot](javascript:x).",
    "mixer.md": "# Mixer\n\nThe price of the Mixer is 80 euros.",
    "rumour.md": "# Rumour\n\nThe price of the Mixer is 90 euros, they say.",
}
ASKED = "Compare Kettle, Toaster and Mixer on price and charm. Which GPU does the Kettle use?"


@pytest.fixture
def made(make: Make) -> tuple[Kit, str, Report]:
    kit = make(THINGS, writer="poet")
    says = "The price of the Toaster is 30 euros."
    kit.define("model", "poet", use="scripted", answers=[says], choose="request")
    run = kit.agent("research").run(ASKED)
    run.wait()
    assert run.status == "done", run.row.note
    return kit, run.id, stored(kit.runs, run.id)


def text_of(form: str, content: bytes) -> str:
    """The words of a file, read by another library than wrote it."""
    if form == "html":
        return plain(content.decode())
    if form == "pdf":
        from pypdf import PdfReader

        pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
        return " ".join("\n".join(pages).split())
    if form == "docx":
        import docx

        file = docx.Document(io.BytesIO(content))
        cells = [c.text for t in file.tables for r in t.rows for c in r.cells]
        lines = [
            "".join(t.text or "" for t in p._p.iter() if t.tag.endswith("}t"))
            for p in file.paragraphs
        ]
        return "\n".join([*lines, *cells])
    return content.decode()


@pytest.mark.parametrize("form", [f for f in FORMATS if f != "json"])
def test_every_format_has_the_quotes_the_numbers_and_what_is_missing(
    made: tuple[Kit, str, Report], form: str
) -> None:
    _, run, report = made
    text = text_of(form, render(report, form, run))
    for quote in report.quotes:
        words = re.sub(r"[^\w ]", "", " ".join(quote.span.sentence.split()))[:30]
        assert words in re.sub(r"[^\w ]", "", text), (form, words)
    cited = [int(n) for n in re.findall(r"\[(\d+)\]", text)]
    entries = {r.number: r for r in report.references}
    assert set(cited) == set(entries)
    assert "GPU" in text and "occurs nowhere" in text
    assert "Out of date" in text and "39 euros" in text
    assert "80" in text and "90" in text  # the contradiction
    assert "In a model" in text


def test_numbers_are_in_order_of_first_use_and_none_dangles(made: tuple[Kit, str, Report]) -> None:
    report = made[2]
    cited = [q.number for q in report.quotes]
    assert numbering(cited, {r.number: r for r in report.references}) == []


def test_markdown_is_commonmark_that_means_what_it_says(made: tuple[Kit, str, Report]) -> None:
    text = render(made[2], "md").decode()
    tokens = MarkdownIt("commonmark").parse(text)
    inline = [c for t in tokens for c in (t.children or [])]
    assert not [t for t in [*tokens, *inline] if t.type in ("html_block", "html_inline")]
    links = [str(t.attrs["href"]) for t in inline if t.type == "link_open"]
    assert links and not [link for link in links if "javascript" in link]
    heads = [
        t.content
        for t, before in zip(tokens[1:], tokens, strict=False)
        if before.type == "heading_open"
    ]
    assert heads[0] == ASKED and "References" in heads


def test_the_page_loads_nothing_and_runs_nothing(made: tuple[Kit, str, Report]) -> None:
    from selectolax.lexbor import LexborHTMLParser

    page = render(made[2], "html", "r1").decode()
    tree = LexborHTMLParser(page)
    assert [s.attributes.get("type") for s in tree.css("script")] == ["application/json"]
    assert "<b>loud</b>" not in page and "&lt;b&gt;loud" in page
    assert not [a for a in tree.css("a") if "javascript" in (a.attributes.get("href") or "")]
    for node in tree.css("[src], link, iframe, object"):
        assert (node.attributes.get("src") or "").startswith("data:image/svg+xml;base64,")
    policy = tree.css_first('meta[http-equiv="Content-Security-Policy"]')
    assert policy is not None and "default-src 'none'" in str(policy.attributes["content"])


def test_every_sentence_leads_to_its_place_with_the_quote_marked(
    made: tuple[Kit, str, Report],
) -> None:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(render(made[2], "html").decode())
    anchors = {node.attributes.get("id") for node in tree.css("[id]")}
    said = tree.css("blockquote a.said, p.model a")
    assert len(said) >= len(made[2].quotes)
    for link in said:
        assert str(link.attributes["href"])[1:] in anchors
    marked = {mark.text() for mark in tree.css(".place mark")}
    assert marked == {re.sub(r"\n\s*\n", "\n", q.span.text) for q in made[2].quotes}


def test_every_link_of_a_pdf_leads_somewhere(make: Make, tmp_path: Path) -> None:
    """Inside to a place that is there, outside to an address with its scheme: a bare path is no
    address in a PDF or in Word."""
    import docx
    from pypdf import PdfReader

    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "my kettle.md").write_text("# Kettle\n\n## Body\n\nThe kettle is made of steel.")
    kit = make(sources=["shelf"])
    kit.define("source", "shelf", use="folder", path=str(shelf), embedder=None)
    run = kit.agent("research").run("What is the kettle made of?")
    run.wait()
    report = stored(kit.runs, run.id)
    file = PdfReader(io.BytesIO(render(report, "pdf", run.id)))
    links = [a.get_object() for page in file.pages for a in page.get("/Annots", [])]
    inside = [str(link["/Dest"]) for link in links if "/Dest" in link]
    outside = {str(link["/A"]["/URI"]) for link in links if "/A" in link and "/URI" in link["/A"]}
    assert len(inside) >= 2 * len(report.quotes) > 0  # the sentence, and its number
    assert set(inside) <= set(file.named_destinations)
    kettle = (shelf / "my kettle.md").as_uri()
    assert {uri.partition("#")[0] for uri in outside} == {kettle}
    word = docx.Document(io.BytesIO(render(report, "docx", run.id)))
    targets = {rel.target_ref for rel in word.part.rels.values() if rel.is_external}
    assert targets and {uri.partition("#")[0] for uri in targets} == {kettle}


def test_headings_name_the_document_and_what_is_right_above() -> None:
    path = ("Functions", "Auxiliary", "bm25()")
    span = Span("s1", "pages", "fts5.html", "FTS5", "", "", 0, 1, "x", heading=path, page=3)
    assert where(span) == "FTS5 › bm25() › page 3"


def test_the_same_report_gives_the_same_bytes(made: tuple[Kit, str, Report]) -> None:
    report = made[2]
    again = Report.from_json(json.loads(json.dumps(report.to_json())))
    assert again == report
    for form in ("md", "html", "docx", "json"):
        assert render(report, form, "r") == render(again, form, "r"), form


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_carries_what_is_needed_to_check_it(
    made: tuple[Kit, str, Report], form: str, tmp_path: Path
) -> None:
    _, run, report = made
    path = tmp_path / f"report.{form}"
    path.write_bytes(render(report, form, run))
    found, carried = unpack(path)
    assert found == run
    assert carried == (None if form == "md" else report)


def test_files_that_are_no_reports_are_told(tmp_path: Path) -> None:
    for name in ("a.html", "a.pdf", "a.docx", "a.md", "a.json"):
        (tmp_path / name).write_text("nothing of it")
        with pytest.raises(DataError, match="no report that could be checked"):
            unpack(tmp_path / name)
    with pytest.raises(UsageError, match=r"no format '\.doc'"):
        form_of(tmp_path / "a.doc")
    (tmp_path / "old.json").write_text(json.dumps({"run": "r", "report": {"schema": 1}}))
    with pytest.raises(DataError, match="schema 2"):
        unpack(tmp_path / "old.json")


# -- tables and charts ----------------------------------------------------------------------------


def test_what_is_compared_becomes_a_table_and_a_chart_with_its_sources(
    made: tuple[Kit, str, Report],
) -> None:
    report = made[2]
    (table,) = report.tables
    assert table.columns == ("", "price", "charm")
    cells = {row[0].text: row[1] for row in table.rows}
    assert cells["Kettle"].text == "45" and cells["Toaster"].text == "30"
    by_number = {q.number: q.span.text for q in report.quotes}
    assert all(cell.text in by_number[cell.number] for cell in cells.values())
    assert table.rows[0][2] == Cell("not found")
    assert report.charts == (Chart("price", 0, "bar", "", "price"),)


def test_pictures_and_headings_can_be_heard(made: tuple[Kit, str, Report]) -> None:
    """Every picture says in words what it shows, and headings are headings, in each format that
    has them; read by other libraries than wrote them."""
    import docx
    import lxml.html

    report = made[2]
    (chart,) = report.charts
    words = told(report, chart)
    assert all(part in words for part in ("Kettle 45", "Toaster 30"))
    page = lxml.html.fromstring(render(report, "html"))
    assert [img.get("alt") for img in page.iter("img")] == [words]
    titles = [h.text_content().strip() for h in page.iter("h1", "h2")]
    assert all(any(s.title in t for t in titles) for s in report.sections)
    word = docx.Document(io.BytesIO(render(report, "docx")))
    assert [shape._inline.docPr.get("descr") for shape in word.inline_shapes] == [words]
    said = [p.text for p in word.paragraphs if p.style.name.startswith(("Heading", "Title"))]
    assert all(s.title in said for s in report.sections)
    tags = tags_of(render(report, "pdf"))
    assert [alt for tag, alt in tags if tag == "/Figure"] == [words]
    count = sum(tag in ("/H1", "/H2") for tag, _ in tags)
    assert count == len(titles) > len(report.sections)
    assert {"/Table", "/TH", "/TD"} <= {tag for tag, _ in tags}


def tags_of(content: bytes) -> list[tuple[str, str]]:
    """The structure of a tagged PDF, in order: each element's tag and its words for the ear."""
    from pypdf import PdfReader

    found: list[tuple[str, str]] = []

    def walk(one: Any) -> None:
        one = one.get_object()
        if isinstance(one, list):
            for each in one:
                walk(each)
        elif isinstance(one, dict):
            if "/S" in one:
                found.append((str(one["/S"]), str(one.get("/Alt", ""))))
            if "/K" in one:
                walk(one["/K"])

    walk(PdfReader(io.BytesIO(content)).trailer["/Root"]["/StructTreeRoot"])
    return found


def test_rows_of_a_database_become_a_table() -> None:
    text = "year: 2022; total: 10\nyear: 2023; total: 1,200"
    assert rows_of(text)[1] == {"year": "2023", "total": "1,200"}
    assert rows_of("The year is: late") != [] and rows_of("It is late.\nyear: 2022") == []
    table = of_rows("Totals", [(text, 3)])
    assert table is not None and table.columns == ("year", "total")
    assert table.rows[1] == (Cell("2023", 3), Cell("1,200", 3))
    assert charts([table]) == [Chart("total by year", 0, "line", "year", "total")]
    assert of_rows("One", [("a: 1", 1)]) is None and of_grid([], {}) is None
    words = Table("Words", ("a", "b"), ((Cell("x"), Cell("y")), (Cell("z"), Cell("w"))))
    assert charts([words]) == []


# -- trajectories ---------------------------------------------------------------------------------


def test_a_trajectory_keeps_to_its_schema_and_replays_to_the_same_report(
    made: tuple[Kit, str, Report],
) -> None:
    kit, run, _ = made
    line = json.loads(json.dumps(trajectory(kit.runs, run)))
    check(line)
    assert replayed(line) == line["report"] == (kit.runs.get(run).result or {})["report"]
    assert line["counts"]["searches"] == sum(len(i["queries"]) for i in line["iterations"]) > 3
    assert any(step["kind"] == "model.asked" for step in line["steps"])


def test_a_steered_run_replays_too_and_a_damaged_line_is_told(
    make: Make, at_search: Callable[..., Any]
) -> None:
    kit = make(width=1)
    at_search(
        kit,
        {
            1: lambda run: kit.runs.send(run, "exclude plastic; add: How loud is the kettle?"),
            3: lambda run: kit.runs.send(run, "stop T2; make it blue; quotes 2"),
        },
    )
    run = kit.agent("research").run("What is the kettle made of? What is the toaster made of?")
    run.wait()
    line = trajectory(kit.runs, run.id)
    check(line)
    assert replayed(line) == run.result.report
    assert sum(len(i["directives"]) for i in line["iterations"]) == 2
    with pytest.raises(DataError, match="iterations"):
        check({**line, "iterations": []})


def test_a_run_without_a_report_is_no_trajectory(make: Make) -> None:
    kit = make(approve=True)
    run = kit.agent("research").run("What is the kettle made of?")
    run.wait()
    with pytest.raises(DataError, match="written no report"):
        trajectory(kit.runs, run.id)
