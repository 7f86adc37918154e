"""Grammars without a tokenizer: one style of JSON, objects that list what they hold, checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentkit.capabilities.language_model import Grammar
from agentkit.errors import GrammarDeadEnd, Unsupported

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


def check(grammar: Grammar) -> None:
    """What can be told without a model's tokenizer.

    Raises:
        GrammarDeadEnd: nothing can match.
        Unsupported: the grammar is malformed or uses what cannot be enforced.
    """
    from llguidance import LLMatcher

    fault, messages = LLMatcher.validate_grammar_with_warnings(source(grammar))
    if fault:
        raise refused(grammar, messages[0] if messages else "it is not valid")


def mismatch(grammar: Grammar, text: str) -> str:
    """Why a whole text does not match a grammar, "" where it does or, for Lark, cannot be told."""
    if grammar.kind == "lark":
        return ""
    if grammar.kind == "regex":
        import re

        fits = re.fullmatch(str(grammar.value), text, re.DOTALL)
        return "" if fits else f"{text[:80]!r} does not match {grammar.value}"
    import jsonschema

    schema = json.loads(grammar.value) if isinstance(grammar.value, str) else grammar.value
    try:
        jsonschema.validate(json.loads(text), schema)
    except ValueError as error:
        return f"{text[:80]!r} is no JSON: {error}"
    except jsonschema.ValidationError as error:
        return f"{text[:80]!r} does not match the schema: {error.message[:200]}"
    return ""


def text_of(grammar: Grammar) -> str:
    """The grammar's value as text."""
    return grammar.value if isinstance(grammar.value, str) else json.dumps(grammar.value)


def source(grammar: Grammar) -> str:
    """The grammar in llguidance's own form.

    Raises:
        GrammarDeadEnd: the schema false.
        Unsupported: a schema that is no JSON, or none at all.
    """
    from llguidance import LLMatcher

    if grammar.kind == "json":
        schema = grammar.value
        if isinstance(schema, str):
            try:
                schema = json.loads(schema)
            except ValueError as error:
                raise Unsupported(f"the JSON Schema is no JSON: {error}", "pass a dict") from error
        if schema is False:
            raise GrammarDeadEnd("nothing can match the schema false")
        if schema is True:
            schema = {}
        if not isinstance(schema, Mapping):
            kind = type(schema).__name__
            raise Unsupported(f"the JSON Schema is a {kind}", "pass an object, e.g. {}")
        shut = json.dumps(closed(schema))
        return str(LLMatcher.grammar_from_json_schema(shut, overrides=JSON_STYLE))
    if grammar.kind == "regex":
        return str(LLMatcher.grammar_from_regex(text_of(grammar)))
    return str(LLMatcher.grammar_from_lark(text_of(grammar)))


def refused(grammar: Grammar, reason: str) -> GrammarDeadEnd | Unsupported:
    """The error for a grammar that the library does not take."""
    line = " ".join(reason.split())[:300]
    if "nsatisfiable" in line or "empty" in line:
        return GrammarDeadEnd(f"nothing can match this {grammar.kind} grammar: {line}")
    return Unsupported(
        f"this {grammar.kind} grammar cannot be enforced: {line}",
        "leave that keyword out and check it afterwards"
        if grammar.kind == "json"
        else "correct the grammar",
    )


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
