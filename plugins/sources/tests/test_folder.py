"""The folder source: searching, opening, keeping up to date."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pypdf
import pytest

from agentkit.capabilities import Source, Vocabulary
from agentkit.errors import DataError
from agentkit_sources.folder import FolderSource

Make = Callable[..., FolderSource]

PAGE = """<title>Garden</title><h1>Garden</h1><p>About plants.</p>
<h2 id=roses>Roses</h2><p>Roses need <b>four</b> litres of water.</p>
<h2>Tools</h2><dl><dt>spade_handle<dd>It is made of ash wood.<dt>rake<dd>It has 14 teeth.</dl>
<ul><li>hoe</li></ul>"""


@pytest.fixture
def garden(docs: Path) -> Path:
    (docs / "garden.html").write_text(PAGE)
    (docs / "notes.md").write_text("# Notes\n\n## Dates\n\nThe *fair* is on 12 May.\n")
    (docs / "plain.txt").write_text("The café opens at nine.\r\n\r\nIt closes at five.\r\n")
    return docs


def test_it_finds_passages_and_every_hit_stands_in_its_document(garden: Path, source: Make) -> None:
    made = source(garden)
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


def test_a_term_stays_with_its_definition(garden: Path, source: Make) -> None:
    hit = source(garden).search("What is the spade_handle made of?").hits[0]
    assert hit.text == "spade_handle\n\nIt is made of ash wood."
    assert hit.location.heading == ("Garden", "Tools", "spade_handle")


def test_offsets_count_bytes(garden: Path, source: Make) -> None:
    made = source(garden)
    hit = made.search("closes")
    assert hit.hits[0].text.startswith("The café") and "\r" not in hit.hits[0].text
    assert made.open("plain.txt").quote(hit.hits[0].location) == hit.hits[0].text


def test_a_change_is_seen_and_an_old_quote_is_not_vouched_for(garden: Path, source: Make) -> None:
    made = source(garden)
    before = made.open("notes.md")
    assert made.search("fair May").status == "ok"
    (garden / "notes.md").write_text("# Notes\n\nThe fete is in June.\n")
    (garden / "garden.html").unlink()
    assert made.search("fair").status == "empty"
    assert made.search("fete").hits[0].document == "notes.md"
    assert made.open("notes.md").sha256 != before.sha256
    with pytest.raises(DataError, match=r"no document 'garden\.html'"):
        made.open("garden.html")
    again = made.update()
    assert (again.read, again.removed, again.documents) == (0, 0, 2)


def test_a_document_is_named_from_the_index_only(garden: Path, source: Make) -> None:
    (garden.parent / "secret.txt").write_text("the secret")
    made = source(garden)
    for name in ("../secret.txt", str(garden.parent / "secret.txt"), ""):
        with pytest.raises(DataError, match="no document"):
            made.open(name)


def test_words_and_their_frequency(garden: Path, source: Make) -> None:
    made = source(garden)
    assert made.document_frequency("rose") == 1  # by its stem
    assert made.document_frequency("GPU") == 0
    assert made.document_frequency("") == 0
    assert made.search("GPU").status == "empty"
    assert made.search("???").reason == "the query holds no words"


def test_a_folder_that_is_not_there(tmp_path: Path, source: Make) -> None:
    with pytest.raises(DataError, match=r"sources\.docs: there is no folder"):
        source(tmp_path / "nowhere")


def test_one_file_is_a_source_too(garden: Path, source: Make) -> None:
    made = source(garden / "notes.md")
    assert made.update().documents == 1
    assert made.search("fair").hits[0].document == "notes.md"
    assert made.open("notes.md").uri.endswith("docs/notes.md")


def test_include_and_exclude(garden: Path, source: Make) -> None:
    (garden / "drafts").mkdir()
    (garden / "drafts" / "old.md").write_text("An old draft.")
    assert source(garden).update().documents == 4
    assert source(garden, exclude=["drafts"]).update().documents == 3
    assert source(garden, include=["*.md"], exclude=["drafts/*"]).update().documents == 1


def test_one_document_does_not_fill_a_result(docs: Path, source: Make) -> None:
    sections = "".join(f"## Part {n}\n\nThe pump is item {n}.\n\n" for n in range(9))
    (docs / "long.md").write_text(f"# Long\n\n{sections}")
    (docs / "short.md").write_text("A pump.\n")
    found = [hit.document for hit in source(docs).search("pump").hits]
    assert sorted(found) == ["long.md"] * 3 + ["short.md"]
    assert len(source(docs, per_document=9).search("pump", k=20).hits) == 10


def test_scores_are_the_sum_of_their_parts(garden: Path, source: Make) -> None:
    hits = source(garden).search("water teeth fair").hits
    assert len(hits) == 3
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert all(hit.score == sum(value for _, value in hit.parts) for hit in hits)


@pytest.mark.parametrize(
    ("name", "query", "text", "heading", "page"),
    [
        ("a.html", "litres", "Größe: four litres, naïvely.", ("Öl", "Rosen"), None),
        ("a.md", "litres", "Größe: *four* litres.", ("Öl", "Rosen"), None),
        ("a.pdf", "litres", "Four litres.", (), 2),
        ("a.py", "litres", "def größe():\n    return 4  # litres", ("function größe",), None),
    ],
)
def test_a_quote_of_each_kind_stands_at_its_bytes(
    docs: Path, source: Make, name: str, query: str, text: str, heading: object, page: int | None
) -> None:
    files = {
        "a.html": "<h1>Öl</h1><p>ä</p><h2>Rosen</h2><p>Größe: <b>four</b> litres, na&iuml;vely.",
        "a.md": "# Öl\n\nä\n\n## Rosen\n\nGröße: *four* litres.\n",
        "a.py": "x = 'ä'\n\ndef größe():\n    return 4  # litres\n",
    }
    (docs / name).write_bytes(files[name].encode() if name in files else _pdf("One.", text))
    made = source(docs)
    (hit,) = made.search(query).hits
    document = made.open(name)
    where = hit.location
    assert hit.text == text and document.quote(where) == text
    assert document.text.encode()[where.start : where.end].decode() == text
    assert (where.heading, where.page) == (heading, page)


@pytest.mark.parametrize(
    "name",
    [
        "a b.md",
        "new\nline.md",
        'it\'s "so".md',
        "100%#?&.md",
        "-rf.md",
        "é漢🙂.md",
        "*[x].md",
        "\\.md",
    ],
)
def test_names_with_odd_characters(docs: Path, source: Make, name: str) -> None:
    (docs / "sub folder").mkdir()
    for file in (docs / name, docs / "sub folder" / name):
        file.write_text("The odd answer.")
    made = source(docs)
    found = {hit.document for hit in made.search("odd answer").hits}
    assert found == {name, f"sub folder/{name}"}
    for document in found:
        assert made.open(document).text == "The odd answer.\n\n"
        assert Path(unquote(urlsplit(made.open(document).uri).path)) == docs / document


def _pdf(*pages: str, password: str = "") -> bytes:
    """A PDF of one line of text a page."""
    writer = pypdf.PdfWriter()
    name, of = pypdf.generic.NameObject, pypdf.generic.DictionaryObject
    font = of({name("/Type"): name("/Font"), name("/Subtype"): name("/Type1")})
    font[name("/BaseFont")] = name("/Helvetica")
    for text in pages:
        page = writer.add_blank_page(300, 300)
        page[name("/Resources")] = of({name("/Font"): of({name("/F1"): font})})
        stream = pypdf.generic.DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
        page[name("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_locked_pdf_costs_itself_only(docs: Path, source: Make) -> None:
    (docs / "locked.pdf").write_bytes(_pdf("Secret.", password="p"))
    (docs / "open.pdf").write_bytes(_pdf("Public."))
    done = source(docs).update()
    assert (done.documents, done.notes) == (1, [("locked.pdf", "needs a password")])
