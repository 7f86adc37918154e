"""A model behind any OpenAI-compatible endpoint.

Requests run side by side on one event loop in a thread of this part; the caller's thread hands out
deltas and looks at `cancel`, so that a silent server can be left at once. Everything is streamed:
time-outs then measure silence, not length.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx

from agentkit.capabilities.abilities import ABILITIES, Continuations, Grammars, Logprobs, Tokens
from agentkit.capabilities.language_model import (
    Cancel,
    Completion,
    Delta,
    Grammar,
    ModelInfo,
    OnDelta,
    Request,
)
from agentkit.errors import (
    BackendUnavailable,
    ContextOverflow,
    Unsupported,
    UsageError,
)
from agentkit.kit import Parts
from agentkit.models.http.continuing import HttpContinuations, post
from agentkit.models.http.faults import LONGEST_PAUSE, Final, Overflow, Passing, fault_of, named
from agentkit.models.http.wire import Added, Answer, BrokenAnswer, body, event_lines
from agentkit.models.settings import OpenAISettings
from agentkit.models.text import schemas
from agentkit.secrets import resolve
from agentkit.seeds import derive

A = TypeVar("A")
T = TypeVar("T")
UNKNOWN_CONTEXT = 4096


def open_openai(settings: OpenAISettings, parts: Parts) -> OpenAIModel:
    """The part `use = "openai"`. Does not contact the endpoint.

    Raises:
        ConfigError: the key that the settings name is not there.
    """
    return OpenAIModel(parts.name, settings, resolve(settings.api_key) if settings.api_key else "")


class OpenAIModel:
    """See the module. Thread-safe."""

    def __init__(self, name: str, settings: OpenAISettings, key: str = "") -> None:
        self._name, self._settings, self._key = name, settings, key
        self._context = settings.context
        self._max_field = "max_tokens"
        self._stream_options = True
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: httpx.AsyncClient | None = None
        self._slots: asyncio.Semaphore | None = None
        able = {
            "grammar": settings.structured != "none",
            "logprobs": settings.max_logprobs > 0,
            "continuations": settings.token_ids and settings.max_logprobs > 0,
        }
        self._abilities = frozenset(name for name, has in able.items() if has)

    @property
    def info(self) -> ModelInfo:
        """Asks the endpoint for its context once, where the settings do not say it."""
        if self._context is None:
            self._context = self._run(self._ask_context()) or UNKNOWN_CONTEXT
        return ModelInfo(self._name, self._context, self._abilities)

    @property
    def top_logprobs(self) -> int:
        return self._settings.max_logprobs

    def check_grammar(self, grammar: Grammar) -> None:
        """Raises GrammarDeadEnd where nothing can match, Unsupported for Lark."""
        if grammar.kind == "lark":
            raise Unsupported("an endpoint takes no Lark grammar", "use a JSON Schema")
        schemas.check(grammar)

    def ability(self, kind: type[A]) -> A:
        name = next((n for n, k in ABILITIES.items() if k is kind), kind.__name__)
        if kind in (Grammars, Logprobs) and name in self._abilities:
            return self  # type: ignore[return-value]
        if kind is Continuations and name in self._abilities:
            made: Any = HttpContinuations(self._name, self._settings, self._start, self._post)
            return made  # type: ignore[no-any-return]
        hint = "an endpoint gives text; use = 'transformers' gives the rest"
        if kind in (Continuations, Tokens):
            hint += "; token_ids = true where it takes token ids as prompts, as vLLM does"
        raise Unsupported(f"models.{self._name} (use = 'openai') lacks the ability {name!r}", hint)

    # -- answering --------------------------------------------------------------------------------

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        """Answers all requests, in their order; see `LanguageModel.generate`.

        A fault that may pass is tried again, but never after text was handed to `on_delta`: such an
        answer ends with finish "error" and what had come.
        """
        bodies = [self._checked(request) for request in requests]
        if not requests:
            return []
        answers = [Answer(request, (self._name,)) for request in requests]
        if cancel:
            return [answer.stopped("cancelled") for answer in answers]
        told: queue.SimpleQueue[Delta | int | None] = queue.SimpleQueue()
        work = asyncio.run_coroutine_threadsafe(
            self._all(requests, bodies, answers, told, on_delta is not None), self._started()
        )
        work.add_done_callback(lambda _: told.put(None))
        held: list[Delta] = []  # until every request is known to fit, nothing is shown
        accepted: set[int] = set()
        said = [""] * len(requests)
        try:
            while True:
                try:
                    item = told.get(timeout=0.05)
                except queue.Empty:
                    item = -1
                if cancel:
                    return self._cancelled(answers, said if on_delta else None)
                if item is None:
                    break
                if isinstance(item, Delta):
                    held.append(item)
                elif item >= 0:
                    accepted.add(item)
                if on_delta and len(accepted) == len(requests):
                    while held and not cancel:
                        delta = held.pop(0)
                        if not delta.reasoning:
                            said[delta.index] += delta.text
                        on_delta(delta)
            return self._settled(work.result())
        finally:
            work.cancel()

    def _cancelled(self, answers: list[Answer], said: list[str] | None) -> list[Completion]:
        """What had come; where text was shown, exactly that text."""
        if said is None:
            return [a.completion() if a.whole else a.stopped("cancelled") for a in answers]
        return [Completion(text, "cancelled", path=(self._name,)) for text in said]

    def _checked(self, request: Request) -> dict[str, Any]:
        if request.grammar is not None:
            if "grammar" not in self._abilities:
                raise Unsupported(
                    f"models.{self._name} is set to structured = 'none', and a request has a "
                    "grammar",
                    'set structured = "json_schema", or use another model',
                )
            self.check_grammar(request.grammar)
        if (request.logprobs or 0) > self._settings.max_logprobs:
            raise UsageError(
                f"models.{self._name}: {request.logprobs} alternatives were asked for, "
                f"max_logprobs is {self._settings.max_logprobs}",
                "ask for fewer",
            )
        made = body(request, self._settings.model, self._name, self._max_field)
        if not self._stream_options:
            made.pop("stream_options")
        return made

    def _settled(self, results: list[Completion | Final]) -> list[Completion]:
        """Faults of single requests become completions; one of all of them is raised."""
        faults = [r for r in results if isinstance(r, Final)]
        if len(faults) == len(results) and any(f.endpoint for f in faults):
            worst = next(f for f in faults if f.endpoint)
            raise BackendUnavailable(
                f"models.{self._name}: {self._settings.base_url}: {worst}",
                worst.cure or self._cure(),
                url=self._settings.base_url,
            )
        return [
            Completion("", "error", path=(self._name,), error=str(r)) if isinstance(r, Final) else r
            for r in results
        ]

    def _cure(self) -> str:
        return f"is the server running? curl {self._settings.base_url}/models"

    async def _all(
        self,
        requests: Sequence[Request],
        bodies: list[dict[str, Any]],
        answers: list[Answer],
        told: queue.SimpleQueue[Delta | int | None],
        shown: bool,
    ) -> list[Completion | Final]:
        async def one(index: int) -> Completion | Final:
            assert self._slots is not None
            async with self._slots:
                made = await self._one(index, requests[index], bodies[index], answers, told, shown)
                told.put(index)
                return made

        tasks = [asyncio.ensure_future(one(index)) for index in range(len(requests))]
        try:
            return list(await asyncio.gather(*tasks))
        except Overflow as error:
            limit = self._settings.context or self._context
            raise ContextOverflow(
                f"models.{self._name}: {error}",
                "shorten the prompt or ask for fewer tokens",
                **({"limit": limit} if limit else {}),
            ) from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(
        self,
        index: int,
        request: Request,
        content: dict[str, Any],
        answers: list[Answer],
        told: queue.SimpleQueue[Delta | int | None],
        shown: bool,
    ) -> Completion | Final:
        """One request with its retries."""
        last = ""
        for attempt in range(self._settings.retries + 1):
            answers[index] = answer = Answer(request, (self._name,))
            try:
                async with asyncio.timeout(self._settings.deadline):
                    await self._stream(index, content, answer, told, shown)
                return answer.completion()
            except TimeoutError:
                return answer.stopped(
                    "error", f"no whole answer within {self._settings.deadline:g} s"
                )
            except Final as fault:
                return fault
            except (BrokenAnswer, httpx.RequestError, Passing) as error:
                last = self._clean(named(error))
                if shown and answer.begun and answer.streams:
                    return answer.stopped("error", last)
                pause = getattr(error, "pause", 0.0) or self._pause(request, attempt)
                if attempt < self._settings.retries:
                    await asyncio.sleep(min(pause, LONGEST_PAUSE))
        tries = self._settings.retries + 1
        return Final(f"{last} ({tries} {'try' if tries == 1 else 'tries'})", endpoint=True)

    def _pause(self, request: Request, attempt: int) -> float:
        """Doubles each time; up to half as much again, so that many clients do not come at once."""
        spread = derive(request.context.seed, f"backoff.{self._name}", attempt) % 1000 / 2000
        return float(self._settings.backoff * 2**attempt * (1 + spread))

    async def _stream(
        self,
        index: int,
        content: dict[str, Any],
        answer: Answer,
        told: queue.SimpleQueue[Delta | int | None],
        shown: bool,
    ) -> None:
        assert self._client is not None
        route = "completions" if "prompt" in content else "chat/completions"
        url = f"{self._settings.base_url}/{route}"

        def tell(added: Added) -> None:
            for delta in added.deltas(index) if shown and answer.streams else ():
                told.put(delta)

        async with self._client.stream("POST", url, json=content) as response:
            if response.status_code != 200:
                await response.aread()
                if self._learned(response, content):
                    raise Passing("the endpoint wants another form of the request", 0.001)
                raise fault_of(response, self._settings, self._clean)
            told.put(index)
            if "json" in response.headers.get("content-type", ""):
                await response.aread()
                tell(answer.document(response.text))
            else:
                async for line in event_lines(response.aiter_bytes()):
                    if not line.startswith("data:"):
                        if not line.startswith((":", "event:", "id:", "retry:")):
                            raise BrokenAnswer(f"the stream holds garbage: {line[:80]!r}")
                        continue
                    data = line[5:].strip()
                    if data == "[DONE]":
                        break
                    tell(answer.event(data))
        if not answer.whole:
            raise BrokenAnswer("the stream ended before the answer did")
        if shown and not answer.streams:
            done = answer.completion()
            if done.finish != "error" and done.text:
                told.put(Delta(index, done.text))

    def _learned(self, response: httpx.Response, content: dict[str, Any]) -> bool:
        """Endpoints differ in two names; what one does not know is left out from then on."""
        if response.status_code not in (400, 422):
            return False
        said = response.text
        if "stream_options" in content and "stream_options" in said:
            content.pop("stream_options")
            self._stream_options = False
            return True
        if "max_tokens" in content and "max_completion_tokens" in said:
            content["max_completion_tokens"] = content.pop("max_tokens")
            self._max_field = "max_completion_tokens"
            return True
        return False

    def _clean(self, text: str) -> str:
        """Endpoints repeat a wrong key in their message; it must not reach logs."""
        return text.replace(self._key, "…") if self._key else text

    async def _ask_context(self) -> int | None:
        """The context as vLLM ("max_model_len") or llama.cpp ("meta.n_ctx_train") report it."""
        assert self._client is not None
        try:
            response = await self._client.get(f"{self._settings.base_url}/models", timeout=5.0)
            models = response.json()["data"]
            own = next(m for m in models if m.get("id") == self._settings.model)
            found = own.get("max_model_len") or (own.get("meta") or {}).get("n_ctx_train")
            return int(found) if found else None
        except (httpx.HTTPError, ValueError, KeyError, TypeError, StopIteration, AttributeError):
            return None

    # -- the loop ---------------------------------------------------------------------------------

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=loop.run_forever, name=f"agentkit-openai-{self._name}", daemon=True
                )
                self._thread.start()
                self._loop = loop
                asyncio.run_coroutine_threadsafe(self._open(), loop).result()
            return self._loop

    async def _open(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        limit = self._settings.concurrency
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(self._settings.timeout, pool=None),
            limits=httpx.Limits(max_connections=limit, max_keepalive_connections=limit),
        )
        self._slots = asyncio.Semaphore(limit)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._start(work).result()

    async def _post(self, url: str, content: Mapping[str, Any]) -> Any:
        assert self._client is not None and self._slots is not None
        async with self._slots:
            return await post(self._client, self._settings, self._clean, url, content)

    def _start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def close(self) -> None:
        """Closes connections and ends the thread. What is still running is cancelled."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return

        async def end() -> None:
            # A task or a generator that is left to the garbage collector complains from there.
            running = asyncio.all_tasks() - {asyncio.current_task()}
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running, timeout=5)
            if self._client is not None:
                await self._client.aclose()
            await loop.shutdown_asyncgens()

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
