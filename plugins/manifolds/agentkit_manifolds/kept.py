"""What a study's pass over its texts leaves, as one file: sums, and a sample of tokens."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import DataError
from agentkit.files import write_atomic
from agentkit_manifolds.moments import Curves, Floats, Moments
from agentkit_manifolds.stream import Sums
from agentkit_manifolds.task import Example

MOST = 6000  # tokens of a sample


@dataclass(slots=True)
class Sample:
    """Tokens of one site. states: (n, d). labels: name to (n,). groups: documents, by number."""

    site: str
    names: tuple[str, ...]
    states: list[NDArray[np.float32]] = field(default_factory=list)
    labels: list[Floats] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def add(self, example: Example, states: dict[str, Floats], every: int) -> None:
        """Takes every so many-th of the example's tokens."""
        assert example.labels is not None
        rows = np.nonzero(example.mask)[0][::every]
        known = {
            **example.values,
            "next": example.labels.next_word,
            "end": example.labels.word_end,
            "break": example.labels.break_next,
            "left": example.labels.remaining,
        }
        if len(self.groups) + len(rows) > MOST:
            return
        self.states.append(states[self.site][rows].astype(np.float32))
        self.labels.append(np.stack([np.asarray(known[n])[rows] for n in self.names], 1) * 1.0)
        self.groups += [example.group] * len(rows)

    def arrays(self) -> tuple[NDArray[np.float32], dict[str, Floats], NDArray[np.str_]]:
        labels = np.concatenate(self.labels)
        columns = {name: labels[:, n] for n, name in enumerate(self.names)}
        return np.concatenate(self.states), columns, np.array(self.groups)


def save(path: Path, sums: Sums, samples: Sequence[Sample]) -> None:
    """Writes a pass whole or not at all."""
    made: dict[str, NDArray[np.generic]] = {"tokens": np.array(sums.tokens)}
    for site, moments in sums.moments.items():
        made[f"moments|{site}"] = moments.gram
        made[f"extras|{site}"] = np.array(moments.extras)
        for name, curves in sums.curves[site].items():
            made[f"curve|{site}|{name}"] = curves.sums
            made[f"count|{site}|{name}"] = curves.counts
            made[f"bins|{site}|{name}"] = np.array(curves.bins)
    for sample in samples:
        states, labels, groups = sample.arrays()
        made[f"states|{sample.site}"], made[f"groups|{sample.site}"] = states, groups
        made |= {f"label|{sample.site}|{name}": column for name, column in labels.items()}
    buffer = io.BytesIO()
    np.savez(buffer, **made)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


@dataclass(frozen=True, slots=True)
class Kept:
    """A pass that was read back. states: by site; labels: by site and name."""

    sums: Sums
    states: dict[str, NDArray[np.float32]]
    labels: dict[str, dict[str, Floats]]
    groups: dict[str, NDArray[np.str_]]


def load(path: Path) -> Kept:
    """Raises DataError: it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as found:
            held = dict(found)
        sums = Sums({}, {}, int(held["tokens"]))
        made = Kept(sums, {}, {}, {})
        for key, value in held.items():
            kind, _, rest = key.partition("|")
            if kind == "moments":
                extras = tuple(str(e) for e in held[f"extras|{rest}"])
                one = Moments(value.shape[1] - 1 - len(extras), extras, len(value))
                one.gram = value
                sums.moments[rest] = one
            elif kind == "curve":
                site, _, name = rest.partition("|")
                bins = tuple(int(b) for b in held[f"bins|{rest}"])
                width = held[f"moments|{site}"].shape[1] - 1 - len(held[f"extras|{site}"])
                curve = Curves(width, bins, len(value), value.shape[2] - width)
                curve.sums, curve.counts = value, held[f"count|{rest}"]
                sums.curves.setdefault(site, {})[name] = curve
            elif kind == "states":
                made.states[rest], made.groups[rest] = value, held[f"groups|{rest}"]
            elif kind == "label":
                site, _, name = rest.partition("|")
                made.labels.setdefault(site, {})[name] = value
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: cannot be read: {error}", "delete it; it is made again"
        ) from error
    return made
