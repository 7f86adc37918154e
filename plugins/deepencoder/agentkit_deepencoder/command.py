"""`agentkit deepencoder …`: the nano model's recipe, and looking at a picture without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click
import typer

from agentkit.cli.context import open_kit, show_json
from agentkit.cli.progress import progress
from agentkit.errors import Cancelled, UsageError

app = typer.Typer(no_args_is_help=True)


@app.command()
def plan(
    picture: Annotated[Path, typer.Argument(help="a PNG, JPEG or WebP file")],
    mode: Annotated[str, typer.Option(help="tiny, small, base, large, gundam, gundam-m, auto")] = (
        "auto"
    ),
    tiles: Annotated[int, typer.Option(help="the most tiles")] = 6,
    ratio: Annotated[float, typer.Option(help="text tokens a vision token, for auto")] = 10.0,
) -> None:
    """Say how many tokens a picture takes of the published model, without any model."""
    from agentkit.capabilities import Image
    from agentkit_deepencoder.auto import choose
    from agentkit_deepencoder.config import FULL
    from agentkit_deepencoder.layout import mode_of
    from agentkit_deepencoder.layout import plan as planned
    from agentkit_deepencoder.pictures import decode

    try:
        data = picture.read_bytes()
    except OSError as error:
        raise UsageError(f"{picture}: cannot be read: {error}", "name a picture") from error
    opened = decode(Image(data))
    reason = ""
    if mode == "auto":
        choice = choose(opened, FULL, ratio, tiles)
        found, reason = choice.plan, choice.reason
    else:
        found = planned(*opened.size, mode_of(mode, FULL), FULL.token, tiles)
    show_json(
        {
            "mode": found.mode.name,
            "tiles": [found.columns, found.rows],
            "tokens": found.tokens,
            "valid": found.valid,
            "positions": found.positions,
            "why": reason,
        }
    )


@app.command()
def read(
    pictures: Annotated[list[Path], typer.Argument(help="PNG, JPEG or WebP files")],
    model: Annotated[str, typer.Option(help="a model of the settings")] = "deepencoder",
    task: Annotated[str, typer.Option(help="ocr, markdown, grounding, describe, figure")] = "ocr",
    mode: Annotated[str, typer.Option(help="how to look; the model's own by default")] = "",
) -> None:
    """Read pictures, one after the other; each as a JSON object on a line of its own."""
    from agentkit.capabilities import Image
    from agentkit_deepencoder.perception import DeepEncoderPerception

    kit = open_kit()
    kit.define("perception", "deepencoder-read", use="deepencoder", model=model)
    eye = kit.part("perception", "deepencoder-read")
    assert isinstance(eye, DeepEncoderPerception)
    for path in pictures:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error}", "name a picture") from error
        (found,) = eye.read([Image(data)], mode, task)
        show_json(
            {
                "file": str(path),
                "text": found.text,
                "mode": found.mode,
                "positions": found.positions,
                "warnings": list(found.warnings),
            }
        )


@app.command()
def train(
    out: Annotated[Path, typer.Argument(help="a folder for the state and the checkpoint")],
    first: Annotated[int, typer.Option(help="steps of the encoder's own stage")] = 12000,
    second: Annotated[int, typer.Option(help="steps of the second stage")] = 10000,
    seed: Annotated[int, typer.Option(help="of weights and data")] = 0,
    resume: Annotated[bool, typer.Option(help="go on from the folder's state")] = False,
) -> None:
    """Train a nano model on this machine, as the one that is shipped was."""
    from agentkit_deepencoder.nano.learn import Recipe
    from agentkit_deepencoder.nano.learn import train as learn
    from agentkit_deepencoder.nano.shipping import ship

    recipe = Recipe(first=first, second=second, seed=seed)
    with progress("nano") as told:
        try:
            learner = learn(out / "state", recipe, told, resume=resume)
        except Cancelled:
            click.echo(f"stopped; go on with --resume: {out / 'state'}", err=True)
            raise
    ship(learner, out / "nano", recipe, recipe.steps)
    click.echo(f"{out / 'nano'}: a checkpoint; use it with checkpoint = '{out / 'nano'}'")
