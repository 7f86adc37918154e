"""The device's side of adb: a TCP server that any adb server connects to.

One connection carries many streams; each is one service (`shell:…`, `sync:`, …) in a task of its
own, so that the reader never waits for a service.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from types import TracebackType

from agentkit_android.device import (  # noqa: F401 simulator registers a program
    auth,
    packages,
    services,
    simulator,
)
from agentkit_android.device.automation import programs  # noqa: F401 registers programs
from agentkit_android.device.streams import Stream, StreamClosed
from agentkit_android.device.wire import (
    AUTH,
    CLSE,
    CNXN,
    MAX_DATA,
    OKAY,
    OPEN,
    VERSION,
    WRTE,
    Malformed,
    Packet,
    receive,
)
from agentkit_android.phone.phone import Phone

log = logging.getLogger("agentkit.android.device")
FEATURES = ("shell_v2", "cmd", "stat_v2", "ls_v2", "fixed_push_mkdir")
MAX_STREAMS = 512
MAX_HELD = 8 << 20
"""Bytes that one connection may have sent and no service has read yet."""
GRACE = 0.2
"""Seconds that a service has to end by itself after its stream was closed."""


class DeviceServer:
    """A phone that adb can connect to.

    Args:
        phone: whose state it shows and changes.
        port: on 127.0.0.1; 0 takes a free one.
        features: what it tells adb that it can do; fewer of them make an older phone.
        ask: whether somebody has to allow a computer that connects; see `allow`.

    Attributes:
        sockets: who listens at its abstract local sockets (`adb forward … localabstract:NAME`).

    async with DeviceServer(Phone()) as server:
        print(server.serial)          # 127.0.0.1:40213, for `adb connect`
    """

    def __init__(
        self,
        phone: Phone,
        port: int = 0,
        features: tuple[str, ...] = FEATURES,
        *,
        ask: bool = False,
    ) -> None:
        self.phone, self.port, self.features = phone, port, features
        packages.load(phone)
        self.keys = auth.Keys(ask=ask)
        self.sockets: dict[str, services.Service] = {}
        self.used = time.monotonic()  # when a service was opened last
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], Connection] = {}

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listens from now on.

        Raises:
            OSError: the port is taken.
        """
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, limit=MAX_DATA
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops listening and drops every connection."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def allow(self) -> int:
        """Somebody allows every computer that waits; gives how many did."""
        waiting = [c for c in self._connections.values() if c.offered is not None]
        for connection in waiting:
            assert connection.offered is not None
            self.keys.allow(connection.offered)
            connection.admit()
        return len(waiting)

    def drop(self) -> None:
        """Cuts every connection, as a cable that is pulled out."""
        for task in list(self._connections):
            task.cancel()

    async def __aenter__(self) -> DeviceServer:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = Connection(self, reader, writer)
        try:
            await self._connections[task].run()
        except asyncio.CancelledError:
            pass  # close() did it, and waits; asyncio would log it as an error
        finally:
            self._connections.pop(task, None)


class Connection:
    """One adb server that is connected."""

    def __init__(
        self, server: DeviceServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.features = frozenset(server.features)
        self._streams: dict[int, Stream] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ids = itertools.count(1)
        self._room = 0  # bytes a packet may carry
        self._admitted = False
        self._summed = True
        self._outgoing = asyncio.Lock()
        self._token = b""
        self.offered: auth.Key | None = None  # a key that waits to be allowed
        self.reversed: dict[str, str] = {}  # what listens on the phone for the host, and for what

    async def run(self) -> None:
        """Serves the peer until it leaves or sends nonsense."""
        try:
            while True:
                self._handle(await receive(self.reader))
        except Malformed as error:
            log.warning("connection dropped: %s", error)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the peer left
        finally:
            for stream in self._streams.values():
                stream.end()
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.writer.close()

    async def send(self, packet: Packet) -> None:
        """Sends for a service, one at a time, so that little waits in memory for a slow peer."""
        async with self._outgoing:
            if self.writer.is_closing():
                raise ConnectionResetError("the peer is gone")
            self.writer.write(packet.encode(summed=self._summed))
            await self.writer.drain()

    def _handle(self, packet: Packet) -> None:
        if packet.command == CNXN:
            self._greet(packet)
        elif packet.command == AUTH:
            self._prove(packet)
        elif not self._admitted:
            raise Malformed("a packet before the greeting")
        elif packet.command == OPEN:
            self._open(packet)
        elif packet.command in (OKAY, WRTE, CLSE):
            stream = self._streams.get(packet.arg1)
            if stream is not None and not stream.remote and packet.command == OKAY:
                stream.remote = packet.arg0  # the host took what was opened from here
            if stream is not None and stream.remote != packet.arg0:
                # Only a refusal may come without an id.
                stream = stream if packet.command == CLSE and packet.arg0 == 0 else None
            if stream is None:
                if packet.command == WRTE:
                    self._say(Packet(CLSE, 0, packet.arg0))
            elif packet.command == OKAY:
                stream.taken()
            elif packet.command == CLSE:
                self._end(stream)
            else:
                held = sum(s.held for s in self._streams.values())
                if held > MAX_HELD or not stream.arrive(packet.data):
                    log.warning("stream %d closed: it sends without waiting", stream.local)
                    self._say(Packet(CLSE, stream.local, stream.remote))
                    self._end(stream)
        # STLS, SYNC: not asked for, and not answered.

    def _greet(self, packet: Packet) -> None:
        for stream in list(self._streams.values()):
            self._end(stream)  # a second greeting starts over
        self._room = max(1024, min(packet.arg1, MAX_DATA))
        self._summed = packet.arg0 < VERSION
        self._admitted = False
        if self.server.keys.ask:
            self._challenge()
        else:
            self.admit()

    def _challenge(self) -> None:
        self._token = auth.token()
        self._say(Packet(AUTH, auth.TOKEN, 0, self._token))

    def _prove(self, packet: Packet) -> None:
        """A signature, or a key that somebody may allow later."""
        if not self._token or self._admitted:
            return
        if packet.arg0 == auth.SIGNATURE:
            if self.server.keys.signed(packet.data, self._token):
                self.admit()
            else:
                self._challenge()
        elif packet.arg0 == auth.PUBLIC_KEY:
            try:
                self.offered = auth.public_key(packet.data)
            except ValueError as error:
                raise Malformed(f"a key that is none: {error}") from error

    def admit(self) -> None:
        """Says that it is connected."""
        self._admitted, self._token, self.offered = True, b"", None
        phone = self.server.phone
        product = {
            name: phone.properties.get(f"ro.product.{name}", "")
            for name in ("name", "model", "device")
        }
        told = "".join(f"ro.product.{name}={value};" for name, value in product.items())
        banner = f"device::{told}features={','.join(self.server.features)}"
        self._say(Packet(CNXN, VERSION, MAX_DATA, banner.encode()))

    def _open(self, packet: Packet) -> None:
        name = packet.data.rstrip(b"\0").decode("utf-8", "surrogateescape")
        service = services.find(name, self) if packet.arg0 else None
        if service is None or len(self._streams) >= MAX_STREAMS:
            # arg0 is 0: with another id the client would wait for ever.
            self._say(Packet(CLSE, 0, packet.arg0))
            return
        self.server.used = time.monotonic()
        stream = Stream(next(self._ids), packet.arg0, self.send, self._room)
        self._streams[stream.local] = stream
        self._say(Packet(OKAY, stream.local, stream.remote))
        self._tasks[stream.local] = asyncio.create_task(self._serve(service, stream, name))

    async def call(self, name: str) -> Stream:
        """Opens a stream towards the host.

        Raises:
            StreamClosed: nobody is there.
        """
        if len(self._streams) >= MAX_STREAMS:
            raise StreamClosed("there are too many streams")
        stream = Stream(next(self._ids), 0, self.send, self._room)
        self._streams[stream.local] = stream
        await self.send(Packet(OPEN, stream.local, 0, name.encode() + b"\0"))
        if not await stream.opened():
            self._streams.pop(stream.local, None)
            raise StreamClosed(f"the host opens no {name}")
        return stream

    def forget(self, stream: Stream) -> None:
        """A stream towards the host that was closed."""
        self._streams.pop(stream.local, None)

    async def _serve(self, service: services.Service, stream: Stream, name: str) -> None:
        try:
            await service(stream)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left in the middle
        except Exception:
            log.exception("service %.80r failed", name)
        finally:
            try:
                await stream.close()
            except ConnectionError:
                pass
            self._streams.pop(stream.local, None)
            self._tasks.pop(stream.local, None)

    def _end(self, stream: Stream) -> None:
        """Lets a service read what has arrived, and stops it where it goes on regardless."""
        stream.end()
        task = self._tasks.get(stream.local)
        if task is not None:
            asyncio.get_running_loop().call_later(GRACE, task.cancel)

    def _say(self, packet: Packet) -> None:
        """Sends from the reader, which must not wait for a peer that does not read."""
        if self.writer.is_closing():
            raise ConnectionResetError("the peer is gone")
        if self.writer.transport.get_write_buffer_size() > MAX_HELD:
            raise Malformed("it asks and asks, and reads no answer")
        self.writer.write(packet.encode(summed=self._summed))
