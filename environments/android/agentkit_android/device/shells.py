"""The `shell:` and `exec:` services: version 1 (one stream), version 2 (framed, with exit status),
and a prompt where a client opens a terminal."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Awaitable, Callable

from agentkit_android.device.streams import Stream
from agentkit_android.phone.phone import Phone
from agentkit_android.shell.interpreter import Shell, Streams
from agentkit_android.shell.streams import Calling

FRAME = struct.Struct("<BI")
STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN, WINDOW = range(6)
MAX_FRAME = 1 << 20
MAX_LINE = 64 << 10
Read = Callable[[], Awaitable[bytes]]


def _decode(text: str) -> str:
    return text.replace("\r\n", "\n")


async def exec_(phone: Phone, text: str, stream: Stream) -> None:
    """`exec:`: standard output and error in one, byte for byte."""
    out = Calling(stream.write)
    await Shell(phone).run(_decode(text), Streams(Calling(read=stream.read), out, out))


async def shell_v1(phone: Phone, text: str, stream: Stream) -> None:
    """`shell:`: the same; the exit status is not told."""
    if text:
        await exec_(phone, text, stream)
    else:
        await _prompt(phone, stream.read, Calling(stream.write), Calling(stream.write), echo=True)


async def shell_v2(phone: Phone, text: str, terminal: bool, stream: Stream) -> None:
    """`shell,v2:`: frames of an id, a length and data; the last is the exit status."""
    typed: asyncio.Queue[bytes] = asyncio.Queue(4)
    ended = False

    async def listen() -> None:
        """Takes the client's frames apart; the last thing in the queue is b""."""
        try:
            while True:
                kind, length = FRAME.unpack(await stream.exactly(FRAME.size))
                if length > MAX_FRAME:
                    break
                data = await stream.exactly(length) if length else b""
                if kind == CLOSE_STDIN:
                    break
                if kind == STDIN and data:
                    await typed.put(data)
        except asyncio.IncompleteReadError:
            pass
        await typed.put(b"")

    async def read() -> bytes:
        nonlocal ended
        if ended:
            return b""
        data = await typed.get()
        ended = not data
        return data

    def sink(kind: int) -> Calling:
        async def write(data: bytes) -> None:
            if terminal:
                data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
            await stream.write(FRAME.pack(kind, len(data)) + data)

        return Calling(write)

    listener = asyncio.create_task(listen())
    try:
        out, err = sink(STDOUT), sink(STDOUT if terminal else STDERR)
        if text:
            status = await Shell(phone).run(_decode(text), Streams(Calling(read=read), out, err))
        else:
            status = await _prompt(phone, read, out, err, echo=terminal)
        await stream.write(FRAME.pack(EXIT, 1) + bytes([status]))
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def _prompt(phone: Phone, read: Read, out: Calling, err: Calling, *, echo: bool) -> int:
    """Lines that are typed, each run when it is ended; `echo` as a terminal does."""
    shell = Shell(phone)
    line = bytearray()
    prompt = f"{phone.properties.get('ro.product.device', 'phone')}:{{}} $ "

    async def ask() -> None:
        if echo:
            await out.write(prompt.format(shell.folder).encode())

    await ask()
    while data := await read():
        for byte in data:
            letter = bytes([byte])
            if letter in (b"\r", b"\n"):
                if echo:
                    await out.write(b"\r\n")
                text, line = line.decode("utf-8", "surrogateescape"), bytearray()
                if text.split()[:1] == ["exit"]:
                    return await shell.run(text, Streams(Calling(), out, err))
                await shell.run(text, Streams(Calling(), out, err))
                await ask()
            elif letter == b"\x04" and not line and echo:
                return shell.status & 0xFF
            elif letter == b"\x03" and echo:
                line.clear()
                await out.write(b"^C\r\n")
                await ask()
            elif letter in (b"\x7f", b"\b") and echo:
                if line:
                    del line[-1]
                    await out.write(b"\b \b")
            elif len(line) < MAX_LINE:
                line += letter
                if echo:
                    await out.write(letter)
    return shell.status & 0xFF
