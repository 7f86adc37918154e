"""input, screencap, uiautomator, wm: the screen and what touches it."""

from __future__ import annotations

import asyncio
import re
import struct
from dataclasses import replace

from agentkit_android.screen import draw, tree
from agentkit_android.shell.call import Call, ProgramError, encode, program

KEYS = {
    3: "HOME", 4: "BACK", 19: "DPAD_UP", 20: "DPAD_DOWN", 24: "VOLUME_UP", 25: "VOLUME_DOWN",
    26: "POWER", 61: "TAB", 66: "ENTER", 67: "DEL", 82: "MENU", 164: "VOLUME_MUTE",
    187: "APP_SWITCH", 223: "SLEEP", 224: "WAKEUP",
}  # fmt: skip
DISPLAY_ID = "4619827259835644672"
DUMP = "/sdcard/window_dump.xml"


def _points(words: list[str], count: int) -> list[int]:
    if len(words) < count:
        raise ProgramError("Invalid arguments for command", 255)
    try:
        return [int(float(w)) for w in words[:count] if abs(float(w)) < 1e6]
    except ValueError:
        raise ProgramError(f"Invalid number in {' '.join(words[:count])!r}", 255) from None


@program("input")
async def input_(call: Call) -> int:
    words = list(call.words)
    while words and words[0] in ("touchscreen", "keyboard", "mouse", "touchpad", "-d"):
        del words[: 2 if words[0] == "-d" else 1]
    kind, rest = (words[0], words[1:]) if words else ("", [])
    phone = call.phone
    if kind == "tap":
        x, y = _checked(_points(rest, 2), 2)
        phone.tap(x, y)
    elif kind in ("swipe", "draganddrop"):
        x, y, to_x, to_y = _checked(_points(rest, 4), 4)
        phone.swipe((x, y), (to_x, to_y))
    elif kind == "keyevent":
        keys = [w for w in rest if w != "--longpress"]
        for word in keys:
            known = KEYS.get(int(word)) if word.isdecimal() and len(word) < 6 else None
            phone.press(known or word.upper().removeprefix("KEYCODE_"))
    elif kind == "text":
        phone.pass_time(1)  # no view of these apps takes text, so that it goes nowhere
    else:
        raise ProgramError(f"Unknown command: {kind}", 255)
    return 0


def _checked(numbers: list[int], count: int) -> list[int]:
    if len(numbers) != count:
        raise ProgramError("a number is too large", 255)
    return numbers


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
    content = encode(tree.xml(call.phone.scene()))
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
        now = phone.display
        if (now.width, now.height) != (made.width, made.height):
            await call.print(f"Override size: {now.width}x{now.height}")
    elif what == "density" and not value:
        await call.print(f"Physical density: {made.density}")
        if phone.display.density != made.density:
            await call.print(f"Override density: {phone.display.density}")
    elif what == "size":
        found = re.fullmatch(r"(\d{2,5})x(\d{2,5})", value)
        width, height = map(int, found.groups()) if found else (made.width, made.height)
        if not (found or value == "reset") or not (min(width, height) >= 200):
            raise ProgramError(f"bad size {value}", 255)
        if max(width, height) > 4096:
            raise ProgramError(f"{value} is too large", 255)
        phone.display = replace(phone.display, width=width, height=height)
    elif what == "density":
        good = re.fullmatch(r"\d{2,3}", value) and 72 <= int(value) <= 800
        if not good and value != "reset":
            raise ProgramError(f"bad density {value}", 255)
        density = int(value) if good else made.density
        phone.display = replace(phone.display, density=density)
    else:
        raise ProgramError(f"Unknown command: {what}", 255)
    return 0
