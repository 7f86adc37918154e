"""What an experiment is, and what it hands back."""

from __future__ import annotations

import hashlib
import json
import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from agentkit.capabilities.analyzer import Table
from agentkit.errors import Cancelled
from agentkit.files import write_atomic

if TYPE_CHECKING:
    from agentkit.capabilities.trainer import Progress
    from agentkit.kit import Kit

Scale = Literal["quick", "normal", "full"]
J = TypeVar("J")


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its spread. low, high: a 95 % interval where n > 1; unit: "" for a ratio."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 1
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot: `draw(axes)` gets matplotlib axes."""

    title: str
    draw: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What was seen. verdict: one honest paragraph: what the paper says, what was seen here, why
    they differ. baselines: {who: {metric: …}}, measured side by side in this very run."""

    metrics: Mapping[str, Metric]
    verdict: str
    baselines: Mapping[str, Mapping[str, Metric]] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()


@dataclass(frozen=True, slots=True)
class Needs:
    """What a scale takes, for people who plan it. memory: bytes; hours: on the named device."""

    weights: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    device: str = "cpu"
    memory: int = 0
    hours: float = 0.0


@dataclass(slots=True)
class Bench:
    """What a running experiment is given. out: a folder for files of its own, kept until the
    experiment ends well. options: NAME=VALUE pairs from the command line. `progress.cancel` is
    checked between units of work."""

    kit: Kit
    scale: Scale
    seeds: tuple[int, ...]
    out: Path
    progress: Progress
    options: Mapping[str, str] = field(default_factory=dict)

    def path(self, key: str, suffix: str = ".json") -> Path:
        """A file of its own for a unit of work."""
        return self.out / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}{suffix}"

    def once(self, key: str, measure: Callable[[], J]) -> J:
        """The JSON value of a unit of work, measured now, or in a call that was interrupted.

        Raises:
            Cancelled: somebody asked to stop before this unit.
        """
        path = self.path(key)
        if path.exists():
            kept: J = json.loads(path.read_text())["value"]
            return kept
        if self.progress.cancel:
            raise Cancelled
        value = measure()
        write_atomic(path, json.dumps({"key": key, "value": value}))
        return value


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment.

    question: what it asks, in one sentence. claim: what the paper says, "" where it says nothing.
    needs: for each scale that it offers. dry_run: for scale "full", everything but the compute:
    builds models on the meta device, checks names and shapes, reads five-row fixtures of each data
    set, and returns what it checked, one line each. options: what `--set NAME=VALUE`, or
    `--NAME VALUE`, may give, with a few words each; where there are any, others are refused.
    """

    name: str
    question: str
    run: Callable[[Bench], Result]
    claim: str = ""
    seeds: tuple[int, ...] = (0,)
    needs: Mapping[Scale, Needs] = field(default_factory=dict)
    dry_run: Callable[[Bench], list[str]] | None = None
    options: Mapping[str, str] = field(default_factory=dict)


def interval(
    values: Sequence[float],
    unit: str = "",
    *,
    center: Literal["mean", "median"] = "median",
    resamples: int = 2000,
    seed: int = 0,
) -> Metric:
    """Median (or mean) with a 95 % percentile bootstrap interval."""
    if not values:
        raise ValueError("no values to summarise")
    middle = statistics.median if center == "median" else statistics.fmean
    rng = random.Random(seed)
    drawn = sorted(middle(rng.choices(values, k=len(values))) for _ in range(resamples))
    low, high = drawn[int(0.025 * resamples)], drawn[int(0.975 * resamples) - 1]
    return Metric(middle(values), low, high, len(values), unit)


def proportion(successes: int, n: int) -> Metric:
    """A share with its 95 % Wilson score interval."""
    if n <= 0:
        raise ValueError("a proportion needs n > 0")
    z, p = 1.959963984540054, successes / n
    scale = 1 + z * z / n
    middle = (p + z * z / (2 * n)) / scale
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    # Rounded: at the ends the two terms cancel to some 1e-18.
    return Metric(p, max(0.0, round(middle - half, 12)), min(1.0, round(middle + half, 12)), n)
