"""What a phone shows and what is done to it, by commands that every Android has."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from agentkit.capabilities import Action
from agentkit.errors import UsageError
from agentkit_android.client import actions as act
from agentkit_android.client.errors import BadAnswer, CommandFailed, DeviceError
from agentkit_android.client.transport import Transport, must, run
from agentkit_android.client.tree import Element, parse
from agentkit_android.client.words import broadcast_text, input_text, pieces

PNG, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
RESUMED = re.compile(r"ResumedActivity[:=] ?ActivityRecord\{\S+ u\d+ ([\w.]+)/([\w.$]+)")
FRONT = "dumpsys activity activities | grep ResumedActivity"
ROTATION = re.compile(rb"<hierarchy[^>]* rotation=\"(\d)\"")
TRIES = 3
BUTTONS = {"back": 4, "home": 3, "recents": 187, "menu": 82, "power": 26}
KEYS = {
    "enter": 66, "delete": 67, "tab": 61, "escape": 111, "search": 84, "space": 62, "up": 19,
    "down": 20, "left": 21, "right": 22, "volume-up": 24, "volume-down": 25, "copy": 278,
    "paste": 279, "select-all": 0,
}  # fmt: skip
LAUNCHED = ("-a", "android.intent.action.MAIN", "-c", "android.intent.category.LAUNCHER")
LAUNCHABLE = re.compile(r"^\s*([\w.]+)/[\w.$]+\s*$", re.M)
COMMON = frozenset(("com", "org", "net", "android", "app", "apps", "mobile", "main"))
KEYBOARD = "com.android.adbkeyboard/.AdbIME"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a phone.

    Attributes:
        png: the screen; empty where it was not asked for. size: width, height in pixels.
        elements: what the tree of the screen holds. lost: why there is no tree, or "".
        package, activity: what is in front. time: of the phone, in seconds since 1970.
    """

    png: bytes
    size: tuple[int, int]
    elements: tuple[Element, ...]
    package: str
    activity: str
    time: int
    lost: str = ""


class Driver(Protocol):
    """Looks at a phone and acts on it."""

    transport: Transport

    def look(self, *, picture: bool = True) -> Look: ...

    def perform(self, action: Action) -> None:
        """Raises:
        UsageError: there is no such app.
        DeviceError: the phone did not do it.
        """
        ...

    def apps(self) -> dict[str, str]:
        """Packages of apps that can be opened, with the names that a person knows them by."""
        ...

    def close(self) -> None: ...


class AdbDriver:
    """Works by `screencap`, `uiautomator dump`, `dumpsys`, `input`, `am` and `monkey`.

    Args:
        settle: seconds of waiting after an action; a simulated phone is never busy.
    """

    def __init__(self, transport: Transport, settle: float = 0.0) -> None:
        self.transport, self._settle = transport, settle
        self._turned = False

    def close(self) -> None:
        self.transport.close()

    # Looking.

    def look(self, *, picture: bool = True) -> Look:
        png = self._picture() if picture else b""
        elements, lost, package, activity, now = self._text()
        size = _png_size(png) if png else self.size
        return Look(png, size, tuple(elements), package, activity, now, lost)

    def _picture(self) -> bytes:
        """Some phones print a warning before the picture; a cut one is taken once more."""
        data = b""
        for _ in range(TRIES):
            data = self.transport.raw("screencap -p")
            start = data.find(PNG, 0, 4096)
            if start >= 0 and data.endswith(PNG_END):
                return data[start:]
        said = data[:80].decode("ascii", "replace") if not data.startswith(PNG) else "cut short"
        raise BadAnswer(
            f"{self.transport.serial}: no screenshot came ({len(data)} bytes: {said})",
            "is the screen on, and does the app in front allow screenshots?",
        )

    def _text(self) -> tuple[list[Element], str, str, str, int]:
        """Everything but the picture in one call. A tree that cannot be had is told, not raised:
        screens that never stand still have none, and a picture may do."""
        lost = ""
        for attempt in range(TRIES):
            mark = secrets.token_hex(8)
            line = f"uiautomator dump /dev/tty; echo; echo {mark}; {FRONT}; echo {mark}; date +%s"
            parts = self.transport.raw(line).split(mark.encode())
            if len(parts) != 3 or not parts[2].strip().isdigit():
                lost = f"{self.transport.serial}: the answer was cut short"
                continue
            elements, lost = self._elements(parts[0])
            if lost and attempt < TRIES - 1:
                continue
            package, activity = front_of(parts[1])
            return elements, lost, package, activity, int(parts[2])
        raise BadAnswer(lost, "is the phone still on? `adb devices` lists it")

    def _elements(self, xml: bytes) -> tuple[list[Element], str]:
        """What a tree holds, and why it cannot be had, or ""; notes how the phone is held."""
        if turned := ROTATION.search(xml[:500]):
            self._turned = int(turned[1]) % 2 == 1
        try:
            return parse(_xml(xml), self.transport.serial), ""
        except BadAnswer as error:
            return [], error.message

    @property
    def size(self) -> tuple[int, int]:
        """Of the screen as it was held at the last look."""
        width, height = self._upright
        return (height, width) if self._turned else (width, height)

    @cached_property
    def _upright(self) -> tuple[int, int]:
        said = must(self.transport, "wm", "size")
        found = re.findall(r"size: (\d+)x(\d+)", said)
        if not found:
            raise BadAnswer(f"{self.transport.serial}: `wm size` says {said[:80]!r}", "")
        return int(found[-1][0]), int(found[-1][1])

    # Acting.

    def perform(self, action: Action) -> None:
        self._perform(action)
        if self._settle and not isinstance(action, act.Wait):
            time.sleep(self._settle)

    def _perform(self, action: Action) -> None:
        match action:
            case act.Tap(x=x, y=y):
                self._input("tap", x, y)
            case act.DoubleTap(x=x, y=y):
                self.transport.raw(f"input tap {x} {y}; input tap {x} {y}")
            case act.LongPress(x=x, y=y, seconds=seconds):
                self._input("swipe", x, y, x, y, round(seconds * 1000))
            case act.Swipe(x=x, y=y, to_x=to_x, to_y=to_y, seconds=seconds):
                self._input("swipe", x, y, to_x, to_y, round(seconds * 1000))
            case act.Drag(x=x, y=y, to_x=to_x, to_y=to_y):
                self._input("draganddrop", x, y, to_x, to_y, 1000)
            case act.Scroll(direction=direction):
                self._scroll(direction)
            case act.Type(text=text):
                self._type(text)
            case act.ClearText():
                self._clear()
            case act.PressKey(key="select-all"):
                self._input("keycombination", 113, 29)  # control and A
            case act.PressKey(key=key):
                self._input("keyevent", KEYS[key])
            case act.Press(button="notifications"):
                must(self.transport, "cmd", "statusbar", "expand-notifications")
            case act.Press(button="quick-settings"):
                must(self.transport, "cmd", "statusbar", "expand-settings")
            case act.Press(button=button):
                self._input("keyevent", BUTTONS[button])
            case act.Open(app=app):
                self._open(app)
            case act.Wait(seconds=seconds):
                must(self.transport, "sleep", f"{seconds:g}", timeout=seconds + 20)
            case act.Answer() | act.Finish():
                pass  # what is said to a person changes no phone
            case _:
                raise UsageError(f"a phone knows no action {type(action).__name__}")

    def _input(self, *words: str | int) -> None:
        must(self.transport, "input", *map(str, words))

    def _scroll(self, direction: act.Direction) -> None:
        """By a finger that stays in the upper part, where no keyboard is."""
        width, height = self.size
        near, far, x, y = height * 15 // 100, height * 55 // 100, width // 2, height * 35 // 100
        left, right = width * 20 // 100, width * 80 // 100
        way = {
            "down": (x, far, x, near),
            "up": (x, near + height // 20, x, far),
            "right": (right, y, left, y),
            "left": (left, y, right, y),
        }[direction]
        self._input("swipe", *way, 500)

    def _type(self, text: str) -> None:
        for kind, piece in pieces(text):
            if kind == "key":
                self._input("keyevent", KEYS[piece.lower()])
            elif kind == "plain":
                for words in input_text(piece):
                    must(self.transport, *words)
            elif piece:
                self._need_keyboard()
                must(self.transport, *broadcast_text(piece))

    def _clear(self) -> None:
        self._need_keyboard()
        must(self.transport, "am", "broadcast", "-a", "ADB_CLEAR_TEXT")

    def _need_keyboard(self) -> None:
        """`input text` knows the letters of a US keyboard only; ADBKeyboard types anything."""
        now = run(self.transport, "settings", "get", "secure", "default_input_method").out.strip()
        if now == KEYBOARD:
            return
        if KEYBOARD not in run(self.transport, "ime", "list", "-a", "-s").out.split():
            raise CommandFailed(
                f"{self.transport.serial} has no keyboard that types every script",
                "install ADBKeyboard on it (com.android.adbkeyboard)",
            )
        must(self.transport, "ime", "enable", KEYBOARD)
        must(self.transport, "ime", "set", KEYBOARD)

    def _open(self, app: str) -> None:
        package = app if re.fullmatch(r"\w+(\.\w+)+", app) else self._package(app)
        done = run(
            self.transport, "monkey", "-p", package, "-c", "android.intent.category.LAUNCHER", "1"
        )
        if done.status or "monkey aborted" in done.out:
            raise UsageError(f"there is no app {app[:80]!r} on this phone", "look for its icon")

    def _package(self, name: str) -> str:
        """The package of an app by what the launcher calls it, or by a word of its package."""
        wanted = name.strip().casefold()
        for package, label in self.labels.items():
            if label.casefold() == wanted:
                return package
        wanted = re.sub(r"\W", "", wanted)
        listed = must(self.transport, "pm", "list", "packages")
        for package in re.findall(r"^package:([\w.]+)", listed, re.M):
            if wanted and wanted in package.casefold().split("."):
                return str(package)
        raise UsageError(f"there is no app {name[:80]!r} on this phone", "look for its icon")

    def apps(self) -> dict[str, str]:
        """Packages of what the launcher can start, with what it calls them; by their names. Where
        a phone does not tell what it calls them, the words of the package."""
        told = run(self.transport, "cmd", "package", "query-activities", "--brief", *LAUNCHED).out
        found = {p: self.labels.get(p, words_of(p)) for p in LAUNCHABLE.findall(told)}
        return dict(sorted(found.items(), key=lambda one: (one[1].casefold(), one[0])))

    @cached_property
    def labels(self) -> dict[str, str]:
        """Packages with what the launcher calls them; only a simulated phone tells."""
        lines = run(self.transport, "simulator", "apps").out.splitlines()
        return dict(line.split("\t", 1) for line in lines if "\t" in line)


def words_of(package: str) -> str:
    """A name for an app of which only the package is known: com.example.bus_times, Bus times."""
    parts = [p for p in package.split(".") if p.casefold() not in COMMON] or package.split(".")
    words = re.sub(r"[\W_]+|(?<=[a-z])(?=[A-Z])|\d+$", " ", parts[-1]).strip()
    return words[:1].upper() + words[1:] or package


def look_again(driver: Driver, *, picture: bool = True) -> Look:
    """Looks; where the phone was lost, finds it again and looks once more."""
    try:
        return driver.look(picture=picture)
    except DeviceError:
        driver.transport.reconnect()
        return driver.look(picture=picture)


def front_of(told: bytes) -> tuple[str, str]:
    """Package and activity in front, of lines of `dumpsys activity activities`."""
    front = RESUMED.search(told.decode("utf-8", "replace"))
    return (front[1], front[2]) if front else ("", "")


def _xml(data: bytes) -> bytes:
    """The dump alone: some phones print lines before or after it."""
    start, end = data.find(b"<?xml"), data.rfind(b"</hierarchy>")
    if start < 0:
        return data.replace(b"UI hierchary dumped to: /dev/tty", b"")
    return data[start : end + len(b"</hierarchy>")] if end > 0 else data[start:]


def _png_size(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
