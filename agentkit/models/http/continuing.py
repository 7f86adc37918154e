"""Continuing token ids at an endpoint, with the likeliest tokens at each place.

The form is vLLM's: `POST /v1/completions` takes ids as its prompt, and names tokens "token_id:N" on
demand; `/tokenize` and `/detokenize` stand beside `/v1`. What else its samplers know is switched
off in every request, so that tokens are drawn with full support.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import httpx

from agentkit.capabilities.abilities import Continuation, Draw
from agentkit.capabilities.language_model import Cancel, Ids, Request
from agentkit.errors import BackendUnavailable, ContextOverflow, Unsupported, UsageError
from agentkit.models.http.faults import LONGEST_PAUSE, Final, Overflow, Passing, fault_of, named
from agentkit.models.http.wire import body
from agentkit.models.settings import OpenAISettings

# The neutral value of each setting that would cut or bend the distribution.
NEUTRAL: Mapping[str, Any] = {
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
_ID = "token_id:"
Post = Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, Any]]
Start = Callable[[Coroutine[Any, Any, Any]], "Future[Any]"]


class HttpContinuations:
    """`Continuations` of an endpoint. Thread-safe.

    Args:
        start: runs a coroutine in the part's loop.
        post: posts one document with the part's retries, slots and key.
    """

    def __init__(self, name: str, settings: OpenAISettings, start: Start, post: Post) -> None:
        self._name, self._settings, self._start, self._post = name, settings, start, post
        self._root = settings.base_url.removesuffix("/v1")

    @property
    def top_logprobs(self) -> int:
        return self._settings.max_logprobs

    def render(self, request: Request) -> tuple[int, ...]:
        made = body(request, self._settings.model, self._name)
        asked = {"model": made["model"], "messages": made["messages"]}
        return self._tokenized(asked | {"add_generation_prompt": True})

    def encode(self, text: str) -> tuple[int, ...]:
        asked = {"model": self._settings.model, "prompt": text, "add_special_tokens": False}
        return self._tokenized(asked)

    def decode(self, ids: Ids) -> str:
        asked = {"model": self._settings.model, "tokens": list(map(int, ids))}
        found = self._ask(f"{self._root}/detokenize", asked)
        return str(self._field(found, "prompt", str))

    def _tokenized(self, asked: Mapping[str, Any]) -> tuple[int, ...]:
        found = self._ask(f"{self._root}/tokenize", asked)
        return tuple(map(int, self._field(found, "tokens", list)))

    def continued(
        self,
        prompts: Sequence[Ids],
        max_new: Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Continuation]:
        for draw in draws:
            if draw.grammar is not None:
                raise Unsupported(
                    f"models.{self._name}: an endpoint does not tell probabilities under a grammar",
                    "use a model in this process",
                )
        work = [
            self._start(
                self._post(f"{self._settings.base_url}/completions", self._body(prompt, new, draw))
            )
            for prompt, new, draw in zip(prompts, max_new, draws, strict=True)
        ]
        try:
            while not (cancel or all(one.done() for one in work)):
                time.sleep(0.002)
            if cancel:
                return [Continuation((), (), (), 0, "cancelled") for _ in work]
            return [self._read(self._result(one)) for one in work]
        finally:
            for one in work:
                one.cancel()

    def whole(self, prompt: Ids, target: Ids) -> Continuation:
        asked = self._body([*prompt, *target], 1, Draw()) | {"prompt_logprobs": -1, "logprobs": 0}
        try:
            found = self._ask(f"{self._settings.base_url}/completions", asked)
        except UsageError as error:
            raise Unsupported(
                f"models.{self._name}: the endpoint does not tell the whole vocabulary's "
                f"probabilities ({error.message})",
                "for vLLM: --max-logprobs -1",
            ) from error
        choice = self._choice(found)
        rows = (choice.get("prompt_logprobs") or found.get("prompt_logprobs") or ())[len(prompt) :]
        try:
            top = tuple({int(k): float(v["logprob"]) for k, v in row.items()} for row in rows)
            logp = tuple(row[int(token)] for row, token in zip(top, target, strict=True))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Unsupported(
                f"models.{self._name}: the endpoint tells nothing about a prompt's tokens",
                "for vLLM: prompt_logprobs, with --max-logprobs -1",
            ) from error
        return Continuation(tuple(map(int, target)), logp, top, min(map(len, top), default=0))

    # -- one request ------------------------------------------------------------------------------

    def _body(self, prompt: Ids, new: int, draw: Draw) -> dict[str, Any]:
        made: dict[str, Any] = {
            "model": self._settings.model,
            "prompt": list(map(int, prompt)),
            "max_tokens": new,
            "temperature": draw.temperature,
            "seed": draw.seed & 0x7FFFFFFF,
            "logprobs": self._settings.max_logprobs,
            "return_tokens_as_token_ids": True,
            **NEUTRAL,
        }
        if draw.stop_ids is not None:
            made |= {"stop_token_ids": list(draw.stop_ids), "ignore_eos": not draw.stop_ids}
        return made

    def _read(self, found: Any) -> Continuation:
        choice = self._choice(found)
        told = choice.get("logprobs")
        if not isinstance(told, dict) or not told.get("top_logprobs"):
            raise self._unable("gives no log-probabilities", "set its max_logprobs, or use another")
        try:
            ids = tuple(_id(name) for name in told["tokens"])
            logp = tuple(map(float, told["token_logprobs"]))
            top = tuple(
                {_id(k): float(v) for k, v in row.items()} | {token: own}
                for row, token, own in zip(told["top_logprobs"], ids, logp, strict=True)
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._unable(
                f"does not give tokens as ids: {error}",
                "it must know return_tokens_as_token_ids, as vLLM does",
            ) from error
        spent = (found.get("usage") or {}).get("completion_tokens")
        if spent not in (None, len(ids)):
            raise self._unable(
                f"counts {spent} tokens and tells of {len(ids)}: the end token is missing",
                "it must tell the end token's probability, as vLLM does",
            )
        finish = "stop" if choice.get("finish_reason") == "stop" else "length"
        sure = min(self._settings.max_logprobs, *(len(row) for row in top))
        return Continuation(ids, logp, top, sure, finish)  # type: ignore[arg-type]

    def _choice(self, found: Any) -> dict[str, Any]:
        choices = self._field(found, "choices", list)
        if not choices or not isinstance(choices[0], dict):
            raise self._unable("gave an answer without choices", "is it OpenAI-compatible?")
        return dict(choices[0])

    def _field(self, found: Any, name: str, kind: type) -> Any:
        value = found.get(name) if isinstance(found, dict) else None
        if not isinstance(value, kind):
            raise self._unable(f"gave an answer without {name!r}", "is it vLLM or compatible?")
        return value

    def _unable(self, what: str, hint: str) -> BackendUnavailable:
        url = self._settings.base_url
        return BackendUnavailable(f"models.{self._name}: {url} {what}", hint, url=url)

    def _ask(self, url: str, asked: Mapping[str, Any]) -> Any:
        return self._result(self._start(self._post(url, asked)))

    def _result(self, work: Future[Any]) -> Any:
        try:
            return work.result()
        except Overflow as error:
            raise ContextOverflow(f"models.{self._name}: {error}", "ask for less") from error
        except Final as error:
            if error.endpoint:
                hint = error.cure or f"is it running? curl {self._settings.base_url}/models"
                raise self._unable(f": {error}", hint) from error
            raise UsageError(f"models.{self._name}: {error}", "see the server's log") from error
        except httpx.HTTPError as error:
            raise self._unable(f": {error}", "is it running?") from error


async def post(
    client: httpx.AsyncClient,
    settings: OpenAISettings,
    clean: Callable[[str], str],
    url: str,
    content: Mapping[str, Any],
) -> Any:
    """The document that an endpoint answers a document with; tries again where that may help.

    Args:
        clean: takes secrets out of what the endpoint said.

    Raises:
        Final, Overflow: a fault that stays.
    """
    last = ""
    for attempt in range(settings.retries + 1):
        try:
            response = await client.post(url, json=content, timeout=settings.deadline)
            if response.status_code != 200:
                raise fault_of(response, settings, clean)
            return response.json()
        except (httpx.RequestError, Passing, ValueError) as error:
            last = clean(named(error))
            if attempt < settings.retries:
                pause = getattr(error, "pause", 0.0) or settings.backoff * 2**attempt
                await asyncio.sleep(min(pause, LONGEST_PAUSE))
    raise Final(f"{last} ({settings.retries + 1} tries)", endpoint=True)


def _id(name: str) -> int:
    if not name.startswith(_ID):
        raise ValueError(f"{name!r} is no id")
    return int(name[len(_ID) :])
