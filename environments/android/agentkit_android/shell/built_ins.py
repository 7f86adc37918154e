"""What only a shell can do, because it changes the shell."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from agentkit_android.shell.call import SHELL, Call, decode, encode
from agentkit_android.shell.signals import Exit, Leave
from agentkit_android.shell.streams import Streams
from agentkit_android.shell.syntax import ShellSyntaxError, parse

if TYPE_CHECKING:
    from agentkit_android.shell.interpreter import Shell


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
    await shell.run_list(tree, Streams(call.stdin, call.out, call.err))
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
        known = [w for w in words[1:] if w in BUILT_IN or shell.find(w)]
        for word in known:
            own = word in BUILT_IN or "/" in word
            await call.print(word if own else f"/system/bin/{word}")
        return 0 if known else 1
    if not words:
        return 0
    return await shell.call(words, Streams(call.stdin, call.out, call.err))


BUILT_IN: dict[str, Callable[[Shell, Call], Awaitable[int]]] = {
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
