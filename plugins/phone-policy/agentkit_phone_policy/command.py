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
    meanings: Annotated[
        str, typer.Option(help='an embedder that tells the meanings of words; "" for none')
    ] = "minilm",
    seed: Annotated[int, typer.Option(help="of the random weights")] = 0,
) -> None:
    """Write a policy that knows the words of some demonstrations, and nothing else yet."""
    from agentkit_phone_policy.folder import write_policy
    from agentkit_phone_policy.vocabulary import vocabulary

    if width % (2 * heads):
        raise UsageError(f"--width {width} is no multiple of twice --heads {heads}")
    tokens = vocabulary(_read(demos))
    more: list[str] = []
    vectors = None
    if meanings:
        from agentkit.cli.context import open_kit
        from agentkit_phone_policy.meanings import common, of_words

        kit = open_kit()
        known = set(tokens)
        more = [w for w in common(kit, meanings) if w not in known]
        vectors = of_words(kit.model(meanings), [*tokens, *more])
    write_policy(
        out, tokens, width=width, layers=layers, heads=heads, seed=seed, more=more, meanings=vectors
    )
    click.echo(f"{out}: {len(tokens)} words, and {len(more)} by their meaning alone")


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


def _read(files: list[Path]) -> Iterator[tuple[str, str, StepPrompt]]:
    """(template, task, prompt) of each line."""
    for file in files:
        number = 0
        try:
            with file.open(encoding="utf-8") as lines:
                for line in lines:
                    number += 1
                    plain = json.loads(line)
                    yield plain["template"], plain["source"], StepPrompt.read(plain["prompt"])
        except OSError as error:
            raise DataError(f"{file}: cannot be read: {error}", "") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{file}:{number}: is no demonstration: {type(error).__name__} {error}",
                "agentkit phone demos writes them",
            ) from error
