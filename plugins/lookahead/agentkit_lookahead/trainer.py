"""The part `use = "lookahead"` among the trainers: rows in, a router's folder out."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from agentkit.capabilities import Checkpoint, Example, Plan, Progress, TrainingDiverged
from agentkit.errors import DataError
from agentkit.kit import Parts
from agentkit_lookahead import router, training
from agentkit_lookahead.identity import identity
from agentkit_lookahead.rows import Outcome, Row, Table
from agentkit_lookahead.settings import TrainSettings

SECONDS = 0.005  # of one query in one step of the tiny backbone, on one quiet core


class TrainerSettings(TrainSettings):
    """rows: how many the plan is for; None for those of the last training."""

    rows: int | None = None


class RouterTrainer:
    """Data: examples {text, set?, outcomes: {name: {score, response?, cost?, latency?,
    propensity?}}}."""

    def __init__(self, settings: TrainerSettings, parts: Parts) -> None:
        self._settings = TrainSettings.model_validate(settings.model_dump(exclude={"rows"}))
        self._rows, self._kit = settings.rows, parts.kit

    def plan(self) -> Plan:
        settings = self._settings
        rows = self._rows or 1000
        steps = training.steps_of(settings, rows)
        tiny = settings.backbone == "tiny"
        each = 12 * settings.width**2 * settings.layers + settings.vocabulary * settings.width
        parameters = each if tiny else 150_000_000
        seconds = SECONDS * (parameters / 230_000) * steps * settings.batch
        notes = () if self._rows else (f"for {rows} rows: set rows to plan for others",)
        return Plan(steps, parameters, 16 * parameters + (200 << 20), seconds, notes)

    def train(
        self, data: Iterable[Example], out: Path, progress: Progress, resume: bool = False
    ) -> Checkpoint:
        """Trains to `out`, which appears when all is done; until then "NAME.state" beside it holds
        how far it was.

        Raises:
            DataError: there is nothing to learn from.
            Cancelled, TrainingDiverged: what was there before is still there.
        """
        table = table_of(list(data))
        state = out.with_name(f"{out.name}.state")
        # The plan counts all rows: none is held out where their number was given.
        held = table if self._rows else None
        made = router.fit(self._settings, table, progress, held=held, state=state, resume=resume)
        return finish(
            self._kit, made, out, state, training.steps_of(self._settings, len(table.rows))
        )


def finish(kit: object, made: router.Router, out: Path, state: Path, steps: int) -> Checkpoint:
    """Saves a router with what its candidates are in this kit, and drops the half-way state."""
    import shutil

    from agentkit.kit import Kit

    known = {}
    if isinstance(kit, Kit):
        declared = kit.names("model")
        known = {n: identity(kit, n) for n in made.candidates if n in declared}
    made.about = replace(made.about, identities={n: i for n, i in known.items() if i})
    made.save(out)
    shutil.rmtree(state, ignore_errors=True)
    return Checkpoint(out, steps, dict(made.about.metrics))


def table_of(examples: list[Example]) -> Table:
    """Raises DataError, or TrainingDiverged for numbers that are none, since nothing could be
    learned from them."""
    if not examples:
        raise DataError("there is not one row", "collect some: agentkit route collect")
    names = list(dict.fromkeys(n for e in examples for n in e.data.get("outcomes", {})))
    rows = []
    for example in examples:
        outcomes = []
        for name in names:
            plain = example.data["outcomes"].get(name)
            one = Outcome(**plain) if plain else Outcome()
            if one.score is not None and not math.isfinite(one.score):
                raise TrainingDiverged(0, f"the score of {name} in {example.id!r}")
            outcomes.append(one)
        text, group = str(example.data["text"]), str(example.data.get("set", ""))
        rows.append(Row(example.id, group, text, tuple(outcomes)))
    return Table(tuple(names), tuple(rows))


def examples_of(table: Table) -> list[Example]:
    """The other way round, for `agentkit route train`."""
    return [
        Example(
            row.id,
            {
                "text": row.text,
                "set": row.set,
                "outcomes": {
                    name: {
                        "score": one.score,
                        "response": one.response,
                        "cost": one.cost,
                        "latency": one.latency,
                        "propensity": one.propensity,
                    }
                    for name, one in zip(table.candidates, row.outcomes)
                },
            },
        )
        for row in table.rows
    ]


def key_of(settings: TrainSettings, table: Table) -> str:
    """What a half-done training belongs to."""
    text = json.dumps([settings.model_dump(mode="json"), table.hash], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
