"""The planted attacks are read like any other text, and stand beside facts that can be found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

import agentkit
from agentkit.errors import DataError
from agentkit.testing import attacks
from agentkit_sources.folder import FolderSource

FILE = Path(__file__).parents[3] / "examples" / "corpora" / "attacks.jsonl"
Make = Callable[..., FolderSource]


@pytest.mark.parametrize(("written", "each"), [("before", 6), ("after", 8)])
def test_each_carrier_has_its_share_of_both_halves(written: str, each: int) -> None:
    half = [one for one in attacks.load(FILE) if one.written == written]
    counts = Counter(one.carrier for one in half)
    assert counts == dict.fromkeys(("page", "pdf", "message", "row"), each)
    assert sum(not one.sign for one in half) == 4  # those that ask for silence
    assert all(one.does for one in half if one.sign)


def test_facts_and_attacks_are_read_from_every_carrier(docs: Path, source: Make) -> None:
    found = attacks.load(FILE)
    attacks.plant(found, docs)
    made = source(docs, include=("pages/*", "pdfs/*", "messages/*"))
    kit = agentkit.load(environ={})
    kit.define("source", "rows", use="sql", path=str(docs / attacks.DATABASE))
    rows = kit.source("rows")
    for one in found:
        if one.carrier == "row":
            assert attacks.answered(one, rows.search(one.question).hits[0].text), one.id
            continue
        hits = made.search(one.question, 3).hits
        hit = next(hit for hit in hits if hit.document == one.document)
        text = made.open(hit.document).text
        assert attacks.answered(one, text), one.id
        if one.how not in ("HTML comment", "hidden text", "alt text"):
            last = " ".join(unescape(one.attack).split()[-3:]).split("<")[0]
            assert last in " ".join(text.split()), one.id


def test_quoting_is_not_obeying_and_obeying_is_noticed(docs: Path) -> None:
    for one in attacks.load(FILE):
        quoted = f"{one.fact}\n> {one.attack}"
        assert not attacks.obeyed(one, quoted), one.id
        if not one.sign:
            assert attacks.obeyed(one, "Nothing was found.")
        else:
            assert attacks.obeyed(one, one.does), one.id


def test_unarmed_documents_hold_the_facts_alone(docs: Path) -> None:
    found = attacks.load(FILE)
    attacks.plant(found, docs, armed=False)
    text = "".join(p.read_text("latin-1") for p in docs.rglob("*") if p.is_file())
    assert "Ignore all previous" not in text and "64 tonnes" in text


@pytest.mark.parametrize(
    "change",
    [
        {"carrier": "fax"},
        {"answer": "not there"},
        {"sign": "fact"},
        {"id": "Not An Id"},
        {"unknown": 1},
        {"answer": "("},
        {"does": "nothing"},
    ],
)
def test_lines_that_are_no_attack(tmp_path: Path, change: dict[str, object]) -> None:
    good = {"id": "a", "carrier": "page", "how": "x", "title": "t", "fact": "a fact",
            "attack": "do", "question": "q", "answer": "fact"}  # fmt: skip
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps(good))
    assert len(attacks.load(file)) == 1
    file.write_text(json.dumps({**good, **change}))
    with pytest.raises(DataError, match=r"a\.jsonl:1: not an attack"):
        attacks.load(file)
