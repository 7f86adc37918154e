"""The folder source: searching, opening, keeping up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

import agentkit
from agentkit.capabilities import Source, Vocabulary
from agentkit.errors import DataError
from agentkit_sources.folder import FolderSource

PAGE = """<title>Garden</title><h1>Garden</h1><p>About plants.</p>
<h2 id=roses>Roses</h2><p>Roses need <b>four</b> litres of water.</p>
<h2>Tools</h2><dl><dt>spade_handle<dd>It is made of ash wood.<dt>rake<dd>It has 14 teeth.</dl>
<ul><li>hoe</li></ul>"""


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "garden.html").write_text(PAGE)
    (folder / "notes.md").write_text("# Notes\n\n## Dates\n\nThe *fair* is on 12 May.\n")
    (folder / "plain.txt").write_text("The café opens at nine.\r\n\r\nIt closes at five.\r\n")
    return folder


def source(folder: Path, **settings: object) -> FolderSource:
    kit = agentkit.load(environ={})
    kit.define("source", "docs", use="folder", path=str(folder), **settings)
    made = kit.source("docs")
    assert isinstance(made, FolderSource)
    return made


def test_it_finds_passages_and_every_hit_stands_in_its_document(docs: Path) -> None:
    made = source(docs)
    assert isinstance(made, Source) and isinstance(made, Vocabulary)
    result = made.search("How much water do roses need?")
    assert result.status == "ok"
    hit = result.hits[0]
    assert (hit.document, hit.title) == ("garden.html", "Garden")
    assert hit.location.heading == ("Garden", "Roses") and hit.location.anchor == "roses"
    assert hit.text == "Roses need four litres of water."
    document = made.open(hit.document)
    assert document.quote(hit.location) == hit.text
    assert document.uri.endswith("docs/garden.html")
    assert made.info.documents == 3


def test_a_term_stays_with_its_definition(docs: Path) -> None:
    hit = source(docs).search("What is the spade_handle made of?").hits[0]
    assert hit.text == "spade_handle\n\nIt is made of ash wood."
    assert hit.location.heading == ("Garden", "Tools", "spade_handle")


def test_offsets_count_bytes(docs: Path) -> None:
    made = source(docs)
    hit = made.search("closes")
    assert hit.hits[0].text.startswith("The café") and "\r" not in hit.hits[0].text
    assert made.open("plain.txt").quote(hit.hits[0].location) == hit.hits[0].text


def test_a_change_is_seen_and_an_old_quote_is_not_vouched_for(docs: Path) -> None:
    made = source(docs, refresh=0)
    before = made.open("notes.md")
    assert made.search("fair May").status == "ok"
    (docs / "notes.md").write_text("# Notes\n\nThe fete is in June.\n")
    (docs / "garden.html").unlink()
    assert made.search("fair").status == "empty"
    assert made.search("fete").hits[0].document == "notes.md"
    assert made.open("notes.md").sha256 != before.sha256
    with pytest.raises(DataError, match=r"no document 'garden\.html'"):
        made.open("garden.html")
    again = made.update()
    assert (again.read, again.removed, again.documents) == (0, 0, 2)


def test_a_document_is_named_from_the_index_only(docs: Path) -> None:
    (docs.parent / "secret.txt").write_text("the secret")
    made = source(docs)
    for name in ("../secret.txt", str(docs.parent / "secret.txt"), ""):
        with pytest.raises(DataError, match="no document"):
            made.open(name)


def test_words_and_their_frequency(docs: Path) -> None:
    made = source(docs)
    assert made.document_frequency("rose") == 1  # by its stem
    assert made.document_frequency("GPU") == 0
    assert made.document_frequency("") == 0
    assert made.search("GPU").status == "empty"
    assert made.search("???").reason == "the query holds no words"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sources\.docs: there is no folder"):
        source(tmp_path / "nowhere")
