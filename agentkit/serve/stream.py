"""A streamed answer: server-sent events, as long as the client is there and takes them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentkit.capabilities import Completion, Delta, Usage
from agentkit.serve import faults
from agentkit.serve.answers import DONE, Writer, event
from agentkit.serve.metrics import Asked, Metrics
from agentkit.serve.work import Job

QUIET = 10.0  # seconds without text after which a comment shows that the line is alive
PING = b": still at it\n\n"


async def until_gone(receive: Receive) -> None:
    """Until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def checked(made: Sequence[Completion]) -> Sequence[Completion]:
    """The answers themselves.

    Raises:
        AgentkitError: what one of them failed with.
    """
    for one in made:
        if one.finish in ("error", "cancelled"):
            raise faults.failed(one)
    return made


@dataclass(frozen=True, slots=True)
class Told:
    """What a stream needs beside its job. usage: counts the tokens of the answers. counted: the
    client wants them, too. patience: seconds for it to take what was written."""

    writer: Writer
    usage: Callable[[Sequence[Completion]], Usage]
    counted: bool
    asked: Asked
    metrics: Metrics
    patience: float
    held: list[Delta] = field(default_factory=list)


class Stream(Response):
    """The events of one job.

    Headers go out with the first text, so that a request which is refused at once gets its proper
    status; a fault that comes later is an event of its own.
    """

    media_type = "text/event-stream"

    def __init__(self, job: Job, told: Told, gone: asyncio.Future[None]) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._job, self._told, self._gone = job, told, gone

    @classmethod
    async def begun(cls, job: Job, told: Told, request: Request) -> Stream:
        """The stream once it has something to say.

        Raises:
            ClientDisconnect: the client left before.
            Exception: what the job failed with before any text.
        """
        gone = asyncio.ensure_future(until_gone(request.receive))
        gone.add_done_callback(lambda _: job.cancel.set())
        try:
            delta = await job.delta(QUIET)
            if delta is not None:
                told.held.append(delta)
            elif not gone.done():
                checked(await job.result())
        except TimeoutError:
            pass  # it takes its time: headers now, text later
        except BaseException:
            gone.cancel()
            raise
        if gone.done():
            raise ClientDisconnect
        return cls(job, told, gone)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = self.status_code
        try:
            start = {"type": "http.response.start", "status": status, "headers": self.raw_headers}
            await send(start)
            status = await self._events(send)
            await self._write(send, DONE)
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            status = 408  # it reads nothing of what is written
        finally:
            if self._gone.done():
                self._told.metrics.left()
            self._gone.cancel()  # and with it the job, where it still runs
            self._told.metrics.answered(self._told.asked, status)

    async def _events(self, send: Send) -> int:
        """Everything but the last line; gives the status that this would have been."""
        told, said = self._told, Counter[tuple[int, bool]]()
        for piece in told.writer.begin():
            await self._write(send, event(piece))
        while True:
            try:
                delta = told.held.pop() if told.held else await self._job.delta(QUIET)
            except TimeoutError:
                await self._write(send, PING)
                continue
            if delta is None:
                break
            told.metrics.first(told.asked)
            said[delta.index, delta.reasoning] += len(delta.text)
            await self._write(send, event(told.writer.delta(delta)))
        try:
            made = await self._job.result()
            spent = told.usage(made)
            for index, one in enumerate(checked(made)):  # of models that tell nothing before
                for text, thought in ((one.reasoning, True), (one.text, False)):
                    if rest := text[said[index, thought] :]:
                        delta = Delta(index, rest, reasoning=thought)
                        await self._write(send, event(told.writer.delta(delta)))
            for piece in told.writer.end(made):
                await self._write(send, event(piece))
        except Exception as error:
            status, body = faults.document(error, told.asked.fields)
            await self._write(send, event(body))
            return status
        if told.counted:
            await self._write(send, event(told.writer.usage(spent)))
        return self.status_code

    async def _write(self, send: Send, data: bytes) -> None:
        async with asyncio.timeout(self._told.patience):
            await send({"type": "http.response.body", "body": data, "more_body": True})
