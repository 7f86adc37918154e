"""Analyzer: opens a model (and runs) and reports: tables, arrays, plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from agentkit.capabilities.trainer import Progress


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """summary: Markdown. arrays: name to NumPy array. plots: files that were written."""

    summary: str
    tables: tuple[Table, ...] = ()
    arrays: Mapping[str, Any] = field(default_factory=dict)
    plots: tuple[Path, ...] = ()


@runtime_checkable
class Analyzer(Protocol):
    def analyze(self, subjects: Sequence[str], out: Path, progress: Progress) -> Report:
        """Analyzes what `subjects` name (texts, run ids, files); plots go to `out`."""
        ...
