"""Runs the tree of a command line over a phone."""

from __future__ import annotations

import asyncio
import fnmatch
import glob
import itertools
import posixpath
import re
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from agentkit_android.phone.phone import Phone
from agentkit_android.shell import programs
from agentkit_android.shell.call import PROGRAMS, Call, Program, ProgramError, decode, encode
from agentkit_android.shell.streams import (
    BrokenPipe,
    Bytes,
    Collected,
    Nothing,
    Pipe,
    Sink,
    Source,
    ToFile,
)
from agentkit_android.shell.syntax import (
    Chain,
    Command,
    CommandList,
    For,
    Group,
    If,
    Loop,
    Piece,
    Pipeline,
    Redirect,
    ShellSyntaxError,
    Simple,
    Word,
    parse,
)

SHELL = "/system/bin/sh"
MAX_STEPS = 100_000
MAX_TEXT = 1 << 20
"""Characters of one expanded word or variable."""
NOT_FOUND, NOT_RUNNABLE, BROKEN_PIPE = 127, 126, 141

programs.load()


@dataclass(frozen=True, slots=True)
class Streams:
    stdin: Source
    out: Sink
    err: Sink


class Exit(Exception):
    """`exit`: the shell ends."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Leave(Exception):
    """`break` and `continue`."""

    def __init__(self, again: bool) -> None:
        super().__init__(again)
        self.again = again


class Shell:
    """One sh process on the phone.

    Args:
        phone: where its files, programs and settings are.
        arguments: $0, $1, …

    status = await Shell(phone).run("ls /sdcard | wc -l", Streams(Nothing(), out, err))
    """

    def __init__(self, phone: Phone, arguments: tuple[str, ...] = ("sh",)) -> None:
        self.phone = phone
        self.folder = "/"
        self.status = 0
        self.arguments = arguments
        self.variables = {
            "HOME": "/",
            "PATH": "/system/bin:/system/xbin:/vendor/bin",
            "ANDROID_DATA": "/data",
            "ANDROID_ROOT": "/system",
            "EXTERNAL_STORAGE": "/sdcard",
            "TMPDIR": "/data/local/tmp",
            "USER": "shell",
        }
        self.steps = itertools.count()

    def copy(self) -> Shell:
        """A subshell: what it changes of itself is lost, its steps count."""
        made = Shell(self.phone, self.arguments)
        made.folder, made.status = self.folder, self.status
        made.variables, made.steps = dict(self.variables), self.steps
        return made

    async def run(self, text: str, streams: Streams) -> int:
        """Runs a command line to its end; its exit status, 0 to 255."""
        try:
            tree = parse(text)
            await self._list(tree, streams)
        except ShellSyntaxError as error:
            await streams.err.write(encode(f"{SHELL}: {error}\n"))
            self.status = 1
        except Exit as leaving:
            self.status = leaving.status
        except Leave:
            self.status = 0
        except BrokenPipe:
            self.status = BROKEN_PIPE
        return self.status & 0xFF

    # Trees.

    async def _list(self, tree: CommandList, streams: Streams) -> None:
        behind: list[asyncio.Task[None]] = []
        try:
            for chain in tree.chains:
                if chain.background:
                    behind.append(asyncio.create_task(self.copy()._behind(chain, streams)))
                    self.status = 0
                else:
                    await self._chain(chain, streams)
            await asyncio.gather(*behind)
        finally:
            for task in behind:
                task.cancel()

    async def _behind(self, chain: Chain, streams: Streams) -> None:
        try:
            await self._chain(chain, replace(streams, stdin=Nothing()))
        except (Exit, Leave, BrokenPipe):
            pass

    async def _chain(self, chain: Chain, streams: Streams) -> None:
        await self._pipeline(chain.first, streams)
        for operator, pipeline in chain.rest:
            if (operator == "&&") == (self.status == 0):
                await self._pipeline(pipeline, streams)

    async def _pipeline(self, pipeline: Pipeline, streams: Streams) -> None:
        if len(pipeline.commands) == 1:
            await self._command(pipeline.commands[0], streams)
        else:
            await self._pipes(pipeline.commands, streams)
        if pipeline.negated:
            self.status = int(self.status == 0)

    async def _pipes(self, commands: tuple[Command, ...], streams: Streams) -> None:
        pipes = [Pipe() for _ in commands[1:]]

        async def stage(number: int) -> int:
            before = pipes[number - 1] if number else None
            after = pipes[number] if number < len(pipes) else None
            shell = self.copy()
            mine = Streams(before or streams.stdin, after or streams.out, streams.err)
            try:
                await shell._command(commands[number], mine)
                return shell.status
            except (Exit, Leave) as leaving:
                return leaving.status if isinstance(leaving, Exit) else 0
            except BrokenPipe:
                return BROKEN_PIPE
            finally:
                if before:
                    before.close_reading()
                if after:
                    await after.close_writing()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(stage(n)) for n in range(len(commands))]
        self.status = tasks[-1].result()

    async def _command(self, command: Command, streams: Streams) -> None:
        await asyncio.sleep(0)  # others have their turn, and an endless loop can be cancelled
        if next(self.steps) > MAX_STEPS:
            await streams.err.write(encode(f"{SHELL}: killed after {MAX_STEPS} commands\n"))
            raise Exit(137)
        with ExitStack() as opened:
            try:
                streams = await self._redirect(command.redirects, streams, opened)
            except OSError as error:
                what = "can't create" if isinstance(error, FileNotFoundError) else "can't open"
                text = f"{SHELL}: {what} {error.filename}: {error.strerror}\n"
                await streams.err.write(encode(text))
                self.status = 1
                return
            if isinstance(command, Simple):
                await self._simple(command, streams)
            elif isinstance(command, Group):
                await self._group(command, streams)
            elif isinstance(command, If):
                await self._if(command, streams)
            elif isinstance(command, Loop):
                await self._loop(command, streams)
            else:
                await self._for(command, streams)

    async def _group(self, command: Group, streams: Streams) -> None:
        if not command.subshell:
            return await self._list(command.body, streams)
        shell = self.copy()
        try:
            await shell._list(command.body, streams)
            self.status = shell.status
        except Exit as leaving:
            self.status = leaving.status
        return None

    async def _if(self, command: If, streams: Streams) -> None:
        for condition, body in command.branches:
            await self._list(condition, streams)
            if self.status == 0:
                return await self._list(body, streams)
        self.status = 0
        if command.otherwise:
            await self._list(command.otherwise, streams)
        return None

    async def _loop(self, command: Loop, streams: Streams) -> None:
        last = 0
        while True:
            await self._list(command.condition, streams)
            if (self.status == 0) == command.until:
                break
            try:
                await self._list(command.body, streams)
            except Leave as leaving:
                if not leaving.again:
                    break
            last = self.status
        self.status = last

    async def _for(self, command: For, streams: Streams) -> None:
        if command.words is None:
            values = list(self.arguments[1:])
        else:
            values = [f for word in command.words for f in await self._fields(word, streams)]
        self.status = 0
        for value in values:
            self.variables[command.name] = value
            try:
                await self._list(command.body, streams)
            except Leave as leaving:
                if not leaving.again:
                    break

    async def _redirect(
        self, redirects: tuple[Redirect, ...], streams: Streams, opened: ExitStack
    ) -> Streams:
        numbers: list[Any] = [streams.stdin, streams.out, streams.err]
        for redirect in redirects:
            target = await self._text(redirect.target, streams)
            if redirect.operator in (">&", "<&"):
                if target in ("0", "1", "2"):
                    numbers[redirect.number] = numbers[int(target)]
                elif target == "-":
                    numbers[redirect.number] = Nothing()
                continue
            path = posixpath.join(self.folder, target)
            if redirect.operator == "<":
                numbers[redirect.number] = Bytes(self.phone.files.read(path))
            else:
                file = ToFile(self.phone.files, path, append=redirect.operator == ">>")
                opened.callback(file.close)
                numbers[redirect.number] = file
        stdin, out, err = numbers
        nothing = Nothing()  # reading what can only be written gives nothing, and so round
        return Streams(
            stdin if hasattr(stdin, "read") else nothing,
            out if hasattr(out, "write") else nothing,
            err if hasattr(err, "write") else nothing,
        )

    async def _simple(self, command: Simple, streams: Streams) -> None:
        self_status = self.status
        words = [f for word in command.words for f in await self._fields(word, streams)]
        made = [(name, await self._text(word, streams)) for name, word in command.assignments]
        if not words:
            self.variables.update(made)
            if not any(p.kind == "command" for _, w in command.assignments for p in w):
                self.status = 0
            return
        shell = self
        if made:
            shell = self.copy()
            shell.variables.update(made)
        self.status = self_status
        self.status = await shell.call(words, streams, outer=self)

    # Programs.

    def find(self, name: str) -> Program | None:
        folder, _, base = name.rpartition("/")
        if folder and folder not in self.variables["PATH"].split(":"):
            return None
        return PROGRAMS.get(base)

    async def call(self, words: list[str], streams: Streams, outer: Shell | None = None) -> int:
        """Runs one program, or what only a shell can do; `outer` is the shell that is changed."""
        name, *rest = words
        own = _BUILT_IN.get(name)
        call = Call(name, rest, self, streams.stdin, streams.out, streams.err)
        if own is not None:
            return await own(outer or self, call)
        # A program may be one for a verb of another, as `am instrument` is.
        found = self.find(f"{name} {rest[0]}") if rest else None
        found = found or self.find(name)
        if found is None:
            return await self._missing(name, streams)
        call.name = name.rpartition("/")[2]
        try:
            return await found(call)
        except ProgramError as error:
            await call.complain(str(error))
            return error.status
        except OSError as error:
            if error.filename is None:
                raise
            await call.complain(f"{error.filename}: {error.strerror}")
            return 1
        except RecursionError:
            await call.complain("nested too deeply")
            return 1

    async def _missing(self, name: str, streams: Streams) -> int:
        path = posixpath.join(self.folder, name)
        if "/" in name and self.phone.files.exists(path):
            text, status = "can't execute: Permission denied", NOT_RUNNABLE
        else:
            text, status = "inaccessible or not found", NOT_FOUND
            self.phone.unknown_command(name)
        await streams.err.write(encode(f"{SHELL}: {name}: {text}\n"))
        return status

    # Words.

    async def _text(self, word: Word, streams: Streams) -> str:
        """A word as one text: nothing is split, and no names are matched."""
        parts = [await self._value(piece, streams) for piece in word]
        return _short("".join(parts))

    async def _value(self, piece: Piece, streams: Streams) -> str:
        if piece.kind == "text":
            return piece.text
        if piece.kind == "command":
            out = Collected()
            shell = self.copy()
            self.status = await shell.run(piece.text, Streams(Nothing(), out, streams.err))
            return decode(bytes(out.data)).rstrip("\n").replace("\0", "")
        value = self._parameter(piece.text)
        if piece.operator == "#":
            return str(len(value or ""))
        empty = value is None or (piece.operator.startswith(":") and not value)
        if piece.operator in ("+", ":+"):
            return "" if empty else await self._text(piece.word, streams)
        if piece.operator and empty:
            value = await self._text(piece.word, streams)
            if piece.operator == ":=":
                self.variables[piece.text] = value
        return value or ""

    def _parameter(self, name: str) -> str | None:
        special = {
            "?": str(self.status),
            "$": "4242",
            "#": str(len(self.arguments) - 1),
            "@": " ".join(self.arguments[1:]),
            "*": " ".join(self.arguments[1:]),
            "PWD": self.folder,
        }
        if name in special:
            return special[name]
        if name.isdigit():
            return self.arguments[int(name)] if int(name) < len(self.arguments) else None
        return self.variables.get(name)

    async def _fields(self, word: Word, streams: Streams) -> list[str]:
        """A word as the arguments that it becomes: split where it was not quoted, and names
        matched."""
        fields: list[list[tuple[str, bool]]] = []
        open_ = False  # whether what comes next goes on with the last field

        def add(text: str, quoted: bool) -> None:
            nonlocal open_
            if not open_:
                fields.append([])
                open_ = True
            fields[-1].append((text, quoted))

        for piece in word:
            if piece.kind == "parameter" and piece.text == "@" and piece.quoted:
                for number, argument in enumerate(self.arguments[1:]):
                    open_ = open_ and not number
                    add(argument, True)
                continue
            value = _short(await self._value(piece, streams))
            if piece.kind == "text" or piece.quoted:
                add(value, piece.quoted)
                continue
            for gap, chunk in re.findall(r"(\s+)|(\S+)", value):
                if gap:
                    open_ = False
                else:
                    add(chunk, False)
        found: list[str] = []
        for field in fields:
            found += self._matching(field)
        return found

    def _matching(self, field: list[tuple[str, bool]]) -> list[str]:
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
                for name in self._names(posixpath.join(self.folder, base))
                if fnmatch.fnmatchcase(name, part)
                and (not name.startswith(".") or part.startswith("."))
            ]
        return found or [plain]

    def _names(self, folder: str) -> list[str]:
        try:
            return [name for name, _ in self.phone.files.list(folder)]
        except OSError:
            return []


def _short(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise Exit(1)
    return text


# What only a shell can do, because it changes the shell.


async def _cd(shell: Shell, call: Call) -> int:
    target = call.words[0] if call.words else shell.variables.get("HOME", "/")
    path = posixpath.normpath(posixpath.join(shell.folder, target))
    if not shell.phone.files.is_folder(path):
        await call.err.write(encode(f"{SHELL}: cd: {target}: No such file or directory\n"))
        return 2
    shell.folder = "/" + path.lstrip("/")
    return 0


async def _export(shell: Shell, call: Call) -> int:
    for word in call.words:
        name, equals, value = word.partition("=")
        if equals:
            shell.variables[name] = value
    return 0


async def _unset(shell: Shell, call: Call) -> int:
    for name in call.words:
        if name != "PATH":
            shell.variables.pop(name, None)
    return 0


async def _exit(shell: Shell, call: Call) -> int:
    word = call.words[0] if call.words else str(shell.status)
    raise Exit(int(word) & 0xFF if re.fullmatch(r"-?\d{1,9}", word) else 2)


async def _exec(shell: Shell, call: Call) -> int:
    if not call.words:
        return 0
    streams = Streams(call.stdin, call.out, call.err)
    raise Exit(await call.shell.call(call.words, streams))


async def _eval(shell: Shell, call: Call) -> int:
    try:
        tree = parse(" ".join(call.words))
    except ShellSyntaxError as error:
        await call.err.write(encode(f"{SHELL}: {error}\n"))
        return 1
    await shell._list(tree, Streams(call.stdin, call.out, call.err))
    return shell.status


async def _colon(shell: Shell, call: Call) -> int:
    return 0


async def _break(shell: Shell, call: Call) -> int:
    raise Leave(call.name == "continue")


async def _shift(shell: Shell, call: Call) -> int:
    if len(shell.arguments) < 2:
        return 1
    shell.arguments = (shell.arguments[0], *shell.arguments[2:])
    return 0


async def _read(shell: Shell, call: Call) -> int:
    """One line of standard input into a variable; the rest of what has come is lost."""
    line, newline, _ = decode(await call.stdin.read()).partition("\n")
    names = [w for w in call.words if not w.startswith("-")] or ["REPLY"]
    values = line.split(None, len(names) - 1)
    shell.variables.update(itertools.zip_longest(names, values[: len(names)], fillvalue=""))
    return 0 if newline or line else 1


async def _command_v(shell: Shell, call: Call) -> int:
    words = call.words
    if words[:1] == ["-v"]:
        known = [w for w in words[1:] if w in _BUILT_IN or shell.find(w)]
        for word in known:
            own = word in _BUILT_IN or "/" in word
            await call.print(word if own else f"/system/bin/{word}")
        return 0 if known else 1
    if not words:
        return 0
    return await shell.call(words, Streams(call.stdin, call.out, call.err))


_BUILT_IN = {
    "cd": _cd,
    "export": _export,
    "unset": _unset,
    "exit": _exit,
    "exec": _exec,
    "eval": _eval,
    ":": _colon,
    "set": _colon,
    "trap": _colon,
    "wait": _colon,
    "umask": _colon,
    "break": _break,
    "continue": _break,
    "shift": _shift,
    "read": _read,
    "command": _command_v,
}
