"""Speaking with a program over its pipes, line by line, with a longest line.

The SDK's own transport reads lines of any length; a server that lies about its size would fill the
memory, so this one ends the connection instead.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import Process
from mcp import types
from mcp.client.stdio import StdioServerParameters, get_default_environment
from mcp.shared.message import SessionMessage

_GRACE = 2.0  # seconds between closing its input, asking it to end, and ending it
_KEPT = 20  # lines of what it says on standard error


class Spoken:
    """What is known of a program: the end of its standard error, and how it broke off."""

    def __init__(self) -> None:
        self.said: deque[str] = deque(maxlen=_KEPT)
        self.fault = ""


@asynccontextmanager
async def program(
    server: StdioServerParameters, longest: int, spoken: Spoken
) -> AsyncIterator[tuple[Any, Any]]:
    """Starts a server; gives the streams that the SDK's client wants.

    Raises:
        OSError: it cannot be started.
    """
    process = await anyio.open_process(
        [server.command, *server.args],
        env=get_default_environment() | (server.env or {}),
        cwd=server.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    into, messages = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, out_of = anyio.create_memory_object_stream[SessionMessage](0)

    async def read() -> None:
        assert process.stdout is not None
        async with into:
            buffer = bytearray()
            try:
                async for chunk in process.stdout:
                    start = len(buffer)
                    buffer += chunk
                    while (end := buffer.find(b"\n", start)) >= 0:
                        line = bytes(buffer[:end])
                        del buffer[: end + 1]
                        start = 0
                        await into.send(_parsed(line))
                    if len(buffer) > longest:
                        spoken.fault = f"it sent more than {longest:,} bytes at once"
                        return
            except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
                return

    async def write() -> None:
        assert process.stdin is not None
        try:
            async with out_of:
                async for message in out_of:
                    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await process.stdin.send(text.encode() + b"\n")
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            await into.aclose()

    async def listen() -> None:
        assert process.stderr is not None
        try:
            async for chunk in process.stderr:
                spoken.said.extend(chunk.decode("utf-8", "replace")[-4000:].splitlines())
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            return

    async with anyio.create_task_group() as tasks:
        for work in (read, write, listen):
            tasks.start_soon(work)
        try:
            yield messages, outgoing
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
            for stream in (messages, outgoing, into, out_of):
                stream.close()
            tasks.cancel_scope.cancel()


def _parsed(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


async def _end(process: Process) -> None:
    """Closes its input, as the protocol says; then the signals, for it and what it started."""
    if process.stdin is not None:
        try:
            await process.stdin.aclose()
        except (anyio.BrokenResourceError, OSError):
            pass
    for step in (None, signal.SIGTERM, signal.SIGKILL):
        if step is not None:
            try:
                os.killpg(process.pid, step)
            except ProcessLookupError:
                break
        with anyio.move_on_after(_GRACE):
            await process.wait()
            break
    await process.aclose()
