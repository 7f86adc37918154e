"""What a study is about: tokens, a number at each of them, and what else could explain it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import DataError
from agentkit_manifolds.tokens import Placer
from agentkit_manifolds.wrap import LineLabels, Wrapped, label, wrap

Floats = NDArray[np.float64]
FAR = 40  # characters left that are told apart; more are all alike
NUISANCES = ("index", "length", "line", "position")


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence. group: the document that it is from; a document is never divided between
    training and test. values: name to (T,) numbers. mask: (T,) tokens that are measured."""

    ids: NDArray[np.int64]
    group: str
    values: Mapping[str, Floats]
    mask: NDArray[np.bool_]
    width: int = 0
    labels: LineLabels | None = None


@dataclass(frozen=True, slots=True)
class ScalarTask:
    """Numbers to look for in hidden states.

    targets: names of the numbers that are looked for. nuisances: what each of them must be told
    apart from: a probe that knows no more than they do has found nothing.

    Raises:
        DataError: there is nothing, a value is missing or not finite, or one text stands in two
            groups, so that a probe could be tested on what it was fitted to.
    """

    name: str
    examples: Sequence[Example]
    targets: tuple[str, ...]
    nuisances: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.examples or not any(e.mask.any() for e in self.examples):
            raise DataError(f"task {self.name!r}: no token is labelled", "give longer texts")
        owner: dict[str, str] = {}
        for example in self.examples:
            for name in (*self.targets, *self.nuisances):
                if name not in example.values:
                    raise DataError(f"task {self.name!r}: {name!r} is not given", "label it")
                if not np.isfinite(example.values[name][example.mask]).all():
                    raise DataError(f"task {self.name!r}: {name!r} is not finite", "mask it out")
            digest = hashlib.sha256(example.ids.tobytes()).hexdigest()
            if owner.setdefault(digest, example.group) != example.group:
                raise DataError(
                    f"task {self.name!r}: one text is in two groups, "
                    f"{owner[digest]!r} and {example.group!r}",
                    "name groups by document, so that none is in training and test at once",
                )

    @property
    def groups(self) -> list[str]:
        return sorted({e.group for e in self.examples})

    @property
    def tokens(self) -> int:
        return sum(int(e.mask.sum()) for e in self.examples)


def shortened(example: Example, limit: int) -> Example:
    """The first tokens of an example."""
    labels = example.labels
    if labels is not None:
        cut = {f.name: getattr(labels, f.name)[:limit] for f in fields(labels)}
        labels = LineLabels(**cut)
    return replace(
        example,
        ids=example.ids[:limit],
        values={name: column[:limit] for name, column in example.values.items()},
        mask=example.mask[:limit],
        labels=labels,
    )


def folds(groups: Iterable[str], count: int, seed: int = 0) -> dict[str, int]:
    """A fold for each document, in equal shares, by a hash and so the same everywhere.

    Raises:
        DataError: there are fewer documents than folds.
    """
    names = sorted(set(groups), key=lambda g: hashlib.sha256(f"{seed} {g}".encode()).digest())
    if len(names) < count:
        raise DataError(f"{len(names)} documents cannot make {count} folds", "give more texts")
    return {name: place % count for place, name in enumerate(names)}


def check_split(train: Iterable[str], test: Iterable[str]) -> None:
    """Raises DataError where a document is on both sides."""
    both = sorted(set(train) & set(test))
    if both:
        raise DataError(
            f"{len(both)} documents are in training and test, e.g. {both[0]!r}",
            "split by document: neighbouring tokens of one text tell each other's labels",
        )


@dataclass(frozen=True, slots=True)
class Text:
    """group: the document that it is from."""

    group: str
    text: str


def line_example(text: Text, wrapped: Wrapped, placer: Placer, limit: int, first: int) -> Example:
    """A wrapped text with its labels.

    Args:
        limit: the most tokens.
        first: lines before this one are not measured: their width cannot be known yet.
    """
    ids, starts, ends = placer.place(wrapped.text)
    labels = label(wrapped, starts[:limit], ends[:limit])
    values = {
        "count": labels.count.astype(np.float64),
        "remaining": np.minimum(labels.remaining, FAR).astype(np.float64),
        "width": np.full(len(labels.count), float(wrapped.width)),
        "index": labels.index.astype(np.float64),
        "length": labels.length.astype(np.float64),
        "line": labels.line.astype(np.float64),
        "position": np.arange(len(labels.count), dtype=np.float64),
    }
    mask = ~(labels.newline | labels.mixed) & (labels.line >= first)
    return Example(
        np.array(ids[:limit], dtype=np.int64), text.group, values, mask, wrapped.width, labels
    )


def line_task(
    texts: Sequence[Text],
    widths: Sequence[int],
    placer: Placer,
    *,
    limit: int = 384,
    first: int = 1,
) -> ScalarTask:
    """Texts in lines, each at one of the widths in turn: the study's data.

    Raises:
        DataError: there are no texts, a word is longer than a line, or newlines are merged with
            other text by the tokenizer in more than one token of fifty.
    """
    if not texts:
        raise DataError("there are no texts", "give files, or a kind of text")
    owner: dict[str, str] = {}
    for text in texts:
        if owner.setdefault(" ".join(text.text.split()), text.group) != text.group:
            raise DataError(
                f"one text is in two documents, {text.group!r} and another",
                "name it once, so that it is not in training and test at once",
            )
    made = [
        line_example(text, wrap(text.text, widths[n % len(widths)]), placer, limit, first)
        for n, text in enumerate(texts)
    ]
    mixed = sum(int(e.labels.mixed.sum()) for e in made if e.labels is not None)
    if mixed * 50 > sum(len(e.ids) for e in made):
        raise DataError(
            "the tokenizer merges newlines with other text, so lines have no clear ends",
            "use another model",
        )
    return ScalarTask("lines", made, ("count", "remaining", "width"), NUISANCES)
