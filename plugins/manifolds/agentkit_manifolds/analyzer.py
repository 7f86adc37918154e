"""The part `manifolds`: the whole study as a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agentkit.capabilities import Progress, Report
from agentkit.errors import Cancelled, UsageError
from agentkit.files import write_atomic
from agentkit.kit import Parts
from agentkit_manifolds import page, words
from agentkit_manifolds.settings import Settings
from agentkit_manifolds.study import STAGES, Study


class Manifolds:
    """Subjects are files and folders of text, or one of the kinds prose, code, changelogs, mail."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings, self._model = settings, parts["model"]

    def analyze(self, subjects: Sequence[str], out: Path, progress: Progress) -> Report:
        """Runs all stages, those that are in `out` already excepted.

        Raises:
            UsageError: nothing is named. DataError: the texts are too short, or cannot be read.
            Cancelled: between two stages or batches.
        """
        if not subjects:
            raise UsageError(
                "there is nothing to analyze",
                "name text files, or a kind: prose, code, changelogs, mail",
            )
        if progress.cancel:
            raise Cancelled
        return report(study_of(self._settings, self._model, subjects, out, progress))


def study_of(
    settings: Settings, model: object, subjects: Sequence[str], out: Path, progress: Progress
) -> Study:
    """The study of what subjects name."""
    kinds = [s for s in subjects if s in ("prose", "code", "changelogs", "mail")]
    paths = [Path(s) for s in subjects if s not in kinds]
    if len(kinds) > 1 or (kinds and paths):
        raise UsageError("one kind of text at a time", "name one kind, or files")
    if kinds:
        settings = settings.model_copy(update={"kind": kinds[0]})
    return Study(settings, model, out, progress, paths)  # type: ignore[arg-type]


def report(study: Study, names: Sequence[str] = STAGES) -> Report:
    """The stages' results in words, tables, arrays and one page of plots."""
    found = study.all(names)
    path = write_atomic(study.out / "lines.html", page.page(found))
    arrays = {}
    if "points" in found.get("geometry", {}):
        arrays["count curve"] = np.array(found["geometry"]["points"])
        arrays["cosines"] = np.array(found["geometry"]["cosine"])
    return Report(words.summary(found), words.tables(found), arrays, (path,))
