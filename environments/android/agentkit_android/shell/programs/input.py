"""input and ime: fingers, keys and keyboards."""

from __future__ import annotations

from agentkit_android.phone.keyboard import METHODS
from agentkit_android.shell.call import Call, ProgramError, encode, program

KEYS = {
    3: "HOME", 4: "BACK", 19: "DPAD_UP", 20: "DPAD_DOWN", 21: "DPAD_LEFT", 22: "DPAD_RIGHT",
    23: "DPAD_CENTER", 24: "VOLUME_UP", 25: "VOLUME_DOWN", 26: "POWER", 61: "TAB", 62: "SPACE",
    66: "ENTER", 67: "DEL", 82: "MENU", 83: "NOTIFICATION", 111: "ESCAPE", 112: "FORWARD_DEL",
    122: "MOVE_HOME", 123: "MOVE_END", 160: "NUMPAD_ENTER", 164: "VOLUME_MUTE", 187: "APP_SWITCH",
    223: "SLEEP", 224: "WAKEUP", 277: "CUT", 278: "COPY", 279: "PASTE",
    **{7 + n: str(n) for n in range(10)}, **{29 + n: chr(65 + n) for n in range(26)},
    55: ",", 56: ".", 69: "-", 70: "=", 76: "/", 77: "@", 81: "+",
}  # fmt: skip
CONTROL = {"A": "SELECT_ALL", "C": "COPY", "X": "CUT", "V": "PASTE"}
SOURCES = ("touchscreen", "keyboard", "mouse", "touchpad", "dpad", "trackball", "-d")
MAX_MILLISECONDS = 60_000


def _points(words: list[str], count: int) -> list[int]:
    if len(words) < count:
        raise ProgramError("Invalid arguments for command", 255)
    try:
        numbers = [int(float(w)) for w in words[:count] if abs(float(w)) < 1e6]
    except ValueError:
        raise ProgramError(f"Invalid number in {' '.join(words[:count])!r}", 255) from None
    if len(numbers) != count:
        raise ProgramError("a number is too large", 255)
    return numbers


def key_name(word: str) -> str:
    """Of a number or a name, without KEYCODE_."""
    if word.isdecimal() and len(word) < 6:
        return KEYS.get(int(word), "UNKNOWN")
    return word.upper().removeprefix("KEYCODE_")


@program("input")
async def input_(call: Call) -> int:
    words = list(call.words)
    while words and words[0] in SOURCES:
        del words[: 2 if words[0] == "-d" else 1]
    kind, rest = (words[0], words[1:]) if words else ("", [])
    phone = call.phone
    if kind == "tap":
        x, y = _points(rest, 2)
        phone.tap(x, y)
    elif kind in ("swipe", "draganddrop"):
        x, y, to_x, to_y = _points(rest, 4)
        milliseconds = _points(rest[4:], 1)[0] if rest[4:] else 300
        if not 0 <= milliseconds <= MAX_MILLISECONDS:
            raise ProgramError("the duration is too long", 255)
        phone.swipe((x, y), (to_x, to_y), milliseconds)
    elif kind == "keyevent":
        for word in (w for w in rest if not w.startswith("--")):
            phone.press(key_name(word))
    elif kind == "keycombination":
        names = [key_name(w) for w in rest if not w.startswith("-")]
        held = {"CTRL_LEFT", "CTRL_RIGHT"} & set(names) or {"113", "114"} & set(rest)
        phone.press(CONTROL.get(names[-1], "UNKNOWN") if held and names else "UNKNOWN")
    elif kind == "text":
        await _text(call, rest)
    elif kind == "motionevent":
        await _motion(call, rest)
    else:
        raise ProgramError(f"Unknown command: {kind}", 255)
    return 0


async def _text(call: Call, words: list[str]) -> None:
    """`%s` is a space. A key is looked for to each letter, and most scripts have none: as on a
    phone, for those there is the keyboard that adb speaks to."""
    if not words:
        raise ProgramError("Invalid arguments for command", 255)
    text = words[0].replace("%s", " ")
    if not text.isascii():
        trace = "java.lang.NullPointerException: Attempt to get length of null array"
        await call.err.write(f"\nException occurred while executing 'text':\n{trace}\n".encode())
        raise ProgramError("no key has such a letter; see ADB_INPUT_B64", 255)
    call.phone.type(text)


async def _motion(call: Call, words: list[str]) -> None:
    """DOWN, MOVE and UP of one finger; what it did is known when it goes up."""
    verb = words[0].upper() if words else ""
    held = call.phone.finger
    if verb == "UP" and held:
        end = (_points(words[1:], 2) if words[1:] else list(held[-1])) or list(held[-1])
        call.phone.finger = []
        call.phone.swipe(held[0], (end[0], end[1]), 200 if len(held) < 2 else 400)
    elif verb in ("DOWN", "MOVE"):
        x, y = _points(words[1:], 2)
        call.phone.finger = [(x, y)] if verb == "DOWN" else [*held[:1], (x, y)]
    elif verb == "CANCEL":
        call.phone.finger = []
    elif verb != "UP":
        raise ProgramError(f"Error: unknown motion event {verb}", 255)


@program("ime")
async def ime(call: Call) -> int:
    """list [-s] [-a], enable, disable, set, reset."""
    verb, *rest = call.words or [""]
    settings = call.phone.settings
    enabled = [m for m in (settings.get("secure", "enabled_input_methods") or "").split(":") if m]
    if verb == "list":
        for method in METHODS if "-a" in rest else enabled:
            await call.print(method if "-s" in rest else f"{method}:\n  mId={method}")
        return 0
    if verb == "reset":
        settings.put("secure", "default_input_method", METHODS[0])
        settings.put("secure", "enabled_input_methods", METHODS[0])
        await call.print("Reset current and enabled IMEs for user #0")
        return 0
    method = rest[-1] if rest else ""
    if verb not in ("enable", "disable", "set"):
        raise ProgramError(f"Unknown command: {verb}", 255)
    if method not in METHODS:
        told = f"Unknown input method {method} cannot be {verb}d for user #0\n"
        await call.err.write(encode(told))
        return 255
    if verb == "set":
        if method not in enabled:
            await call.err.write(encode(f"Error: {method} is not enabled\n"))
            return 255
        settings.put("secure", "default_input_method", method)
        await call.print(f"Input method {method} selected for user #0")
        return 0
    kept = [m for m in enabled if m != method] + ([method] if verb == "enable" else [])
    settings.put("secure", "enabled_input_methods", ":".join(kept))
    await call.print(f"Input method {method}: now {verb}d for user #0")
    return 0
