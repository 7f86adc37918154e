"""Messages of LangChain's and of ours, in each other's form."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    convert_to_openai_messages,
)
from langchain_core.messages.tool import tool_call, tool_call_chunk

from agentkit.capabilities import Completion, Delta, Request, ToolCall, Usage
from agentkit.models.http.messages import chat_logprobs
from agentkit.models.http.wire import FINISHES, logprobs_from


def to_openai(message: BaseMessage) -> dict[str, Any]:
    """The message in OpenAI's form, what was thought before it included."""
    made: Any = convert_to_openai_messages(message)
    thought = message.additional_kwargs.get("reasoning_content")
    return {**made, "reasoning_content": thought} if thought else dict(made)


def answer(completion: Completion) -> AIMessage:
    """A completion as a message."""
    calls = [
        tool_call(name=call.name, args=dict(call.arguments), id=call.id)
        for call in completion.tool_calls
    ]
    return AIMessage(
        content=completion.text,
        tool_calls=calls,
        additional_kwargs=_thought(completion.reasoning),
        **_beside(completion),
    )


def chunk(delta: Delta) -> AIMessageChunk:
    """A piece of an answer."""
    if delta.reasoning:
        return AIMessageChunk(content="", additional_kwargs=_thought(delta.text))
    return AIMessageChunk(content=delta.text)


def last_chunk(completion: Completion) -> AIMessageChunk:
    """What only the end tells: calls, usage, why it ended."""
    calls = [
        tool_call_chunk(
            name=call.name, args=json.dumps(dict(call.arguments)), id=call.id, index=index
        )
        for index, call in enumerate(completion.tool_calls)
    ]
    return AIMessageChunk(
        content="", tool_call_chunks=calls, chunk_position="last", **_beside(completion)
    )


def completion(message: AIMessage, request: Request, path: tuple[str, ...]) -> Completion:
    """A message that a LangChain model gave, or what its chunks add up to."""
    calls = tuple(
        ToolCall(call["id"] or f"call_{n}", call["name"], call["args"])
        for n, call in enumerate(message.tool_calls)
    )
    told: dict[str, Any] = message.response_metadata
    spent: Any = message.usage_metadata or {}
    made = int(spent.get("output_tokens", 0))
    finish = FINISHES.get(str(told.get("finish_reason") or told.get("stop_reason")), "stop")
    return Completion(
        str(message.text),
        "tool_calls" if calls else finish,
        logprobs=logprobs_from(told.get("logprobs"), request),
        tool_calls=calls,
        usage=Usage(int(spent.get("input_tokens", 0)), made, made),
        path=path,
        reasoning=thought_in(message),
    )


def thought_in(message: AIMessage) -> str:
    """What the model thought, in either of the places where integrations put it."""
    blocks = [b.get("reasoning", "") for b in message.content_blocks if b["type"] == "reasoning"]
    return "".join(blocks) or str(message.additional_kwargs.get("reasoning_content") or "")


def _thought(text: str) -> dict[str, Any]:
    return {"reasoning_content": text} if text else {}


def _beside(completion: Completion) -> dict[str, Any]:
    spent = completion.usage
    return {
        "usage_metadata": {
            "input_tokens": spent.prompt,
            "output_tokens": spent.completion,
            "total_tokens": spent.prompt + spent.completion,
        },
        "response_metadata": {
            "finish_reason": completion.finish,
            "model_name": completion.path[0] if completion.path else "",
            "path": list(completion.path),
            "spent_tokens": spent.spent,
            "logprobs": chat_logprobs(completion.logprobs),
        },
    }
