"""`agentkit person`: what is kept of a person, shown, changed, deleted, taken along."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from agentkit.cli.context import note
from agentkit.errors import UsageError
from agentkit_color_agent.person.store import People

person = typer.Typer(
    help="What the phone's agent knows of a person: see it, change it, delete it.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="whose")]


@person.callback()
def person_() -> None:
    """What the phone's agent knows of a person: see it, change it, delete it. It is kept in one
    file of your own, and leaves this machine only with a model that is elsewhere, after a
    question."""


@person.command("list")
def list_() -> None:
    """Everybody that something is known of."""
    people = People()
    for name in people.known():
        profile, flows = people.profile(name), people.flows(name)
        typer.echo(f"{name}\t{len(profile.preferences)} preferences\t{len(flows)} flows")


@person.command()
def show(name: Name, steps: Annotated[bool, typer.Option(help="of each flow")] = False) -> None:
    """Preferences, what taught each, and flows."""
    people = _known(name)
    profile, flows = people.profile(name), people.flows(name)
    for one in profile.preferences:
        by = f"learned from {', '.join(one.flows)}" if one.flows else "said by the person"
        typer.echo(f"{one.id}\t{one.domain}: {one.subject} {one.way}\t({by})")
    for flow in flows:
        typer.echo(f"flow {flow.id}\t“{flow.goal}”\t{len(flow.steps)} steps\t{flow.source}")
        for line in flow.steps if steps else ():
            typer.echo(f"    {line}")
    for version, cause, made in people.history(name)[-5:]:
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(made))
        typer.echo(f"version {version}\t{day}\t{cause}")


@person.command()
def say(
    name: Name,
    subject: Annotated[str, typer.Argument(help='what it is about: "reminders"')],
    way: Annotated[str, typer.Argument(help='how they want it: "an hour before"')],
    domain: Annotated[str, typer.Option(help="food, journey, messages, … or other")] = "other",
) -> None:
    """Say a preference yourself; it stays, whatever is learned later."""
    from pydantic import ValidationError

    from agentkit_color_agent.person.profile import Preference

    try:
        made = Preference.model_validate(
            {"id": _slug(f"{domain}-{subject}"), "domain": domain, "subject": subject, "way": way}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(
            f"{first['loc'][0]}: {first['msg']}", "agentkit person say --help"
        ) from None
    People().say(name, made)
    typer.echo(f"{made.id}: {subject} {way}")


@person.command()
def edit(
    name: Name,
    file: Annotated[
        Path | None, typer.Option(help="a profile as JSON; without it an editor")
    ] = None,
) -> None:
    """Change the profile as a whole, in an editor. What has not the right form changes nothing."""
    people = _known(name)
    before = people.profile(name).model_dump_json(indent=1)
    if file is None:
        import click

        text = click.edit(before, extension=".json")
    else:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}", "name a file") from error
    if text is None or text.strip() == before.strip():
        note("nothing was changed")
        return
    made = people.put(name, text)
    typer.echo(f"{len(made.preferences)} preferences are kept")


@person.command()
def delete(
    name: Name,
    preference: Annotated[str, typer.Option(help="only this one")] = "",
    flow: Annotated[str, typer.Option(help="only this one, and what it alone taught")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Delete a preference, a flow, or all that is known of somebody."""
    people = _known(name)
    if preference:
        people.forget_preference(name, preference)
    if flow:
        people.forget_flow(name, flow)
    if not preference and not flow:
        if not yes and not typer.confirm(f"Delete all that is known of {name}?", err=True):
            raise typer.Exit(1)
        people.forget(name)
    typer.echo("deleted")


@person.command()
def export(
    name: Name, out: Annotated[Path | None, typer.Option("--out", "-o", help="a file")] = None
) -> None:
    """All that is kept of somebody, as JSON."""
    from agentkit.files import write_atomic

    text = json.dumps(_known(name).export(name), ensure_ascii=False, indent=1)
    if out is None:
        typer.echo(text)
    else:
        write_atomic(out, text + "\n")
        typer.echo(str(out))


@person.command()
def learn(
    name: Name,
    what: Annotated[str, typer.Argument(metavar="RUN|FILE", help="a run, or a recording")],
) -> None:
    """Learn from a run that went as this person would have it, or from what they showed."""
    from agentkit.cli.context import open_kit
    from agentkit_color_agent.command import demonstrated, goal_of, taken
    from agentkit_color_agent.teaching import lines

    path = Path(what).expanduser()
    kit = open_kit()
    if path.suffix == ".json" and path.is_file():
        goal, steps = demonstrated(path)
        source = path.name
    else:
        row = kit.runs.get(what)
        goal, source = goal_of(row), row.id
        steps = list(taken(kit.runs, row.id))
    flow = People().learn(name, goal, lines(kit.environment("phone").info.actions, steps), source)
    typer.echo(f"{flow.id}: {len(flow.steps)} steps")


def _known(name: str) -> People:
    people = People()
    if name not in people.known():
        known = ", ".join(people.known()) or "nobody"
        raise UsageError(f"nothing is known of {name!r}", f"known: {known}")
    return people


def _slug(text: str) -> str:
    import re

    return re.sub(r"[^\w.-]+", "-", text.casefold()).strip("-")[:64]
