"""The table that routers learn from and are judged on: queries, and each candidate's outcome.

A line of a file is {id, set, prompt | messages, node?, candidates: [{name, score, response?, cost?,
latency_ms?, propensity?}]}, or {id, set, prompt, scores: [...], resp: [...]}, where the names are
given beside it. A score that nobody knows is left out or null; it is never made up.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from agentkit.errors import DataError
from agentkit.seeds import derive

PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one candidate did. score: None where it is not known. cost: in the user's own unit.
    latency: seconds. propensity: the chance with which it was chosen, where it was one choice."""

    score: float | None = None
    response: str = ""
    cost: float | None = None
    latency: float | None = None
    propensity: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A query. text: what the router reads. outcomes: by candidate, in the table's order."""

    id: str
    set: str
    text: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Table:
    """Rows with the candidates' names, in the order of every row's outcomes."""

    candidates: tuple[str, ...]
    rows: tuple[Row, ...]

    @cached_property
    def scores(self) -> np.ndarray:
        """(n, K); NaN where a score is not known."""
        return self._numbers("score")

    @cached_property
    def costs(self) -> np.ndarray:
        return self._numbers("cost")

    @cached_property
    def latencies(self) -> np.ndarray:
        return self._numbers("latency")

    @cached_property
    def propensities(self) -> np.ndarray:
        return self._numbers("propensity")

    @property
    def texts(self) -> list[str]:
        return [row.text for row in self.rows]

    @property
    def sets(self) -> list[str]:
        return [row.set for row in self.rows]

    @property
    def complete(self) -> bool:
        """Every candidate's score is known everywhere."""
        return bool(np.isfinite(self.scores).all())

    def responses(self, row: int) -> list[str]:
        return [one.response for one in self.rows[row].outcomes]

    def take(self, rows: Iterable[int]) -> Table:
        return Table(self.candidates, tuple(self.rows[n] for n in rows))

    def order(self, candidates: Sequence[str]) -> Table:
        """The same table with candidates in another order, or fewer of them.

        Raises:
            DataError: one is not in the table.
        """
        if missing := [name for name in candidates if name not in self.candidates]:
            raise DataError(
                f"the table has no outcomes of {', '.join(missing)}",
                f"it has those of {', '.join(self.candidates)}",
            )
        at = [self.candidates.index(name) for name in candidates]
        rows = (replace(r, outcomes=tuple(r.outcomes[n] for n in at)) for r in self.rows)
        return Table(tuple(candidates), tuple(rows))

    def split(self, share: float, seed: int = 0) -> tuple[Table, Table]:
        """(first, second): a row's place depends on its id and the seed alone."""
        inside = [derive(seed, f"split {r.id}") % PARTS < share * PARTS for r in self.rows]
        first = self.take(n for n, is_in in enumerate(inside) if is_in)
        return first, self.take(n for n, is_in in enumerate(inside) if not is_in)

    def sample(self, count: int, seed: int = 0) -> Table:
        """So many rows by chance, the smaller sample a part of the larger one."""
        order = sorted(
            range(len(self.rows)), key=lambda n: derive(seed, f"sample {self.rows[n].id}")
        )
        return self.take(sorted(order[:count]))

    @cached_property
    def hash(self) -> str:
        """Of all that is in it; a trained router keeps it."""
        digest = hashlib.sha256(json.dumps(self.candidates).encode())
        for row in self.rows:
            known = [[o.score, o.response, o.propensity] for o in row.outcomes]
            digest.update(json.dumps([row.id, row.set, row.text, known]).encode())
        return digest.hexdigest()[:16]

    def informative(self) -> Table:
        """The table itself.

        Raises:
            DataError: it is empty, or every candidate scores the same on every query.
        """
        if not self.rows:
            raise DataError("there is not one row", "collect some: agentkit route collect")
        known = self.scores[np.isfinite(self.scores)]
        if not known.size:
            raise DataError("not one score is known", "score some answers first")
        if known.min() == known.max():
            raise DataError(
                f"all scores are {known[0]:g}: no candidate is better than another anywhere",
                "collect queries on which the candidates differ",
            )
        return self

    def write(self) -> Iterator[str]:
        """Lines that `read_table` reads."""
        for row in self.rows:
            yield json.dumps(
                {
                    "id": row.id,
                    "set": row.set,
                    "prompt": row.text,
                    "candidates": [
                        {"name": name, **_plain(one)}
                        for name, one in zip(self.candidates, row.outcomes)
                    ],
                },
                ensure_ascii=False,
            )

    def _numbers(self, field: str) -> np.ndarray:
        found = [[getattr(one, field) for one in row.outcomes] for row in self.rows]
        numbers = [[math.nan if v is None else float(v) for v in row] for row in found]
        return np.array(numbers, dtype=float).reshape(len(self.rows), len(self.candidates))


def read_table(path: Path, candidates: Sequence[str] = ()) -> Table:
    """A file of rows, packed with gzip or not.

    Args:
        candidates: names for rows that hold plain lists of scores; else the order to bring to.

    Raises:
        DataError: naming the line and what is wrong with it.
    """
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            lines = file.readlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}", "name a file of rows") from error
    found: list[tuple[str, dict[str, Any], dict[str, Outcome]]] = []
    names: dict[str, None] = dict.fromkeys(candidates)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        plain, outcomes = _read(line, where, candidates)
        names |= dict.fromkeys(outcomes)
        found.append((where, plain, outcomes))
    rows, seen = [], set()
    for where, plain, outcomes in found:
        row = _row(where, plain, [outcomes.get(name, Outcome()) for name in names])
        if row.id in seen:
            raise DataError(f"{where}: the id {row.id!r} is there twice", "give each row its own")
        seen.add(row.id)
        rows.append(row)
    return Table(tuple(names), tuple(rows))


def _read(
    line: str, where: str, candidates: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Outcome]]:
    try:
        plain = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: is no JSON: {error}", "one object a line") from error
    if not isinstance(plain, dict):
        raise DataError(f"{where}: is no object", "one object a line")
    if "scores" in plain:
        scores, said = plain["scores"], plain.get("resp") or []
        if not isinstance(scores, list) or len(scores) != len(candidates):
            raise DataError(
                f"{where}: scores is no list of {len(candidates)}, one a candidate",
                "name the candidates in the order of the scores",
            )
        said = [*said, *[""] * len(scores)]
        return plain, {
            name: Outcome(_number(score, f"{where}: score of {name}"), str(text or ""))
            for name, score, text in zip(candidates, scores, said)
        }
    outcomes = {}
    for one in plain.get("candidates") or []:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise DataError(f"{where}: a candidate has no name", '{"name": …, "score": …}')
        name = one["name"]
        if name in outcomes:
            raise DataError(f"{where}: {name} is there twice", "one outcome a candidate")
        milliseconds = _number(one.get("latency_ms"), f"{where}: latency_ms of {name}")
        outcomes[name] = Outcome(
            _number(one.get("score"), f"{where}: score of {name}"),
            str(one.get("response") or ""),
            _number(one.get("cost"), f"{where}: cost of {name}"),
            None if milliseconds is None else milliseconds / 1000,
            _chance(one.get("propensity"), f"{where}: propensity of {name}"),
        )
    if not outcomes or all(one.score is None for one in outcomes.values()):
        raise DataError(f"{where}: no candidate has a score", "score one, or leave the row out")
    return plain, outcomes


def _row(where: str, plain: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Row:
    from agentkit_lookahead.reading import read_plain

    text = plain.get("prompt")
    if text is None:
        text = read_plain(plain.get("messages") or [], str(plain.get("node") or ""))
    if not isinstance(text, str):
        raise DataError(f"{where}: the prompt is no text", "give a text, or messages")
    made = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Row(str(plain.get("id") or made), str(plain.get("set") or ""), text, tuple(outcomes))


def _number(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(f"{what} is {value!r}", "a finite number, or nothing where it is unknown")
    return float(value)


def _chance(value: Any, what: str) -> float | None:
    found = _number(value, what)
    if found is not None and not 0 < found <= 1:
        raise DataError(f"{what} is {found:g}", "a probability above 0, and 1 at most")
    return found


def _plain(one: Outcome) -> dict[str, Any]:
    made = {
        "score": one.score,
        "response": one.response,
        "cost": one.cost,
        "latency_ms": None if one.latency is None else round(1000 * one.latency, 3),
        "propensity": one.propensity,
    }
    return {key: value for key, value in made.items() if value not in (None, "")}
