"""Nothing is written, nothing runs for ever, and each refusal says why."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from databases import Server

import agentkit
from agentkit.errors import AgentkitError, BackendUnavailable, ConfigError, DataError
from agentkit_sources.sql.source import SqlSource
from agentkit_sources.sql.statements import Refused, looks_like_sql, read

REFUSED = [
    "UPDATE orders SET quantity = 0",
    "DELETE FROM orders",
    "INSERT INTO orders (id) VALUES (99)",
    "REPLACE INTO orders (id) VALUES (99)",
    "DROP TABLE orders",
    "CREATE TABLE t AS SELECT * FROM orders",
    "ALTER TABLE orders ADD COLUMN x",
    "TRUNCATE TABLE orders",
    "ATTACH DATABASE 'other.sqlite' AS other",
    "PRAGMA query_only = OFF",
    "VACUUM INTO 'copy.sqlite'",
    "BEGIN; DELETE FROM orders; COMMIT",
    "SELECT 1; DELETE FROM orders",
    "SELECT 1;;; DROP TABLE orders",
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "WITH made AS (INSERT INTO orders (id) VALUES (9) RETURNING id) SELECT * FROM made",
    "SELECT * INTO copy FROM orders",
    "SELECT * FROM orders FOR UPDATE",
    "SELECT load_extension('evil.so')",
    "SELECT writefile('/tmp/x', 'y')",
    "COPY orders TO PROGRAM 'sh'",
    "EXPLAIN ANALYZE DELETE FROM orders",
    "SELECT pg_sleep(100)",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT database_to_xml(true, true, '')",
    "SELECT " + "(" * 2000 + "1" + ")" * 2000,
    "SELECT '" + "x" * 30_000 + "'",
]


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:30])
def test_what_does_not_read_is_refused(sql: str, dialect: str) -> None:
    with pytest.raises(Refused) as caught:
        read(sql, dialect)  # type: ignore[arg-type]
    assert 5 < len(str(caught.value)) < 400 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select count(*) from orders;",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
        "SELECT 'a;b' AS x UNION SELECT 'DROP TABLE orders'",
        "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1",
        "SELECT id FROM orders -- ; DROP TABLE orders",
    ],
)
def test_what_reads_is_run(sql: str) -> None:
    statement = read(sql, "sqlite")
    assert "\n" not in statement.sql and "--" not in statement.sql


def test_tables_are_told_from_common_table_expressions() -> None:
    sql = "WITH orders AS (SELECT * FROM secrets) SELECT * FROM orders JOIN main.cities"
    assert read(sql, "sqlite").tables == {"secrets", "main.cities"}


def test_questions_are_not_taken_for_sql() -> None:
    for words in ("Select a good pen", "with whom did Ada trade", "Update me on the orders", ""):
        assert not looks_like_sql(words)
    for sql in ("SELECT 1", "with a as (select 1) select * from a", "DELETE FROM orders"):
        assert looks_like_sql(sql)


# -- SQLite ---------------------------------------------------------------------------------------

Make = Callable[..., SqlSource]


def _source(**settings: object) -> SqlSource:
    kit = agentkit.load(environ={})
    kit.define("source", "shop", use="sql", **settings)
    made = kit.source("shop")
    assert isinstance(made, SqlSource)
    return made


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_file_stays_as_it_was_whatever_is_asked(shop: Path) -> None:
    before = _sha256(shop), sorted(p.name for p in shop.parent.iterdir())
    source = _source(path=str(shop))
    for sql in REFUSED:
        result = source.search(sql)
        assert result.status in ("blocked", "empty", "ok"), result
        assert result.status != "ok" or not looks_like_sql(sql)
    assert source.search("how many orders are there").status == "ok"
    source.close()
    assert (_sha256(shop), sorted(p.name for p in shop.parent.iterdir())) == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE orders SET quantity = 0",
        "ATTACH DATABASE ':memory:' AS other",
        "PRAGMA query_only = OFF",
        "SELECT load_extension('evil.so')",
        "SELECT * FROM pragma_database_list",
        "CREATE TEMP TABLE t (x)",
    ],
)
def test_the_engine_refuses_by_itself_too(shop: Path, sql: str) -> None:
    """The second wall, tried without the first: a statement that only claims to be checked."""
    source = _source(path=str(shop))
    checked = read("SELECT 1", "sqlite")
    forged = type(checked)(sql, "sqlite", False, frozenset(), frozenset())
    with pytest.raises(Refused):
        source.engine.run(forged, 10, 5)


@pytest.mark.slow
def test_a_cross_join_of_a_billion_rows_stops_at_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "big.sqlite"
    db = sqlite3.connect(file)
    db.execute("CREATE TABLE n (x)")
    db.executemany("INSERT INTO n VALUES (?)", ((i,) for i in range(1000)))
    db.commit()
    source = _source(path=str(file), seconds=0.3)
    started = time.monotonic()
    for sql in (
        "SELECT count(*) FROM n a, n b, n c",
        "SELECT a.x + b.x + c.x AS s FROM n a, n b, n c ORDER BY s",
        "WITH RECURSIVE f(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM f) SELECT max(x) FROM f",
    ):
        result = source.search(sql)
        assert result.status == "failed" and result.reason == "stopped after 0.3 s"
    assert time.monotonic() - started < 20  # far below what a billion rows take


def test_rows_and_values_are_capped(shop: Path) -> None:
    source = _source(path=str(shop), rows=7, cell=20)
    _, rows = source.run("SELECT id FROM orders")
    assert len(rows.rows) == 7 and rows.cut
    (hit,) = source.search("SELECT 'long ' || hex(zeroblob(4000)) AS x").hits
    assert hit.text.startswith("x: long 0") and len(hit.text) <= 3 + 20
    assert source.search("SELECT zeroblob(2000000000)").status == "failed"


def test_only_the_tables_that_are_allowed(shop: Path) -> None:
    source = _source(path=str(shop), tables=["orders", "cities"])
    assert source.search("SELECT * FROM secrets").status == "blocked"
    assert source.search("SELECT (SELECT word FROM secrets) FROM orders").status == "blocked"
    assert source.search("SELECT * FROM sqlite_master").status == "blocked"
    assert source.search("SELECT people FROM cities").status == "ok"  # a view over customers
    assert source.search("SELECT * FROM customers").status == "blocked"
    assert source.search("secrets").status == "empty"


def test_a_database_in_use_by_a_writer(shop: Path) -> None:
    writer = sqlite3.connect(shop)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO secrets VALUES ('new')")
    writer.commit()
    source = _source(path=str(shop), refresh=0)
    assert source.run("SELECT count(*) FROM secrets")[1].rows == ((2,),)
    writer.execute("CREATE TABLE later (moment TEXT)")
    writer.execute("INSERT INTO later VALUES ('noon')")
    writer.commit()
    assert source.search("how many later are there").status == "ok"
    writer.close()


def test_files_that_are_no_database(tmp_path: Path, shop: Path) -> None:
    (tmp_path / "text.sqlite").write_text("not a database at all, only some words " * 50)
    whole = shop.read_bytes()
    (tmp_path / "cut.sqlite").write_bytes(whole[:1500])
    for name in ("absent.sqlite", "text.sqlite", ".", "cut.sqlite"):
        with pytest.raises(DataError) as caught:
            source = _source(path=str(tmp_path / name))
            source.open("table orders")
        assert len(str(caught.value).splitlines()) <= 2
    damaged = bytearray(whole)
    damaged[4096:8192] = b"\xff" * 4096
    (tmp_path / "damaged.sqlite").write_bytes(damaged)
    source = _source(path=str(tmp_path / "damaged.sqlite"))
    assert source.search("SELECT * FROM customers").status == "failed"


def test_a_file_that_vanishes(shop: Path) -> None:
    source = _source(path=str(shop))
    shop.unlink()
    assert source.search("SELECT 1").status == "failed"


def test_settings_are_checked(shop: Path) -> None:
    with pytest.raises(ConfigError, match="either `path`"):
        _source()
    with pytest.raises(ConfigError, match="either `path`"):
        _source(path=str(shop), url="env:X")
    with pytest.raises(ConfigError, match="holds a password") as caught:
        _source(url="postgresql://me:hush@localhost/db")
    assert "hush" not in str(caught.value)
    with pytest.raises(ConfigError, match="not set"):
        _source(url="env:NO_SUCH_DATABASE")


# -- PostgreSQL -----------------------------------------------------------------------------------


def _postgres(
    server: Server, monkeypatch: pytest.MonkeyPatch, user: str = "reader", **settings: object
) -> SqlSource:
    monkeypatch.setenv("TEST_DATABASE", server.url(user))
    return _source(url="env:TEST_DATABASE", **settings)


def test_postgres_reads_and_nothing_else(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _postgres(postgres, monkeypatch)
    before = source.run("SELECT count(*), sum(quantity) FROM orders")[1]
    for sql in REFUSED:
        assert source.search(sql).status in ("blocked", "empty", "ok")
    for sql in (
        "SELECT lo_create(0)",
        "SELECT pg_advisory_lock(1)",
        "SELECT random()",
        "SELECT nextval('s')",
        "SELECT current_setting('x'), pg_ls_dir('.')",
    ):
        assert source.search(sql).status == "blocked", sql
    assert source.run("SELECT count(*), sum(quantity) FROM orders")[1] == before
    assert "hush" not in source.info.description and "password" not in source.engine.uri


def test_postgres_without_the_first_wall(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a role that may write cannot, and a second statement is not sent."""
    source = _postgres(postgres, monkeypatch, "writer", role="any")
    checked = read("SELECT 1", "postgres")
    for sql in (
        "UPDATE orders SET quantity = 0",
        "SELECT 1; UPDATE orders SET quantity = 0",
        "COMMIT; UPDATE orders SET quantity = 0",
        "SET default_transaction_read_only = off",
    ):
        forged = type(checked)(sql, "postgres", False, frozenset(), frozenset())
        try:
            source.engine.run(forged, 10, 5)
        except Exception as error:
            reasons = ("read-only", "multiple commands", "didn't produce a result")
            assert any(reason in str(error) for reason in reasons), error
    assert source.run("SELECT current_setting('default_transaction_read_only')")[1].rows == (
        ("on",),
    )
    total = source.run("SELECT sum(quantity) FROM orders")[1].rows[0][0]
    assert total > 0


def test_postgres_roles_that_could_do_harm(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="superuser"):
        _postgres(postgres, monkeypatch, "postgres", role="any")
    with pytest.raises(ConfigError, match="may write to"):
        _postgres(postgres, monkeypatch, "writer")
    assert _postgres(postgres, monkeypatch, "writer", role="any").search("orders").status == "ok"


@pytest.mark.slow
def test_postgres_stops_at_its_limits(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _postgres(postgres, monkeypatch, seconds=0.3, rows=5)
    slow = source.search("SELECT count(*) FROM generate_series(1, 1000000000) a")
    assert (slow.status, slow.reason) == ("failed", "stopped after 0.3 s")
    _, rows = source.run("SELECT x FROM generate_series(1, 100000) AS t(x)")
    assert len(rows.rows) == 5 and rows.cut
    assert source.search("SELECT nothing FROM orders").status == "failed"
    assert source.search("SELECT 1").status == "ok"  # the connection is still good


def test_postgres_finds_rows_by_their_prose(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute("CREATE SCHEMA IF NOT EXISTS notes")
        admin.execute("CREATE TABLE IF NOT EXISTS notes.log (id int, said text)")
        said = "The kiln was repaired at 100% by O'Brien_2 \\ sons. " * 4
        admin.execute("INSERT INTO notes.log VALUES (1, %s)", (said,))
        admin.execute("GRANT USAGE ON SCHEMA notes TO reader")
        admin.execute("GRANT SELECT ON notes.log TO reader")
    source = _postgres(postgres, monkeypatch, schemas=["public", "notes"])
    for query in ("who repaired the kiln", "100% O'Brien_2", "\\ sons"):
        found = source.search(query)
        assert found.hits and "The kiln was repaired" in found.hits[0].text, query
    assert "notes.log" in {t.name for t in source.catalog().tables}
    assert source.open("table notes.log").text


def test_postgres_tables_that_are_allowed(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _postgres(postgres, monkeypatch, tables=["orders", "cities"])
    assert source.search("SELECT * FROM secrets").status == "blocked"
    assert source.search("SELECT * FROM public.secrets").status == "blocked"
    assert source.search("SELECT rolname FROM pg_roles").status == "blocked"
    assert source.search("SELECT people FROM public.cities").status == "ok"


def test_postgres_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE", "postgresql://me:hush@127.0.0.1:9/db")
    with pytest.raises(BackendUnavailable) as caught:
        _source(url="env:TEST_DATABASE")
    assert "hush" not in str(caught.value)


def test_postgres_that_goes_away_and_comes_back(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    source = _postgres(postgres, monkeypatch)
    assert source.search("SELECT 1").status == "ok"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                      "WHERE usename = 'reader'")  # fmt: skip
    assert source.search("SELECT 1").status == "failed"
    assert source.search("SELECT 1").status == "ok"
    with pytest.raises(AgentkitError):
        source.open("SELECT nothing FROM orders")
