"""What an instruction is worth: macro-F1 that an invalid answer can only lower, the reward with its
price of length, and paired intervals.

The official code counts an unknown answer as label 0, which can make junk score 1.000; here it is a
class of its own that no row has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agentkit.errors import DataError, UsageError
from agentkit.seeds import derive

INVALID = "<invalid>"
"""What stands for an answer that is no label. No task may have a label of that name."""


@dataclass(frozen=True, slots=True)
class F1:
    """macro: mean F1 over the task's full label list, 0 to 1. invalid: share of answers that were
    no label. unseen: labels that no row has; each counts with F1 0 unless `present` was asked for.
    error: jackknife standard error of `macro` over the rows."""

    macro: float
    invalid: float
    unseen: tuple[str, ...]
    per_label: tuple[float, ...]
    error: float = float("nan")


def macro_f1(
    gold: Sequence[str],
    said: Sequence[str],
    labels: Sequence[str],
    *,
    present: bool = False,
    error: bool = False,
) -> F1:
    """Macro-F1 over `labels`, zero where a label was neither right nor said.

    An answer that is no label is `<invalid>`: it costs its row's label recall and can gain nothing.

    Args:
        labels: all of the task's labels; their order changes nothing.
        present: mean over the labels that rows have, instead of all.
        error: whether to work out the standard error, in one pass more a row.

    Raises:
        UsageError: no rows, or two lengths.
        DataError: a row's own label is not in the list.
    """
    if not gold or len(gold) != len(said):
        raise UsageError(f"{len(gold)} rows and {len(said)} answers", "give one answer a row")
    known = {label: n for n, label in enumerate(dict.fromkeys(labels))}
    for row, label in enumerate(gold, 1):
        if label not in known:
            raise DataError(f"row {row}: the label {label!r} is not in the label list", "add it")
    truth = np.array([known[g] for g in gold])
    answers = np.array([known.get(s, len(known)) for s in said])
    table = np.zeros((len(known) + 1, len(known) + 1))
    np.add.at(table, (truth, answers), 1)
    scores = _scores(table)
    here = table[:-1].sum(1) > 0
    chosen = here if present else np.ones_like(here)
    deviation = float("nan")
    if error and len(gold) > 1:
        left = []
        for t, a in zip(truth, answers):
            table[t, a] -= 1
            left.append(_scores(table)[chosen].mean())
            table[t, a] += 1
        spread = np.array(left)
        count = len(left)
        deviation = float(np.sqrt((count - 1) / count * ((spread - spread.mean()) ** 2).sum()))
    return F1(
        float(scores[chosen].mean()),
        float((answers == len(known)).mean()),
        tuple(label for label, n in known.items() if not here[n]),
        tuple(map(float, scores)),
        deviation,
    )


def _scores(table: np.ndarray) -> np.ndarray:
    """F1 of each label from counts (truth, answer); the last row and column are `<invalid>`."""
    right = np.diag(table)[:-1]
    base = table.sum(1)[:-1] + table.sum(0)[:-1]
    scores: np.ndarray = np.divide(2 * right, base, out=np.zeros(len(base)), where=base > 0)
    return scores


def field_f1(gold: Sequence[dict[str, str]], said: Sequence[dict[str, str] | None]) -> float:
    """Micro-F1 over the fields of extracted objects, 0 to 1. A field is right where its text is
    equal but for case and surrounding space; None is an answer that was no object.

    Raises:
        UsageError: no rows, or two lengths.
    """
    if not gold or len(gold) != len(said):
        raise UsageError(f"{len(gold)} rows and {len(said)} answers", "give one answer a row")
    found = np.array([counts(g, s) for g, s in zip(gold, said)]).sum(0)
    return float(2 * found[0] / found[1]) if found[1] else 0.0


def counts(gold: dict[str, str], said: dict[str, str] | None) -> tuple[int, int]:
    """(fields that are right, fields of both together) of one object."""
    a = {k: v.strip().casefold() for k, v in gold.items() if v.strip()}
    b = {k: v.strip().casefold() for k, v in (said or {}).items() if v.strip()}
    return sum(b.get(k) == v for k, v in a.items()), len(a) + len(b)


def reward(score: float, tokens: int, price: float = 0.1) -> float:
    """R - price · tokens / 1024, not below 0: two instructions that do the same are told apart by
    their length."""
    return max(0.0, score - price * tokens / 1024)


@dataclass(frozen=True, slots=True)
class Difference:
    """mean: of the metric's difference. low, high: 95 % percentile interval of a paired bootstrap
    over rows. n: rows."""

    mean: float
    low: float
    high: float
    n: int


def paired(
    gold: Sequence[str],
    one: Sequence[str],
    other: Sequence[str],
    labels: Sequence[str],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Difference:
    """Macro-F1 of `one` less that of `other` on the same rows.

    Raises:
        UsageError, DataError: see `macro_f1`.
    """
    mean = macro_f1(gold, one, labels).macro - macro_f1(gold, other, labels).macro
    known = {label: n for n, label in enumerate(dict.fromkeys(labels))}
    truth = np.array([known[g] for g in gold])
    answers = [np.array([known.get(s, len(known)) for s in said]) for said in (one, other)]
    rng = np.random.default_rng(derive(seed, "paired"))
    size, found = len(known) + 1, []
    for _ in range(resamples):
        rows = rng.integers(0, len(gold), len(gold))
        means = []
        for said in answers:
            table = np.bincount(truth[rows] * size + said[rows], minlength=size * size)
            means.append(_scores(table.reshape(size, size)).mean())
        found.append(means[0] - means[1])
    low, high = np.quantile(found, (0.025, 0.975))
    return Difference(mean, float(low), float(high), len(gold))
