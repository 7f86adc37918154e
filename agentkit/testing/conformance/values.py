"""Random values that a JSON Schema takes, for trying actions and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

WORDS = ("a", "hello", "Grüße", "", "two words", "0", "🙂", "../..", "'; --", "x" * 40)


def instance(schema: Mapping[str, Any], random: Random) -> Any:
    """A value of a schema as pydantic writes them: objects, arrays, unions, enums, references.

    Raises:
        ValueError: for what pydantic does not write; then give values of your own.
    """
    return _make(schema, random, schema.get("$defs", {}))


def _make(schema: Mapping[str, Any], random: Random, shared: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _make(shared[schema["$ref"].rpartition("/")[2]], random, shared)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return random.choice(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _make(random.choice(schema[key]), random, shared)
    if "allOf" in schema:
        return _make(schema["allOf"][0], random, shared)
    match schema.get("type"):
        case "object":
            required = schema.get("required", [])
            return {
                name: _make(one, random, shared)
                for name, one in schema.get("properties", {}).items()
                if name in required or "const" in one or random.random() < 0.5
            }
        case "array":
            if "prefixItems" in schema:
                return [_make(one, random, shared) for one in schema["prefixItems"]]
            low = schema.get("minItems", 0)
            count = random.randint(low, min(schema.get("maxItems", low + 3), low + 3))
            return [_make(schema.get("items", {}), random, shared) for _ in range(count)]
        case "integer":
            low = schema.get("minimum", schema.get("exclusiveMinimum", -1000) + 1)
            high = schema.get("maximum", schema.get("exclusiveMaximum", low + 1001) - 1)
            return random.randint(int(low), int(high))
        case "number":
            low = float(schema.get("minimum", schema.get("exclusiveMinimum", -10.0)))
            high = float(schema.get("maximum", schema.get("exclusiveMaximum", low + 20.0)))
            return low + (high - low) * random.uniform(0.01, 0.99)
        case "boolean":
            return random.random() < 0.5
        case "string":
            low = schema.get("minLength", 0)
            text = random.choice([w for w in WORDS if len(w) >= low] or ["x" * low])
            return text[: schema.get("maxLength", 1000)]
        case "null":
            return None
    raise ValueError(f"no value is known for the schema {dict(schema)}")
