"""`agentkit phone demos` and `agentkit phone explore`: examples for a policy, in a file."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

if TYPE_CHECKING:
    from agentkit_android.demos.recording import Mover


Without = Annotated[
    str, typer.Option(help="templates that are left out, with commas, to develop on")
]


def demos(
    out: Annotated[Path, typer.Option(help="the file, a JSON object a line")] = Path("demos.jsonl"),
    each: Annotated[
        int, typer.Option(min=1, help="tasks of every template of the train split")
    ] = 4,
    seed: Annotated[int, typer.Option(help="of the phones' states and the noise")] = 0,
    noise: Annotated[
        float, typer.Option(min=0, max=1, help="chance of a burst of random actions at a step")
    ] = 0.08,
    reworded: Annotated[
        float, typer.Option(min=0, max=1, help="share of the episodes whose goal is reworded")
    ] = 0.5,
    by: Annotated[str, typer.Option(help="a model that takes some of the steps (DAgger)")] = "",
    mix: Annotated[float, typer.Option(min=0, max=1, help="share of its steps")] = 0.5,
    weight: Annotated[
        float, typer.Option(min=0, help="of these examples in a training; others have 1")
    ] = 1.0,
    without: Without = "",
) -> None:
    """Demonstrate the tasks of the train split: a line for each step, with the expert's action.

    Ctrl-C keeps what is done; the same command goes on from there.
    """
    from agentkit.cli.context import open_kit
    from agentkit.seeds import derive
    from agentkit_android.demos import recording
    from agentkit_android.demos.rewording import reworded as other_words
    from agentkit_android.demos.writing import write_examples

    left_out = _templates(without)
    mover = _mover(open_kit().model(by)) if by else None
    phone = _phone()
    tasks = [t for t in recording.train_tasks(each) if t.template not in left_out]
    how = {"each": each, "seed": seed, "noise": noise, "reworded": reworded, "by": by, "mix": mix,
           "weight": weight, **({"without": left_out} if left_out else {})}  # fmt: skip
    lost = 0

    def make(number: int) -> list[dict[str, Any]]:
        nonlocal lost
        task = tasks[number]
        random = Random(derive(seed, f"wording {task.id}"))
        goal = task.goal
        if random.random() < reworded:
            goal = other_words(goal, "train", random)
        made = recording.episode(
            phone,
            task,
            derive(seed, task.id) % 1000,
            recording.Noise(noise, 4, mover, mix),
            goal,
        )
        lost += not made
        return [{**one, "weight": weight} for one in made] if weight != 1 else made

    write_examples(out, how, len(tasks), make, "demonstrating")
    phone.close()
    click.echo(f"{out}: {len(tasks)} episodes, {lost} of them not to be mended and left out")


def explore(
    out: Annotated[Path, typer.Option(help="the file, a JSON object a line")] = Path(
        "explored.jsonl"
    ),
    episodes: Annotated[int, typer.Option(min=1, help="walks, at most; some come to nothing")] = 64,
    seed: Annotated[int, typer.Option(help="of the phones' states and the walks")] = 0,
    without: Without = "",
) -> None:
    """Walk through the apps by chance, and write the goal afterwards: a line for each step.

    Apps that no train task happens in are never entered. Ctrl-C keeps what is done; the same
    command goes on from there.
    """
    from agentkit_android.demos.exploring import WALKS, explored
    from agentkit_android.demos.writing import write_examples
    from agentkit_android.tasks import catalogue

    left_out = _templates(without)
    phone = _phone()
    tasks = [t for t in catalogue.tasks("train") if t.template not in left_out]
    how = {"episodes": episodes, "seed": seed, "without": left_out}
    phones = -(-episodes // WALKS)
    told = 0

    def make(number: int) -> list[dict[str, Any]]:
        nonlocal told
        made = explored(phone, number, seed, tasks, min(WALKS, episodes - number * WALKS))
        told += len({one["source"] for one in made})
        return made

    write_examples(out, how, phones, make, "exploring")
    phone.close()
    click.echo(f"{out}: {told} of {episodes} walks came to something")


def _phone() -> Any:
    from agentkit_android.env.environment import AndroidEnvironment
    from agentkit_android.env.settings import AndroidSettings

    return AndroidEnvironment(AndroidSettings(where="inside", picture=False))


def _templates(without: str) -> list[str]:
    """Names of templates, as a person lists them."""
    from agentkit_android.tasks import catalogue

    names = [name.strip() for name in without.split(",") if name.strip()]
    for name in names:
        catalogue.template(name)
    return sorted(names)


def _mover(model: Any) -> Mover:
    """A model as it takes a step: what it says, if that is an action."""
    from agentkit.agents.acting import BadReply, read_reply
    from agentkit.capabilities import CallContext, Request
    from agentkit_android.client.actions import ACTIONS

    def move(prompt: Any, elements: Any, random: Random) -> Any:
        request = Request(
            prompt.messages(ACTIONS),
            max_tokens=64,
            temperature=0.7,
            context=CallContext(seed=random.getrandbits(30)),
        )
        (made,) = model.generate([request])
        try:
            return read_reply(made.text, ACTIONS, elements)
        except BadReply:
            return None

    return move
