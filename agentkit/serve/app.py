"""The routes: what comes in, which model answers, what goes out."""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentkit.capabilities import Cancel, Completion, OnDelta, Request, Tokens, Usage
from agentkit.models import asking
from agentkit.models.http.inbound import (
    Body,
    ChatBody,
    CompletionBody,
    DetokenizeBody,
    EmbeddingBody,
    TokenizeBody,
)
from agentkit.serve import faults, served
from agentkit.serve.answers import ChatWriter, TextWriter, Writer
from agentkit.serve.faults import Refusal
from agentkit.serve.metrics import Asked, Metrics
from agentkit.serve.scoring import check_echo, scored
from agentkit.serve.served import Served
from agentkit.serve.stream import Stream, Told, checked, until_gone
from agentkit.serve.work import Job, TooBusy, Workers

B = TypeVar("B", ChatBody, CompletionBody, EmbeddingBody, TokenizeBody, DetokenizeBody)
Handler = Callable[[HttpRequest, Asked], Awaitable[Response]]
GONE = 499  # what others write into their logs for a client that left; nobody reads it
DRAINED = 8  # times the largest body that is read and thrown away, so that its client hears why


@dataclass(frozen=True, slots=True)
class Limits:
    """at_once: requests that are answered side by side. waiting: requests in line behind them; more
    are refused with 429. body: bytes. patience: seconds for a body to come in, and for a client to
    take what was written."""

    at_once: int = 64
    waiting: int = 256
    body: int = 8 << 20
    patience: float = 60.0


class Api:
    """The application around some models; `app` is what a server runs."""

    def __init__(self, models: Served, token: str, limits: Limits = Limits()) -> None:
        self._models, self._token, self._limits = models, token.encode(), limits
        self.workers = Workers(limits.at_once, limits.waiting)
        self.metrics = Metrics(lambda: self.workers.running, lambda: self.workers.waiting)
        self._created = int(time.time())
        post = partial(Route, methods=["POST"])
        self.app = Starlette(
            routes=[
                Route("/health", self._health),
                Route("/metrics", self._route(self._metrics)),
                Route("/v1/models", self._route(self._list)),
                Route("/v1/models/{name}", self._route(self._show)),
                post("/v1/chat/completions", self._route(self._chat)),
                post("/v1/completions", self._route(self._complete)),
                post("/v1/embeddings", self._route(self._embed)),
                post("/tokenize", self._route(self._tokenize)),
                post("/detokenize", self._route(self._detokenize)),
            ],
            exception_handlers={HTTPException: _no_route},
        )

    def _route(self, handle: Handler) -> Callable[[HttpRequest], Awaitable[Response]]:
        """The handler behind the token, its errors in OpenAI's form, counted."""

        async def run(request: HttpRequest) -> Response:
            asked = Asked(request.scope["route"].path)
            try:
                self._authorise(request)
                response = await handle(request, asked)
            except ClientDisconnect:
                self.metrics.left()
                response = Response(status_code=GONE)
            except Exception as error:
                status, body = faults.document(error, asked.fields)
                headers = {"Retry-After": str(error.pause)} if isinstance(error, TooBusy) else {}
                if status == 401:
                    headers["WWW-Authenticate"] = "Bearer"
                response = JSONResponse(body, status, headers)
            if not isinstance(response, Stream):
                self.metrics.answered(asked, response.status_code)
            return response

        return run

    def _authorise(self, request: HttpRequest) -> None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        good = hmac.compare_digest(given.strip().encode(), self._token)
        if kind.lower() != "bearer" or not good:
            raise Refusal(
                401,
                "the token is missing or wrong",
                "send the header Authorization: Bearer TOKEN",
                code="invalid_api_key",
            )

    # -- what it is -------------------------------------------------------------------------------

    async def _health(self, _: HttpRequest) -> Response:
        return JSONResponse({"status": "ok"})

    async def _metrics(self, _: HttpRequest, __: Asked) -> Response:
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def _list(self, _: HttpRequest, __: Asked) -> Response:
        data = [self._described(name) for name in self._models.names]
        return JSONResponse({"object": "list", "data": data})

    async def _show(self, request: HttpRequest, _: Asked) -> Response:
        return JSONResponse(self._described(self._models.check(request.path_params["name"])))

    def _described(self, name: str) -> dict[str, Any]:
        made = {"id": name, "object": "model", "created": self._created, "owned_by": "agentkit"}
        context = self._models.context(name)
        return made if context is None else {**made, "max_model_len": context}

    # -- answers ----------------------------------------------------------------------------------

    async def _chat(self, request: HttpRequest, asked: Asked) -> Response:
        body = await self._body(ChatBody, request, asked)
        wanted = body.request(self._models.parts(body.model))
        writer = ChatWriter(body.model, wanted.n, int(time.time()))
        return await self._answer(request, asked, body, [wanted], writer)

    async def _complete(self, request: HttpRequest, asked: Asked) -> Response:
        body = await self._body(CompletionBody, request, asked)
        check_echo(body)
        wanted = body.requests(self._models.parts(body.model))
        echoes = [str(one.prompt) if body.echo else "" for one in wanted for _ in range(one.n)]
        as_ids = bool(body.return_tokens_as_token_ids)
        writer = TextWriter(body.model, echoes, int(time.time()), as_ids=as_ids)
        return await self._answer(request, asked, body, wanted, writer)

    async def _answer(
        self,
        request: HttpRequest,
        asked: Asked,
        body: Body,
        wanted: Sequence[Request],
        writer: Writer,
    ) -> Response:
        def generate(on_delta: OnDelta, cancel: Cancel) -> list[Completion]:
            model = self._models.model(body.model)
            if isinstance(writer, TextWriter) and any(writer.echoes):
                writer.scored = scored(model, wanted)
            tell = on_delta if body.stream else None
            each = [c for one in wanted for c in asking.choices(one)] if tell else wanted
            made = asking.generate(model, each, tell, cancel, limited=body.limited)
            return asking.flat(made)

        def spent(made: Sequence[Completion]) -> Usage:
            usage = asking.total(made, prompts=len(wanted))
            self.metrics.spent(body.model, usage)
            return usage

        job = self.workers.start(generate)
        if body.stream:
            counted = bool(body.stream_options and body.stream_options.include_usage)
            told = Told(writer, spent, counted, asked, self.metrics, self._limits.patience)
            return await Stream.begun(job, told, request)
        made = checked(await _present(job, request))
        return JSONResponse(writer.document(made, spent(made)))

    async def _embed(self, request: HttpRequest, asked: Asked) -> Response:
        body = await self._body(EmbeddingBody, request, asked)
        texts = body.texts()

        def work(_: OnDelta, __: Cancel) -> Any:
            return served.embeddings(self._models.model(body.model), texts, body.dimensions)

        vectors = await _present(self.workers.start(work), request)
        if body.encoding_format == "base64":
            rows: list[Any] = [base64.b64encode(row.tobytes()).decode() for row in vectors]
        else:
            rows = vectors.tolist()
        data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
        # The ability counts no tokens; the field is required by clients.
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        return JSONResponse({"object": "list", "data": data, "model": body.model, "usage": usage})

    async def _tokenize(self, request: HttpRequest, asked: Asked) -> Response:
        body = await self._body(TokenizeBody, request, asked)
        wanted = body.request()

        def work(_: OnDelta, __: Cancel) -> tuple[list[int], int]:
            model = self._models.model(body.model)
            tokens = model.ability(Tokens)
            plain = body.prompt is not None and not body.add_special_tokens
            found = tokens.encode(body.prompt or "") if plain else tokens.render(wanted)
            return list(found), model.info.context

        ids, context = await _present(self.workers.start(work), request)
        return JSONResponse({"tokens": ids, "count": len(ids), "max_model_len": context})

    async def _detokenize(self, request: HttpRequest, asked: Asked) -> Response:
        body = await self._body(DetokenizeBody, request, asked)

        def work(_: OnDelta, __: Cancel) -> str:
            return self._models.model(body.model).ability(Tokens).decode(body.tokens)

        text = await _present(self.workers.start(work), request)
        return JSONResponse({"prompt": text})

    # -- what comes in ----------------------------------------------------------------------------

    async def _body(self, kind: type[B], request: HttpRequest, asked: Asked) -> B:
        body = kind.read(await self._content(request))
        asked.model = self._models.check(body.model)
        asked.fields = tuple(body.model_fields_set)
        return body

    async def _content(self, request: HttpRequest) -> bytes:
        """The body, within its limit. What is over the limit is read and dropped: a client that is
        cut off while it sends does not hear why."""
        kept, size, most = [], 0, self._limits.body
        try:
            async with asyncio.timeout(self._limits.patience):
                async for piece in request.stream():
                    size += len(piece)
                    if size <= most:
                        kept.append(piece)
                    elif size > most * DRAINED:
                        break
        except TimeoutError as error:
            raise Refusal(
                408, "the body did not come in time", "send it at once", code="timeout"
            ) from error
        if size > most:
            raise Refusal(
                413,
                f"the body has more than {most} bytes",
                "send less, or start the server with a higher --max-body",
                code="request_too_large",
            )
        return b"".join(kept)


async def _present(job: Job, request: HttpRequest) -> Any:
    """The job's result, as long as its client is there.

    Raises:
        ClientDisconnect: it left; the job is cancelled.
    """
    gone = asyncio.ensure_future(until_gone(request.receive))
    done = asyncio.ensure_future(job.result())
    try:
        await asyncio.wait({gone, done}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise ClientDisconnect
        return done.result()
    finally:
        job.cancel.set()  # harmless where it is over
        gone.cancel()
        done.cancel()


async def _no_route(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = Refusal(error.status_code, error.detail, code="no_such_route")
    return JSONResponse(faults.document(refusal)[1], error.status_code, error.headers)
