"""Where a program reads from and writes to."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from agentkit_android.phone.files import Files, fault

MAX_COLLECTED = 4 << 20
PIPE_CHUNKS = 16


class Source(Protocol):
    async def read(self) -> bytes:
        """The next bytes; b"" at the end."""
        ...


class Sink(Protocol):
    async def write(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Streams:
    stdin: Source
    out: Sink
    err: Sink


class BrokenPipe(Exception):
    """Nobody reads any more; the writer ends with 141, as from SIGPIPE."""


class Nothing:
    """/dev/null, both ways."""

    async def read(self) -> bytes:
        return b""

    async def write(self, data: bytes) -> None:
        return None


class Bytes:
    """Reads what is given."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self) -> bytes:
        data, self._data = self._data, b""
        return data


class Collected:
    """Keeps what is written, up to MAX_COLLECTED bytes."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes) -> None:
        if len(self.data) + len(data) > MAX_COLLECTED:
            raise BrokenPipe
        self.data += data


class Calling:
    """Hands what is written to a function, and reads from one."""

    def __init__(
        self,
        write: Callable[[bytes], Awaitable[None]] | None = None,
        read: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        self._write, self._read = write, read

    async def read(self) -> bytes:
        return await self._read() if self._read else b""

    async def write(self, data: bytes) -> None:
        if self._write and data:
            await self._write(data)


class ToFile:
    """Writes a file of the phone: emptied at once, whole when closed."""

    def __init__(self, files: Files, path: str, *, append: bool) -> None:
        self._files, self._path = files, path
        self._parts = bytearray()
        files.write(path, b"", append=append)

    async def write(self, data: bytes) -> None:
        if len(self._parts) + len(data) > self._files.room:
            raise fault(errno.ENOSPC, self._path)
        self._parts += data

    def close(self) -> None:
        if self._parts:
            self._files.write(self._path, bytes(self._parts), append=True)


class Pipe:
    """What one program writes, the next reads."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(PIPE_CHUNKS)
        self._ended = False
        self._unread = asyncio.Event()

    async def read(self) -> bytes:
        if self._ended:
            return b""
        data = await self._chunks.get()
        self._ended = not data
        return data

    async def write(self, data: bytes) -> None:
        if self._unread.is_set():
            raise BrokenPipe
        if data:
            await self._chunks.put(data)

    async def close_writing(self) -> None:
        if not self._unread.is_set():
            await self._chunks.put(b"")

    def close_reading(self) -> None:
        """Later writes raise; one that waits for room is let go."""
        self._unread.set()
        while not self._chunks.empty():
            self._chunks.get_nowait()


async def read_all(source: Source, limit: int) -> bytes:
    """Everything up to the end; more than `limit` bytes is an error as of a full disk."""
    parts = bytearray()
    while data := await source.read():
        parts += data
        if len(parts) > limit:
            raise fault(errno.EFBIG, "-")
    return bytes(parts)
