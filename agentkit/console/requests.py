"""What all handlers need of a request: who asks, what it says, and how an answer goes out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from agentkit.console import faults
from agentkit.console.entry import Person
from agentkit.console.faults import Refusal

BODY = 1 << 20  # bytes
Handler = Callable[[Request], Awaitable[Any]]


def answered(do: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler with its errors in the API's own form; what is no response is JSON."""

    async def run(request: Request) -> Response:
        try:
            made = await do(request)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            return faults.answer(error)
        return made if isinstance(made, Response) else JSONResponse(plain(made))

    run.__name__ = getattr(do, "__name__", "run")
    return run


async def refused(_: Request, error: Exception) -> Response:
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else None
    return faults.answer(error, headers)


HANDLERS: Mapping[Any, Any] = {HTTPException: refused, Exception: refused}


def plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def person_of(request: Request) -> Person:
    person = request.scope.get("person")
    if not isinstance(person, Person):
        raise Refusal(401, "unauthorized", "not let in")
    return person


async def body_of(request: Request, most: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > most:
        raise Refusal(413, "too-large", f"more than {most} bytes")
    kept, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise Refusal(413, "too-large", f"more than {most} bytes")
        kept.append(piece)
    return b"".join(kept)


async def json_of(request: Request) -> Any:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "media-type", "send application/json")
    try:
        return json.loads(await body_of(request, BODY))
    except (ValueError, RecursionError) as error:
        raise invalid("", "the body is no JSON") from error


def invalid(field: str, words: str) -> Refusal:
    told = f"{field} {words}".strip()
    return Refusal(422, "invalid", told, fields=[{"field": field, "message": words}])


def number(text: str, name: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError as error:
        raise invalid(name, "is no number") from error
    return max(least, min(value, most))


def download(name: str, kind: str, content: bytes) -> Response:
    """A file that the browser keeps and never shows."""
    safe = quote(name, safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{safe}"}
    return Response(content, headers=headers, media_type=kind)
