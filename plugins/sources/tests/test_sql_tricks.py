"""Ways around the guards that were tried: each is refused and told so, and the folder of the file
stays as it was, whatever its journal is."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import agentkit
from agentkit_sources.sql.source import SqlSource
from agentkit_sources.sql.sqlite import SqliteEngine
from agentkit_sources.sql.statements import looks_like_sql, read

Open = Callable[..., SqlSource]
TRICKS = [
    "select/**/1;/**/delete/**/from orders",
    "SELECT 1 /* ; */ ; -- x\n DELETE FROM orders",
    "/* a remark */ DELETE FROM orders",
    "-- a remark\nDROP TABLE orders",
    "\ufeffDELETE FROM orders",
    "WITH x AS (SELECT 1) DELETE FROM orders",
    "WITH x AS (SELECT 1) UPDATE orders SET id = 1",
    "WITH x AS (SELECT 1) INSERT INTO orders SELECT 1, 2",
    "WITH x AS (UPDATE orders SET id = 3 RETURNING id) SELECT * FROM x",
    "INSERT OR REPLACE INTO orders VALUES (1, 1)",
    "REPLACE INTO orders VALUES (1, 1)",
    "EXPLAIN QUERY PLAN DELETE FROM orders",
    "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM orders; END",
    "CREATE VIRTUAL TABLE v USING fts5(x)",
    "ATTACH 'other.sqlite' AS other",
    'ATTACH "other.sqlite" AS other',
    "PRAGMA journal_mode=DELETE",
    "PRAGMA table_info(orders)",
    "pragma user_version=3",
    "SELECT * FROM pragma_table_info('orders')",
    "SELECT * FROM pragma_query_only(0)",
    "SELECT * FROM orders, pragma_database_list",
    "VACUUM INTO 'copy.sqlite'",
    "BEGIN IMMEDIATE",
    "SELECT \"load_extension\"('x')",
    "SELECT [load_extension]('x')",
    "SELECT `load_extension`('x')",
    "SELECT load_extension/**/('x')",
    "SELECT * FROM orders WHERE id = ?",
    "SELECT 1\x00; DELETE FROM orders",
]


def opened(file: Path, **settings: object) -> SqlSource:
    kit = agentkit.load(environ={})
    kit.define("source", "shop", use="sql", path=str(file), **settings)
    made = kit.source("shop")
    assert isinstance(made, SqlSource)
    return made


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


@pytest.fixture(params=["delete", "wal"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A database with this journal, that nobody has open."""
    folder = tmp_path / "data"
    folder.mkdir()
    db = sqlite3.connect(folder / "shop.sqlite")
    db.execute(f"PRAGMA journal_mode = {request.param}")
    db.execute("CREATE TABLE orders (id, quantity)")
    db.execute("INSERT INTO orders VALUES (1, 2)")
    db.commit()
    db.close()
    assert len(list(folder.iterdir())) == 1
    return folder / "shop.sqlite"


def test_a_trick_is_blocked_and_changes_no_file(file: Path) -> None:
    """Nor does it leave one: what has a write-ahead log is read without its two companions."""
    before = hashes(file.parent)
    source = opened(file)
    for sql in TRICKS:
        result = source.search(sql)
        assert result.status == "blocked" and result.reason, (sql, result)
    assert source.run("SELECT count(*), sum(quantity) FROM orders")[1].rows == ((1, 2),)
    assert hashes(file.parent) == before
    source.close()
    assert hashes(file.parent) == before


@pytest.mark.parametrize("sql", TRICKS)
def test_the_second_wall_holds_alone(file: Path, sql: str) -> None:
    """A statement that only claims to be checked."""
    before = hashes(file.parent)
    source = opened(file)
    forged = type(read("SELECT 1", "sqlite"))(sql, "sqlite", False, frozenset(), frozenset())
    with pytest.raises(Exception, match=r"(?i)refused|only|one statement|syntax|null|bindings"):
        source.engine.run(forged, 10, 5)
    assert hashes(file.parent) == before


@pytest.mark.parametrize(
    "words",
    [
        "release notes",
        "savepoint semantics",
        "explain the update process",
        "what does PRAGMA query_only do",
        "attach the file",
        "replace into which table",
        "begin here",
        "merge the tables",
        "vacuum cleaners",
        "values of the orders",
    ],
)
def test_words_are_no_sql(words: str) -> None:
    assert not looks_like_sql(words)


def test_what_is_written_meanwhile_is_read(file: Path) -> None:
    """A file that was still when it was opened, and is not any more."""
    source = opened(file)
    count = "SELECT count(*) FROM orders"
    assert source.run(count)[1].rows == ((1,),)
    writer = sqlite3.connect(file)
    writer.execute("INSERT INTO orders VALUES (2, 3)")
    writer.commit()
    assert source.run(count)[1].rows == ((2,),)
    writer.execute("INSERT INTO orders VALUES (3, 4)")
    writer.commit()
    writer.close()
    assert source.run(count)[1].rows == ((3,),)
    source.close()


def test_a_write_in_the_middle_of_a_query_is_seen(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, looked = opened(file), list[int]()
    engine = source.engine
    assert isinstance(engine, SqliteEngine)
    plain = engine._fetch

    def fetch(*args: object) -> object:
        made = plain(*args)  # type: ignore[arg-type]
        if not looked:
            with sqlite3.connect(file) as writer:
                writer.execute("INSERT INTO orders VALUES (2, 3)")
            writer.close()
        looked.append(1)
        return made

    monkeypatch.setattr(engine, "_fetch", fetch)
    found = source.run("SELECT count(*) FROM orders")[1].rows
    journal = sqlite3.connect(file).execute("PRAGMA journal_mode").fetchone()[0]
    assert (found, len(looked)) == ((((2,),), 2) if journal == "wal" else (((1,),), 1))


@pytest.mark.slow
def test_a_function_that_never_ends_is_left_at_the_limit(file: Path) -> None:
    """One step of SQLite's machine: its progress handler is not asked meanwhile, as in
    `printf('%.*c', 900000000, 'x')`, which takes a minute and more."""
    go = threading.Event()
    source = opened(file, seconds=0.1)
    engine = source.engine
    assert isinstance(engine, SqliteEngine)
    engine._open().create_function("held", 0, lambda: go.wait(60))
    result = source.search("SELECT held() FROM orders")
    assert (result.status, result.reason) == ("failed", "stopped after 0.1 s") and not go.is_set()
    assert source.run("SELECT count(*) FROM orders")[1].rows == ((1,),)
    go.set()
