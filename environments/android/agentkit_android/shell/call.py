"""What a program of the phone is given, and how programs are found by name."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentkit_android.phone.phone import Phone
from agentkit_android.shell.streams import Sink, Source, read_all

if TYPE_CHECKING:
    from agentkit_android.shell.interpreter import Shell


SHELL = "/system/bin/sh"


class ProgramError(Exception):
    """A program stops with a message on standard error."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Call:
    """One call of a program: its name, the words after it, and the three streams."""

    name: str
    words: list[str]
    shell: Shell
    stdin: Source
    out: Sink
    err: Sink

    @property
    def phone(self) -> Phone:
        return self.shell.phone

    def named(self, name: str, words: list[str]) -> Call:
        """The same call of another program."""
        return Call(name, words, self.shell, self.stdin, self.out, self.err)

    async def print(self, text: str, end: str = "\n") -> None:
        await self.out.write(encode(text + end))

    async def complain(self, text: str) -> None:
        await self.err.write(encode(f"{self.name}: {text}\n"))

    def path(self, path: str) -> str:
        """A path as seen from the shell's working folder."""
        return posixpath.join(self.shell.folder, path) if path else path

    def options(self, letters: str) -> tuple[set[str], list[str]]:
        """(options given, what is left) of words like `-la`; `--` ends them.

        Raises:
            ProgramError: an option that is none of `letters`.
        """
        given: set[str] = set()
        rest = list(self.words)
        while rest and rest[0].startswith("-") and rest[0] != "-":
            word = rest.pop(0)
            if word == "--":
                break
            if wrong := set(word[1:]) - set(letters):
                raise ProgramError(f"Unknown option '{min(wrong)}'")
            given |= set(word[1:])
        return given, rest

    async def content(self, path: str) -> bytes:
        """What a file holds, or standard input for `-`."""
        if path == "-":
            return await read_all(self.stdin, self.phone.files.room)
        return self.phone.files.read(self.path(path))


Program = Callable[[Call], Awaitable[int]]
PROGRAMS: dict[str, Program] = {}


def program(*names: str) -> Callable[[Program], Program]:
    """Makes a function the program of these names; it gives the exit status."""

    def register(function: Program) -> Program:
        for name in names:
            PROGRAMS[name] = function
        return function

    return register


def encode(text: str) -> bytes:
    """The bytes that a text was decoded from; a lone surrogate that no bytes give is a `?`."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
