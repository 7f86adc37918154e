"""What passes and is not kept: progress, and the end of what a model is writing.

The process that drives a run writes it into a small file beside the store, now and then; whoever
shows the run reads it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from agentkit.runs.events import Event

EVERY = 0.25  # seconds between two writes
DRAFT = 2000  # characters of what is being written that are shown


def file_of(folder: Path, run: str) -> Path:
    return folder / f"{run}.json"


class Passing:
    """Writes what passes in one run."""

    def __init__(self, folder: Path, run: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = file_of(folder, run)
        self._now: dict[str, Any] = {"position": "", "text": "", "done": None, "draft": ""}
        self._next = 0.0

    def show(self, event: Event) -> None:
        match event.kind:
            case "progress":
                said = {"text": str(event.data["text"]), "done": event.data.get("done")}
                self._now = {**self._now, "position": event.position, **said}
            case "model.delta":
                draft = (self._now["draft"] + event.data["text"])[-DRAFT:]
                self._now = {**self._now, "position": event.position, "draft": draft}
            case "model.done":
                self._now = {**self._now, "draft": ""}
            case _:
                return
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self._now, ensure_ascii=False), "utf-8")
            part.replace(self._path)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)


def passing(folder: Path, run: str) -> dict[str, Any] | None:
    """What passes in a run, None where nobody says."""
    try:
        made = json.loads(file_of(folder, run).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return made if isinstance(made, dict) else None
