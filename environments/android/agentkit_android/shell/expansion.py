"""What a word becomes: parameters and commands put in, split at spaces, names of files matched."""

from __future__ import annotations

import fnmatch
import glob
import posixpath
import re
from typing import TYPE_CHECKING

from agentkit_android.shell.call import decode
from agentkit_android.shell.nodes import Piece, Word
from agentkit_android.shell.signals import Exit
from agentkit_android.shell.streams import Collected, Nothing, Streams

if TYPE_CHECKING:
    from agentkit_android.shell.interpreter import Shell

MAX_TEXT = 1 << 20
"""Characters of one expanded word or variable."""


async def text(shell: Shell, word: Word, streams: Streams) -> str:
    """A word as one text: nothing is split, and no names are matched."""
    parts = [await value(shell, piece, streams) for piece in word]
    return _short("".join(parts))


async def value(shell: Shell, piece: Piece, streams: Streams) -> str:
    if piece.kind == "text":
        return piece.text
    if piece.kind == "command":
        out = Collected()
        inner = shell.copy()
        shell.status = await inner.run(piece.text, Streams(Nothing(), out, streams.err))
        return decode(bytes(out.data)).rstrip("\n").replace("\0", "")
    found = parameter(shell, piece.text)
    if piece.operator == "#":
        return str(len(found or ""))
    empty = found is None or (piece.operator.startswith(":") and not found)
    if piece.operator in ("+", ":+"):
        return "" if empty else await text(shell, piece.word, streams)
    if piece.operator and empty:
        found = await text(shell, piece.word, streams)
        if piece.operator == ":=":
            shell.variables[piece.text] = found
    return found or ""


def parameter(shell: Shell, name: str) -> str | None:
    special = {
        "?": str(shell.status),
        "$": "4242",
        "#": str(len(shell.arguments) - 1),
        "@": " ".join(shell.arguments[1:]),
        "*": " ".join(shell.arguments[1:]),
        "PWD": shell.folder,
    }
    if name in special:
        return special[name]
    if name.isdigit():
        return shell.arguments[int(name)] if int(name) < len(shell.arguments) else None
    return shell.variables.get(name)


async def fields(shell: Shell, word: Word, streams: Streams) -> list[str]:
    """A word as the arguments that it becomes: split where it was not quoted, and names
    matched."""
    made: list[list[tuple[str, bool]]] = []
    open_ = False  # whether what comes next goes on with the last field

    def add(text: str, quoted: bool) -> None:
        nonlocal open_
        if not open_:
            made.append([])
            open_ = True
        made[-1].append((text, quoted))

    for piece in word:
        if piece.kind == "parameter" and piece.text == "@" and piece.quoted:
            for number, argument in enumerate(shell.arguments[1:]):
                open_ = open_ and not number
                add(argument, True)
            continue
        told = _short(await value(shell, piece, streams))
        if piece.kind == "text" or piece.quoted:
            add(told, piece.quoted)
            continue
        for gap, chunk in re.findall(r"(\s+)|(\S+)", told):
            if gap:
                open_ = False
            else:
                add(chunk, False)
    found: list[str] = []
    for field in made:
        found += matching(shell, field)
    return found


def matching(shell: Shell, field: list[tuple[str, bool]]) -> list[str]:
    """The paths that a field with * ? [ ] stands for, or the field."""
    plain = "".join(text for text, _ in field)
    if not any(set(text) & set("*?[") for text, quoted in field if not quoted):
        return [plain]
    pattern = "".join(glob.escape(text) if quoted else text for text, quoted in field)
    found = ["/"] if pattern.startswith("/") else [""]
    for part in filter(None, pattern.split("/")):
        found = [
            posixpath.join(base, name)
            for base in found
            for name in names(shell, posixpath.join(shell.folder, base))
            if fnmatch.fnmatchcase(name, part)
            and (not name.startswith(".") or part.startswith("."))
        ]
    return found or [plain]


def names(shell: Shell, folder: str) -> list[str]:
    try:
        return [name for name, _ in shell.phone.files.list(folder)]
    except OSError:
        return []


def _short(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise Exit(1)
    return text
