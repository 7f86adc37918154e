"""Messages as OpenAI's format has them, as messages of ours; log-probabilities the other way."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.capabilities.language_model import (
    Image,
    Message,
    Part,
    Reasoning,
    Role,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
)
from agentkit.errors import UsageError

_DATA_URL = re.compile(r"data:(image/[\w.+-]+);base64,(.*)", re.DOTALL)


class BadField(UsageError):
    """A field of a request body that cannot be honoured."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(f"{field}: {message}", hint, param=field)


def message(data: Mapping[str, Any], field: str) -> Message:
    """One message of a conversation.

    Args:
        field: where it stands, for errors.
    """
    role = data.get("role")
    content = data.get("content")
    if role == "tool":
        call = data.get("tool_call_id")
        if not isinstance(call, str):
            raise BadField(f"{field}.tool_call_id", "is missing", "name the call it answers")
        text = "".join(part.text for part in _content(content, field) if isinstance(part, Text))
        return Message.tool(ToolResult(call, text))
    roles: Mapping[Any, Role] = {
        "system": "system",
        "developer": "system",
        "user": "user",
        "assistant": "assistant",
    }
    if not isinstance(role, str) or role not in roles:
        raise BadField(f"{field}.role", f"{role!r} is unknown", f"one of {', '.join(roles)}, tool")
    parts: list[Part] = []
    thought = data.get("reasoning_content") or data.get("reasoning")
    if isinstance(thought, str) and thought:
        parts.append(Reasoning(thought))
    calls = data.get("tool_calls") or []
    if content is not None or not calls:
        parts += _content(content, field)
    if not isinstance(calls, list):
        raise BadField(f"{field}.tool_calls", "is no list")
    parts += [_call(call, f"{field}.tool_calls.{n}") for n, call in enumerate(calls)]
    return Message(roles[role], tuple(parts))


def _content(content: Any, field: str) -> list[Part]:
    """A text, or a list of parts as clients send them."""
    if isinstance(content, str):
        return [Text(content)]
    if not isinstance(content, list):
        raise BadField(f"{field}.content", "is neither text nor a list of parts")
    made: list[Part] = []
    for number, part in enumerate(content):
        where = f"{field}.content.{number}"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "refusal") and isinstance(part.get(kind), str):
            made.append(Text(part[kind]))
        elif kind == "image_url":
            made.append(_image(part.get("image_url"), f"{where}.image_url"))
        else:
            raise BadField(f"{where}.type", f"{kind!r} cannot be read here", "text or image_url")
    return made


def _image(value: Any, field: str) -> Image:
    """A picture in the request itself: nothing is fetched for a client."""
    url = value.get("url") if isinstance(value, dict) else value
    found = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        raise BadField(f"{field}.url", "holds no picture", "data:image/png;base64,…")
    try:
        return Image(base64.b64decode(found[2], validate=True), found[1])
    except binascii.Error as error:
        raise BadField(f"{field}.url", f"is no base64: {error}") from error


def _call(call: Any, field: str) -> ToolCall:
    try:
        function = call["function"]
        arguments = json.loads(function["arguments"] or "{}")
        if not isinstance(arguments, dict):
            raise ValueError("the arguments are no object")
        return ToolCall(str(call["id"]), str(function["name"]), arguments)
    except (KeyError, TypeError, ValueError) as error:
        raise BadField(field, f"is no tool call: {error}") from error


def chat_logprobs(found: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """Log-probabilities as chat completions have them; None where there are none."""

    def entry(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": finite(logprob), "bytes": list(token.encode())}

    if not found:
        return None
    content = [
        {**entry(one.token, one.logprob), "top_logprobs": [entry(t, p) for t, p in one.top]}
        for one in found
    ]
    return {"content": content, "refusal": None}


def finite(logprob: float) -> float:
    """JSON has no infinity; OpenAI's own stand-in for it is -9999."""
    return max(logprob, -9999.0)
