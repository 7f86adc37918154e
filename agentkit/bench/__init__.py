"""Experiments: a question, a command that anyone can run again, and an honest table.

An experiment is registered by `registry.experiment("retrieval", "module:EXPERIMENT", summary=…)` and
run by `agentkit bench retrieval [--quick] [--scale full] [--dry-run]`.
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
