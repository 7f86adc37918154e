"""What is told of traces: each query's examples with errors, and nothing that is not settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.diagnostics import Gate, Health, health
from agentkit_bayes_influence.language import Example
from agentkit_bayes_influence.traces import Traces

NOISE = 2.0  # standard errors within which a number is not told from nothing


@dataclass(frozen=True)
class Row:
    """An example's part in a query. value: the correlation of their losses, positive where the
    example taught what was said. error: one Monte-Carlo standard error. tokens: (own tokens, query
    tokens) correlations, NaN where not told."""

    example: Example
    value: float
    error: float
    pieces: tuple[str, ...] = ()
    tokens: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True)
class Finding:
    """Of one query. fault: why nothing is told of it. rows: best first. withheld: how many examples
    have losses of their own that have not settled, by reason; noise: those within the noise."""

    query: Example
    pieces: tuple[str, ...]
    fault: str
    rows: tuple[Row, ...]
    withheld: Mapping[str, int]
    noise: int


def findings(
    traces: Traces,
    examples: Sequence[Example],
    queries: Sequence[Example],
    pieces: Sequence[Sequence[str]],
    said: Sequence[Sequence[str]],
    *,
    gate: Gate,
    top: int,
) -> tuple[list[Finding], Health]:
    """Findings of all queries, and the health of the examples' and queries' losses, in that order.

    Args:
        pieces, said: the tokens' texts of examples and of queries; without them, or where sums
            over tokens alone were kept, nothing is told of tokens.
    """
    train, query = traces.sequences()
    whole = health(np.concatenate([train, query], axis=2))
    faults = gate.faults(whole)
    own, theirs = faults[: len(examples)], faults[len(examples) :]
    values, errors = Attribution(train, query, kind="correlation").matrix()
    by_token = traces.train.shape[3] > 1 or traces.query.shape[3] > 1
    found = []
    for j, one in enumerate(queries):
        if theirs[j]:
            found.append(Finding(one, tuple(said[j]), theirs[j], (), {}, 0))
            continue
        settled = [i for i in range(len(examples)) if not own[i]]
        clear = [i for i in settled if abs(values[i, j]) > NOISE * errors[i, j]]
        best = sorted(clear, key=lambda i: (-values[i, j], i))[:top]
        rows = []
        for i in best:
            tokens = _tokens(traces, i, j, gate) if by_token else np.zeros((0, 0))
            number = float(values[i, j])
            rows.append(Row(examples[i], number, float(errors[i, j]), tuple(pieces[i]), tokens))
        withheld = Counter(fault.partition(" (")[0] for fault in own if fault)
        found.append(
            Finding(one, tuple(said[j]), "", tuple(rows), withheld, len(settled) - len(clear))
        )
    return found, whole


def _tokens(traces: Traces, item: int, query: int, gate: Gate) -> np.ndarray:
    """Correlations of the tokens of one example and one query; NaN where not settled, or noise."""
    train = traces.train[:, :, item, traces.train_mask[item]]
    asked = traces.query[:, :, query, traces.query_mask[query]]
    value, error = Attribution(train, asked, kind="correlation").matrix()
    own = np.array([bool(f) for f in gate.faults(health(train))])
    theirs = np.array([bool(f) for f in gate.faults(health(asked))])
    hidden = own[:, None] | theirs[None] | (np.abs(value) <= NOISE * error)
    return np.where(hidden, np.nan, value)
