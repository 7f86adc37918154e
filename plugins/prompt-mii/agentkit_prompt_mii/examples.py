"""Labelled rows and label lists, checked. What is wrong names its row."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from agentkit.errors import DataError
from agentkit.seeds import derive
from agentkit_prompt_mii.scoring import INVALID

MOST_LABELS = 600  # the paper's own bound


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled text. number: of the row or line that it came from, for messages."""

    text: str
    label: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows of one task, no text twice. labels: all of the task's, sorted. repeated: rows left out
    because their text was there with the same label; contradicted: because with another one."""

    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    repeated: int = 0
    contradicted: int = 0

    @property
    def hash(self) -> str:
        """Of rows in their order and labels."""
        plain = [self.labels, [(r.text, r.label) for r in self.rows]]
        return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]

    @property
    def gold(self) -> list[str]:
        return [r.label for r in self.rows]

    @property
    def texts(self) -> list[str]:
        return [r.text for r in self.rows]

    def part(self, rows: Iterable[Row]) -> Examples:
        """Some of the rows, with the whole label list."""
        return Examples(tuple(rows), self.labels)

    def balanced(self, count: int, seed: int) -> list[Row]:
        """At most `count` rows by chance, labels in turn."""
        rng, piles = Random(derive(seed, "balanced")), dict[str, list[Row]]()
        for row in self.rows:
            piles.setdefault(row.label, []).append(row)
        order = sorted(piles)
        rng.shuffle(order)
        for pile in piles.values():
            rng.shuffle(pile)
        made: list[Row] = []
        while len(made) < count and any(piles.values()):
            for label in order:
                if piles[label] and len(made) < count:
                    made.append(piles[label].pop())
        rng.shuffle(made)
        return made

    def halves(self, shown: int, held: int, seed: int) -> tuple[Examples, Examples]:
        """(rows to induce from, rows to judge on), no row in both.

        Raises:
            DataError: too few rows for that.
        """
        first = self.balanced(shown, seed)
        taken = {row.text for row in first}
        rest = self.part(r for r in self.rows if r.text not in taken)
        second = rest.balanced(held, derive(seed, "held"))
        if not first or len(second) < 2 or len({r.label for r in second}) < 2:
            raise DataError(
                f"{len(self.rows)} rows are too few to induce from {shown} and judge on others",
                "give more rows, or a smaller n",
            )
        return self.part(first), self.part(second)


def normalised(text: str) -> str:
    """A text without what changes nothing in it: case, space, marks, and forms of letters."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", plain)) or plain.strip()


def checked(
    pairs: Iterable[tuple[Any, Any]],
    labels: Sequence[str] | None = None,
    numbers: Sequence[int] | None = None,
) -> Examples:
    """Examples of (text, label) pairs.

    Args:
        labels: the task's own list; by default the labels that rows have.
        numbers: of the rows, for messages; from 1 by default.

    Raises:
        DataError: naming the row (also `details["row"]`): a text or label that is missing or no
            text, an unlabelled row (-1), a label that is not in the list. Without a row: none at
            all, one class, nothing but repetitions, labels that are no classes.
    """
    found: list[Row] = []
    for index, (text, label) in enumerate(pairs):
        number = numbers[index] if numbers else index + 1
        found.append(Row(_text(text, number), _label(label, labels, number), number))
    if not found:
        raise DataError("there are no examples", "give rows with a text and a label")
    own = tuple(sorted(set(labels if labels is not None else (r.label for r in found))))
    if len(own) < 2:
        raise DataError(
            f"row {found[0].number}: every one of {len(found)} rows has the label {own[0]!r}",
            "a task needs two labels",
            row=found[0].number,
        )
    if labels is None and len(found) >= 20 and len(own) > len(found) // 2:
        raise DataError(
            f"{len(own)} labels for {len(found)} rows: the column holds names, not classes",
            "name another column",
        )
    if len(own) > MOST_LABELS:
        raise DataError(
            f"{len(own):,} labels: a list of more than {MOST_LABELS} does not fit a prompt",
            "group them first",
        )
    return _distinct(found, own)


def _text(text: Any, number: int) -> str:
    if not isinstance(text, str):
        what = "is missing" if text is None else f"is no text but {type(text).__name__}"
        raise DataError(f"row {number}: the text {what}", "give a text", row=number)
    if not text.strip():
        raise DataError(f"row {number}: the text is empty", "leave the row out", row=number)
    return text


def _label(label: Any, known: Sequence[str] | None, number: int) -> str:
    if isinstance(label, bool) or (isinstance(label, int) and label >= 0):
        label = str(label).lower() if isinstance(label, bool) else str(label)
    if label in (-1, "-1"):
        raise DataError(
            f"row {number}: the label -1 stands for no label", "leave the row out", row=number
        )
    if not isinstance(label, str) or not label.strip():
        what = "is missing" if label in (None, "") or label is None else f"is {label!r}"
        raise DataError(f"row {number}: the label {what}", "give the label's name", row=number)
    if label == INVALID:
        raise DataError(f"row {number}: no label may be {INVALID}", "rename it", row=number)
    if known is not None and label not in known:
        raise DataError(
            f"row {number}: the label {label!r} is not in the label list", "add it", row=number
        )
    return label


def _distinct(rows: Sequence[Row], labels: tuple[str, ...]) -> Examples:
    said: dict[str, set[str]] = {}
    for row in rows:
        said.setdefault(normalised(row.text), set()).add(row.label)
    kept, seen = [], set()
    repeated = contradicted = 0
    for row in rows:
        key = normalised(row.text)
        if len(said[key]) > 1:
            contradicted += 1
        elif key in seen:
            repeated += 1
        else:
            seen.add(key)
            kept.append(row)
    if len(kept) < 2:
        raise DataError(
            f"row {rows[0].number}: {len(rows)} rows, and {len(kept)} of them says anything new",
            "the rest repeat or contradict one another",
            row=rows[0].number,
        )
    return Examples(tuple(kept), labels, repeated, contradicted)


def majority(examples: Examples) -> str:
    """The label of most rows, the first in order among equals."""
    counts = Counter(examples.gold)
    return min(counts, key=lambda label: (-counts[label], label))
