"""`agentkit train`: make a checkpoint out of data with a declared trainer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer

from agentkit.cli.context import note, open_kit, setting_of, show_json, show_parts
from agentkit.cli.progress import progress
from agentkit.errors import AgentkitError, DataError, Paused, RunInterrupted, UsageError

if TYPE_CHECKING:
    from agentkit.capabilities import Example, Plan, Trainer
    from agentkit.kit import Kit

app = typer.Typer()


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="a declared trainer; none: list them")] = "",
    data: Annotated[
        list[Path] | None,
        typer.Argument(help="examples, one JSON object a line with its `id`; - is standard input"),
    ] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(help="stored runs to learn from: an id, or an agent's name for all of its"),
    ] = None,
    out: Annotated[Path, typer.Option(help="the folder of the checkpoint")] = Path("trained"),
    resume: Annotated[bool, typer.Option("--resume", help="go on from what is in --out")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="say what it takes, and stop")] = False,
    setting: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="a setting of the trainer")
    ] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Train: a plan, progress on the screen, and a checkpoint in --out.

    Ctrl-C keeps the checkpoint of the last border; the same command with --resume goes on from
    there, with the same result as if nothing had happened.
    """
    kit = open_kit(*(f"trainers.{name}.{setting_of(text)}" for text in setting))
    if not name:
        show_parts(kit, "trainer", as_json)
        return
    from agentkit.capabilities import TrainingDiverged

    trainer = cast("Trainer", kit.part("trainer", name))
    planned = trainer.plan()
    if plan:
        show_json(asdict(planned)) if as_json else typer.echo(_told(planned))
        return
    if not resume and out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", "--resume goes on there; --out names another")
    if resume and not out.is_dir():
        raise UsageError(f"there is nothing to resume in {out}", "leave --resume out to begin")
    examples = list(_examples(data or []))
    if runs:
        examples += _of_runs(kit, trainer, name, runs)
    note(_told(planned))
    with progress(name) as moving:
        try:
            made = trainer.train(examples, out, moving, resume)
        except RunInterrupted:
            note(f"stopped; the same command with --resume goes on from here ({out})")
            raise
        except TrainingDiverged as error:
            raise AgentkitError(
                f"trainers.{name}: {error}", f"the last good checkpoint is in {out}; learn slower"
            ) from error
    if moving.cancel and made.step < planned.steps:
        note(f"stopped; the same command with --resume goes on from here ({out})")
        raise Paused
    if as_json:
        show_json({"path": str(made.path), "step": made.step, "metrics": dict(made.metrics)})
        return
    typer.echo(f"{made.path}: step {made.step}")
    for key, value in made.metrics.items():
        typer.echo(f"  {key} {value:.5g}")


def _of_runs(kit: Kit, trainer: Trainer, name: str, runs: list[str]) -> Sequence[Example]:
    """Raises:
    UsageError: the trainer cannot learn from runs.
    """
    from agentkit.capabilities import LearnsFromRuns

    if not isinstance(trainer, LearnsFromRuns):
        raise UsageError(
            f"trainers.{name} learns from examples, not from runs", "give it a file of examples"
        )
    return trainer.from_runs(kit.runs, runs)


def _examples(files: list[Path]) -> Iterator[Example]:
    """The lines of all files; every id once.

    Raises:
        DataError: a file is absent, a line is no JSON object, or an id comes twice.
    """
    seen: dict[str, str] = {}
    for file in files:
        try:
            with sys.stdin if str(file) == "-" else file.open(encoding="utf-8") as lines:
                yield from _lines(file.name, lines, seen)
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{file}: cannot be read: {error}", "name a file of JSON lines"
            ) from error


def _lines(name: str, lines: TextIO, seen: dict[str, str]) -> Iterator[Example]:
    from agentkit.capabilities import Example

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            plain: Any = json.loads(line)
        except ValueError as error:
            raise DataError(f"{place}: is no JSON: {error}", "one object a line") from error
        if not isinstance(plain, dict):
            raise DataError(f"{place}: is no JSON object", "one object a line")
        found = str(plain.pop("id", place))
        if found in seen:
            raise DataError(f"{place}: the id {found[:80]!r} is also at {seen[found]}", "")
        seen[found] = place
        yield Example(found, plain)


def _told(plan: Plan) -> str:
    line = (
        f"{plan.steps} steps, {plan.parameters:,} parameters, {plan.memory / 2**30:.2f} GiB, "
        f"about {plan.seconds / 60:.1f} minutes"
    )
    return "\n".join([line, *(f"  {text}" for text in plan.notes)])
