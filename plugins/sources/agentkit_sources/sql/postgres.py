"""PostgreSQL, through a role and transactions that cannot write.

Every query runs in a read-only transaction of its own with a statement timeout, over the extended
protocol (which knows no second statement), and may call only functions that PostgreSQL itself calls
immutable or stable: what sleeps, writes files, signals others or changes settings is volatile.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, cast

from agentkit.errors import BackendUnavailable, ConfigError, PluginError
from agentkit_sources.sql.engine import QueryError, RawTable, TimedOut, allowed
from agentkit_sources.sql.rows import Rows
from agentkit_sources.sql.statements import Dialect, Refused, Statement

if TYPE_CHECKING:
    import psycopg

_COLUMNS = """
SELECT c.oid::bigint, n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY n.nspname, c.relname, a.attnum
"""
_UNIQUE = """
SELECT i.indrelid::bigint, a.attname
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indrelid = ANY(%s)
"""
_REFERENCES = """
SELECT k.conrelid::bigint, a.attname, k.confrelid::bigint, b.attname
FROM pg_constraint k
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND k.conrelid = ANY(%s)
"""
_POWERS = """
SELECT current_user, r.rolsuper,
       r.rolcreaterole OR r.rolcreatedb OR r.rolreplication,
       EXISTS (SELECT FROM pg_roles p WHERE p.rolname IN ('pg_write_server_files',
               'pg_execute_server_program', 'pg_write_all_data')
               AND pg_has_role(current_user, p.oid, 'MEMBER')),
       (SELECT min(n.nspname || '.' || c.relname) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
FROM pg_roles r WHERE r.rolname = current_user
"""
_VOLATILE = """
SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v' AND proname = ANY(%s) ORDER BY proname
"""


class PostgresEngine:
    """A PostgreSQL database. See `Engine`."""

    dialect: Dialect = "postgres"

    def __init__(
        self,
        url: str,
        schemas: tuple[str, ...] = ("public",),
        tables: tuple[str, ...] = (),
        role: Literal["reader", "any"] = "reader",
        connect_seconds: float = 10.0,
    ) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise PluginError(
                "PostgreSQL needs the package psycopg", "pip install 'psycopg[binary]'"
            ) from error
        self._psycopg = psycopg
        self._url, self._schemas, self._globs = url, schemas, tables
        self._wait = max(1, round(connect_seconds))
        self._lock = threading.Lock()
        self._db: psycopg.Connection[Any] | None = None
        self._names: frozenset[str] = frozenset()
        try:
            with self._lock:
                db = self._open()
                about = db.info
                self.uri = f"postgresql://{about.host or 'localhost'}:{about.port}/{about.dbname}"
                self._judge(db, role)
        except QueryError as error:
            raise BackendUnavailable(
                f"PostgreSQL: {error}", "see that the server runs and that `url` is right"
            ) from error

    def tables(self) -> list[RawTable]:
        with self._lock:
            try:
                return self._tables(self._open())
            except self._psycopg.Error as error:
                raise self._fault(error) from error

    def version(self) -> str:
        return ""  # nothing cheap tells it

    def run(self, statement: Statement, rows: int, seconds: float) -> Rows:
        with self._lock:
            if self._globs and not self._names:
                self._tables(self._open())
            db = self._open()
            try:
                with db.transaction(force_rollback=True):
                    db.execute("SET TRANSACTION READ ONLY")
                    db.execute(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
                    self._permit(db, statement)
                    found: list[tuple[Any, ...]] = []
                    with db.cursor() as cursor, _closing(cursor.stream(statement.sql)) as stream:
                        for row in stream:
                            found.append(row)
                            if len(found) > rows:
                                break
                        names = tuple(column.name for column in cursor.description or ())
            except self._psycopg.errors.QueryCanceled as error:
                raise TimedOut(f"stopped after {seconds:g} s") from error
            except self._psycopg.Error as error:
                raise self._fault(error) from error
        return Rows(names, tuple(found[:rows]), len(found) > rows)

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    # -- inside -----------------------------------------------------------------------------------

    def _open(self) -> psycopg.Connection[Any]:
        if self._db is None or self._db.closed or self._db.broken:
            try:
                self._db = self._psycopg.connect(
                    self._url,
                    autocommit=True,
                    connect_timeout=self._wait,
                    options="-c default_transaction_read_only=on -c search_path="
                    + ",".join(_plain(schema) for schema in self._schemas),
                    application_name="agentkit",
                )
            except (self._psycopg.Error, UnicodeError) as error:
                raise self._fault(error) from error
        return self._db

    def _judge(self, db: psycopg.Connection[Any], role: str) -> None:
        """Refuses roles that could do harm if everything else failed."""
        found = db.execute(_POWERS).fetchone()
        assert found is not None
        name, superuser, manager, server, writable = found
        powers = "is a superuser" if superuser else "may change roles" if manager else ""
        powers = powers or ("may run programs or write files on the server" if server else "")
        if not powers and writable and role == "reader":
            powers = f"may write to {writable}"
        if powers:
            raise ConfigError(
                f"the PostgreSQL role {name!r} {powers}",
                "use a role that was only granted SELECT"
                + ('; or set `role = "any"` to rely on read-only transactions' if writable else ""),
            )

    def _permit(self, db: psycopg.Connection[Any], statement: Statement) -> None:
        volatile = db.execute(_VOLATILE, (sorted(statement.functions),)).fetchone()
        if volatile:
            raise Refused(f"the function {volatile[0]} is refused: it may change something")
        for table in sorted(statement.tables if self._globs else ()):
            if table.removeprefix(f"{self._schemas[0].lower()}.") not in self._names:
                raise Refused(f"the table {table} is not among the `tables` that may be read")

    def _tables(self, db: psycopg.Connection[Any]) -> list[RawTable]:
        columns: dict[int, list[tuple[str, str]]] = {}
        names: dict[int, str] = {}
        for oid, schema, table, column, kind in db.execute(_COLUMNS, (list(self._schemas),)):
            name = table if schema == self._schemas[0] else f"{schema}.{table}"
            if allowed(name, self._globs):
                names[oid] = name
                columns.setdefault(oid, []).append((column, kind))
        oids = list(names)
        unique: dict[int, set[str]] = {}
        for oid, column in db.execute(_UNIQUE, (oids,)):
            unique.setdefault(oid, set()).add(column)
        references: dict[int, list[tuple[str, str, str]]] = {}
        for oid, column, other, target in db.execute(_REFERENCES, (oids,)):
            if other in names:
                references.setdefault(oid, []).append((column, names[other], target))
        self._names = frozenset(name.lower() for name in names.values())
        return [
            RawTable(
                name,
                tuple(columns[oid]),
                frozenset(unique.get(oid, ())),
                tuple(references.get(oid, ())),
            )
            for oid, name in names.items()
        ]

    def _fault(self, error: BaseException) -> QueryError:
        text = " ".join(str(error).split())[:300]
        return QueryError(text or type(error).__name__)


def _plain(schema: str) -> str:
    """A schema's name inside libpq's options, where spaces and backslashes part words."""
    quoted = '"' + schema.replace('"', '""') + '"'
    return quoted.replace("\\", "\\\\").replace(" ", "\\ ")


def _closing(stream: Iterator[Any]) -> closing[Generator[Any]]:
    """Ends the query where not all rows were read: psycopg's stream is a generator."""
    return closing(cast("Generator[Any]", stream))
