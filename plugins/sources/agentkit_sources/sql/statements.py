"""Which SQL is let through: one statement that only reads. The engines guard themselves as well;
this is the first of two walls, and the one that explains itself."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

Dialect = Literal["sqlite", "postgres"]
LONGEST = 20_000  # characters of a statement
# Anywhere in a query: what writes, locks, or is handed to the engine unread.
_WRITES: tuple[type[Any], ...] = (
    exp.DML,
    exp.DDL,
    exp.Command,
    exp.Pragma,
    exp.Attach,
    exp.Detach,
    exp.Into,
    exp.Lock,
    exp.Set,
    exp.Drop,
    exp.Alter,
    exp.Transaction,
)
_FORBIDDEN_FUNCTIONS = frozenset(
    "load_extension readfile writefile edit fts3_tokenizer set_config pg_sleep pg_sleep_for "
    "pg_sleep_until pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_import lo_export "
    "dblink dblink_exec pg_terminate_backend pg_cancel_backend pg_reload_conf nextval setval "
    "pg_notify".split()
)

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns about what is refused here anyway


class Refused(Exception):
    """A statement is not run. Its text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that may be run. ordered: its rows come in an order that it names.
    functions, tables: names of what it calls and reads, in lower case, common table expressions
    left out."""

    sql: str
    dialect: Dialect
    ordered: bool
    functions: frozenset[str]
    tables: frozenset[str]


@lru_cache(maxsize=256)
def read(sql: str, dialect: Dialect) -> Statement:
    """Checks a statement.

    Raises:
        Refused: it is not one SELECT (a WITH before it may stand, a UNION of them too).
    """
    sql = sql.strip().rstrip(";").strip()
    if len(sql) > LONGEST:
        raise Refused(f"the query has {len(sql):,} characters; {LONGEST:,} are allowed")
    if "\0" in sql:
        raise Refused("the query holds a NUL character")
    try:
        parsed = [tree for tree in sqlglot.parse(sql, read=dialect) if tree is not None]
    except (SqlglotError, RecursionError) as error:
        raise Refused(f"the query cannot be parsed: {_short(error)}") from error
    if len(parsed) != 1:
        raise Refused(f"{len(parsed)} statements; exactly one is run")
    (tree,) = parsed
    root = tree.unnest() if isinstance(tree, exp.Subquery) else tree
    if not isinstance(root, exp.Select | exp.SetOperation):
        raise Refused(f"{_name(tree)} is refused; only SELECT is run")
    for node in tree.walk():
        if isinstance(node, _WRITES) or (isinstance(node, exp.Query) and node.args.get("into")):
            raise Refused(f"{_name(node)} is refused; only reading is allowed")
        if isinstance(node, exp.Placeholder | exp.Parameter):
            raise Refused("the query holds a placeholder without a value")
    functions = _called(sql, dialect)
    for name in sorted(functions):
        if name in _FORBIDDEN_FUNCTIONS or "_to_xml" in name:
            raise Refused(f"the function {name} is refused")
    try:
        tables = _tables(tree)
    except (SqlglotError, RecursionError) as error:
        raise Refused(f"the query cannot be understood: {_short(error)}") from error
    if any(mark in sql for mark in ("\n", "--", "/*")):
        sql = tree.sql(dialect=dialect, comments=False)  # on one line: it is a document's name
    return Statement(sql, dialect, bool(root.args.get("order")), functions, tables)


def looks_like_sql(text: str) -> bool:
    """Whether a query is SQL rather than words."""
    text = _COMMENT.sub(" ", text)
    if _COMMANDS.match(text):
        return True
    first, _, rest = text.strip().lstrip("(").partition(" ")
    keyword = first.upper()
    if keyword == "WITH":
        return " AS " in rest.upper() and "SELECT" in rest.upper()
    if keyword == "SELECT":
        return " FROM " in f" {rest.upper()} " or any(c in rest for c in "(*';0123456789")
    return keyword in _STATEMENTS and any(f" {word} " in f" {rest.upper()} " for word in _AFTER)


_STATEMENTS = frozenset(
    "INSERT UPDATE DELETE DROP CREATE ALTER ATTACH PRAGMA TRUNCATE COPY".split()
)
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*|^\ufeff", re.S)
_COMMANDS = re.compile(  # what no question in words looks like
    r"[\s;]*(?:pragma\s+[\w.]+\s*[=(]|attach\s+(?:database\s+)?['\"]|vacuum\s+into\s+'|"
    r"begin\s+(?:immediate|deferred|exclusive|transaction)\s*(?:;|$)|"
    r"replace\s+into\s+\w+\s*(?:\(|values\b|select\b)|"
    r"explain\s+(?:query\s+plan|analyze)\s+(?:select|insert|update|delete|with)\b|"
    r"merge\s+into\s+\w+\s+using\b)",
    re.I,
)
_AFTER = tuple("INTO SET FROM TABLE DATABASE AS VIEW INDEX TO =".split())


def _called(sql: str, dialect: Dialect) -> frozenset[str]:
    """Every name before a parenthesis, as it is written: the parser renames some functions."""
    tokens = sqlglot.tokenize(sql, read=dialect)
    return frozenset(
        token.text.lower()
        for token, following in pairwise(tokens)
        if following.token_type == TokenType.L_PAREN
    )


def _tables(tree: Any) -> frozenset[str]:
    return frozenset(
        f"{table.db}.{table.name}".lstrip(".").lower()
        for scope in traverse_scope(tree)
        for table in scope.tables
        if table.name and not isinstance(scope.sources.get(table.alias_or_name), Scope)
    )


def _name(node: Any) -> str:
    if isinstance(node, exp.Command):
        return str(node.this).upper()
    return type(node).__name__.upper()


def _short(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = str(error).replace("\x1b[4m", "").replace("\x1b[0m", "")
    return " ".join(text.split())[:200]
