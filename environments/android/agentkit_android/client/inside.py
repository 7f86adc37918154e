"""A simulated phone in this process, by the same commands as any other, without a socket."""

from __future__ import annotations

import asyncio
import threading
from functools import cache

from agentkit_android.client.errors import DeviceTimeout
from agentkit_android.device import simulator as simulator  # registers the program
from agentkit_android.phone.phone import Phone
from agentkit_android.shell.interpreter import Shell, Streams
from agentkit_android.shell.streams import Calling, Nothing


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One loop for all phones of this process, in a thread of its own: the caller may have a loop
    that runs, as notebooks do."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="phones", daemon=True).start()
    return loop


class InsideTransport:
    """Runs commands on a `Phone`."""

    def __init__(self, phone: Phone, timeout: float = 20.0) -> None:
        self.phone, self._timeout = phone, timeout

    @property
    def serial(self) -> str:
        return "inside"

    def raw(self, line: str, timeout: float | None = None) -> bytes:
        limit = timeout or self._timeout
        future = asyncio.run_coroutine_threadsafe(self._run(line), _loop())
        try:
            return future.result(limit)
        except TimeoutError as error:
            future.cancel()
            raise DeviceTimeout(
                f"the phone did not answer within {limit:g} s", "a command ran on without an end"
            ) from error

    async def _run(self, line: str) -> bytes:
        said = bytearray()

        async def write(data: bytes) -> None:
            said.extend(data)

        out = Calling(write)
        await Shell(self.phone).run(line, Streams(Nothing(), out, out))
        return bytes(said)

    def reconnect(self) -> None:
        """It cannot be lost."""

    def close(self) -> None: ...
