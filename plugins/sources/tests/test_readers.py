"""Readers: what becomes of each kind of file."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pytest

from agentkit_sources.blocks import Parsed, Unreadable
from agentkit_sources.chunks import LONGEST, TARGET, chunks
from agentkit_sources.readers import read, reader_name


def blocks(parsed: Parsed) -> list[tuple[str, str, tuple[str, ...]]]:
    data = parsed.text.encode()
    return [(b.kind, data[b.start : b.end].decode(), b.heading) for b in parsed.blocks]


def html(text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return blocks(read("page.html", text.encode()))


def test_html_headings_nest_and_end() -> None:
    assert html("<h1>A</h1><p>a</p><h2>B</h2>b<h3>C</h3>c<h2>D</h2>d") == [
        ("heading", "A", ()),
        ("paragraph", "a", ("A",)),
        ("heading", "B", ("A",)),
        ("paragraph", "b", ("A", "B")),
        ("heading", "C", ("A", "B")),
        ("paragraph", "c", ("A", "B", "C")),
        ("heading", "D", ("A",)),
        ("paragraph", "d", ("A", "D")),
    ]


def test_html_headings_that_are_not_called_so() -> None:
    hidden = "<h1>P</h1><h _id=cache style='display:none'> PRAGMA cache</h><p>Size.</p>"
    assert html(hidden)[1:] == [
        ("heading", "PRAGMA cache", ("P",)),
        ("paragraph", "Size.", ("P", "PRAGMA cache")),
    ]
    items = "<ol><li><p><b>Limit A</b></p><p>Ten.</p></li><li><p><b>B</b></p><p>Two.</p></ol>End."
    assert html(items) == [
        ("term", "Limit A", ()),
        ("item", "Ten.", ("Limit A",)),
        ("term", "B", ()),
        ("item", "Two.", ("B",)),
        ("paragraph", "End.", ()),
    ]
    assert html("<p><b>(1) Why?</b></p><p>So.</p>")[1] == ("paragraph", "So.", ("(1) Why?",))


def test_html_definitions_items_and_rows_are_units() -> None:
    assert html("<dl><dt>a<dt>b<dd>one<dd>two</dl>") == [
        ("term", "a", ()),
        ("term", "b", ()),
        ("paragraph", "one", ("b",)),
        ("paragraph", "two", ("b",)),
    ]
    assert html("<ul><li>a <i>b</i><ul><li>c</ul><li>d</ul>") == [
        ("item", "a b", ()),
        ("item", "c", ()),
        ("item", "d", ()),
    ]
    table = "<table><tr><th>Name<th>Size<tr><td><p>x</p><td>1<br>2</table>"
    assert html(table) == [("row", "Name | Size", ()), ("row", "x | 1 2", ())]
    layout = "<table><tr><td><table><tr><td>in<td>side</table><td><ul><li>it</ul></table>"
    assert html(layout) == [("row", "in | side", ()), ("item", "it", ())]


def test_html_keeps_code_as_it_is_and_drops_what_is_no_text() -> None:
    page = """<style>p{}</style><nav>Home</nav><pre>
  a &lt; b
\tc</pre><script>x()</script><form>Go</form><p hidden>no<p style="display: none">no<svg><text>no"""
    assert html(page) == [("code", "  a < b\n        c", ())]


def test_html_links_only_are_marked() -> None:
    assert html("<ul><li><a href=x>Home</a><li><a href=y>See</a> this</ul>") == [
        ("link", "Home", ()),
        ("item", "See this", ()),
    ]


def test_html_anchors_belong_to_what_follows_them() -> None:
    parsed = read("p.html", b"<p>zero<a name=one></a><h2>One</h2><p>1<h2 id=two>Two</h2><p>2")
    assert [b.anchor for b in parsed.blocks] == ["", "one", "one", "two", "two"]


@pytest.mark.slow
def test_html_nested_beyond_the_stack_and_torn() -> None:
    deep = "<div>" * 20_000 + "found" + "</div>" * 20_000
    assert html(deep)[-1][1] == "found"
    assert html("<p>a<table><td>b</p></li></dl><dd>c</h2>d</body></body>")


def test_markdown() -> None:
    text = """---
title: "The guide"
---
Intro *text*.

# One

- first
  more
- second

| a | b |
|---|---|
| 1 | 2 |

## Two & `three`

```sh
# not a heading
```
"""
    parsed = read("a.md", text.encode())
    assert parsed.title == "The guide" and parsed.media_type == "text/markdown"
    assert blocks(parsed) == [
        ("paragraph", "Intro *text*.", ()),
        ("heading", "One", ()),
        ("item", "- first\n  more", ("One",)),
        ("item", "- second", ("One",)),
        ("row", "| a | b |", ("One",)),
        ("row", "| 1 | 2 |", ("One",)),
        ("heading", "Two & three", ("One",)),
        ("code", "```sh\n# not a heading\n```", ("One", "Two & three")),
    ]
    assert parsed.blocks[-1].anchor == "two-three"


def test_text_and_code() -> None:
    text = "Title\n=====\n\nIntro.\n\n1. Scope\n\nWords.\n\n1.1 More Scope\n\nDeep.\n"
    parsed = read("a.txt", text.encode())
    assert parsed.title == "Title"
    assert blocks(parsed)[-1] == (
        "paragraph",
        "Deep.",
        ("Title", "1. Scope", "1.1 More Scope"),
    )
    code = "import x\n\nclass A:\n    y = 1\n\n    def f(self):\n        return 2\n\nz = 3\n"
    assert [h for _, _, h in blocks(read("a.py", code.encode()))] == [
        (),
        ("class A",),
        ("class A", "method f"),
        (),
    ]
    table = "a = 1\n\n[tool.x]\nb = 2\n\nc = 3\n"
    assert [h for _, _, h in blocks(read("a.toml", table.encode()))][1:] == [("tool.x",)] * 2


def pdf(*pages: str, title: str = "", password: str = "", outline: str = "") -> bytes:
    """A small PDF of one line of text a page."""
    writer = pypdf.PdfWriter()
    for text in pages:
        page = writer.add_blank_page(300, 300)
        font = pypdf.generic.DictionaryObject(
            {
                pypdf.generic.NameObject("/Type"): pypdf.generic.NameObject("/Font"),
                pypdf.generic.NameObject("/Subtype"): pypdf.generic.NameObject("/Type1"),
                pypdf.generic.NameObject("/BaseFont"): pypdf.generic.NameObject("/Helvetica"),
            }
        )
        fonts = pypdf.generic.DictionaryObject({pypdf.generic.NameObject("/F1"): font})
        page[pypdf.generic.NameObject("/Resources")] = pypdf.generic.DictionaryObject(
            {pypdf.generic.NameObject("/Font"): fonts}
        )
        stream = pypdf.generic.DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode() if text else b"")
        page[pypdf.generic.NameObject("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    if outline:
        writer.add_outline_item(title=outline, page_number=len(pages) - 1)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_pdf_has_pages_and_an_outline() -> None:
    parsed = read("a.pdf", pdf("First page.", "Second page.", title="Paper", outline="Results"))
    assert parsed.title == "Paper" and parsed.media_type == "application/pdf"
    assert [(b.page, b.heading) for b in parsed.blocks] == [(1, ()), (2, ("Results",))]
    assert blocks(parsed)[1][1] == "Second page."
    mixed = read("a.pdf", pdf("Text.", ""))
    assert mixed.notes == ("1 of 2 pages hold no text (scanned?)",)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.pdf", b"%PDF-1.4 nothing else", "broken PDF"),
        ("a.pdf", pdf("Secret.", password="p"), "needs a password"),
        ("a.pdf", pdf(""), "no text in it"),
        ("a.txt", b"", "empty"),
        ("a.txt", b"  \n\t", "empty"),
        ("a.txt", b"abc\0def", "binary"),
        ("a.html", bytes(range(32)) * 50, "binary"),
        ("a.html", b"<script>x()</script>", "no text in it"),
        ("a.png", b"\x89PNG", "of a kind that holds no text"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(name, data)


def test_half_a_pdf_is_broken_or_read_in_part() -> None:
    whole = pdf("One.", "Two.")
    for cut in range(0, len(whole), 97):
        try:
            part = read("a.pdf", whole[:cut] or b"x")
        except Unreadable:
            continue
        assert set(part.text.split()) <= {"One.", "Two."}


def test_encodings() -> None:
    assert read("a.txt", "naïve".encode("utf-16")).text == "naïve\n\n"
    assert read("a.txt", b"\xef\xbb\xbfmark").text == "mark\n\n"
    guessed = read("a.txt", "naïve “quote”".encode("cp1252"))
    assert guessed.text == "naïve “quote”\n\n"
    assert guessed.notes == ("not UTF-8; read as Windows-1252",)
    declared = "<meta charset=koi8-r><p>Привет"
    assert "Привет" in read("a.html", declared.encode("koi8-r")).text
    assert read("a.txt", b"cafe\xcc\x81").text == "café\n\n"  # composed
    assert read("a.html", b"<p>a&#xD800;b&#0;c").text.encode()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/index.html.en", "html"),
        ("README", "text"),
        ("README.md", "markdown"),
        ("Makefile", "code"),
        ("x.tar.gz", ""),
        ("notes.2024", "text"),
    ],
)
def test_the_name_says_which_reader(path: str, name: str) -> None:
    assert reader_name(path) == name


def test_long_blocks_are_cut_at_sentences_and_nothing_is_lost() -> None:
    sentences = [f"This is sentence number {n}, with an é in it." for n in range(200)]
    parsed = read("a.txt", " ".join(sentences).encode())
    parts = chunks(parsed)
    data = parsed.text.encode()
    assert all(data[c.start : c.end].decode() == c.text for c in parts)
    assert all(c.end - c.start <= LONGEST for c in parts) and len(parts) < 2 * len(data) / TARGET
    assert " ".join(c.text for c in parts) == " ".join(sentences)
    assert all(c.text.endswith(".") for c in parts)
    unbroken = chunks(read("a.txt", ("é" * 5000).encode()))
    assert "".join(c.text for c in unbroken) == "é" * 5000


def test_a_document_of_headings_or_links_alone_is_still_found() -> None:
    assert len(chunks(read("a.html", b"<ul><li><a href=x>Only</a></ul>"))) == 1
    assert len(chunks(read("a.html", b"<h1>Only</h1>"))) == 1


def test_files_of_this_repository_are_read(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    for path in (*root.glob("*.md"), *root.glob("*.toml"), *root.glob("agentkit/*.py")):
        parsed = read(path.name, path.read_bytes())
        data = parsed.text.encode()
        assert all(data[c.start : c.end].decode() == c.text for c in chunks(parsed))
