"""What a plugin adds to the console: a report, files to export, panels, a screen to look at.

    class Mine(Views):
        def panels(self, run): return [Panel("loss", "Loss", [series({"loss": points})])]

    registry.views("mine", "agentkit_mine.console:Mine", summary="the training's curves")

All methods are called in a thread, for a run of any agent; a plugin answers for its own and gives
nothing for the others. What raises is shown as that plugin's fault, and harms nothing else. Blocks
are data that the console draws, so a plugin brings no script and no markup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit.runs.store import RunRow, RunStore

Block = Mapping[str, Any]


def text(words: str) -> Block:
    return {"kind": "text", "text": words}


def code(words: str) -> Block:
    return {"kind": "code", "text": words}


def facts(pairs: Sequence[tuple[str, Any]]) -> Block:
    return {"kind": "facts", "facts": [[name, str(value)] for name, value in pairs]}


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Block:
    return {"kind": "table", "columns": list(columns), "rows": [list(row) for row in rows]}


def series(lines: Mapping[str, Sequence[tuple[float, float]]], x: str = "", y: str = "") -> Block:
    drawn = {name: [[float(a), float(b)] for a, b in points] for name, points in lines.items()}
    return {"kind": "series", "series": drawn, "x": x, "y": y}


def image(artifact: str, alt: str) -> Block:
    """A picture that the run has kept under that name."""
    return {"kind": "image", "artifact": artifact, "alt": alt}


def link(words: str, uri: str) -> Block:
    return {"kind": "link", "text": words, "uri": uri}


@dataclass(frozen=True, slots=True)
class Panel:
    """A titled column of blocks beside a run."""

    name: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Export:
    """A file that can be made of a run. make: its content. titles: in other languages, by their
    tags."""

    name: str
    title: str
    media_type: str
    make: Callable[[], bytes]
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a screen shows. mark: changes when it does. size: width and height in the pixels that
    actions speak of. elements: {box: [x0, y0, x1, y1], label, kind, line} each."""

    png: bytes
    mark: str
    size: tuple[int, int]
    elements: Sequence[Mapping[str, Any]] = ()


class Screen(Protocol):
    """A screen that somebody can look at, and touch where `touchable`."""

    name: str
    title: str
    touchable: bool

    def look(self) -> Picture: ...

    def act(self, action: Mapping[str, Any]) -> Mapping[str, Any]:
        """Does one action of the environment, as a person's own; gives it back as it was read.
        Raises UsageError where it is none."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """A run that is looked at."""

    kit: Kit
    store: RunStore
    row: RunRow
    state: Mapping[str, Any] = field(default_factory=dict)

    @property
    def use(self) -> str:
        """What the run's agent is made of, e.g. "deep-research"."""
        return str(self.row.recipe.get("use", ""))


class Views:
    """Base: offers nothing. Override what there is."""

    def report(self, run: Look) -> Mapping[str, Any] | None:
        """The run's report in the form that API.md says, None where it has none."""
        return None

    def exports(self, run: Look) -> Sequence[Export]:
        return ()

    def panels(self, run: Look) -> Sequence[Panel]:
        return ()

    def screens(self, run: Look) -> Sequence[Screen]:
        return ()

    def revise(self, run: Look, text: str) -> str | None:
        """The id of a new run that writes the report again as the text says, made and not started;
        None where this is not its to do."""
        return None
