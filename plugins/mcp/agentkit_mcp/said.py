"""What servers say: text for models and readers, always data, never orders."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from mcp import types

_LONGEST = 1000  # characters of a description
_ORDERS = re.compile(
    r"(?:ignore|disregard|forget) (?:all |any |the )*(?:previous|prior|above|other|earlier)"
    r"|system prompt|<\s*/?\s*(?:important|system|instructions?)\s*>"
    r"|do not (?:tell|mention|inform|ask)|(?:you|assistant) must (?:always|first|now|never)"
    r"|before (?:using|calling) (?:this|any)|instead of (?:the|any) other tool"
    r"|(?:reveal|send|exfiltrate|include).{0,40}(?:password|api[ _-]?key|secret|token)",
    re.I,
)


def reads_like_orders(text: str) -> bool:
    """Whether a text that should describe speaks to the reader instead."""
    return bool(_ORDERS.search(text))


def plain(text: str, most: int = _LONGEST) -> str:
    """On one line, without characters that cannot be seen."""
    seen = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return " ".join(seen.split())[:most]


def description_of(tool: types.Tool, own: str | None) -> str:
    """What models are told about a tool: the user's words, or the server's unless they order."""
    if own is not None:
        return own
    said = plain(tool.description or tool.title or "")
    if reads_like_orders(said):
        return f"The tool {tool.name}. (Its description was left out: it reads like orders.)"
    return said if len(said) >= 10 else f"The tool {tool.name}. {said}".strip()


def schema_of(tool: types.Tool) -> dict[str, Any]:
    """A tool's schema, with descriptions that order left out."""
    return _cleaned(tool.input_schema)  # type: ignore[no-any-return]


def texts_of(result: types.CallToolResult | types.ReadResourceResult) -> list[str]:
    """The texts of a result; what is no text is named only."""
    content = result.content if isinstance(result, types.CallToolResult) else result.contents
    found = []
    for block in content:
        text = getattr(block, "text", None)
        inner = getattr(block, "resource", None)
        if text is None and inner is not None:
            text = getattr(inner, "text", None)
        if text is None:
            kind = getattr(block, "mime_type", None) or getattr(inner, "mime_type", None) or "data"
            text = f"<{kind}>"
        found.append(str(text))
    return found


def _cleaned(schema: Any) -> Any:
    if isinstance(schema, dict):
        kept = {}
        for key, value in schema.items():
            if key in ("description", "title", "$comment") and isinstance(value, str):
                if reads_like_orders(value):
                    continue
                value = plain(value)
            kept[key] = _cleaned(value)
        return kept
    if isinstance(schema, list):
        return [_cleaned(value) for value in schema]
    return schema
