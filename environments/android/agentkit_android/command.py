"""`agentkit phone`: the simulated phone from the command line."""

from __future__ import annotations

import asyncio
import signal
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
) -> None:
    """Switch a phone on, until Ctrl-C."""
    try:
        asyncio.run(_serve(port))
    except OSError as error:
        raise BackendUnavailable(
            f"port {port} cannot be used: {error.strerror}",
            "give another one, or 0 for any that is free: agentkit phone start --port 0",
        ) from error


async def _serve(port: int) -> None:
    from agentkit_android.device.server import DeviceServer
    from agentkit_android.phone.phone import Phone

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with DeviceServer(Phone(), port) as server:
        click.echo(f"the phone is on: adb connect {server.serial}  (Ctrl-C switches it off)")
        await stop.wait()
