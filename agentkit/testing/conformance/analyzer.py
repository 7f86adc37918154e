"""AN: analyzers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from agentkit.capabilities import Report
from agentkit.errors import AgentkitError, RunInterrupted
from agentkit.testing.conformance.base import Conformance
from agentkit.testing.progress import Recorder


class AnalyzerConformance(Conformance):
    """Give `toml` or `make()`, subjects, and `expect`, which holds a report to a known answer."""

    noun = "analyzer"
    subjects: ClassVar[Sequence[str]] = ()

    def expect(self, report: Report) -> None:
        """Asserts what is known about `subjects`."""
        raise NotImplementedError(f"{type(self).__name__} gives no expect()")

    @contextmanager
    def report(self) -> Iterator[tuple[Report, Path]]:
        assert self.subjects, f"{type(self).__name__} gives no `subjects`"
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            out.mkdir()
            yield self.part.analyze(self.subjects, out, Recorder()), out

    def test_an01_the_known_answer_is_found(self) -> None:
        """`expect` holds."""
        with self.report() as (report, _):
            self.expect(report)

    def test_an02_a_report_is_whole(self) -> None:
        """A summary in words, rows as wide as their columns, finite arrays, plots that exist."""
        import numpy as np

        with self.report() as (report, out):
            assert report.summary.strip()
            for table in report.tables:
                assert table.title and all(len(row) == len(table.columns) for row in table.rows)
            for name, array in report.arrays.items():
                values = np.asarray(array)
                assert values.dtype.kind in "biufUS", f"{name} is an array of {values.dtype}"
                assert values.dtype.kind != "f" or np.isfinite(values).all(), f"{name}: not finite"
            for plot in report.plots:
                assert plot.is_file() and plot.stat().st_size > 0
                assert out.resolve() in plot.resolve().parents, f"{plot} is not in {out}"

    def test_an03_the_same_again(self) -> None:
        """Another look at the same gives the same summary, tables and arrays."""
        import numpy as np

        with self.report() as (first, _), self.report() as (second, _):
            assert first.tables == second.tables and first.arrays.keys() == second.arrays.keys()
            for name in first.arrays:
                assert np.array_equal(first.arrays[name], second.arrays[name]), f"{name} differs"

    def test_an04_it_can_be_cancelled(self) -> None:
        """A flag set beforehand stops it: RunInterrupted or AgentkitError, and no plots."""
        progress = Recorder()
        progress.cancel.set()
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            try:
                self.part.analyze(self.subjects, out, progress)
            except (RunInterrupted, AgentkitError):
                assert not list(out.iterdir()), "half a report was left behind"
                return
            raise AssertionError("it went on after it was cancelled")

    def test_an05_nothing_to_look_at_is_said(self) -> None:
        """No subjects: an error that says so, or a report that does."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                made: Any = self.part.analyze([], Path(folder), Recorder())
            except AgentkitError:
                return
            assert made.summary.strip()
