"""Fakes to test agents with: a scripted and a replayed model, a small world, documents in a dict,
and a runtime that needs no graph. They keep their noun's whole protocol; the conformance suites run
on them.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agentkit.capabilities.environment import (
    Action,
    Check,
    EnvironmentInfo,
    EpisodeOver,
    Observation,
    Step,
    Task,
)
from agentkit.capabilities.language_model import Text
from agentkit.capabilities.source import (
    Document,
    Hit,
    Location,
    SearchResult,
    SearchStatus,
    SourceInfo,
)
from agentkit.errors import DataError, UsageError
from agentkit.seeds import derive
from agentkit.settings import PartSettings
from agentkit.testing.replay import ReplayModel
from agentkit.testing.runtime import MemoryRuntime, runtime
from agentkit.testing.scripted import Answer, ScriptedModel, ScriptedSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts

__all__ = [
    "Answer",
    "FakeEnvironment",
    "FakeSource",
    "GridSettings",
    "InlineSettings",
    "MemoryRuntime",
    "Move",
    "ReplayModel",
    "ScriptedModel",
    "ScriptedSettings",
    "Take",
    "runtime",
]

# -- a world --------------------------------------------------------------------------------------

Place = tuple[int, int]  # (column, row), from the top left
MOVES: Mapping[str, Place] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


class Move(Action):
    """One field in a direction; walls and borders stop it."""

    kind: Literal["move"] = "move"
    direction: Literal["left", "right", "up", "down"]


class Take(Action):
    """Takes the key where one lies."""

    kind: Literal["take"] = "take"


class GridSettings(PartSettings):
    """size: of the square world, in fields. limit: steps before an episode is cut off."""

    size: int = 5
    limit: int = 50


@dataclass(frozen=True, slots=True)
class World:
    """The whole state of a grid."""

    size: int
    walls: frozenset[Place]
    at: Place
    goal: Place
    key: Place | None
    needs_key: bool
    steps: int = 0

    @property
    def holding(self) -> bool:
        return self.needs_key and self.key is None

    @property
    def solved(self) -> bool:
        return self.at == self.goal and (self.holding or not self.needs_key)

    def open(self, place: Place) -> bool:
        inside = all(0 <= v < self.size for v in place)
        return inside and place not in self.walls


class FakeEnvironment:
    """A grid: walk to the goal, or take the key first. Deterministic by (task, seed)."""

    def __init__(self, settings: GridSettings | None = None, parts: Parts | None = None) -> None:
        self.settings = settings or GridSettings()
        self.info = EnvironmentInfo(
            parts.name if parts else "grid", "a small world of fields and walls", (Move, Take)
        )
        self._world: World | None = None
        self._over = False
        self._kept: dict[str, tuple[World, bool]] = {}

    def tasks(self, split: str) -> Sequence[Task]:
        if split not in ("train", "validation", "test"):
            raise UsageError(f"there is no split {split!r}", "one of: train, validation, test")
        goals = {"reach": "Walk to the goal.", "fetch": "Take the key, then walk to the goal."}
        return [
            Task(f"{split}-{template}-{n}", goal, split, template, {"layout": n})
            for template, goal in goals.items()
            for n in range(3)
        ]

    def reset(self, task: Task, seed: int) -> Observation:
        random = Random(derive(seed, task.id))
        size = self.settings.size
        places = [(x, y) for x in range(size) for y in range(size)]
        while True:
            at, goal, key = random.sample(places, 3)
            walls = frozenset(random.sample(places, size)) - {at, goal, key}
            fetch = task.template == "fetch"
            self._world = World(size, walls, at, goal, key if fetch else None, fetch)
            if self.solution() is not None:
                break
        self._over = False
        return self.observe()

    def step(self, action: Action) -> Step:
        world = self._state()
        if self._over:
            raise EpisodeOver("the episode has ended; reset first")
        if isinstance(action, Move):
            place = _shift(world.at, action.direction)
            world = replace(world, at=place) if world.open(place) else world
        elif isinstance(action, Take):
            world = replace(world, key=None) if world.key == world.at else world
        else:
            raise UsageError(f"no action {type(action).__name__} here", "one of: Move, Take")
        world = replace(world, steps=world.steps + 1)
        self._world, done = world, world.solved
        truncated = not done and world.steps >= self.settings.limit
        self._over = done or truncated
        return Step(self.observe(), float(done), done, truncated)

    def observe(self) -> Observation:
        world = self._state()
        marks = {world.goal: "G", **dict.fromkeys(world.walls, "#"), world.at: "@"}
        if world.key is not None:
            marks.setdefault(world.key, "K")
        rows = [
            "".join(marks.get((x, y), ".") for x in range(world.size)) for y in range(world.size)
        ]
        data = {"at": list(world.at), "holding": world.holding, "steps": world.steps}
        return Observation((Text("\n".join(rows)),), data)

    def check(self, task: Task) -> Check:
        world = self._state()
        if world.solved:
            return Check(1.0, ("at the goal",))
        if world.holding and task.template == "fetch":
            return Check(0.5, ("has the key", "not at the goal"))
        return Check(0.0, ("not at the goal",))

    def snapshot(self) -> str:
        name = f"s{len(self._kept)}"
        self._kept[name] = (self._state(), self._over)
        return name

    def restore(self, snapshot: str) -> None:
        if snapshot not in self._kept:
            raise UsageError(f"there is no snapshot {snapshot!r}", "take one with snapshot()")
        self._world, self._over = self._kept[snapshot]

    def pool(self, n: int) -> Sequence[FakeEnvironment]:
        return [type(self)(self.settings) for _ in range(n)]

    def close(self) -> None:
        self._world = None

    def solution(self) -> list[Action] | None:
        """Shortest actions that solve the present state; None where none do."""
        start = self._state()
        queue: deque[tuple[World, list[Action]]] = deque([(start, [])])
        seen = {(start.at, start.key)}
        while queue:
            world, actions = queue.popleft()
            if world.solved:
                return actions
            steps: list[tuple[Action, World]] = [
                (Move(direction=d), replace(world, at=_shift(world.at, d)))  # type: ignore[arg-type]
                for d in MOVES
                if world.open(_shift(world.at, d))
            ]
            if world.key == world.at:
                steps.append((Take(), replace(world, key=None)))
            for action, after in steps:
                if (after.at, after.key) not in seen:
                    seen.add((after.at, after.key))
                    queue.append((after, [*actions, action]))
        return None

    def _state(self) -> World:
        if self._world is None:
            raise UsageError("no episode has begun", "call reset(task, seed) first")
        return self._world


def _shift(place: Place, direction: str) -> Place:
    dx, dy = MOVES[direction]
    return place[0] + dx, place[1] + dy


# -- documents ------------------------------------------------------------------------------------

_WORD = re.compile(r"\w+")


class InlineSettings(PartSettings):
    """documents: id to text. status: what every search gives, to test an agent's other paths."""

    documents: dict[str, str] = Field(default_factory=dict)
    status: SearchStatus = "ok"


class FakeSource:
    """Documents from a dict; a hit is a paragraph, its score the share of query words in it."""

    def __init__(
        self,
        documents: Mapping[str, str] | InlineSettings | None = None,
        parts: Parts | None = None,
        *,
        status: SearchStatus = "ok",
    ) -> None:
        if isinstance(documents, InlineSettings):
            status, documents = documents.status, documents.documents
        self.documents, self.status = dict(documents or {}), status
        name = parts.name if parts else "inline"
        self.info = SourceInfo(name, "documents", "documents in memory", len(self.documents))
        self.queries: list[str] = []
        self._lock = threading.Lock()

    def search(self, query: str, k: int = 10) -> SearchResult:
        with self._lock:
            self.queries.append(query)
        if self.status in ("failed", "blocked"):
            return SearchResult(self.status, reason=f"this source always says {self.status}")
        words = _words(query)
        hits = [
            Hit(name, name, text[start:end], _location(text, start, end), score)
            for name, text in self.documents.items()
            for start, end in _paragraphs(text)
            if (score := len(words & _words(text[start:end])) / max(len(words), 1)) > 0
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.document, hit.location.start))
        if not hits or self.status == "empty" or k < 1:
            return SearchResult("empty")
        return SearchResult("ok", tuple(hits[:k]))

    def open(self, document: str) -> Document:
        if document not in self.documents:
            raise DataError(f"{self.info.name} has no document {document!r}", "see its hits")
        text = self.documents[document]
        return Document(document, document, text, hashlib.sha256(text.encode()).hexdigest())

    def document_frequency(self, word: str) -> int:
        return sum(
            word.lower() in _words(text[start:end])
            for text in self.documents.values()
            for start, end in _paragraphs(text)
        )


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def _paragraphs(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"\S(?:.|\n(?!\s*\n))*", text)]


def _location(text: str, start: int, end: int) -> Location:
    """Character positions to byte offsets."""
    first = len(text[:start].encode())
    return Location(first, first + len(text[start:end].encode()))
