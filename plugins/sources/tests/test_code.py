"""Code repositories: units, names, history."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import agentkit
from agentkit.errors import DataError
from agentkit_sources.code.source import CodeSource
from agentkit_sources.readers import read
from agentkit_sources.readers.units import units

PYTHON = '''"""A shop."""
import os

RATE = 0.2


class Shop:
    """Sells things."""

    opening = 9

    @property
    def total(self) -> float:
        """What everything costs."""

        return sum(self.prices)

    async def add(self, item):
        def inner():
            return 1

        return inner()


def parse_price(text: str) -> float:
    # commas are fine

    return float(text.replace(",", "."))
'''
OTHERS = {
    "a.js": (
        "class A {\n  run(x) { return x }\n}\nfunction go() {}\n",
        ["class A", "method run", "function go"],
    ),
    "a.ts": (
        "interface P { x: number }\nexport class B { m(): void {} }\n",
        ["interface P", "class B", "method m"],
    ),
    "A.java": ("class A {\n  int f() { return 1; }\n}\n", ["class A", "method f"]),
    "a.go": (
        "package p\ntype T struct{}\nfunc (t T) Do() {}\nfunc Run() {}\n",
        ["type T", "method Do", "function Run"],
    ),
    "a.rs": (
        "struct S;\nimpl S { fn go(&self) {} }\nfn main() {}\n",
        ["struct S", "impl S", "function go", "function main"],
    ),
    "a.c": (
        "struct s { int x; };\nint *find(int a) { return 0; }\n",
        ["struct s", "function find"],
    ),
}


def test_python_by_its_definitions() -> None:
    parsed = read("shop.py", PYTHON.encode())
    data = parsed.text.encode()
    found = {b.heading: data[b.start : b.end].decode() for b in parsed.blocks}
    anchors = {b.heading: b.anchor for b in parsed.blocks}
    total = found["class Shop", "method total"]
    assert total.startswith("    @property") and total.endswith("return sum(self.prices)")
    assert "def inner" in found["class Shop", "method add"]
    assert found[("function parse_price",)].count("\n") == 3  # whole, over its blank line
    assert anchors["class Shop", "method total"] == "L12"
    assert anchors[("function parse_price",)] == "L25"


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_by_their_definitions(name: str) -> None:
    text, expected = OTHERS[name]
    assert [unit.path[-1] for unit in units(name, text) or []] == expected


def test_code_that_cannot_be_parsed_is_still_read() -> None:
    parsed = read("broken.py", b"def half(:\n\nclass\n\nx = 1\n")
    assert "def half(:" in parsed.text and len(parsed.blocks) == 3
    deep = "(" * 20_000
    assert deep in read("deep.py", deep.encode()).text.replace("\n", "")
    assert read("deep.js", f"f({deep}".encode()).text
    assert read("t.kt", b"fun main() {}\n").text  # no grammar: by blank lines


@pytest.fixture
def repository(docs: Path) -> Path:
    (docs / "src").mkdir()
    (docs / "src" / "shop.py").write_text(PYTHON)
    (docs / "src" / "app.js").write_text(OTHERS["a.js"][0])
    (docs / "README.md").write_text("# Shop\n\nPrices are parsed with parse_price.\n")
    return docs


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def make(folder: Path, **settings: object) -> CodeSource:
    kit = agentkit.load(environ={})
    kit.define("source", "code", use="code", path=str(folder), refresh=0.0, **settings)
    made = kit.source("code")
    assert isinstance(made, CodeSource)
    return made


def test_what_is_named_is_found_by_its_definition(repository: Path) -> None:
    source = make(repository)
    for query, heading in (
        ("parse_price", ("function parse_price",)),
        ("how does parse_price work with commas", ("function parse_price",)),
        ("Shop.total", ("class Shop", "method total")),
        ("what does total() do", ("class Shop", "method total")),
        ("go", ("function go",)),
    ):
        hit = source.search(query).hits[0]
        assert hit.location.heading == heading, query
        assert source.open(hit.document).quote(hit.location) == hit.text
    assert source.search("prices parsed").hits[0].document == "README.md"
    assert source.search("zebra").status == "empty"


def test_commits_are_documents(repository: Path) -> None:
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Sell pens\n\nThe harbour office asked for fountain pens.")
    source = make(repository)
    hit = source.search("who asked for fountain pens at the harbour").hits[0]
    assert hit.document.startswith("commit ") and hit.title.startswith("Sell pens (")
    document = source.open(hit.document)
    assert document.quote(hit.location) == hit.text and "src/shop.py" in document.text
    (repository / "new.txt").write_text("x")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Count zebras")
    assert source.search("zebras").hits[0].title.startswith("Count zebras")
    with pytest.raises(DataError, match="latest commits"):
        source.open("commit 0000")
    assert make(repository, commits=0).search("zebras").status == "empty"


def test_a_repository_cannot_make_us_run_its_programs(repository: Path, tmp_path: Path) -> None:
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Sell pens")
    marker = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {marker}\n")
    script.chmod(0o755)
    for key in ("core.pager", "core.fsmonitor", "gpg.program", "core.sshCommand", "diff.external"):
        git(repository, "config", key, str(script))
    git(repository, "config", "log.showSignature", "true")
    marker.unlink(missing_ok=True)
    assert make(repository).search("sell pens").status == "ok"
    assert not marker.exists()


def test_a_folder_that_is_no_repository(repository: Path) -> None:
    assert make(repository).search("zebras").status == "empty"
    (repository / ".git").write_text("gitdir: /nowhere")
    assert make(repository).search("parse_price").status == "ok"


def test_the_index_command_takes_code_too(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from agentkit.cli import main

    (repository / "agentkit.toml").write_text('[sources.mine]\nuse = "code"\npath = "."\n')
    monkeypatch.chdir(repository)
    monkeypatch.setattr("sys.argv", ["agentkit", "index", "mine"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert "4 documents" in capsys.readouterr().out
