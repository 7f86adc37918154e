"""Words for the phone's shell. Nothing that an agent writes is ever part of a command unquoted."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator, Sequence

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
PLAIN = re.compile(r"[\x20-\x7e]+")
PIECE = 400
"""Characters that one command types: some phones lose keys of longer ones."""


def command(words: Sequence[str]) -> str:
    """One line of sh that calls words[0] with the others, whatever they hold.

    Raises:
        ValueError: a word holds a NUL, which no command line can.
    """
    if any("\0" in word for word in words):
        raise ValueError("a command cannot hold a NUL character")
    return " ".join(shlex.quote(word) for word in words)


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """What to type, in order: ("plain", ASCII), ("any", other scripts), ("key", "ENTER" or "TAB").

    Control characters are left out: no key types them.
    """
    for line in re.split(r"(\r\n|\n|\r|\t)", text):
        if line == "\t":
            yield "key", "TAB"
        elif line in ("\r\n", "\n", "\r"):
            yield "key", "ENTER"
        else:
            line = CONTROL.sub("", line)
            kind = "plain" if PLAIN.fullmatch(line) else "any"
            for start in range(0, len(line), PIECE):
                yield kind, line[start : start + PIECE]


def input_text(text: str) -> list[list[str]]:
    """Commands that type printable ASCII. `input` reads %s as a space and knows no other way to
    write one, so that a `%` and an `s` behind it are typed by two commands."""
    parts = re.split(r"(?<=%)(?=s)", text)
    return [["input", "text", part.replace(" ", "%s")] for part in parts if part]


def broadcast_text(text: str) -> list[str]:
    """The command that has ADBKeyboard type anything."""
    encoded = base64.b64encode(text.encode()).decode()
    return ["am", "broadcast", "-a", "ADB_INPUT_B64", "--es", "msg", encoded]
