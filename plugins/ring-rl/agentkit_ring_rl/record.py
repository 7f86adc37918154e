"""Lines of JSON that a training writes, cut back to the steps that count when it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentkit.files import write_atomic
from agentkit.unicode import split_lines


class Lines:
    """A file of lines, each with its `step`. done: lines of later steps are dropped first."""

    def __init__(self, path: Path, done: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [one for one in read(path) if one["step"] <= done] if done else []
        write_atomic(path, "".join(json.dumps(one) + "\n" for one in kept))
        self._file = path.open("a", encoding="utf-8")

    def add(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines; a last one that was cut short is left out."""
    try:
        lines = split_lines(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return
