"""The services that a stream can be opened for, by their names."""

from __future__ import annotations

import asyncio
import functools
import struct
from collections.abc import Awaitable, Callable, Collection

from agentkit_android.device.shells import exec_, shell_v1, shell_v2
from agentkit_android.device.streams import Stream
from agentkit_android.device.sync import sync
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw

Service = Callable[[Stream], Awaitable[None]]


def find(name: str, phone: Phone, features: Collection[str]) -> Service | None:
    """The service of an OPEN, or None to refuse it. Nothing here leads to the host: a `tcp:` port
    is one that somebody listens on inside the phone."""
    kind, _, rest = name.partition(":")
    kind, *options = kind.split(",")
    if kind == "shell":
        if "v2" in options and "shell_v2" in features:
            return functools.partial(shell_v2, phone, rest, "pty" in options)
        return functools.partial(shell_v1, phone, rest)
    if kind == "exec":
        return functools.partial(exec_, phone, rest)
    if kind == "sync":
        return functools.partial(sync, phone)
    if kind == "tcp" and rest.isascii() and rest.isdigit():
        return phone.ports.get(int(rest[:6]))
    if kind == "framebuffer":
        return functools.partial(framebuffer, phone)
    if kind == "reverse":
        return functools.partial(reverse, rest)
    if kind in ("root", "unroot", "remount"):
        return functools.partial(say, f"{kind} is not possible on this phone\n".encode())
    return None


async def say(text: bytes, stream: Stream) -> None:
    await stream.write(text)


async def reverse(what: str, stream: Stream) -> None:
    """`adb reverse`: there are none, and none can be made."""
    if what == "list-forward":
        await stream.write(b"OKAY0000")
    else:
        text = b"this phone opens no connections to the host"
        await stream.write(b"FAIL%04x%s" % (len(text), text))


async def framebuffer(phone: Phone, stream: Stream) -> None:
    """The screen as raw RGBA after a header of 13 u32: version 1, bits a pixel, bytes, width,
    height, and (offset, length) in bits of red, blue, green, alpha."""
    image = (await asyncio.to_thread(draw.image, phone.scene())).convert("RGBA")
    pixels = image.tobytes()
    layout = (0, 8, 16, 8, 8, 8, 24, 8)
    head = struct.pack("<13I", 1, 32, len(pixels), image.width, image.height, *layout)
    await stream.write(head + pixels)
