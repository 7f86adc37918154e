"""A phone's state, read and prepared by the commands of a shell, the same for every phone."""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Mapping

from agentkit_android.client.errors import CommandFailed
from agentkit_android.client.transport import Transport, must, run


class PhoneState:
    """What tasks are checked by. A real phone needs root for other apps' databases.

    Everything here goes through `transport`, so that a task knows no other phone than an agent.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    # Settings.

    def setting(self, table: str, key: str) -> str:
        """ "" where it was never set."""
        value = must(self.transport, "settings", "get", table, key).strip()
        return "" if value == "null" else value

    def put_setting(self, table: str, key: str, value: str) -> None:
        must(self.transport, "settings", "put", table, key, value)

    def is_on(self, table: str, key: str) -> bool:
        return self.setting(table, key) not in ("", "0")

    def property(self, name: str) -> str:
        return must(self.transport, "getprop", name).strip()

    # Files.

    def read(self, path: str) -> bytes:
        """A file's bytes; the last newline of text files is kept."""
        out = must(self.transport, "base64", path)
        return base64.b64decode("".join(out.split()))

    def text(self, path: str) -> str:
        """ "" where there is no such file, be it that a folder has its name."""
        return self.read(path).decode("utf-8", "replace") if self.is_file(path) else ""

    def write(self, path: str, content: bytes | str) -> None:
        data = content.encode() if isinstance(content, str) else content
        must(self.transport, "mkdir", "-p", posixpath.dirname(path))
        must(self.transport, "sh", "-c", 'echo "$1" | base64 -d > "$2"', "sh",
             base64.b64encode(data).decode(), path)  # fmt: skip

    def is_file(self, path: str) -> bool:
        return run(self.transport, "test", "-f", path).status == 0

    def exists(self, path: str) -> bool:
        return run(self.transport, "ls", "-d", path).status == 0

    def names(self, folder: str) -> list[str]:
        """What a folder holds, sorted; nothing where there is none."""
        done = run(self.transport, "ls", "-1", "-a", folder)
        return sorted(n for n in done.out.splitlines() if n not in (".", "..")) * (not done.status)

    def remove(self, path: str) -> None:
        must(self.transport, "rm", "-rf", path)

    # Databases.

    def rows(self, package: str, query: str, *values: object) -> list[list[str]]:
        """The rows of a query in an app's own database, as texts; NULL is "".

        Raises:
            CommandFailed: there is no such database, or the query is wrong.
        """
        parts = query.split("?")
        if len(parts) != len(values) + 1:
            raise ValueError(f"{len(values)} values for {len(parts) - 1} places in {query!r}")
        whole = parts[0] + "".join(_literal(v) + p for v, p in zip(values, parts[1:]))
        path = f"/data/data/{package}/databases/{package.rpartition('.')[2]}.db"
        if not whole.lstrip().upper().startswith("SELECT"):
            must(self.transport, "sqlite3", path, whole)
            return []
        # A text may hold lines: the end of a row is a character that no keyboard types.
        marked = f"SELECT *, char(30) FROM ({whole})"
        out = must(self.transport, "sqlite3", "-separator", FIELD, path, marked)
        ends = out.split(f"{FIELD}{ROW}")[:-1]
        return [row.removeprefix("\n" if n else "").split(FIELD) for n, row in enumerate(ends)]

    def one(self, package: str, query: str, *values: object) -> str:
        """The first value of the first row; "" where there is none."""
        rows = self.rows(package, query, *values)
        return rows[0][0] if rows else ""

    # Apps.

    def start(self, package: str, activity: str, **extras: str) -> None:
        given = [w for name, value in extras.items() for w in ("--es", name, value)]
        must(self.transport, "am", "start", "-n", f"{package}/{activity}", *given)

    def insert(self, uri: str, values: Mapping[str, str | int]) -> None:
        """A row by an app's content provider."""
        bound = [
            word
            for name, value in values.items()
            for word in ("--bind", f"{name}:{'i' if isinstance(value, int) else 's'}:{value}")
        ]
        said = must(self.transport, "content", "insert", "--uri", uri, *bound)
        if "Error" in said:
            raise CommandFailed(f"{uri} takes no such row: {said[:200]}", "")

    def now(self) -> int:
        """Seconds since 1970 on the phone's clock."""
        return int(must(self.transport, "date", "+%s"))


FIELD, ROW = "\x1f", "\x1e"


def _literal(value: object) -> str:
    """A value in SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''").replace("\0", "") + "'"
