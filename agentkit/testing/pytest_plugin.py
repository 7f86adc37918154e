"""Fixtures for plugin authors; pytest finds them where agentkit is installed.

    def test_mine(kit):
        model = kit('[models.m]\\nuse = "mine"').model("m")

Everything else is imported when a fixture is asked for, so that a test run which does not use
agentkit pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit.runs.events import Event

pytest.register_assert_rewrite("agentkit.testing.conformance")
LOCAL = ("127.", "::1", "localhost", "0.0.0.0")


@pytest.fixture
def event_log() -> list[Event]:
    """Every event of the runs of this test's kits, in the order of their happening."""
    return []


@pytest.fixture
def kit(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    event_log: list[Event],
) -> Iterator[Callable[..., Kit]]:
    """`kit(toml)` is a kit of those settings, with a run store and a user folder of its own.

    Environment variables that set parts are left out. `overrides` are as of `-o`. The kits are
    closed when the test ends.
    """
    from agentkit.hookspecs import hookimpl
    from agentkit.kit import load

    home = tmp_path_factory.mktemp("agentkit")
    for name in ("config", "data"):
        monkeypatch.setenv(f"AGENTKIT_{name.upper()}", str(home / name))
    made: list[Kit] = []

    class Log:
        @hookimpl
        def agentkit_event(self, event: Event) -> None:
            event_log.append(event)

    def make(toml: str = "", *, overrides: tuple[str, ...] = ()) -> Kit:
        file = Path(home / f"kit-{len(made)}" / "agentkit.toml")
        file.parent.mkdir()
        file.write_text(toml)
        one = load(file, overrides=overrides, environ={})
        one.host.manager.register(Log(), "event-log")
        made.append(one)
        return one

    yield make
    for one in reversed(made):
        one.close()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that would leave this machine fail, and so does asking for a name."""
    import socket

    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not str(address[0]).startswith(LOCAL):
            raise OSError(f"this test may not use the network, but connects to {address[0]}")
        connect(self, address)

    def looked_up(host: Any, *more: Any, **settings: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        if not text.startswith(LOCAL):
            raise OSError(f"this test may not use the network, but asks for {text}")
        return resolve(host, *more, **settings)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
