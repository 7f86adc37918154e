"""One stream of a connection: bytes both ways, one write under way in each direction."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from agentkit_android.device.wire import CLSE, OKAY, WRTE, Packet


class StreamClosed(ConnectionError):
    """The other end is gone; there is nobody to write to."""


class Stream:
    """What a service talks through.

    Args:
        local, remote: the ids of both ends; a packet names the sender's first. The remote one is
            0 while the other end has not answered yet.
        send: puts a packet on the wire.
        room: the most data bytes that one packet may carry.
    """

    def __init__(
        self,
        local: int,
        remote: int,
        send: Callable[[Packet], Coroutine[Any, Any, None]],
        room: int,
    ) -> None:
        self.local, self.remote, self.room = local, remote, room
        self.held = 0  # bytes that were received and not yet read
        self.closed = False
        self._send = send
        self._inbox: deque[bytes] = deque()
        self._left = b""  # of a chunk that was read in part
        self._arrived = asyncio.Event()
        self._free = asyncio.Event()  # set where the peer has taken the last write
        if remote:
            self._free.set()
        self._writing = asyncio.Lock()

    # What the connection tells it.

    def taken(self) -> None:
        """The peer is ready for the next write."""
        self._free.set()

    def arrive(self, data: bytes) -> bool:
        """Data came in. False where the peer did not wait for the OKAY of its last write."""
        if self._inbox:
            return False
        if data:
            self._inbox.append(data)
            self.held += len(data)
            self._arrived.set()
        return True

    def end(self) -> None:
        """The peer closed it: reads end after what has arrived, writes raise."""
        self.closed = True
        self._arrived.set()
        self._free.set()

    async def opened(self) -> bool:
        """Waits for the answer to an OPEN; False where it is a refusal."""
        await self._free.wait()
        return not self.closed

    # What a service does.

    async def read(self) -> bytes:
        """The next bytes, as they come; b"" after the end."""
        if self._left:
            data, self._left = self._left, b""
            self.held -= len(data)
            return data
        while not self._inbox:
            if self.closed:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        data = self._inbox.popleft()
        self.held -= len(data)
        if not self.closed:
            await self._send(Packet(OKAY, self.local, self.remote))
        return data

    async def exactly(self, n: int) -> bytes:
        """n bytes.

        Raises:
            asyncio.IncompleteReadError: the stream ended before.
        """
        parts: list[bytes] = []
        missing = n
        while missing:
            data = await self.read()
            if not data:
                raise asyncio.IncompleteReadError(b"".join(parts), n)
            if len(data) > missing:
                data, self._left = data[:missing], data[missing:]
                self.held += len(self._left)
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    async def write(self, data: bytes) -> None:
        """Sends all of it, waiting for the peer to take each packet before the next.

        Raises:
            StreamClosed: the peer closed the stream.
        """
        async with self._writing:  # two writers would take each other's turn
            for start in range(0, len(data), self.room):
                await self._free.wait()
                if self.closed:
                    raise StreamClosed("the peer closed the stream")
                self._free.clear()
                chunk = data[start : start + self.room]
                await self._send(Packet(WRTE, self.local, self.remote, chunk))

    async def close(self) -> None:
        """Says goodbye, once what was written is taken."""
        async with self._writing:
            if not self.closed:
                await self._free.wait()
            self.end()
            await self._send(Packet(CLSE, self.local, self.remote))
