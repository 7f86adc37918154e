"""JSON Schemas as grammars take them: one style of writing, objects that list what they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# One spacing, the one that models have seen most; free spacing lets a small model fill its budget
# with blanks.
JSON_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_OPENING = ("allOf", "oneOf", "not", "if", "$dynamicRef")  # where closing objects changes a meaning


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with objects closed to properties that it does not list.

    JSON Schema lets an object have any further property; asked for nothing, a model should write
    nothing. What matches the closed schema matches the given one. Schemas that combine others
    (allOf, oneOf, not, if) stay as they are, since closing a part could change the whole.
    """
    plain: dict[str, Any] = json.loads(json.dumps(schema))
    return plain if _mentions(plain, _OPENING) else _close(plain)


def _close(node: Any) -> Any:
    if isinstance(node, list):
        return [_close(item) for item in node]
    if not isinstance(node, dict):
        return node
    literal = ("const", "enum", "default", "examples")
    made = {key: value if key in literal else _close(value) for key, value in node.items()}
    listed = isinstance(made.get("properties"), dict) and made.get("type") == "object"
    open_ended = {"additionalProperties", "patternProperties", "unevaluatedProperties", "$ref"}
    if listed and not open_ended & made.keys():
        made["additionalProperties"] = False
    return made


def _mentions(node: Any, keys: tuple[str, ...]) -> bool:
    if isinstance(node, list):
        return any(_mentions(item, keys) for item in node)
    if isinstance(node, dict):
        return any(key in keys or _mentions(value, keys) for key, value in node.items())
    return False
