"""`agentkit watch`: watch, steer and answer agents in the terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.cli.watch.client import Address, Client

TOKEN = "AGENTKIT_TOKEN"
URL = "http://127.0.0.1:8401"


def watch(
    run: Annotated[
        str,
        typer.Argument(metavar="[RUN]", help="a run to open, by its id or its beginning, or last"),
    ] = "",
    url: Annotated[
        str, typer.Option(help="what `agentkit console` printed, or without token")
    ] = URL,
    language: Annotated[
        str, typer.Option(help="en or ko; else that of the terminal's locale, or English")
    ] = "",
) -> None:
    """Watch, steer and answer agents in the terminal, through a console that is being served.

    The token is the one in the address, else the value of AGENTKIT_TOKEN, else asked for. Closing
    the terminal stops no run.
    """
    from agentkit.cli.watch.client import read_address
    from agentkit.cli.watch.words import LANGUAGES, language_of

    spoken = language or language_of(os.environ)
    if spoken not in LANGUAGES:
        raise UsageError(f"no language {language!r}", f"one of {', '.join(LANGUAGES)}")
    address = read_address(url, os.environ.get(TOKEN, ""))
    if not address.token.get_secret_value():
        address = _asked(url)
    asyncio.run(_watch(address, run or address.run, spoken))


def _asked(url: str) -> Address:
    """The address with a token that the person gave; what they type is not shown."""
    from agentkit.cli.watch.client import read_address

    if not sys.stdin.isatty():
        raise UsageError("no token", f"set {TOKEN}, or give --url the address that was printed")
    said = typer.prompt("Token, or the whole address that was printed", hide_input=True).strip()
    return read_address(said) if "#token=" in said else read_address(url, said)


async def _watch(address: Address, run: str, language: str) -> None:
    from agentkit.cli.watch.client import Client

    async with Client(address) as client:
        await client.enter()
        chosen = await find(client, run) if run else ""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("there is no terminal to show it on", "`agentkit runs tail` prints")
        from agentkit.cli.watch.app import Watch

        app = Watch(client, chosen, language)
        await app.run_async()
        if app.fault is not None:
            raise app.fault


async def find(client: Client, run: str) -> str:
    """The whole id of a run that is named by a part of it, or as "last"."""
    newest = run == "last"
    query = {"limit": 1} if newest else {"limit": 200, "q": run}
    rows = (await client.get("/api/runs", **query))["runs"]
    found = [row["id"] for row in rows if newest or row["id"].startswith(run)]
    if run in found:
        return run
    if not found:
        raise UsageError("there are no runs yet" if newest else f"no run with the id {run!r}")
    if len(found) > 1:
        raise UsageError(f"{len(found)} runs begin with {run!r}", "give more of it")
    return str(found[0])
