"""`agentkit serve`: the kit's models as an OpenAI-compatible API."""

from __future__ import annotations

import os
import secrets
from typing import Annotated

import typer

from agentkit.cli.context import note, open_kit
from agentkit.errors import ConfigError

TOKEN = "AGENTKIT_TOKEN"


def serve(
    names: Annotated[
        list[str],
        typer.Argument(metavar="[NAME]…", help="models, loaded at once; none: all, when asked for"),
    ] = [],  # noqa: B006
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free")] = 8400,
    at_once: Annotated[int, typer.Option(min=1, help="requests answered side by side")] = 64,
    waiting: Annotated[int, typer.Option(min=0, help="requests in line; more get 429")] = 256,
    max_body: Annotated[int, typer.Option(min=1, help="MiB that a request may have")] = 8,
    drain: Annotated[int, typer.Option(min=0, help="seconds that answers get at the end")] = 30,
) -> None:
    """Serve models, composed ones too, to any program that speaks the OpenAI protocol.

    The token is taken from the environment variable AGENTKIT_TOKEN, else made and shown once.
    Ctrl-C lets answers end; a second one does not.
    """
    from agentkit.serve.app import Api, Limits
    from agentkit.serve.served import Served
    from agentkit.serve.server import Server

    given = os.environ.get(TOKEN, "")
    if given and len(given) < 8:
        raise ConfigError(f"{TOKEN} has only {len(given)} characters", "use 8 or more, or none")
    token = given or secrets.token_urlsafe(24)
    kit = open_kit()
    models = Served(kit, names)
    limits = Limits(at_once=at_once, waiting=waiting, body=max_body << 20)
    server = Server(Api(models, token, limits), host, port, drain=drain)
    for name in names:
        note(f"loading {name}")
        models.model(name)
    note(f"{server.url} serves {', '.join(models.names)}")
    note(f"token: the value of {TOKEN}" if given else f"token: {token}")
    if not host.startswith("127.") and host not in ("::1", "localhost"):
        note("other machines can reach it, and what they send is not encrypted")
    server.serve_here()
    note("stopped")
