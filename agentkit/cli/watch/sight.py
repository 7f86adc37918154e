"""What the terminal knows of the console: the list, the inbox, and the run that is looked at, held
as a snapshot and the patches after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentkit.cli.watch.client import Client, Message
from agentkit.leaves import set_leaf

ROWS = 500  # of a run's timeline, that are shown of the time before it was opened
MOST = 200  # runs in the list


@dataclass(slots=True)
class Held:
    """A run as it is known here. rows: its timeline from where it is shown; taken out by whoever
    shows them."""

    run: str
    seq: int
    state: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    shown: int = 0  # seq of the last row that was put into `rows`
    passing: Mapping[str, Any] = field(default_factory=dict)

    def take(self, data: Mapping[str, Any]) -> bool:
        """A `run` message; False where it does not follow on what is held, and the snapshot must
        be read again."""
        if data["from"] != self.seq:
            return bool(data["seq"] <= self.seq)  # what is known already
        for path, value in data["set"]:
            set_leaf(self.state, path, value)
        self.seq = data["seq"]
        self.add(data["rows"])
        return True

    def add(self, rows: list[dict[str, Any]]) -> None:
        fresh = [row for row in rows if row["seq"] > self.shown]
        if fresh:
            self.rows += fresh
            self.shown = fresh[-1]["seq"]

    @property
    def status(self) -> str:
        return str(self.state["run"]["status"])

    @property
    def steps(self) -> list[dict[str, Any]]:
        """From which it can be forked, in their order."""
        return sorted(self.state.get("steps", {}).values(), key=lambda one: int(one["step"]))

    @property
    def question(self) -> dict[str, Any] | None:
        """The oldest open one."""
        found = [q for q in self.state.get("questions", {}).values() if q["open"]]
        return min(found, key=lambda q: int(q["number"]), default=None)


class Sight:
    """Everything that is shown. One stream tells of all of it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.runs: dict[str, dict[str, Any]] = {}
        self.found: dict[str, dict[str, Any]] | None = None  # by the search; None: none is made
        self.inbox: list[dict[str, Any]] = []
        self.held: Held | None = None
        self.last = ""  # id of the last message of the stream

    async def load(self) -> None:
        """The list as it is now."""
        page = await self.client.get("/api/runs", limit=MOST)
        self.runs = {row["id"]: row for row in page["runs"]}

    async def search(self, text: str) -> dict[str, dict[str, Any]] | None:
        """The runs that the server finds, for `found`; None where the text is empty."""
        if not text.strip():
            return None
        page = await self.client.get("/api/runs", limit=MOST, q=text)
        return {row["id"]: row for row in page["runs"]}

    async def open(self, run: str) -> Held:
        """Reads a run; the stream must be begun anew then."""
        path = f"/api/runs/{run}"
        snapshot = await self.client.get(path)
        held = Held(run, snapshot["seq"], snapshot["state"])
        rows = await self.client.get(f"{path}/timeline", before=2**53, limit=ROWS)
        held.add(rows["rows"])
        self.held, self.last = held, ""
        return held

    def close(self) -> None:
        self.held, self.last = None, ""

    @property
    def query(self) -> str:
        """Of the stream that tells what is looked at."""
        runs = f"runs={self.held.run}:{self.held.seq}&" if self.held else ""
        return f"{runs}list=1&inbox=1"

    def take(self, message: Message) -> bool:
        """A message of the stream; False where the run must be opened again."""
        data, fits = message.data, True
        match message.kind:
            case "run" if self.held and data["run"] == self.held.run:
                fits = self.held.take(data)
            case "live" if self.held and data["run"] == self.held.run:
                self.held.passing = data
            case "runs":
                self._list(data["runs"], data["gone"])
            case "inbox":
                self.inbox = list(data["questions"])
        if fits and message.id:
            self.last = message.id
        return fits

    def _list(self, rows: list[dict[str, Any]], gone: list[str]) -> None:
        for known in (self.runs, self.found):
            if known is not None:
                for run in gone:
                    known.pop(run, None)
        for row in rows:
            self.runs[row["id"]] = row
            if (
                self.found is not None and row["id"] in self.found
            ):  # others are the server's to find
                self.found[row["id"]] = {**row, "text": self.found[row["id"]]["text"]}

    def listed(self) -> list[tuple[dict[str, Any], int]]:
        """The runs, newest first, each with its depth: forks stand below what they were forked
        from, where that is listed too."""
        known = self.runs if self.found is None else self.found
        below: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(known.values(), key=lambda row: (row["created"], row["id"])):
            parent = row["parent"] if row["parent"] in known else ""
            below.setdefault(parent, []).append(row)
        made: list[tuple[dict[str, Any], int]] = []
        waits = [(row, 0) for row in below.get("", ())]
        while waits:
            row, depth = waits.pop()
            made.append((row, depth))
            waits += [(fork, depth + 1) for fork in below.get(row["id"], ())]
        return made
