"""How commands reach a phone: through the real adb server."""

from __future__ import annotations

import secrets
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Protocol

import adbutils
from adbutils import AdbConnection
from adbutils.errors import AdbConnectionError, AdbError, AdbTimeout

from agentkit_android.client.errors import (
    BadAnswer,
    CommandFailed,
    DeviceAbsent,
    DeviceError,
    DeviceTimeout,
    DeviceUnauthorized,
    ServerUnavailable,
)
from agentkit_android.client.words import command

MAX_ANSWER = 64 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended. out: both output streams, as the phone mixed them."""

    status: int
    out: str


class Transport(Protocol):
    """Every call ends within `timeout` seconds or raises DeviceTimeout."""

    @property
    def serial(self) -> str: ...

    def raw(self, line: str, timeout: float | None = None) -> bytes:
        """Runs a line of sh; its output byte for byte. Quote what is not your own: `words`."""
        ...

    def reconnect(self) -> None:
        """Finds the phone again after it was lost."""
        ...

    def close(self) -> None: ...


def run(transport: Transport, *words: str, timeout: float | None = None) -> Done:
    """Runs a program of the phone with any words, and tells its exit status."""
    mark = secrets.token_hex(8)
    out = transport.raw(f"{command(words)}; echo {mark} $?", timeout)
    text, found, status = out.decode("utf-8", "replace").rpartition(mark)
    if not found or not status.strip().isdecimal():
        raise BadAnswer(
            f"{transport.serial}: the answer of {words[0]!r} was cut short",
            "is the phone still on? `adb devices` lists it",
        )
    return Done(int(status), text.removesuffix("\n"))


def must(transport: Transport, *words: str, timeout: float | None = None) -> str:
    """As `run`, for a command that has to end well; gives its output.

    Raises:
        CommandFailed: it ended with another status than 0.
    """
    done = run(transport, *words, timeout=timeout)
    if done.status:
        said = " ".join(done.out.split())[:200]
        raise CommandFailed(
            f"{transport.serial}: {' '.join(words)[:80]!r} ended with {done.status}: {said}",
            "try it yourself: adb -s SERIAL shell …",
            status=done.status,
        )
    return done.out


class AdbTransport:
    """A phone by its serial: `emulator-5554`, `192.168.1.7:5555`, a USB serial.

    Args:
        serial: of the phone; HOST:PORT is connected to first.
        port: of the adb server; 0 is the usual one. A server that is missing is started.
        timeout: seconds for one call.
    """

    def __init__(self, serial: str, port: int = 0, timeout: float = 20.0) -> None:
        self._serial, self._timeout = serial, timeout
        self._client = adbutils.AdbClient(port=port or None)
        self._lock = threading.Lock()
        self.reconnect()

    @property
    def serial(self) -> str:
        return self._serial

    @property
    def port(self) -> int:
        """Of the adb server."""
        return int(self._client.port)

    def close(self) -> None:
        """Nothing stays open between two calls."""

    # Calls.

    def raw(self, line: str, timeout: float | None = None) -> bytes:
        end = time.monotonic() + (timeout or self._timeout)
        try:
            connection = self._open(end)
            try:
                self._ask(connection, f"host:transport:{self._serial}", end)
                self._ask(connection, f"exec:{line}", end)
                return self._rest(connection.conn, end)
            finally:
                connection.conn.close()  # AdbConnection.close() would sleep first
        except DeviceError:
            raise
        except (AdbTimeout, TimeoutError) as error:
            raise DeviceTimeout(
                f"{self._serial} did not answer within {timeout or self._timeout:g} s",
                "is its screen locked or is it busy? `timeout` in its settings allows more",
            ) from error
        except (AdbError, OSError) as error:
            raise self._explained(error) from error

    def _open(self, end: float) -> AdbConnection:
        """A connection to the adb server, which is started where there is none."""
        with self._lock:
            if not self._listening():
                self._start_server()
        connection = self._client.make_connection()
        connection.conn.settimeout(max(0.01, end - time.monotonic()))
        return connection

    def _ask(self, connection: AdbConnection, what: str, end: float) -> None:
        plain = what.encode()
        if len(plain) > 0xFFFF:
            raise CommandFailed(f"a command of {len(plain)} bytes is too long", "write it in parts")
        connection.conn.settimeout(max(0.01, end - time.monotonic()))
        connection.conn.sendall(b"%04x" % len(plain) + plain)
        connection.check_okay()

    def _rest(self, stream: socket.socket, end: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            stream.settimeout(left)
            data = stream.recv(1 << 18)
            if not data:
                return b"".join(parts)
            parts.append(data)
            size += len(data)
            if size > MAX_ANSWER:
                raise BadAnswer(
                    f"{self._serial} sent more than {MAX_ANSWER >> 20} MiB", "ask for less at once"
                )

    # The server and the device.

    def reconnect(self) -> None:
        """Connects to a phone at HOST:PORT anew; others are connected by their cable.

        Raises:
            DeviceAbsent, DeviceUnauthorized, ServerUnavailable: it cannot be used.
        """
        end = time.monotonic() + self._timeout
        try:
            self._connect(end)
            while (state := self._state(end)) != "device":
                if state == "unauthorized" or time.monotonic() > end - self._timeout / 2:
                    raise self._fault(state)
                time.sleep(0.05)  # one that is being switched on is offline for a moment
                if state == "absent":
                    self._connect(end)
        except (AdbTimeout, TimeoutError) as error:
            raise DeviceTimeout(f"adb did not find {self._serial} in time", HINT) from error
        except (AdbError, OSError) as error:
            raise self._explained(error) from error

    def _connect(self, end: float) -> None:
        """Has adb connect to HOST:PORT. It keeps the dead connection of a phone that was off
        meanwhile, and drops it only when told to, or a moment later."""
        if ":" not in self._serial:
            return
        said = self._host(f"host:connect:{self._serial}", end)
        if said.startswith("already") and self._state(end) != "device":
            self._host(f"host:disconnect:{self._serial}", end)
            self._host(f"host:connect:{self._serial}", end)

    def _state(self, end: float) -> str:
        listed = self._host("host:devices", end)
        found = [line.split("\t") for line in listed.splitlines()]
        return next((f[1] for f in found if len(f) == 2 and f[0] == self._serial), "absent")

    def _host(self, what: str, end: float) -> str:
        connection = self._open(end)
        try:
            self._ask(connection, what, end)
            connection.conn.settimeout(max(0.01, end - time.monotonic()))
            return str(connection.read_string_block())
        finally:
            connection.conn.close()

    def _listening(self) -> bool:
        try:
            socket.create_connection((self._client.host, self.port), 1).close()
        except OSError:
            return False
        return True

    def _start_server(self) -> None:
        adb = [adbutils.adb_path(), "-P", str(self.port), "start-server"]
        try:
            done = subprocess.run(
                adb, capture_output=True, timeout=self._timeout, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServerUnavailable(f"adb could not be started: {error}", HINT) from error
        if done.returncode:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())[-200:]
            raise ServerUnavailable(f"adb could not be started: {said}", HINT)

    def _explained(self, error: Exception) -> DeviceError:
        said = str(error)
        if isinstance(error, AdbConnectionError):
            return ServerUnavailable(f"the adb server at port {self.port} is gone", HINT)
        for word in ("unauthorized", "offline"):
            if word in said:
                return self._fault(word)
        return self._fault("absent", said)

    def _fault(self, state: str, said: str = "") -> DeviceError:
        if state == "unauthorized":
            return DeviceUnauthorized(
                f"{self._serial} does not allow this computer yet",
                "unlock the phone and confirm the question about USB debugging",
            )
        what = f"is {state}" if state not in ("absent", "device") else "is not there"
        return DeviceAbsent(f"{self._serial} {what}{f' ({said[:120]})' if said else ''}", HINT)


HINT = "`adb devices` lists what is there, `agentkit phone doctor` says what is wrong"
