"""`agentkit phone`: simulated phones from the command line, and any phone in the browser."""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from agentkit.errors import BackendUnavailable, UsageError
from agentkit_android.demos.command import demos, explore

if TYPE_CHECKING:
    from agentkit_android.client.transport import Transport

PORT = 5565
Phone = Annotated[
    str, typer.Option("--phone", "-p", help="a name from `agentkit phone list`, or a serial")
]

phone = typer.Typer()


@phone.callback(invoke_without_command=True)
def phone_(context: typer.Context) -> None:
    """Phones: start, see and touch them. Without a command, see one in the browser."""
    if context.invoked_subcommand is None:
        view()


phone.command()(demos)
phone.command()(explore)


@phone.command()
def start(
    port: Annotated[int, typer.Option(help="on 127.0.0.1; 0 takes a free one")] = PORT,
    name: Annotated[str, typer.Option(help="by which agents find it")] = "",
    state: Annotated[Path | None, typer.Option(help="a folder that keeps its state")] = None,
    idle: Annotated[float, typer.Option(help="seconds without a command until it goes off")] = 0,
) -> None:
    """Switch a simulated phone on, until Ctrl-C."""
    if name and not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        raise UsageError(f"{name!r} is no name for a phone", "lower-case letters, digits, . _ -")
    try:
        asyncio.run(_serve(port, name, state, idle))
    except OSError as error:
        raise BackendUnavailable(
            f"port {port} cannot be used: {error.strerror}",
            "give another one, or 0 for any that is free: agentkit phone start --port 0",
        ) from error


async def _serve(port: int, name: str, state: Path | None, idle: float) -> None:
    from agentkit_android.device.server import DeviceServer
    from agentkit_android.env import phones
    from agentkit_android.phone.phone import Phone

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with DeviceServer(Phone(folder=state), port) as server:
        if name:
            phones.announce(name, server.port)
        click.echo(f"the phone is on: adb connect {server.serial}  (Ctrl-C switches it off)")
        try:
            while not stop.is_set() and not (idle and time.monotonic() - server.used > idle):
                try:
                    await asyncio.wait_for(stop.wait(), min(idle or 3600, 10))
                except TimeoutError:
                    pass
        finally:
            phones.withdraw(name)


@phone.command("list")
def list_() -> None:
    """The simulated phones that have a name, as those of agents have."""
    from agentkit_android.env import phones

    for one in phones.known():
        click.echo(f"{one.name}\t{one.serial}\t{'on' if one.is_on else 'was killed'}")


@phone.command()
def stop(name: Annotated[str, typer.Argument(help="as `agentkit phone list` shows it")]) -> None:
    """Switch a phone off that has a name."""
    from agentkit_android.env import phones

    phones.stop(name)


@phone.command()
def screenshot(
    file: Annotated[Path, typer.Argument(help="where the PNG goes")] = Path("screen.png"),
    on: Phone = "phone",
) -> None:
    """Keep what a phone shows as a picture."""
    from agentkit.files import write_atomic
    from agentkit_android.client.driver import AdbDriver

    look = AdbDriver(_found(on)).look()
    write_atomic(file, look.png)
    click.echo(f"{file}: {look.size[0]} × {look.size[1]}, {look.package}{look.activity}")


@phone.command()
def shell(words: Annotated[list[str], typer.Argument()], on: Phone = "phone") -> None:
    """Run a program of a phone; its words go there as they are."""
    from agentkit_android.client.transport import run

    done = run(_found(on), *words)
    click.echo(done.out)
    raise typer.Exit(done.status)


@phone.command()
def tap(
    what: Annotated[list[str], typer.Argument(help="X Y in pixels, or what an element says")],
    on: Phone = "phone",
) -> None:
    """Touch a point or an element, and tell what is on the screen then."""
    from agentkit_android.client.actions import Tap
    from agentkit_android.client.driver import AdbDriver
    from agentkit_android.env.observation import described

    driver = AdbDriver(_found(on))
    if len(what) == 2 and all(w.isdecimal() and len(w) < 6 for w in what):
        x, y = map(int, what)
    else:
        label = " ".join(what)
        elements = [e for e in driver.look(picture=False).elements if label in e.label]
        if not elements:
            raise UsageError(f"nothing on the screen says {label!r}", "agentkit phone look")
        x, y = min(elements, key=lambda e: len(e.label)).middle
    driver.perform(Tap(x=x, y=y))
    click.echo(described(driver.look(picture=False)))


@phone.command()
def look(on: Phone = "phone") -> None:
    """What is on a phone's screen, in words."""
    from agentkit_android.client.driver import AdbDriver
    from agentkit_android.env.observation import described

    click.echo(described(AdbDriver(_found(on)).look(picture=False)))


@phone.command()
def unknown(on: Phone = "phone") -> None:
    """Programs that were called on a simulated phone and do not exist there."""
    from agentkit_android.client.transport import must

    click.echo(must(_found(on), "simulator", "unknown"))


@phone.command()
def tasks(
    split: Annotated[str, typer.Argument(help="train, validation or test")] = "train",
) -> None:
    """The known tasks of a split, by the ids that `--input task_id=` takes."""
    from agentkit_android.tasks import catalogue

    for task in catalogue.tasks(split):
        click.echo(f"{task.id}\t{task.goal}")


@phone.command()
def doctor() -> None:
    """Say what keeps adb from phones, with the command that mends it."""
    from agentkit_android.client.doctor import findings

    bad = 0
    for found in findings():
        click.echo(f"{'ok' if found.good else 'BAD'}  {found.what}")
        if found.cure:
            click.echo(f"     {found.cure}")
        bad += not found.good
    raise typer.Exit(1 if bad else 0)


@phone.command()
def view(
    on: Phone = "phone",
    port: Annotated[int, typer.Option(help="of the page, on 127.0.0.1; 0 takes a free one")] = 0,
    browser: Annotated[bool, typer.Option(help="open it in the browser")] = True,
) -> None:
    """See a phone in the browser: touch it, watch an agent on it, record a demonstration."""
    import socket
    import webbrowser

    import uvicorn

    from agentkit_android.client.driver import AdbDriver
    from agentkit_android.view.app import View

    token = secrets.token_urlsafe(24)
    app = View(AdbDriver(_found(on)), token).app()
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise BackendUnavailable(
            f"port {port} cannot be used: {error.strerror}", "leave --port out for a free one"
        ) from error
    address = f"http://127.0.0.1:{listening.getsockname()[1]}/?token={token}"
    click.echo(f"see it at {address}  (Ctrl-C closes it)")
    sys.stdout.flush()
    if browser:
        webbrowser.open(address)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listening])


def _found(name: str) -> Transport:
    """A phone by its name or serial; the default one is started if need be."""
    from agentkit_android.client.transport import AdbTransport
    from agentkit_android.env import phones

    known = phones.find(name)
    if known is not None and known.is_on:
        return AdbTransport(known.serial)
    if name == "phone":
        return AdbTransport(phones.started(name).serial)
    if known is not None:
        raise UsageError(f"the phone {name!r} is off", f"agentkit phone start --name {name}")
    return AdbTransport(name)
