"""content and sqlite3: the rows of apps from the command line."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from agentkit_android.phone.database import Database
from agentkit_android.screen.acts import Value, clean
from agentkit_android.shell.call import Call, ProgramError, decode, program
from agentkit_android.shell.streams import read_all

MAX_SCRIPT = 1 << 20
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TYPES: dict[str, Callable[[str], Value]] = {
    "s": str,
    "i": int,
    "l": int,
    "f": float,
    "d": float,
    "b": lambda v: int(v == "true"),
}


@program("content")
async def content(call: Call) -> int:
    """query, insert, update, delete --uri content://AUTHORITY/PATH."""
    verb, *words = call.words or [""]
    options: dict[str, list[str]] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or not rest:
            raise ProgramError(f"[ERROR] Unsupported argument: {word}", 255)
        options.setdefault(word[2:], []).append(rest.pop(0))
    uri = options.get("uri", [""])[0]
    base, row = uri, ""
    if found := re.fullmatch(r"(.+)/(\d+)", uri):
        base, row = found[1], found[2]
    try:
        database, table = call.phone.provider(base)
    except LookupError as error:
        raise ProgramError(f"Error while accessing provider\n{error}", 255) from None
    where = options.get("where", [""])[0]
    if row:
        where = f"_id = {row}" + (f" AND ({where})" if where else "")
    condition = f" WHERE {where}" if where else ""
    try:
        if verb == "query":
            return await _query(call, database, table, condition, options)
        values = _bound(options.get("bind", []))
        if verb == "delete":
            database.outside(f"DELETE FROM {table}{condition}")
        elif verb == "insert" and values:
            marks = ", ".join("?" for _ in values)
            sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
            database.outside(sql, tuple(values.values()))
        elif verb == "update" and values:
            told = ", ".join(f"{name} = ?" for name in values)
            database.outside(f"UPDATE {table} SET {told}{condition}", tuple(values.values()))
        else:
            raise ProgramError(f"[ERROR] Unsupported command: {verb}", 255)
    except sqlite3.Error as error:
        text = f"Error while accessing provider\nandroid.database.sqlite.SQLiteException: {error}"
        raise ProgramError(text, 255) from None
    call.phone.save()
    return 0


async def _query(
    call: Call, database: Database, table: str, condition: str, options: dict[str, list[str]]
) -> int:
    names = options.get("projection", ["*"])[0].split(":")
    if any(n != "*" and not NAME.fullmatch(n) for n in names):
        raise ProgramError(f"[ERROR] bad projection: {':'.join(names)}", 255)
    sort = options.get("sort", [""])[0]
    order = f" ORDER BY {sort}" if sort else ""
    found = database.outside(f"SELECT {', '.join(names)} FROM {table}{condition}{order}")
    if not found.rows:
        await call.print("No result found.")
    for number, row in enumerate(found.rows):
        told = ", ".join(f"{n}={'NULL' if v is None else v}" for n, v in zip(found.names, row))
        await call.print(f"Row: {number} {told}")
    return 0


def _bound(binds: list[str]) -> dict[str, Value]:
    """Values of `NAME:TYPE:VALUE`."""
    values: dict[str, Value] = {}
    for bind in binds:
        name, kind, value = [*bind.split(":", 2), "", ""][:3]
        if not NAME.fullmatch(name) or kind not in (*TYPES, "n"):
            raise ProgramError(f"[ERROR] Binding not well formed: {bind}", 255)
        try:
            values[name] = None if kind == "n" else TYPES[kind](clean(value))
        except ValueError:
            raise ProgramError(f"[ERROR] Binding not well formed: {bind}", 255) from None
    return values


@program("sqlite3")
async def sqlite(call: Call) -> int:
    """`sqlite3 [-header] [-separator S] FILE SQL`; the SQL from standard input where none is given.
    Dot commands: .tables, .schema."""
    words, header, mark = list(call.words), False, "|"
    while words and words[0].startswith("-"):
        word = words.pop(0).lstrip("-")
        header |= word == "header"
        if word == "separator" and words:
            mark = words.pop(0)
        elif word == "csv":
            mark = ","
    if not words:
        raise ProgramError("Needs a file", 1)
    path, *rest = words
    sql = rest[0] if rest else decode(await read_all(call.stdin, MAX_SCRIPT))
    database, own = _opened(call, path)
    sql = _dotted(sql)
    try:
        found = database.outside(sql)
    except sqlite3.Error as error:
        await call.err.write(f"Error: {error}\n".encode())
        return 1
    if own:
        call.phone.files.write(call.path(path), database.content())
    if header and found.names:
        await call.print(mark.join(found.names))
    for row in found.rows:
        await call.print(mark.join("" if v is None else str(v) for v in row))
    call.phone.save()
    return 0


def _dotted(sql: str) -> str:
    if sql.strip() == ".tables":
        return "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name"
    if sql.strip().startswith(".schema"):
        return "SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL"
    return sql


def _opened(call: Call, path: str) -> tuple[Database, bool]:
    """An app's database, or one of a file (then True), which is written back."""
    files = call.phone.files
    whole = call.path(path)
    for package, database in call.phone.databases.items():
        if whole == f"/data/data/{package}/databases/{package.rpartition('.')[2]}.db":
            return database, False
    made = Database()
    if files.exists(whole) and files.stat(whole).size:
        try:
            made.restore(files.read(whole))
        except ValueError:
            raise ProgramError("Error: file is not a database", 26) from None
    return made, True
