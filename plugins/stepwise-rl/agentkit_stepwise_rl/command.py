"""`agentkit stepwise`: samples of stored runs, where a sample is from, what became of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

from agentkit.cli.context import note, open_kit, show_json
from agentkit.errors import DataError, UsageError
from agentkit.unicode import split_lines

if TYPE_CHECKING:
    from agentkit.kit import Kit

app = typer.Typer(no_args_is_help=True)
Runs = Annotated[list[str], typer.Argument(help="runs by id, or all of an agent by its name")]
Phone = Annotated[str, typer.Option(help="a declared environment whose actions runs are told in")]


@app.callback()
def stepwise() -> None:
    """Step samples: `agentkit train stepwise` and `agentkit train evolve` train; these help."""


@app.command()
def split(
    runs: Runs,
    out: Annotated[Path, typer.Option(help="the file, a sample a line")] = Path("samples.jsonl"),
    environment: Phone = "phone",
    learn: Annotated[str, typer.Option(help="taken, or best: the expert's where asked")] = "taken",
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="believe runs that nobody could check")
    ] = False,
    augment: Annotated[
        int, typer.Option(min=-1, help="prove alternatives of at most so many more steps")
    ] = -1,
) -> None:
    """Split stored runs into step samples, with counts of what was left out and why."""
    from agentkit.files import write_atomic
    from agentkit_stepwise_rl.runs import samples_of_runs
    from agentkit_stepwise_rl.samples import write

    if learn not in ("taken", "best"):
        raise UsageError(f"there is no --learn {learn!r}", "taken or best")
    if out.exists():
        raise UsageError(f"{out} exists", "--out names another")
    kit = open_kit()
    actions = kit.environment(environment).info.actions
    change = _proving(kit, environment, augment) if augment >= 0 else None
    samples, reports = samples_of_runs(
        kit.runs, runs, actions, learn=learn, unchecked=unchecked, change=change
    )
    for one in reports:
        note(one.told())
    if not samples:
        raise DataError("no step of these runs can be learned from", "name others")
    write_atomic(out, write(samples))
    click.echo(f"{out}: {len(samples)} samples")


def _proving(kit: Kit, environment: str, extra: int) -> Any:
    from agentkit_stepwise_rl.multipath import augmented
    from agentkit_stepwise_rl.rollout import task_of

    phone: Any = kit.environment(environment)

    def change(one: Any, report: Any) -> Any:
        if not one.task:
            return one
        task = task_of(phone, one.task, one.split)
        return augmented(phone, task, one, extra=extra, report=report)[0]

    return change


@app.command()
def trace(
    sample: Annotated[str, typer.Argument(help="the id of a sample or example")],
    environment: Phone = "phone",
) -> None:
    """Where a sample is from: its run, its step, the event in the run's log."""
    from agentkit_stepwise_rl.runs import traced

    kit = open_kit()
    show_json(dict(traced(kit.runs, sample, kit.environment(environment).info.actions)))


@app.command()
def used(
    run: Annotated[str, typer.Argument(help="a stored run")],
    trained: Annotated[Path, typer.Argument(help="the folder of a training or an evolution")],
) -> None:
    """What became of a run: its samples, and the training steps that used them."""
    kit = open_kit()
    id = kit.runs.get(run).id
    found = 0
    for file in sorted(trained.rglob("steps.jsonl")):
        for line in split_lines(file.read_text(encoding="utf-8")):
            try:
                plain = json.loads(line)
            except ValueError:
                break
            own = [e for e in plain.get("examples", ()) if e.rpartition(".")[0] == id]
            if own:
                found += 1
                click.echo(f"{file} step {plain['step']}: {', '.join(own)}")
    if not found:
        raise DataError(f"no training in {trained} used run {id}", "name another folder")
