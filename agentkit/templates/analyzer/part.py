"""An analyzer that counts the words of texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from agentkit.capabilities import Progress, Report, Table
from agentkit.errors import Cancelled, UsageError
from agentkit.kit import Parts
from agentkit.settings import PartSettings


class Settings(PartSettings):
    """top: how many words the table has at most."""

    top: int = Field(default=20, ge=1)


class ClassName:
    """Subjects are texts; the report is a table of their most frequent words."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._top = settings.top

    def analyze(self, subjects: Sequence[str], out: Path, progress: Progress) -> Report:
        if not subjects:
            raise UsageError("there is nothing to analyze", "give one text or more")
        counts: Counter[str] = Counter()
        for number, text in enumerate(subjects, 1):
            if progress.cancel:
                raise Cancelled
            counts.update(re.findall(r"\w+", text.lower()))
            progress.update(number, len(subjects))
        rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))[: self._top]
        summary = f"{counts.total()} words, {len(counts)} different ones"
        return Report(summary, (Table("words", ("word", "count"), tuple(rows)),))
