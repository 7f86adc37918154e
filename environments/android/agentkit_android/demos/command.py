"""`agentkit phone demos`: demonstrations of the experts in a file."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

from agentkit.errors import Paused, UsageError

if TYPE_CHECKING:
    from agentkit_android.demos.recording import Mover


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
) -> None:
    """Demonstrate the tasks of the train split: a line for each step, with the expert's action.

    Ctrl-C keeps what is done; the same command goes on from there.
    """
    from agentkit.cli.context import open_kit
    from agentkit.cli.progress import progress
    from agentkit.seeds import derive
    from agentkit_android.demos import recording
    from agentkit_android.demos.rewording import reworded as other_words
    from agentkit_android.env.environment import AndroidEnvironment
    from agentkit_android.env.settings import AndroidSettings

    if out.exists():
        raise UsageError(f"{out} exists", "--out names another")
    mover = _mover(open_kit().model(by)) if by else None
    phone = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    tasks = list(recording.train_tasks(each))
    part = out.with_name(f"{out.name}.part")
    begun = _begun(part, {"each": each, "seed": seed, "noise": noise, "reworded": reworded,
                          "by": by, "mix": mix, "weight": weight})  # fmt: skip
    lost = 0
    with progress("demonstrating") as moving, part.open("a", encoding="utf-8") as file:
        for number, task in enumerate(tasks[begun:], begun + 1):
            if moving.cancel:
                click.echo(f"stopped; the same command goes on from here ({part})", err=True)
                raise Paused
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
            weighed = [{**one, "weight": weight} for one in made] if weight != 1 else made
            lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in weighed]
            file.write("".join([*lines, json.dumps({"done": number}) + "\n"]))
            file.flush()
            moving.update(number, len(tasks))
    phone.close()
    _finish(part, out)
    click.echo(f"{out}: {len(tasks)} episodes, {lost} of them not to be mended and left out")


def _begun(part: Path, how: dict[str, Any]) -> int:
    """How many tasks an earlier, interrupted run of the same command did; what it wrote of a
    further one is cut off."""
    try:
        with part.open(encoding="utf-8") as file:
            lines = list(file)
    except FileNotFoundError:
        lines = []
    if not lines:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"how": how}) + "\n", encoding="utf-8")
        return 0
    if json.loads(lines[0]).get("how") != how:
        raise UsageError(f"{part} was begun with other options", "use those, or remove it")
    marks = [n for n, line in enumerate(lines) if line.startswith('{"done":') and line[-1] == "\n"]
    end = marks[-1] if marks else 0
    part.write_text("".join(lines[: end + 1]), encoding="utf-8")
    return int(json.loads(lines[end])["done"]) if marks else 0


def _finish(part: Path, out: Path) -> None:
    """The examples alone, in a file that appears whole."""
    from agentkit.files import write_atomic

    with part.open(encoding="utf-8") as file:
        made = "".join(line for line in file if line.startswith('{"id":'))
    write_atomic(out, made)
    part.unlink()


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
