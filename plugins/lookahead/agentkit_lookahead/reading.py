"""What a router reads of a request: one text, whatever the messages are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.capabilities import Message, Request
from agentkit.capabilities.language_model import Embeds, Image, Text, ToolResult

HEAD, TAIL = 4000, 4000
"""Characters kept of a long text: its beginning and its end. No router reads more tokens."""


def read(request: Request) -> str:
    """The node, the tools' names, and what was said last by a person or a tool.

    System messages are left out: one template before every query says nothing about the query.
    Pictures are named, not read. A text longer than HEAD + TAIL loses its middle.
    """
    if request.prompt is not None:
        return cut(request.prompt) if isinstance(request.prompt, str) else ""
    return _framed(
        _last(request.messages), request.context.node, [tool.name for tool in request.tools]
    )


def read_plain(messages: Sequence[Any], node: str = "") -> str:
    """The same for messages as JSON: content may be a text or a list of parts."""
    made = [
        Message.of(
            role if (role := m.get("role")) in ("system", "user", "assistant", "tool") else "user",
            *_contents(m.get("content")),
        )
        for m in messages
        if isinstance(m, Mapping)
    ]
    return _framed(_last(made), node, [])


def cut(text: str) -> str:
    """At most HEAD + TAIL characters, blanks at the ends and in rows made one."""
    text = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


def _framed(text: str, node: str, tools: Sequence[str]) -> str:
    frame = [f"node {node}"] if node else []
    frame += [f"tools {' '.join(tools)}"] if tools else []
    return cut("\n".join([*frame, text]))


def _last(messages: Sequence[Message]) -> str:
    """The last message of a person; what tools said since then after it."""
    people = [n for n, m in enumerate(messages) if m.role == "user"]
    start = people[-1] if people else 0
    said = [_text(m) for m in messages[start:] if m.role in ("user", "tool")]
    return "\n".join(filter(None, said))


def _text(message: Message) -> str:
    words = []
    for part in message.parts:
        if isinstance(part, Text):
            words.append(part.text)
        elif isinstance(part, ToolResult):
            words.append(part.content)
        elif isinstance(part, Image | Embeds):
            words.append("(picture)")
    return "\n".join(words)


def _contents(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    found = []
    for part in content if isinstance(content, list) else []:
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, Mapping):
            found.append(str(part["text"]) if part.get("type") == "text" else "(picture)")
    return found
