"""The services that a stream can be opened for, by their names."""

from __future__ import annotations

import asyncio
import functools
import re
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from agentkit_android.device.shells import exec_, shell_v1, shell_v2
from agentkit_android.device.streams import Stream, StreamClosed
from agentkit_android.device.sync import sync
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw

if TYPE_CHECKING:
    from agentkit_android.device.server import Connection

MAX_REVERSED = 100
Service = Callable[[Stream], Awaitable[None]]


def find(name: str, connection: Connection) -> Service | None:
    """The service of an OPEN, or None to refuse it. Nothing here leads to the host, but what it
    asked for by `adb reverse`: a `tcp:` port is one that somebody listens on inside the phone."""
    phone, server = connection.server.phone, connection.server
    kind, _, rest = name.partition(":")
    kind, *options = kind.split(",")
    if kind == "shell":
        if "v2" in options and "shell_v2" in connection.features:
            return functools.partial(shell_v2, phone, rest, "pty" in options)
        return functools.partial(shell_v1, phone, rest)
    if kind == "exec":
        return functools.partial(exec_, phone, rest)
    if kind == "sync":
        return functools.partial(sync, phone)
    if name in connection.reversed:
        return functools.partial(towards_host, connection, connection.reversed[name])
    if kind == "tcp" and rest.isascii() and rest.isdigit():
        return phone.ports.get(int(rest[:6]))
    if kind in ("localabstract", "local"):
        return server.sockets.get(rest)
    if kind == "framebuffer":
        return functools.partial(framebuffer, phone)
    if kind == "reverse":
        return functools.partial(reverse, connection, rest)
    if kind == "reboot":
        return functools.partial(reboot, connection)
    if kind in ("root", "unroot", "remount"):
        return functools.partial(say, f"{kind} is not possible on this phone\n".encode())
    return None


async def say(text: bytes, stream: Stream) -> None:
    await stream.write(text)


PLACE = re.compile(r"tcp:\d{1,5}|localabstract:[\w.-]{1,100}")
FIRST_FREE = 40_000


async def reverse(connection: Connection, what: str, stream: Stream) -> None:
    """`adb reverse`: what listens on the phone and leads to the host."""
    kept = connection.reversed
    verb, _, rest = what.partition(":")
    if verb == "list-forward":
        lines = "".join(f"(reverse) {here} {there}\n" for here, there in kept.items())
        await stream.write(b"%04x%s" % (len(lines), lines.encode()))
    elif verb == "killforward-all":
        kept.clear()
        await stream.write(b"OKAY")
    elif verb == "killforward":
        gone = kept.pop(rest, None)
        await stream.write(b"OKAY" if gone else _fail(f"listener '{rest[:80]}' not found"))
    elif verb == "forward":
        await stream.write(_reversed(kept, rest))
    else:
        await stream.write(_fail(f"unknown reverse service {verb[:40]!r}"))


def _reversed(kept: dict[str, str], rest: str) -> bytes:
    once = rest.startswith("norebind:")
    here, _, there = rest.removeprefix("norebind:").partition(";")
    if not (PLACE.fullmatch(here) and PLACE.fullmatch(there)) or len(kept) >= MAX_REVERSED:
        return _fail("bad forward specification")
    if once and here in kept:
        return _fail(f"cannot rebind {here}")
    told = b""
    if here == "tcp:0":
        port = next(p for p in range(FIRST_FREE, 65536) if f"tcp:{p}" not in kept)
        here, told = f"tcp:{port}", b"%04x%d" % (len(str(port)), port)
    kept[here] = there
    return b"OKAY" + told


def _fail(text: str) -> bytes:
    return b"FAIL%04x%s" % (len(text.encode()), text.encode())


async def towards_host(connection: Connection, place: str, stream: Stream) -> None:
    """Passes bytes between somebody on the phone and a port of the host, until one of both has
    enough."""
    try:
        other = await connection.call(place)
    except StreamClosed:
        return

    async def passed(source: Stream, sink: Stream) -> None:
        try:
            while data := await source.read():
                await sink.write(data)
        except StreamClosed:
            pass

    ways = [asyncio.create_task(passed(*pair)) for pair in ((stream, other), (other, stream))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        connection.forget(other)
        await other.close()


async def reboot(connection: Connection, stream: Stream) -> None:
    """Switches the phone off and on: what is stored stays, connections and open apps do not."""
    await stream.close()
    connection.server.phone.activities.home()
    asyncio.get_running_loop().call_soon(connection.server.drop)


async def framebuffer(phone: Phone, stream: Stream) -> None:
    """The screen as raw RGBA after a header of 13 u32: version 1, bits a pixel, bytes, width,
    height, and (offset, length) in bits of red, blue, green, alpha."""
    image = (await asyncio.to_thread(draw.image, phone.scene())).convert("RGBA")
    pixels = image.tobytes()
    layout = (0, 8, 16, 8, 8, 8, 24, 8)
    head = struct.pack("<13I", 1, 32, len(pixels), image.width, image.height, *layout)
    await stream.write(head + pixels)
