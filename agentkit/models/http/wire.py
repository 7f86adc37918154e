"""The wire format of chat completions: a request as JSON, an answer put together from its events.

The format is OpenAI's `POST /chat/completions`, as vLLM, llama.cpp, Ollama and others speak it.
Nothing here does any input or output.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit.capabilities.language_model import (
    Completion,
    Delta,
    Finish,
    Grammar,
    Image,
    Message,
    Reasoning,
    Request,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Usage,
)
from agentkit.errors import Unsupported, UsageError
from agentkit.models.text.chat import function_schema, valid_text
from agentkit.models.text.schemas import closed, mismatch

FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class BrokenAnswer(Exception):
    """What came is no answer: garbage, an error in mid-stream, an end before the end."""


async def event_lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """The lines of a stream of server-sent events, empty ones left out. They end at \\r\\n, \\n and
    \\r alone: httpx's lines end at U+2028 and U+0085 too, which may stand in an answer's JSON."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = re.split(rb"[\r\n]+", rest + chunk)
        for line in filter(None, whole):
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


def body(request: Request, model: str, name: str, max_field: str = "max_tokens") -> dict[str, Any]:
    """The request as the endpoint wants it. `Request.extra` under this part's name is laid over.

    Raises:
        UsageError: no messages, or a text that is not valid Unicode.
        Unsupported: a picture, embeddings, a plain prompt with tools, or a Lark grammar.
    """
    made: dict[str, Any] = {
        "model": model,
        **_asked(request),
        max_field: request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.top_p < 1:
        made["top_p"] = request.top_p
    if request.stop:
        made["stop"] = list(request.stop)
    if request.n > 1:
        made["n"] = request.n
    if request.temperature > 0:
        made["seed"] = request.context.seed & 0x7FFFFFFF
    if request.logprobs is not None and request.prompt is not None:
        made["logprobs"] = request.logprobs
    elif request.logprobs is not None:
        made["logprobs"] = True
        if request.logprobs:
            made["top_logprobs"] = request.logprobs
    if request.tools:
        made["tools"] = [function_schema(tool) for tool in request.tools]
        if request.must_call:
            made["tool_choice"] = "required"
    if request.grammar is not None:
        schema = {"name": "answer", "schema": _schema(request.grammar), "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": schema}
    extra = request.extra.get(name)
    if isinstance(extra, Mapping):
        made.update(extra)
    return made


def _asked(request: Request) -> dict[str, Any]:
    """The conversation; or, for `POST /completions`, the plain prompt."""
    if request.prompt is None:
        if not request.messages:
            raise UsageError("a request has no messages", "pass at least one")
        return {"messages": [m for message in request.messages for m in _message(message)]}
    if request.tools:
        raise Unsupported("a plain prompt with tools", "pass messages: tools need a template")
    plain = request.prompt
    return {"prompt": valid_text(plain) if isinstance(plain, str) else list(plain)}


def _schema(grammar: Grammar) -> dict[str, Any]:
    """Regular expressions travel as the pattern of a string, which endpoints enforce too."""
    if grammar.kind == "lark":
        raise Unsupported("an endpoint takes no Lark grammar", "use a JSON Schema")
    if grammar.kind == "regex":
        return {
            "type": "object",
            "properties": {"answer": {"type": "string", "pattern": f"^(?:{grammar.value})$"}},
            "required": ["answer"],
            "additionalProperties": False,
        }
    return closed(json.loads(grammar.value) if isinstance(grammar.value, str) else grammar.value)


def _message(message: Message) -> list[dict[str, Any]]:
    """One message; tool results become messages of their own."""
    texts: list[str] = []
    shown: list[dict[str, Any]] = []  # texts and pictures in their order
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, Text):
            texts.append(valid_text(part.text))
            shown.append({"type": "text", "text": texts[-1]})
        elif isinstance(part, Image):
            data = base64.b64encode(part.data).decode()
            url = f"data:{part.media_type};base64,{data}"
            shown.append({"type": "image_url", "image_url": {"url": url}})
        elif isinstance(part, Reasoning):
            thoughts.append(valid_text(part.text))
        elif isinstance(part, ToolCall):
            function = {"name": part.name, "arguments": json.dumps(dict(part.arguments))}
            calls.append({"id": part.id, "type": "function", "function": function})
        elif isinstance(part, ToolResult):
            result = {"role": "tool", "tool_call_id": part.id}
            made.append({**result, "content": valid_text(part.content)})
        else:
            raise Unsupported(
                f"the openai part sends texts and pictures, and a message holds "
                f"{type(part).__name__}",
                "use a model in this process",
            )
    if calls:
        content = "".join(texts) or None
        made.insert(0, {"role": message.role, "content": content, "tool_calls": calls})
    elif len(shown) > len(texts):
        made.insert(0, {"role": message.role, "content": shown})
    elif texts or not made:
        made.insert(0, {"role": message.role, "content": "".join(texts)})
    if thoughts:
        made[0]["reasoning_content"] = "".join(thoughts)
    return made


@dataclass(slots=True)
class Choice:
    """One answer while it comes in."""

    text: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    finish: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """What an event adds to the first choice. thought: what the model thinks before it answers;
    servers call it `reasoning` or, some, `reasoning_content`."""

    text: str = ""
    thought: str = ""

    def deltas(self, index: int) -> Iterator[Delta]:
        """As pieces of the answer to request `index`."""
        if self.thought:
            yield Delta(index, self.thought, reasoning=True)
        if self.text:
            yield Delta(index, self.text)


class Answer:
    """Puts an answer together, from the events of a stream or from one whole document."""

    def __init__(self, request: Request, path: tuple[str, ...]) -> None:
        self._request, self._path = request, path
        self._choices = [Choice() for _ in range(request.n)]
        self._usage: Mapping[str, Any] = {}

    @property
    def whole(self) -> bool:
        """Every choice has come to its end."""
        return all(choice.finish for choice in self._choices)

    @property
    def text(self) -> str:
        """The first choice's text so far."""
        return "".join(self._choices[0].text)

    @property
    def begun(self) -> bool:
        """Something of the first choice has come: text, or what was thought before it."""
        return bool(self.text or any(self._choices[0].thought))

    @property
    def streams(self) -> bool:
        """Its text can be shown while it comes; a wrapped regular expression's cannot."""
        return self._request.grammar is None or self._request.grammar.kind != "regex"

    def event(self, data: str) -> Added:
        """Takes one event of the stream; gives what it adds to the first choice.

        Raises:
            BrokenAnswer: it is garbage, or says that the server failed.
        """
        try:
            chunk = json.loads(data)
        except ValueError:
            raise BrokenAnswer(f"the stream holds what is no JSON: {data[:80]!r}") from None
        return self.take(chunk, "delta")

    def document(self, content: str) -> Added:
        """Takes a whole answer from an endpoint that does not stream."""
        try:
            whole = json.loads(content)
        except ValueError:
            raise BrokenAnswer(f"the answer is no JSON: {content[:80]!r}") from None
        return self.take(whole, "message")

    def take(self, chunk: Any, holder: str) -> Added:
        """Takes one chunk whose choices hold "delta" or "message"."""
        if not isinstance(chunk, dict):
            raise BrokenAnswer(f"the answer is no object: {str(chunk)[:80]!r}")
        if chunk.get("error"):
            raise BrokenAnswer(f"the server reports: {fault_text(chunk)}")
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        text, thought = "", ""
        try:
            for item in chunk.get("choices") or ():
                index = int(item.get("index") or 0)
                if index < len(self._choices):
                    added = self._choice(self._choices[index], item, item.get(holder) or {})
                    if index == 0:
                        text, thought = text + added.text, thought + added.thought
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BrokenAnswer(f"the answer is not of the known form: {error}") from error
        return Added(text, thought)

    def _choice(self, choice: Choice, item: dict[str, Any], delta: dict[str, Any]) -> Added:
        text = delta.get("content") or item.get("text") or ""
        thought = delta.get("reasoning") or delta.get("reasoning_content") or ""
        if not isinstance(text, str) or not isinstance(thought, str):
            raise TypeError("content or reasoning is no text")
        choice.text.append(text)
        choice.thought.append(thought)
        for place, call in enumerate(delta.get("tool_calls") or ()):
            known = choice.calls.setdefault(
                int(call.get("index", place)), {"id": "", "name": "", "arguments": ""}
            )
            function = call.get("function") or {}
            known["id"] = known["id"] or str(call.get("id") or "")
            known["name"] += function.get("name") or ""
            known["arguments"] += function.get("arguments") or ""
        choice.logprobs += logprobs_from(item.get("logprobs"), self._request)
        choice.finish = str(item.get("finish_reason") or choice.finish)
        return Added(text, thought)

    def completion(self) -> Completion:
        """What came, checked against the grammar: an endpoint may not honour it."""
        first, *others = [self._completed(choice) for choice in self._choices]
        prompt, answer = (
            int(self._usage.get(key) or 0) for key in ("prompt_tokens", "completion_tokens")
        )
        # The endpoint counts all choices together.
        usage = Usage(prompt, answer or len(first.logprobs), answer or len(first.logprobs))
        return replace(first, usage=usage, others=tuple(others))

    def stopped(self, finish: Finish, error: str = "") -> Completion:
        """An answer that was broken off, with what had come of it."""
        return Completion(self.text, finish, path=self._path, error=error)

    def _completed(self, choice: Choice) -> Completion:
        text, error = "".join(choice.text), ""
        calls, bad = _calls(choice.calls)
        finish: Finish = "tool_calls" if calls else FINISHES.get(choice.finish, "stop")
        if choice.finish == "content_filter":
            finish, error = "error", "the endpoint's filter ended the answer"
        elif bad and choice.finish != "length":
            finish, error = "error", bad
        grammar = self._request.grammar
        if grammar is not None and finish == "stop":
            if grammar.kind == "regex":
                text = unwrapped(text)
            wrong = mismatch(grammar, text)
            if wrong:
                finish = "error"
                error = f"the endpoint did not keep to the grammar: {wrong}"
        return Completion(
            text,
            finish,
            logprobs=tuple(choice.logprobs),
            tool_calls=calls,
            path=self._path,
            error=error,
            reasoning="".join(choice.thought),
        )


def logprobs_from(found: Any, request: Request) -> tuple[TokenLogprob, ...]:
    """What stands under "logprobs" of a choice, of a conversation or of a plain prompt."""
    made = []
    if found and "tokens" in found:
        tops = found.get("top_logprobs") or [None] * len(found["tokens"])
        for token, logp, top in zip(found["tokens"], found["token_logprobs"], tops):
            likeliest = sorted((top or {}).items(), key=lambda pair: -pair[1])
            pairs = tuple((t, float(p)) for t, p in likeliest)[: request.logprobs or 0]
            made.append(TokenLogprob(token, -1, float(logp), pairs))
    for entry in (found or {}).get("content") or ():
        top = tuple((t["token"], float(t["logprob"])) for t in entry.get("top_logprobs") or ())
        most = request.logprobs or 0
        made.append(TokenLogprob(entry["token"], -1, float(entry["logprob"]), top[:most]))
    return tuple(made)


def _calls(found: Mapping[int, dict[str, str]]) -> tuple[tuple[ToolCall, ...], str]:
    """(calls, what is wrong with them)."""
    calls = []
    for index in sorted(found):
        call = found[index]
        try:
            arguments = json.loads(call["arguments"] or "{}")
        except ValueError:
            return (), f"the arguments of a call to {call['name']!r} are no JSON"
        if not isinstance(arguments, dict):
            return (), f"the arguments of a call to {call['name']!r} are no object"
        calls.append(ToolCall(call["id"] or f"call_{index}", call["name"], arguments))
    return tuple(calls), ""


def unwrapped(text: str) -> str:
    """What matches a regular expression, out of the object that it travels in."""
    try:
        return str(json.loads(text)["answer"])
    except (ValueError, KeyError, TypeError):
        return text


def fault_text(content: Any) -> str:
    """The message in an endpoint's error document, however it is wrapped; one line."""
    found = content
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return " ".join(str(content).split())[:200]
    if isinstance(found, dict) and "error" in found:
        found = found["error"]
    if isinstance(found, dict):
        found = found.get("message") or found.get("detail") or found
    return " ".join(str(found).split())[:200]
