"""Experiments: a question, a command that anyone can run again, and an honest table.

`registry.experiment("retrieval", "module:EXPERIMENT", summary=…)` registers one;
`agentkit bench retrieval [--quick] [--scale full] [--dry-run]` runs it.
"""

from agentkit.bench.experiment import (
    Bench,
    Experiment,
    Figure,
    Metric,
    Needs,
    Result,
    Scale,
    interval,
    proportion,
)

__all__ = [
    "Bench",
    "Experiment",
    "Figure",
    "Metric",
    "Needs",
    "Result",
    "Scale",
    "interval",
    "proportion",
]
