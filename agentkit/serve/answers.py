"""What models say, in OpenAI's form: whole documents, or the events of a stream."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from agentkit.capabilities import Completion, Delta, Usage
from agentkit.capabilities.language_model import TokenLogprob, ToolCall
from agentkit.models.http.messages import chat_logprobs, finite

DONE = b"data: [DONE]\n\n"


def event(data: Any) -> bytes:
    """One server-sent event. Plain ASCII: many clients end a line at U+2028 and its like."""
    return f"data: {json.dumps(data)}\n\n".encode()


def usage(spent: Usage) -> dict[str, int]:
    """spent_tokens: all that were generated for the answers, discarded ones included."""
    return {
        "prompt_tokens": spent.prompt,
        "completion_tokens": spent.completion,
        "total_tokens": spent.prompt + spent.completion,
        "spent_tokens": spent.spent,
    }


class Writer(Protocol):
    """Writes the answers to one HTTP request."""

    def document(self, made: Sequence[Completion], spent: Usage) -> dict[str, Any]: ...
    def begin(self) -> Iterator[dict[str, Any]]: ...
    def delta(self, delta: Delta) -> dict[str, Any]: ...
    def end(self, made: Sequence[Completion]) -> Iterator[dict[str, Any]]: ...
    def usage(self, spent: Usage) -> dict[str, Any]: ...


class _Written:
    """What both kinds of completion share."""

    kind = ""
    chunk = ""
    prefix = ""

    def __init__(self, model: str, count: int, created: int) -> None:
        self._count = count
        self._head = {
            "id": f"{self.prefix}-{secrets.token_hex(12)}",
            "created": created,
            "model": model,
        }

    def _document(self, choices: list[dict[str, Any]], made: Sequence[Completion]) -> Any:
        path = {"path": list(made[0].path)} if made else {}
        return {**self._head, "object": self.kind, "choices": choices, "agentkit": path}

    def _chunk(self, *choices: dict[str, Any]) -> dict[str, Any]:
        return {**self._head, "object": self.chunk, "choices": list(choices)}

    def usage(self, spent: Usage) -> dict[str, Any]:
        return {**self._chunk(), "usage": usage(spent)}


class ChatWriter(_Written):
    """`/v1/chat/completions`. Tool calls and log-probabilities come whole, after the text."""

    kind, chunk, prefix = "chat.completion", "chat.completion.chunk", "chatcmpl"

    def document(self, made: Sequence[Completion], spent: Usage) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "message": _message(one),
                "logprobs": chat_logprobs(one.logprobs),
                "finish_reason": one.finish,
            }
            for index, one in enumerate(made)
        ]
        return {**self._document(choices, made), "usage": usage(spent)}

    def begin(self) -> Iterator[dict[str, Any]]:
        for index in range(self._count):
            yield self._piece(index, {"role": "assistant", "content": ""})

    def delta(self, delta: Delta) -> dict[str, Any]:
        field = "reasoning_content" if delta.reasoning else "content"
        return self._piece(delta.index, {field: delta.text})

    def end(self, made: Sequence[Completion]) -> Iterator[dict[str, Any]]:
        for index, one in enumerate(made):
            if one.tool_calls:
                calls = [{"index": n, **_call(call)} for n, call in enumerate(one.tool_calls)]
                yield self._piece(index, {"tool_calls": calls})
            yield self._piece(index, {}, one.finish, chat_logprobs(one.logprobs))

    def _piece(
        self, index: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None
    ) -> dict[str, Any]:
        return self._chunk(
            {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        )


class TextWriter(_Written):
    """`/v1/completions`.

    Args:
        echoes: the text that each answer begins with, "" or its prompt.
        scored: log-probabilities of the prompts' own tokens, where they were asked for.
        as_ids: tokens are named "token_id:N", which says more than a piece of a character does.
    """

    kind, chunk, prefix = "text_completion", "text_completion", "cmpl"

    def __init__(
        self, model: str, echoes: Sequence[str], created: int, *, as_ids: bool = False
    ) -> None:
        super().__init__(model, len(echoes), created)
        self.echoes, self._as_ids = echoes, as_ids
        self.scored: Sequence[Sequence[TokenLogprob]] = ()

    def document(self, made: Sequence[Completion], spent: Usage) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "text": self.echoes[index] + one.text,
                "logprobs": self._logprobs(index, one),
                "finish_reason": one.finish,
            }
            for index, one in enumerate(made)
        ]
        return {**self._document(choices, made), "usage": usage(spent)}

    def begin(self) -> Iterator[dict[str, Any]]:
        for index, echo in enumerate(self.echoes):
            if echo:
                yield self._piece(index, echo)

    def delta(self, delta: Delta) -> dict[str, Any]:
        return self._piece(delta.index, delta.text)

    def end(self, made: Sequence[Completion]) -> Iterator[dict[str, Any]]:
        for index, one in enumerate(made):
            yield self._piece(index, "", one.finish, self._logprobs(index, one))

    def _logprobs(self, index: int, one: Completion) -> dict[str, Any] | None:
        before = self.scored[index] if self.scored else ()
        found = [*before, *one.logprobs]
        return _text_logprobs([_as_ids(token) for token in found] if self._as_ids else found)

    def _piece(
        self, index: int, text: str, finish: str | None = None, logprobs: Any = None
    ) -> dict[str, Any]:
        return self._chunk(
            {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}
        )


def _message(one: Completion) -> dict[str, Any]:
    made: dict[str, Any] = {"role": "assistant", "content": one.text, "refusal": None}
    if one.tool_calls:
        made["content"] = one.text or None
        made["tool_calls"] = [_call(call) for call in one.tool_calls]
    if one.reasoning:
        made["reasoning_content"] = one.reasoning
    return made


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


def _as_ids(one: TokenLogprob) -> TokenLogprob:
    """With ids in the place of texts, as far as they are known."""

    def name(number: int) -> str:
        return f"token_id:{number}"

    top = tuple((name(i), p) for i, (_, p) in zip(one.top_ids, one.top))
    return replace(one, token=name(one.id) if one.id >= 0 else one.token, top=top)


def _text_logprobs(found: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """A prompt's first token has no probability: None."""
    if not found:
        return None
    offsets, at = [], 0
    for one in found:
        offsets.append(at)
        at += len(one.token)
    return {
        "tokens": [one.token for one in found],
        "token_logprobs": [None if one.logprob > 0 else finite(one.logprob) for one in found],
        "top_logprobs": [{t: finite(p) for t, p in one.top} or None for one in found],
        "text_offset": offsets,
    }
