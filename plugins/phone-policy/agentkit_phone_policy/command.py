"""`agentkit phone-policy …`: a policy of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import click
import typer

from agentkit.agents.acting import StepPrompt
from agentkit.errors import DataError, UsageError

app = typer.Typer(no_args_is_help=True, help="Make, train and pack a policy for phones.")
Demos = Annotated[list[Path], typer.Argument(help="demonstrations: `agentkit phone demos`")]


@app.command()
def new(
    demos: Demos,
    out: Annotated[Path, typer.Option(help="the folder of the policy")] = Path("policy"),
    width: Annotated[int, typer.Option(min=16, help="of its hidden states")] = 128,
    layers: Annotated[int, typer.Option(min=1)] = 4,
    heads: Annotated[int, typer.Option(min=1)] = 4,
    seed: Annotated[int, typer.Option(help="of the random weights")] = 0,
) -> None:
    """Write a policy that knows the words of some demonstrations, and nothing else yet."""
    from agentkit_phone_policy.folder import write_policy
    from agentkit_phone_policy.vocabulary import vocabulary

    if width % (2 * heads):
        raise UsageError(f"--width {width} is no multiple of twice --heads {heads}")
    apps: set[str] = set()
    tokens = vocabulary(_read(demos, apps), apps)
    write_policy(out, tokens, width=width, layers=layers, heads=heads, seed=seed)
    click.echo(f"{out}: {len(tokens)} words, {len(apps)} apps")


@app.command()
def pack(
    policy: Annotated[Path, typer.Argument(help="the policy that was trained")],
    trained: Annotated[Path, typer.Argument(help="the folder of the training")],
    out: Annotated[Path, typer.Option(help="a folder for the policy as it is now")],
) -> None:
    """Put the weights of a training into a policy's folder, in bf16."""
    from agentkit_phone_policy.folder import write_weights

    write_weights(out, policy, trained / "checkpoint" / "model.safetensors")
    size = sum(p.stat().st_size for p in out.iterdir())
    click.echo(f"{out}: {size / 1e6:.1f} MB")


def _read(files: list[Path], apps: set[str]) -> Iterator[tuple[str, str, StepPrompt]]:
    """(template, task, prompt) of each line; `apps` gets those that are opened."""
    for file in files:
        number = 0
        try:
            with file.open(encoding="utf-8") as lines:
                for line in lines:
                    number += 1
                    plain = json.loads(line)
                    answer = json.loads(plain["answer"])
                    if answer["kind"] == "open":
                        apps.add(answer["app"])
                    yield plain["template"], plain["source"], StepPrompt.read(plain["prompt"])
        except OSError as error:
            raise DataError(f"{file}: cannot be read: {error}", "") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{file}:{number}: is no demonstration: {type(error).__name__} {error}",
                "agentkit phone demos writes them",
            ) from error
