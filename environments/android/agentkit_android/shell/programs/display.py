"""screencap, uiautomator, wm: what is on the screen."""

from __future__ import annotations

import asyncio
import re
import struct

from agentkit_android.screen import draw, tree
from agentkit_android.shell.call import Call, ProgramError, encode, program

DISPLAY_ID = "4619827259835644672"
DUMP = "/sdcard/window_dump.xml"


@program("screencap")
async def screencap(call: Call) -> int:
    """`-p` for PNG, `-d ID`, and a file; without a file to standard output."""
    words, as_png = list(call.words), False
    while words and words[0].startswith("-"):
        word = words.pop(0)
        as_png |= word == "-p"
        if word == "-d":
            if words[:1] not in ([DISPLAY_ID], ["0"]):
                raise ProgramError(f"Display Id '{' '.join(words[:1])}' is not valid.")
            words.pop(0)
    scene = call.phone.scene()
    if as_png or (words[:1] and words[0].endswith(".png")):
        data = await asyncio.to_thread(draw.png, scene)
    else:
        pixels = (await asyncio.to_thread(draw.image, scene)).convert("RGBA")
        data = struct.pack("<4I", pixels.width, pixels.height, 1, 1) + pixels.tobytes()
    if words:
        call.phone.files.write(call.path(words[0]), data)
    else:
        await call.out.write(data)
    return 0


@program("uiautomator")
async def uiautomator(call: Call) -> int:
    if call.words[:1] != ["dump"]:
        raise ProgramError("only dump is known")
    paths = [w for w in call.words[1:] if not w.startswith("-")]
    path = paths[0] if paths else DUMP
    every = "--windows" in call.words
    content = encode(tree.xml(call.phone.scene(), every_window=every))
    if path in ("/dev/tty", "/dev/stdout", "/proc/self/fd/1"):
        await call.out.write(content)
    else:
        call.phone.files.write(call.path(path), content)
    await call.print(f"UI hierchary dumped to: {path}")  # as the real one spells it
    return 0


@program("wm")
async def wm(call: Call) -> int:
    what, value = [*call.words, "", ""][:2]
    phone, made = call.phone, call.phone.physical
    if what == "size" and not value:
        await call.print(f"Physical size: {made.width}x{made.height}")
        now = phone.plain.natural
        if (now.width, now.height) != (made.width, made.height):
            await call.print(f"Override size: {now.width}x{now.height}")
    elif what == "density" and not value:
        await call.print(f"Physical density: {made.density}")
        if phone.plain.natural.density != made.density:
            await call.print(f"Override density: {phone.plain.natural.density}")
    elif what == "size":
        found = re.fullmatch(r"(\d{2,5})x(\d{2,5})", value)
        width, height = map(int, found.groups()) if found else (made.width, made.height)
        if not (found or value == "reset") or not (min(width, height) >= 200):
            raise ProgramError(f"bad size {value}", 255)
        if max(width, height) > 4096:
            raise ProgramError(f"{value} is too large", 255)
        phone.resize(width=width, height=height)
    elif what == "density":
        good = re.fullmatch(r"\d{2,3}", value) and 72 <= int(value) <= 800
        if not good and value != "reset":
            raise ProgramError(f"bad density {value}", 255)
        density = int(value) if good else made.density
        phone.resize(density=density)
    else:
        raise ProgramError(f"Unknown command: {what}", 255)
    return 0
