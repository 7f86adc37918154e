"""`agentkit ring`: data for a training, its curves, and the same algorithm for other trainers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def ring() -> None:
    """Reinforcement learning: `agentkit train ring DATA.jsonl` trains; these help."""


@app.command()
def tasks(
    dataset: Annotated[str, typer.Argument(help="of reasoning-gym, e.g. chain_sum")],
    count: Annotated[int, typer.Option("-n", help="how many")] = 100,
    seed: Annotated[int, typer.Option(help="the same seed gives the same tasks")] = 0,
) -> None:
    """Puzzles with verifiers, as JSON lines for the reward `puzzle`."""
    from agentkit_ring_rl.rewards import puzzle_set

    known = puzzle_set(dataset, count, seed)
    for number in range(count):
        entry = dict(known[number])
        line = {
            "id": f"{dataset}-{seed}-{number}",
            "prompt": str(entry["question"]) + "\nEnd with a line of its own: Answer: ...",
            "dataset": dataset,
            "entry": entry,
            "reward": "puzzle",
        }
        typer.echo(json.dumps(line, default=str))


@app.command()
def export(
    target: Annotated[str, typer.Argument(help="trl, verl, openrlhf or slime")],
    trainer: Annotated[str, typer.Option(help="a declared trainer with use = 'ring'")] = "ring",
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """A trainer's loss in the options of another one."""
    from agentkit.cli.context import open_kit, show_json
    from agentkit.errors import UsageError
    from agentkit_ring_rl.export import command_line
    from agentkit_ring_rl.export import export as exported
    from agentkit_ring_rl.settings import RingSettings

    settings = open_kit().validated("trainer", trainer)
    if not isinstance(settings, RingSettings):
        raise UsageError(f"trainers.{trainer} is no ring", "name one with use = 'ring'")
    options = exported(settings, target)
    show_json(options) if as_json else typer.echo(command_line(options, target))


@app.command()
def learned(out: Annotated[Path, typer.Argument(help="the folder of a training")]) -> None:
    """What a training taught, as JSON lines for `agentkit influence why`: of each example the
    answer that it reinforced most."""
    from agentkit_ring_rl.answers import reinforced

    for line in reinforced(out):
        typer.echo(json.dumps(line))


@app.command()
def plot(out: Annotated[Path, typer.Argument(help="the folder of a training")]) -> None:
    """Draws curve.png again, also while the training runs."""
    from agentkit.errors import DataError
    from agentkit_ring_rl.card import curves
    from agentkit_ring_rl.sft_state import read_steps

    if not read_steps(out):
        raise DataError(f"{out} holds no steps of a training", "name its --out")
    typer.echo(curves(out))
