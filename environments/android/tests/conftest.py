"""A phone in a thread of its own, and a private adb server that is always killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import adbutils
import pytest

from agentkit.errors import UsageError
from agentkit_android.device.server import FEATURES, DeviceServer
from agentkit_android.env import phones
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.phone.phone import Phone

LIMIT = 60
T = TypeVar("T")
BUNDLED = str(Path(adbutils.__file__).parent / "binaries" / "adb")
DEBIAN = "/usr/bin/adb"
sys.path.insert(0, str(Path(__file__).parent))  # for helpers that tests share


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Running:
    """A phone that is on."""

    def __init__(
        self, phone: Phone, features: tuple[str, ...] = FEATURES, *, ask: bool = False
    ) -> None:
        self.phone = phone
        self.loop = asyncio.new_event_loop()
        self.server = DeviceServer(phone, features=features, ask=ask)
        self.faults: list[dict[str, object]] = []
        self.loop.set_exception_handler(lambda loop, context: self.faults.append(context))
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self.loop).result(LIMIT)

    @property
    def serial(self) -> str:
        return self.server.serial

    def do(self, function: Callable[[], T]) -> T:
        """Calls something in the phone's own thread."""

        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(LIMIT)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self.loop).result(LIMIT)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(LIMIT)
        self.loop.close()
        assert not self.faults, self.faults


@dataclass
class Adb:
    """The real adb, with a server of its own."""

    port: int
    home: Path
    serial: str = ""
    binary: str = BUNDLED

    def __call__(
        self, *words: str, input: bytes | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        serial = ["-s", self.serial] if self.serial else []
        done = subprocess.run(
            [self.binary, "-P", str(self.port), *serial, *words],
            capture_output=True,
            timeout=LIMIT,
            env={**os.environ, "HOME": str(self.home), "ADB_MDNS": "0"},
            **({"stdin": subprocess.DEVNULL} if input is None else {"input": input}),  # type: ignore[arg-type]
        )
        assert not check or done.returncode == 0, (words, done.stdout[-500:], done.stderr[-500:])
        return done

    def to(self, serial: str) -> Adb:
        self("connect", serial)
        return self.of(serial)

    def of(self, serial: str) -> Adb:
        return Adb(self.port, self.home, serial, self.binary)


@pytest.fixture(scope="session")
def make_adb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Adb]]:
    """Starts private adb servers, and kills them at the end."""
    made: list[Adb] = []

    def make(binary: str = BUNDLED) -> Adb:
        made.append(Adb(free_port(), tmp_path_factory.mktemp("home"), binary=binary))
        made[-1]("start-server")
        return made[-1]

    yield make
    for adb in made:
        adb("kill-server", check=False)


@pytest.fixture(scope="session")
def adb_server(make_adb: Callable[..., Adb]) -> Adb:
    return make_adb()


@pytest.fixture(scope="module")
def make_phone() -> Iterator[Callable[..., Running]]:
    """Makes phones that are switched off after the module."""
    made: list[Running] = []

    def make(
        phone: Phone | None = None, features: tuple[str, ...] = FEATURES, *, ask: bool = False
    ) -> Running:
        made.append(Running(phone or Phone(), features, ask=ask))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def running(make_phone: Callable[..., Running]) -> Running:
    return make_phone()


@pytest.fixture(scope="module")
def adb(adb_server: Adb, running: Running) -> Iterator[Adb]:
    """adb, connected to the module's phone."""
    connected = adb_server.to(running.serial)
    yield connected
    adb_server("disconnect", running.serial, check=False)


@pytest.fixture(scope="module")
def phone_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that knows of the phones of a module, all of which are switched off at its end."""
    folder = tmp_path_factory.mktemp("phones")
    yield folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTKIT_DATA", str(folder))
        for known in phones.known():
            with contextlib.suppress(UsageError):
                phones.stop(known.name)


@pytest.fixture(autouse=True)
def known_phones(own_folders: None, phone_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone outlives the test that started it; none outlives its module."""
    monkeypatch.setenv("AGENTKIT_DATA", str(phone_data))


@pytest.fixture
def phone_home(
    known_phones: None, adb_server: Adb, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AndroidEnvironment]]:
    """Makes environments whose phones are processes of their own."""
    monkeypatch.setenv("HOME", str(adb_server.home))
    made: list[AndroidEnvironment] = []

    def make(**settings: Any) -> AndroidEnvironment:
        settings = {"adb_port": adb_server.port, "picture": False, **settings}
        made.append(AndroidEnvironment(AndroidSettings(**settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()
