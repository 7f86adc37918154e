"""A small shop's tables, in SQLite and in a PostgreSQL that is started for the tests."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "of the tests alone"
TABLES = {
    "customers": "id INTEGER PRIMARY KEY, name TEXT, city TEXT",
    "products": "code TEXT PRIMARY KEY, title TEXT, price REAL",
    "orders": "id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id), "
    "product TEXT REFERENCES products(code), quantity INTEGER, ordered DATE, note TEXT",
    "secrets": "word TEXT",
}
ROWS: dict[str, list[tuple[object, ...]]] = {
    "customers": [
        (1, "Ada Lovelace", "London"), (2, "Emmy Noether", "Erlangen"), (3, "한빛", "서울"),
    ],
    "products": [("PEN", "Fountain pen", 12.5), ("INK", "Blue ink", 4.0), ("PAD", "Pad", 2.25)],
    "orders": [
        (number, 1 + number % 3, ("PEN", "INK", "PAD")[number % 2], 1 + number % 5,
         f"202{number % 3}-0{1 + number % 9}-15", None if number % 4 else "urgent; <b>rush</b>")
        for number in range(1, 41)
    ],
    "secrets": [("swordfish",)],
}  # fmt: skip


def sqlite_shop(file: Path) -> Path:
    """The shop as a SQLite file, with a view."""
    db = sqlite3.connect(file)
    for table, columns in TABLES.items():
        db.execute(f"CREATE TABLE {table} ({columns})")
        marks = ",".join("?" * len(ROWS[table][0]))
        db.executemany(f"INSERT INTO {table} VALUES ({marks})", ROWS[table])
    db.execute("CREATE VIEW cities AS SELECT city, count(*) AS people FROM customers GROUP BY city")
    db.commit()
    db.close()
    return file


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL with the shop in it. Roles: reader, writer, postgres (superuser)."""

    port: int

    def url(self, role: str) -> str:
        word = PASSWORD.replace(" ", "%20")
        return f"postgresql://{role}:{word}@127.0.0.1:{self.port}/postgres"


def postgres_binaries() -> Path | None:
    """Where Debian keeps the server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def postgres_shop(binaries: Path) -> Iterator[Server]:
    """A cluster of its own in a temporary folder; stopped and removed afterwards."""
    root = os.getuid() == 0  # PostgreSQL does not run as root
    folder = Path(tempfile.mkdtemp(prefix="agentkit-pg-"))
    data, word = folder / "data", folder / "word"
    word.write_text(PASSWORD)
    if root:
        for path in (folder, word):
            shutil.chown(path, "postgres")

    def call(*command: str) -> None:
        done = subprocess.run(
            command, user="postgres" if root else None, cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running: subprocess.Popen[bytes] | None = None
    try:
        call(
            str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--no-sync", "-E", "UTF8",
            "--locale", "C", "--auth", "scram-sha-256", "--pwfile", str(word),
        )  # fmt: skip
        running = subprocess.Popen(
            [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1",
             "-k", str(folder), "-F"],
            user="postgres" if root else None, cwd=folder, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, preexec_fn=_end_with_parent,
        )  # fmt: skip
        server = Server(port)
        with _connected(server) as db:
            for table, columns in TABLES.items():
                db.execute(f"CREATE TABLE {table} ({columns})")
                marks = ",".join(["%s"] * len(ROWS[table][0]))
                db.cursor().executemany(f"INSERT INTO {table} VALUES ({marks})", ROWS[table])
            db.execute("CREATE VIEW cities AS SELECT city, count(*) AS people FROM customers "
                       "GROUP BY city")  # fmt: skip
            for role in ("reader", "writer"):
                db.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
            db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, writer")
            db.execute("GRANT INSERT, UPDATE ON orders TO writer")
        yield server
    finally:
        if running is not None:
            running.send_signal(signal.SIGQUIT)  # at once, as its data is thrown away
            running.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_parent() -> None:
    """A server whose test run was killed does not stay behind (Linux)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGQUIT)


def _connected(server: Server) -> psycopg.Connection[Any]:
    """A connection as superuser, as soon as the server takes one."""
    for _ in range(600):
        try:
            return psycopg.connect(server.url("postgres"), autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise AssertionError("PostgreSQL did not start")
