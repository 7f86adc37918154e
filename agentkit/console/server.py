"""The process around the console: an address, two tokens, a stop that tells its viewers."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from pathlib import Path

from agentkit.console.app import Api
from agentkit.console.desk import Desk
from agentkit.console.entry import Role, Sessions
from agentkit.errors import ConfigError
from agentkit.kit import Kit
from agentkit.serve.server import Listening

WARM = 1.5  # seconds after its start until the server prepares for the first run
DRAIN = 3.0  # seconds that answers get at the end; runs are processes of their own and go on
LOCAL = ("127.0.0.1", "::1", "localhost")


class Server(Listening):
    """Serves the console of a kit.

    Args:
        token: of operators; made where it is empty. viewer: whether there is one for viewers.
        open_to_others: listen elsewhere than on this machine. Nothing is encrypted then.
        name: what `Host` may say besides, where a proxy with TLS stands in front.

    Raises:
        ConfigError: an address that others reach, and nobody said so.
        BackendUnavailable: the address is taken.
    """

    def __init__(
        self,
        kit: Kit,
        host: str = "127.0.0.1",
        port: int = 8401,
        *,
        token: str = "",
        viewer: bool = False,
        open_to_others: bool = False,
        name: str = "",
        config: str | None = None,
        options: Sequence[str] = (),
        results: Path | None = None,
    ) -> None:
        if host not in LOCAL and not open_to_others:
            raise ConfigError(
                f"{host} can be reached from other machines, and nothing would be encrypted",
                "leave --host out, or add --open-to-others where a proxy with TLS stands in front",
            )
        self.tokens: dict[Role, str] = {"operator": token or secrets.token_urlsafe(24)}
        if viewer:
            self.tokens["viewer"] = secrets.token_urlsafe(24)
        self.desk = Desk(kit, config=config, options=options, results=results)
        self.api = Api(self.desk, Sessions(self.tokens))
        super().__init__(self.api.app, host, port, drain=DRAIN)
        port = self.socket.getsockname()[1]
        known = [self.address, *(f"{one}:{port}" for one in ("127.0.0.1", "localhost", "[::1]"))]
        self.api.app.hosts = frozenset([*known, name] if name else known)

    def url(self, role: Role = "operator", path: str = "/") -> str:
        """The address that lets somebody in. The fragment never leaves the browser."""
        return f"http://{self.address}{path}#token={self.tokens[role]}"

    def serve_here(self) -> None:
        soon = threading.Timer(WARM, self.desk.starter.nursery.warm)
        soon.daemon = True
        soon.start()  # not at once: the first page comes first
        try:
            super().serve_here()
        finally:
            soon.cancel()
            self.desk.close()

    def stop(self) -> None:
        super().stop()
        self.api.hub.stop()
