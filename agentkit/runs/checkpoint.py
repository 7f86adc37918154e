"""LangGraph's checkpoints as a cache: a file a run, which may be lost, damaged or out of date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

BUSY_SECONDS = 30.0


class CheckpointDamaged(Exception):
    """The file cannot be read any more; the run is to be replayed without it."""


class Checkpoints(SqliteSaver):  # type: ignore[misc]
    """LangGraph's own saver, which also notes how far the event log was at each checkpoint.

    Nothing is pickled, and only plain values and the state's own types are read back.
    """

    def __init__(self, path: Path, told: Callable[[], int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._told = path, told
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("its pages do not fit together")
        except sqlite3.DatabaseError as error:
            connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise CheckpointDamaged(str(error)) from error
        super().__init__(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))

    def close(self) -> None:
        self.conn.close()

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        return super().put(config, checkpoint, {**metadata, "log": self._told()}, new_versions)
