"""A terminal of 80 columns for tests: what a person would see, and keys that they press."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COLUMNS, ROWS = 80, 40
ESCAPE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")
SECONDS = 60.0


class Terminal:
    """A command on a pseudo terminal that is its controlling one, so that Ctrl-C reaches it."""

    def __init__(self, command: Sequence[str], cwd: Path, **env: str) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (ROWS, COLUMNS))
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm-256color", **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(theirs)
        self.raw = ""

    def until(self, pattern: str, after: int = 0) -> str:
        """Waits until the output from that place on matches; returns the match."""
        end = time.monotonic() + SECONDS
        while not (found := re.search(pattern, self.raw[after:])):
            assert time.monotonic() < end and self._read(), f"{pattern!r} is not in {self.raw!r}"
        return found[0]

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Waits for the end of the command; returns its exit code."""
        end = time.monotonic() + SECONDS
        while self._read():
            assert time.monotonic() < end, f"it does not end: {self.raw!r}"
        return self.process.wait(SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)

    def lines(self) -> list[str]:
        """What stands on the screen, as far down as there is something."""
        return rendered(self.raw)

    def _read(self) -> bool:
        """Reads what is there; false once the command has closed the terminal."""
        if not select.select([self._ours], [], [], 0.2)[0]:
            return True
        try:
            got = os.read(self._ours, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            return False
        self.raw += got.decode(errors="replace")
        return bool(got)


def _own_terminal() -> None:
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def rendered(raw: str) -> list[str]:
    """The screen after these characters: as much of a terminal as rich makes use of."""
    screen: dict[int, dict[int, str]] = {}
    row = column = at = 0
    while at < len(raw):
        found = ESCAPE.match(raw, at)
        if found:
            at = found.end()
            number = int(found[1]) if found[1].isdigit() else 1
            if found[2] == "A":
                row -= number
            elif found[2] == "K":
                screen.pop(row, None)
            continue
        letter = raw[at]
        at += 1
        if letter == "\n":
            row += 1
        elif letter == "\r":
            column = 0
        else:
            if column == COLUMNS:
                row, column = row + 1, 0
            screen.setdefault(row, {})[column] = letter
            column += 1
    return [_line(screen.get(n, {})) for n in range(max(screen, default=-1) + 1)]


def _line(letters: dict[int, str]) -> str:
    return "".join(letters.get(n, " ") for n in range(max(letters, default=-1) + 1)).rstrip()


def agentkit(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agentkit", *arguments]


def told(text: Any) -> str:
    """Text without colours."""
    return ESCAPE.sub("", str(text))
