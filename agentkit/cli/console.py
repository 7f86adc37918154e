"""`agentkit console`: watch, steer and answer agents in the browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from agentkit.cli.context import note, open_kit, options, tell
from agentkit.errors import ConfigError

TOKEN = "AGENTKIT_TOKEN"
PORT = 8401


def console(
    run: Annotated[str, typer.Argument(help="a run to open, by its id, or last")] = "",
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free")] = PORT,
    viewer: Annotated[
        bool, typer.Option("--viewer", help="also print an address that may look, not touch")
    ] = False,
    open_to_others: Annotated[
        bool, typer.Option("--open-to-others", help="allow a --host that other machines reach")
    ] = False,
    name: Annotated[
        str, typer.Option(help="host name (and port) under which a proxy serves it")
    ] = "",
    results: Annotated[Path, typer.Option(help="measured results to show")] = Path("docs/results"),
    ask: Annotated[
        bool, typer.Option("--ask", help="ask first; where nobody can be asked, do nothing")
    ] = False,
    browser: Annotated[bool, typer.Option(help="open it in the browser")] = False,
) -> None:
    """Serve the console: start agents, watch and steer their runs, answer what they ask.

    The address that is printed holds a token, which lets in whoever opens it. It is taken from the
    environment variable AGENTKIT_TOKEN, else made anew. Runs go on when the console ends.
    """
    from agentkit.console.server import Server

    if ask and not _wanted():
        return
    given = os.environ.get(TOKEN, "")
    if given and len(given) < 8:
        raise ConfigError(f"{TOKEN} has only {len(given)} characters", "use 8 or more, or none")
    chosen, kit = options(), open_kit()
    tell(kit.runs.notices)
    path = f"/runs/{kit.runs.get(run).id}" if run else "/"
    server = Server(
        kit,
        host,
        port,
        token=given,
        viewer=viewer,
        open_to_others=open_to_others,
        name=name,
        config=chosen.config,
        options=chosen.options,
        results=results.resolve() if results.is_dir() else None,
    )
    address = f"http://{server.address}{path}" if given else server.url(path=path)
    note(f"the console is at {address}")
    if given:
        note(f"its token: the value of {TOKEN}")
    if viewer:
        note(f"to look only: {server.url('viewer', path)}")
    if open_to_others:
        note("other machines can reach it, and what they send is not encrypted here")
    sys.stderr.flush()
    if browser:
        import webbrowser

        webbrowser.open(server.url(path=path))
    server.serve_here()
    note("stopped; runs go on")


def _wanted() -> bool:
    """Whether the person at the terminal wants the console; no where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    note("")
    sys.stderr.write("Open the console, where this run can be looked at and steered? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")
