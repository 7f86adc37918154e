"""`agentkit phone`: the simulated phone from the command line."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Annotated

import click
import typer

from agentkit.errors import BackendUnavailable

PORT = 5565

phone = typer.Typer(help="A simulated phone that adb connects to.", no_args_is_help=True)


@phone.callback()
def phone_() -> None:
    """A simulated phone that adb connects to."""


@phone.command()
def start(
    port: Annotated[int, typer.Option(help="on 127.0.0.1; 0 takes a free one")] = PORT,
    name: Annotated[str, typer.Option(help="by which agents find it")] = "",
    idle: Annotated[float, typer.Option(help="seconds without a command until it goes off")] = 0,
) -> None:
    """Switch a phone on, until Ctrl-C."""
    try:
        asyncio.run(_serve(port, name, idle))
    except OSError as error:
        raise BackendUnavailable(
            f"port {port} cannot be used: {error.strerror}",
            "give another one, or 0 for any that is free: agentkit phone start --port 0",
        ) from error


async def _serve(port: int, name: str, idle: float) -> None:
    from agentkit_android.device.server import DeviceServer
    from agentkit_android.env import phones
    from agentkit_android.phone.phone import Phone

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with DeviceServer(Phone(), port) as server:
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
    """The phones that agents use."""
    from agentkit_android.env import phones

    for one in phones.known():
        click.echo(f"{one.name}\t{one.serial}\t{'on' if one.is_on else 'was killed'}")


@phone.command()
def stop(name: Annotated[str, typer.Argument(help="as `agentkit phone list` shows it")]) -> None:
    """Switch a phone off that an agent started."""
    from agentkit_android.env import phones

    phones.stop(name)
