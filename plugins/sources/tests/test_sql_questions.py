"""Questions in words, and the documents that answer them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from databases import ROWS, Server

import agentkit
from agentkit_sources.sql.bench import NL2SQL, build, nl2sql, read_questions
from agentkit_sources.sql.proposing import extract
from agentkit_sources.sql.source import SqlSource

ORDERS = ROWS["orders"]
QUESTIONS = {
    "How many orders are there?": {"number of orders: 40"},
    "How many orders did Ada Lovelace make?": {
        f"number of orders where name = Ada Lovelace: {sum(o[1] == 1 for o in ORDERS)}"
    },
    "What is the average price of products?": {"average price: 6.25"},
    "Which product has the highest price?": {"title: Fountain pen; price: 12.5"},
    "What is the total quantity of orders for INK?": {
        f"total quantity where product = INK: {sum(o[3] for o in ORDERS if o[2] == 'INK')}"
    },
    "How many orders were there in 2021?": {
        "number of orders where year of ordered = 2021: "
        f"{sum(str(o[4]).startswith('2021') for o in ORDERS)}"
    },
    "How many orders have no note?": {
        f"number of orders where note is null: {sum(o[5] is None for o in ORDERS)}"
    },
    "How many orders had a quantity of more than 3?": {
        f"number of orders where quantity > 3: {sum(o[3] > 3 for o in ORDERS)}"
    },
    "How many customers live in 서울?": {"number of customers where city = 서울: 1"},
    "What is the city of Emmy Noether?": {"city: Erlangen"},
    "How many orders per product?": {
        f"product: {code}; number of orders: {sum(o[2] == code for o in ORDERS)}"
        for code in ("PEN", "INK")
    },
}


def _source(**settings: object) -> SqlSource:
    kit = agentkit.load(environ={})
    kit.define("source", "shop", use="sql", **settings)
    made = kit.source("shop")
    assert isinstance(made, SqlSource)
    return made


def _lines(source: SqlSource, question: str) -> set[str]:
    found = source.search(question)
    first = [hit for hit in found.hits if hit.parts[0][0] == "rows"]
    return {line for hit in first for line in hit.text.splitlines()}


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_get_their_rows(shop: Path, question: str) -> None:
    assert _lines(_source(path=str(shop)), question) == QUESTIONS[question]


def test_postgres_answers_the_same(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE", postgres.url("reader"))
    source = _source(url="env:TEST_DATABASE")
    for question, lines in QUESTIONS.items():
        assert _lines(source, question) == lines


def test_a_result_is_cited_by_query_count_and_hash(shop: Path) -> None:
    source = _source(path=str(shop))
    result = source.search("How many orders per product?")
    hit = result.hits[0]
    assert result.reason == "read as: number of orders by product"
    assert hit.document == (
        'SELECT product, count(*) AS "number of orders" FROM orders '
        "GROUP BY product ORDER BY product"
    )
    document = source.open(hit.document)
    assert document.quote(hit.location) == hit.text
    _, rows = source.run(hit.document)
    assert f"2 rows, sha256 {rows.sha256}" in document.text and rows.sha256[:12] in hit.title
    assert hit.location.heading == ("number of orders by product",)
    other = _source(path=str(shop))
    assert other.open(hit.document) == document  # in another process too: the name is the query


def test_words_that_were_not_understood_are_told(shop: Path) -> None:
    source = _source(path=str(shop))
    result = source.search("How many orders were there on weekends?")
    assert result.reason.endswith("not used: weekends") and result.hits[0].score < 1
    assert not _lines(source, "Which moon of Jupiter delights poets and orders astronomers?")


def test_a_glossary_gives_words_to_columns(shop: Path) -> None:
    question = "What is the average amount of orders?"
    assert _lines(_source(path=str(shop)), question) != {"average quantity: 2.975"}
    wanted = _source(path=str(shop), glossary={"amount": "orders.quantity"})
    (line,) = _lines(wanted, question)
    assert line == f"average quantity: {sum(o[3] for o in ORDERS) / 40:g}"


def test_tables_are_documents_too(shop: Path) -> None:
    source = _source(path=str(shop))
    result = source.search("the products")
    assert result.hits[0].document == "table products"
    text = source.open("table orders").text
    assert "orders.product: text, refers to products.code; values: INK, PEN" in text
    assert source.info.documents == 5


def test_rows_whose_prose_holds_the_words(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "notes.sqlite")
    db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    texts = [
        "The 100% boiler in the cellar was mended on 3 May, " + "and all was well. " * 5,
        "It's cold; nobody knows why the boiler stopped. " + "Call somebody. " * 5,
    ]
    db.executemany("INSERT INTO notes (text) VALUES (?)", [(text,) for text in texts])
    db.commit()
    db.close()
    source = _source(path=str(tmp_path / "notes.sqlite"))
    found = source.search("When was the boiler in the cellar mended?")
    assert found.hits[0].text.startswith("id: 1; text: The 100% boiler")
    assert source.open(found.hits[0].document).quote(found.hits[0].location) == found.hits[0].text
    for odd in ("100% mended", "it's cold", "under_score \\ boiler", "boiler'; DROP TABLE notes"):
        assert source.search(odd).status in ("ok", "empty"), odd
    assert source.search("zeppelin airship").status == "empty"


def test_odd_questions(shop: Path) -> None:
    source = _source(path=str(shop))
    assert source.search("orders").status == "ok"
    assert source.search("주문이 몇 개입니까").status == "empty"
    assert source.search("zxqv bnmm").status == "empty"
    assert source.search("how many orders " * 4000).status in ("ok", "empty", "failed")
    assert source.search("'; DROP TABLE orders; --").status in ("ok", "empty")


# -- with a model ---------------------------------------------------------------------------------


def _with_model(shop: Path, *answers: str, **settings: object) -> SqlSource:
    kit = agentkit.load(environ={})
    kit.define("model", "told", use="scripted", answers=list(answers))
    kit.define("source", "shop", use="sql", path=str(shop), model="told", **settings)
    made = kit.source("shop")
    assert isinstance(made, SqlSource)
    return made


HARD = "Which customers never bought ink, excluding tourists?"


def test_a_model_proposes_and_mends(shop: Path) -> None:
    source = _with_model(
        shop,
        "```sql\nSELECT nme FROM customers\n```",
        "DELETE FROM customers",
        "Here it is: SELECT name FROM customers ORDER BY name LIMIT 1",
    )
    result = source.search(HARD)
    assert result.hits[0].text == "name: Ada Lovelace"
    assert result.reason == "the SQL was proposed by a model, mended 2 times"


def test_a_model_gets_two_repairs_and_no_more(shop: Path) -> None:
    source = _with_model(shop, "SELECT a", "SELECT b", "SELECT c", "SELECT name FROM customers")
    result = source.search(HARD)
    assert "the model's SQL failed: no such column: c" in result.reason
    assert all(hit.parts[0][0] != "rows" or "not used" in result.reason for hit in result.hits)


def test_the_rules_answer_alone_where_they_understand(shop: Path) -> None:
    source = _with_model(shop, "SELECT 'wrong' AS answer")
    assert _lines(source, "How many orders are there?") == {"number of orders: 40"}


def test_a_model_that_fails_costs_nothing(shop: Path) -> None:
    source = _with_model(shop)  # a script without answers: every call is an error
    assert source.search(HARD).status == "ok"


def test_sql_is_found_in_what_a_model_says() -> None:
    assert extract("```sql\nSELECT 1\n```\nThis counts.") == "SELECT 1"
    assert extract("Sure! SELECT 1\n\nI hope this helps.") == "SELECT 1"
    assert extract("no idea") == "no idea"


# -- the experiment --------------------------------------------------------------------


FLIGHTS = {
    "airlines": "carrier,name\nAA,American\nB6,JetBlue Airways",
    "airports": "faa,name,alt\nJFK,Kennedy,13\nBOS,Logan,20",
    "planes": "tailnum,year,seats\nN1,2005,100\nN2,NA,200",
    "weather": "origin,temp\nJFK,39.5\nBOS,NA",
    "flights": "carrier,origin,dest,dep_delay\nAA,JFK,BOS,3\nB6,BOS,JFK,NA\nB6,JFK,BOS,61",
}


def test_the_experiment_on_tiny_tables(tmp_path: Path) -> None:
    from agentkit.bench import Bench
    from agentkit.testing.progress import Recorder

    for name, text in FLIGHTS.items():
        (tmp_path / f"{name}.csv").write_text(text)
    asked = [
        {"id": "test-01", "split": "test", "question": "How many flights are there?",
         "sql": "SELECT count(*) FROM flights"},
        {"id": "test-05", "split": "test", "question": "How many flights are there?",
         "sql": "SELECT 7"},
        {"id": "dev-01", "split": "dev", "question": "What is the highest temperature?",
         "sql": "SELECT max(temp) FROM weather"},
    ]  # fmt: skip
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, asked)))
    out = tmp_path / "out"
    out.mkdir()
    options = {"data": str(tmp_path), "questions": str(tmp_path / "q.jsonl")}
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "quick", (0,), out, Recorder(), options)
        result = nl2sql(bench)
    assert result.metrics["right"].value == 0.5
    assert result.metrics["wrong without a warning"].value == 0.5
    assert result.metrics["right, development part"].value == 1.0
    assert [row[0] for row in result.tables[0].rows] == ["test-05"]


def test_missing_values_become_null_and_types_those_of_the_values(tmp_path: Path) -> None:
    for name, text in FLIGHTS.items():
        (tmp_path / f"{name}.csv").write_text(text)
    build(tmp_path, tmp_path / "f.sqlite")
    source = _source(path=str(tmp_path / "f.sqlite"))
    (row,) = source.run("SELECT year, typeof(seats) FROM planes WHERE tailnum = 'N2'")[1].rows
    assert row == (None, "integer")


def test_forty_questions_measure_and_twenty_develop() -> None:
    file = Path(__file__).parents[1] / "nl2sql.questions.jsonl"
    splits = [asked.split for asked in read_questions(file)]
    assert (splits.count("test"), splits.count("dev")) == (40, 20)
    assert NL2SQL.needs.keys() == {"normal", "quick"}
