"""Runs the tree of a command line over a phone."""

from __future__ import annotations

import asyncio
import itertools
import posixpath
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from agentkit_android.phone.phone import Phone
from agentkit_android.shell import expansion, programs
from agentkit_android.shell.built_ins import BUILT_IN
from agentkit_android.shell.call import PROGRAMS, SHELL, Call, Program, ProgramError, encode
from agentkit_android.shell.nodes import (
    Chain,
    Command,
    CommandList,
    For,
    Group,
    If,
    Loop,
    Pipeline,
    Redirect,
    Simple,
    Word,
)
from agentkit_android.shell.signals import Exit, Leave
from agentkit_android.shell.streams import BrokenPipe, Bytes, Nothing, Pipe, Streams, ToFile
from agentkit_android.shell.syntax import ShellSyntaxError, parse

__all__ = ["Shell", "Streams"]

MAX_STEPS = 100_000
NOT_FOUND, NOT_RUNNABLE, BROKEN_PIPE = 127, 126, 141

programs.load()


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
            await self.run_list(tree, streams)
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

    async def run_list(self, tree: CommandList, streams: Streams) -> None:
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
            return await self.run_list(command.body, streams)
        shell = self.copy()
        try:
            await shell.run_list(command.body, streams)
            self.status = shell.status
        except Exit as leaving:
            self.status = leaving.status
        return None

    async def _if(self, command: If, streams: Streams) -> None:
        for condition, body in command.branches:
            await self.run_list(condition, streams)
            if self.status == 0:
                return await self.run_list(body, streams)
        self.status = 0
        if command.otherwise:
            await self.run_list(command.otherwise, streams)
        return None

    async def _loop(self, command: Loop, streams: Streams) -> None:
        last = 0
        while True:
            await self.run_list(command.condition, streams)
            if (self.status == 0) == command.until:
                break
            try:
                await self.run_list(command.body, streams)
            except Leave as leaving:
                if not leaving.again:
                    break
            last = self.status
        self.status = last

    async def _for(self, command: For, streams: Streams) -> None:
        if command.words is None:
            values = list(self.arguments[1:])
        else:
            values = [
                f for word in command.words for f in await expansion.fields(self, word, streams)
            ]
        self.status = 0
        for value in values:
            self.variables[command.name] = value
            try:
                await self.run_list(command.body, streams)
            except Leave as leaving:
                if not leaving.again:
                    break

    async def _redirect(
        self, redirects: tuple[Redirect, ...], streams: Streams, opened: ExitStack
    ) -> Streams:
        numbers: list[Any] = [streams.stdin, streams.out, streams.err]
        for redirect in redirects:
            target = await expansion.text(self, redirect.target, streams)
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
        words = await self._words(command.words, streams)
        made = [
            (name, await expansion.text(self, word, streams)) for name, word in command.assignments
        ]
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

    async def _words(self, words: tuple[Word, ...], streams: Streams) -> list[str]:
        return [f for word in words for f in await expansion.fields(self, word, streams)]

    # Programs.

    def find(self, name: str) -> Program | None:
        folder, _, base = name.rpartition("/")
        if folder and folder not in self.variables["PATH"].split(":"):
            return None
        return PROGRAMS.get(base)

    async def call(self, words: list[str], streams: Streams, outer: Shell | None = None) -> int:
        """Runs one program, or what only a shell can do; `outer` is the shell that is changed."""
        name, *rest = words
        own = BUILT_IN.get(name)
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
