"""HTTP/1.1 on a stream of the phone."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import h11

from agentkit_android.device.streams import Stream, StreamClosed

MAX_BODY = 8 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """One request. path: without its query. body: what its JSON says, or None."""

    method: str
    path: str
    body: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    kind: str = "application/json; charset=utf-8"

    @classmethod
    def of(cls, value: object, status: int = 200) -> Reply:
        return cls(status, json.dumps(value).encode())


Handler = Callable[[Call], Awaitable[Reply]]


async def serve(handle: Handler, stream: Stream) -> None:
    """Answers one request after the other until the client leaves."""
    connection = h11.Connection(h11.SERVER)
    while True:
        try:
            call = await _next(connection, stream)
            if call is None:
                return
            reply = await handle(call)
        except h11.RemoteProtocolError:
            reply = Reply.of({"error": "not HTTP"}, 400)
        head = [
            ("Content-Type", reply.kind),
            ("Content-Length", str(len(reply.body))),
            ("Connection", "keep-alive"),
        ]
        try:
            out = connection.send(h11.Response(status_code=reply.status, headers=head)) or b""
            out += connection.send(h11.Data(data=reply.body)) or b""
            out += connection.send(h11.EndOfMessage()) or b""
            await stream.write(out)
        except (h11.LocalProtocolError, StreamClosed):
            return
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


async def _next(connection: h11.Connection, stream: Stream) -> Call | None:
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await stream.write(connection.send(go_on) or b"")
            connection.receive_data(await stream.read())
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_BODY:
                raise h11.RemoteProtocolError("the body is too large")
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            path = request.target.decode("latin-1").split("?")[0]
            return Call(request.method.decode(), path, _json(bytes(body)))
        else:
            return None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else None
    except (ValueError, RecursionError) as error:
        raise h11.RemoteProtocolError(f"the body is no JSON: {error}") from error
