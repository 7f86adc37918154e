"""`agentkit color`: record and replay, what the agent knows, questions that nobody answered."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.context import note, open_kit
from agentkit.errors import DataError, UsageError

if TYPE_CHECKING:
    from agentkit.runs.store import RunRow, RunStore

Step = tuple[Mapping[str, Any], Mapping[str, Any]]
"""The screen before an action, and the action."""
color = typer.Typer(
    help="What the phone's agent did, as scripts; and what it knows.", no_args_is_help=True
)


@color.callback()
def color_() -> None:
    """What the phone's agent did, as scripts; and what it knows."""


@color.command()
def record(
    what: Annotated[
        str, typer.Argument(metavar="RUN|FILE", help="a run, or a recording of `phone view`")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="where the script goes")] = Path(
        "script.json"
    ),
    demo: Annotated[bool, typer.Option("--demo", help="it is a recording, not a run")] = False,
) -> None:
    """Turn a finished run, or what you did yourself in `agentkit phone view`, into a script."""
    from agentkit.files import write_atomic
    from agentkit_color_agent.script import compile_script

    path = Path(what).expanduser()
    if demo or (path.suffix == ".json" and path.is_file()):
        goal, steps = demonstrated(path)
        source = path.name
    else:
        store = open_kit().runs
        row = store.get(what)
        goal, source = goal_of(row), row.id
        steps = list(taken(store, row.id))
    script = compile_script(goal, steps, source)
    write_atomic(out, script.model_dump_json(indent=1))
    named = "".join(f"\n  {k} = {v}" for k, v in script.parameters.items())
    typer.echo(f"{out}: {len(script.steps)} steps{named}")
    note(f"do it again: agentkit color replay {out}" + (" --set NAME=VALUE" if named else ""))


@color.command()
def replay(
    script: Annotated[Path, typer.Argument(help="of `agentkit color record`")],
    values: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="in place of what was recorded")
    ] = [],  # noqa: B006
    agent: Annotated[str, typer.Option(help="that follows it, and takes over")] = "color",
    seed: Annotated[int | None, typer.Option(help="of the run")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one event a line")] = False,
) -> None:
    """Do a script again. Each step is looked for on the screen; where one no longer fits, the agent
    takes over."""
    from agentkit.cli.run import follow, pairs
    from agentkit_color_agent.script import Script

    found = Script.read(_read(script), str(script))
    given = dict(p.split("=", 1) for p in pairs(values))
    filled = found.filled(given)
    run = open_kit().agent(agent).run(filled.words, seed=seed, script=filled.model_dump_json())
    follow(run, as_json)


@color.command()
def learn(
    out: Annotated[Path, typer.Option("--out", "-o", help="where the tips go")],
    environment: Annotated[str, typer.Option(help="whose experts are watched")] = "phone",
    most: Annotated[int, typer.Option(help="tasks of each kind")] = 1,
) -> None:
    """Learn tips from the experts of the train split: how things are done in which app."""
    from agentkit.files import write_atomic
    from agentkit_color_agent.knowledge import learn as learned
    from agentkit_color_agent.knowledge import written
    from agentkit_color_agent.teaching import watch

    kit = open_kit(
        f'environments.{environment}.where="inside"', f"environments.{environment}.picture=false"
    )
    phone = kit.environment(environment)
    tips = learned(watch(phone, most, lambda done, of: note(f"{done} of {of} tasks")))
    write_atomic(out, written(tips, f"experts of the train split, {most} of each kind"))
    typer.echo(f"{out}: {len(tips)} tips")


@color.command("map")
def map_(
    environment: Annotated[str, typer.Option(help="the phone")] = "phone",
    apps: Annotated[str, typer.Option(help="only these, by name or package: Clock,Notes")] = "",
    most: Annotated[int, typer.Option(min=1, help="pages of an app")] = 30,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="in place of the phone's own map")
    ] = None,
    again: Annotated[bool, typer.Option(help="draw apps anew that are on the map")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask first")] = False,
) -> None:
    """Draw a map of the phone's apps by touching what they have, so that the agent finds its way.
    Kept after each app: a second call goes on."""
    from agentkit_color_agent.device import as_phone
    from agentkit_color_agent.maps.exploring import draw
    from agentkit_color_agent.maps.map import AppMap, keep, load, own_path, shipped

    phone = as_phone(open_kit().environment(environment), environment)
    if not phone.is_simulated and not yes:
        typer.confirm(
            "Everything in these apps is touched but what sends, pays, deletes, calls, shares, "
            "grants or installs. Go on?",
            abort=True,
        )
    path = out or own_path(environment)
    known = load(path)
    if known is None:  # what the agent has so far
        known = shipped() if phone.is_simulated and out is None else AppMap()
    wanted = [a.strip() for a in apps.split(",") if a.strip()]
    made = draw(
        phone,
        known,
        wanted,
        again=again,
        most=most,
        keep=lambda so_far: keep(so_far, path),
        tell=lambda name, pages: note(f"{name}: {pages} pages"),
    )
    if made.pages == known.pages:
        note("nothing is drawn anew: every app is on the map (--again)")
    typer.echo(f"{path}: {len(made.pages)} pages of {len(made.apps())} apps")


@color.command()
def overdue(
    answer: Annotated[str, typer.Option(help="given where a question names no other")] = "no",
    resume: Annotated[bool, typer.Option(help="go on with these runs now")] = False,
) -> None:
    """Answer questions whose patience is over: what was asked for permission gets a no, anything
    else the given answer. For a timer of the system's own."""
    from agentkit.cli.run import follow

    kit = open_kit()
    for run, number, text in waiting(kit.runs, time.time()):
        kit.runs.answer(run, answer, number)
        typer.echo(f"{run}: {text[:100]} - {answer}")
        if resume:
            follow(kit.resume(run))


def waiting(store: RunStore, now: float) -> Iterator[tuple[str, int, str]]:
    """Open questions whose patience is over: run, number, text."""
    for row in [r for r in store.runs(limit=1000) if r.status == "waiting"]:
        asked = {e.seq: e for e in store.tail(row.id, kinds=("question.asked",))}
        for one in store.questions(row.id):
            patience = one.question.data.get("patience")
            event = asked.get(one.number)
            if patience is not None and event is not None and now - event.time > patience:
                yield row.id, one.number, one.question.text


def taken(store: RunStore, run: str) -> Iterator[Step]:
    """What a run did: the screen before each action, and the action."""
    screen: Mapping[str, Any] = {}
    asked: dict[str, Any] | None = None
    for event in store.tail(run, kinds=("record.done", "begin.done", "action.asked",
                                        "action.done")):  # fmt: skip
        if event.kind == "begin.done":
            screen = event.data.get("screen", {})
        elif event.kind == "action.asked":
            asked = dict(event.data["action"])
        elif event.kind == "action.done" and asked is not None:
            info = event.data.get("info", {})
            if not info.get("refused") and not info.get("in_doubt"):
                yield screen, asked
            screen, asked = event.data.get("data", screen), None


def goal_of(row: RunRow) -> str:
    """What a run was for, in words; a known task's own words where it was named by its id."""
    result = row.result if isinstance(row.result, Mapping) else {}
    return str(result.get("goal") or row.input.get("goal") or row.task)


def demonstrated(path: Path) -> tuple[str, list[Step]]:
    """Goal and steps of a recording of `agentkit phone view`.

    Raises:
        DataError: it is none.
    """
    try:
        plain = json.loads(_read(path))
        if plain["version"] != 1:
            raise ValueError(f"its version is {plain['version']}")
        steps: list[Step] = [(dict(s["seen"]), dict(s["action"])) for s in plain["steps"]]
        return str(plain["goal"]), steps
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is no recording: {type(error).__name__}: {error}",
            "save one in `agentkit phone view`",
        ) from error


def _read(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "name a file") from error
