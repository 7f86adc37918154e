"""app_process: starts the servers that clients bring, which stay until they are left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from agentkit_android.device.automation import uiautomator2
from agentkit_android.phone.phone import PortService
from agentkit_android.shell.call import Call, ProgramError, program

MAIN = "com.wetest.uia2.Main"
PORT = 9008


@contextmanager
def listening(call: Call, port: int, service: PortService) -> Iterator[None]:
    """Has a service at a port of the phone for as long as the program runs.

    Raises:
        ProgramError: another program listens there.
    """
    ports = call.phone.ports
    if port in ports:
        raise ProgramError(f"java.net.BindException: {port} is in use")
    ports[port] = service
    try:
        yield
    finally:
        if ports.get(port) is service:
            del ports[port]


@program("app_process")
async def app_process(call: Call) -> int:
    words = call.words
    main = next((w for w in words if w[:1].isalpha() and "." in w), "")
    path = call.shell.variables.get("CLASSPATH", "")
    if main != MAIN or not path or not call.phone.files.exists(call.path(path)):
        await call.complain(f"java.lang.ClassNotFoundException: {main[:100]}")
        return 1
    port = int(words[words.index("-p") + 1]) if "-p" in words[:-1] else PORT
    with listening(call, port, uiautomator2.service(call.phone)):
        await call.print("[server] INFO: [UiAutomator2Server] Starting Server")
        await asyncio.Event().wait()
    return 0
