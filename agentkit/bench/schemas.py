"""Varied JSON Schemas: generated from a seed, and written by hand after real uses.

Each comes with the task that a model is asked to do, in words.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
FORMATS = ("date", "email", "ipv4", "uuid")  # that both the grammar and the checker know
DEEPEST = 3
_NOUNS = "order ticket device recipe trip invoice sensor book player song route patient".split()
_FIELDS = (
    "name title status amount city owner notes colour priority weight email address active version "
    "created tags items parts price country phone unit level kind label source target count"
).split()
_WORDS = "red green blue open closed low medium high north south draft final small large".split()
_PATTERNS = (
    "^[A-Z]{3}-[0-9]{4}$",
    "^#[0-9a-f]{6}$",
    "^[a-z][a-z0-9_]{2,15}$",
    "^v[0-9]+(\\.[0-9]+)?$",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A schema, and what a model is asked to write."""

    name: str
    task: str
    schema: Mapping[str, Any]


def cases(count: int, seed: int) -> list[Case]:
    """The hand-written ones, then generated ones up to `count`; a small count gets some of each."""
    known = [Case(name, task, schema) for name, (task, schema) in WRITTEN.items()]
    kept = known[: max(count // 3, count - 180)] if count < 3 * len(known) else known
    return [*kept, *(generated(seed, n) for n in range(count - len(kept)))]


def generated(seed: int, number: int) -> Case:
    """The schema of that number: an object with a nesting of up to three levels."""
    rng = random.Random(f"{seed}/{number}")
    noun = rng.choice(_NOUNS)
    schema = _object(rng, 0)
    if rng.random() < 0.15:
        schema["$defs"] = {"part": _object(rng, DEEPEST - 1)}
        schema["properties"]["first"] = {"$ref": "#/$defs/part"}
        schema["properties"]["second"] = {"$ref": "#/$defs/part"}
        schema["required"] = [*schema["required"], "first"]
    return Case(f"{noun} {number}", f"Invent a plausible {noun} record.", schema)


def _object(rng: random.Random, depth: int) -> Schema:
    if depth and rng.random() < 0.12:
        return {"type": "object", "additionalProperties": _leaf(rng), "maxProperties": 3}
    names = rng.sample(_FIELDS, rng.randint(2, 5 - depth))
    optional = {n for n in names[1:] if rng.random() < 0.3}
    return {
        "type": "object",
        "properties": {name: _value(rng, depth + 1) for name in names},
        "required": [name for name in names if name not in optional],
        "additionalProperties": False,
    }


def _value(rng: random.Random, depth: int) -> Schema:
    if depth >= DEEPEST or rng.random() < 0.6:
        return _leaf(rng)
    pick = rng.random()
    if pick < 0.45:
        return _object(rng, depth)
    if pick < 0.8:
        least = rng.randint(0, 2)
        items = _value(rng, depth + 1)
        return {
            "type": "array",
            "items": items,
            "minItems": least,
            "maxItems": least + rng.randint(0, 2),
        }
    if pick < 0.9:
        return {"anyOf": [_leaf(rng), {"type": "null"}]}
    first, second = _leaf(rng), _leaf(rng)
    return {"type": "array", "prefixItems": [first, second], "items": False, "minItems": 2}


def _leaf(rng: random.Random) -> Schema:
    low = rng.randint(-20, 50)
    kinds: tuple[Schema, ...] = (
        {"type": "string", "maxLength": rng.randint(5, 40)},
        {"type": "string", "minLength": 3, "maxLength": 12},
        {"enum": rng.sample(_WORDS, rng.randint(2, 5))},
        {"enum": [rng.randint(0, 9), "none", None]},
        {"type": "string", "pattern": rng.choice(_PATTERNS)},
        {"type": "string", "format": rng.choice(FORMATS)},
        {"type": "integer", "minimum": low, "maximum": low + rng.randint(1, 500)},
        {
            "type": "integer",
            "exclusiveMinimum": 0,
            "multipleOf": rng.choice((2, 5, 10)),
            "maximum": 100,
        },
        {"type": "number", "minimum": 0, "maximum": rng.choice((1, 99.5, 1000))},
        {"type": "boolean"},
        {"const": rng.choice(_WORDS)},
        {"type": ["string", "null"], "maxLength": 20},
    )
    return dict(rng.choice(kinds))


def _record(required: Sequence[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


_TEXT: Schema = {"type": "string"}
_NAMES: Schema = {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 4}

# After uses that agents and extractors have, in the form that people write them in.
WRITTEN: dict[str, tuple[str, Schema]] = {
    "tool call": (
        "Call the weather tool for Berlin, for three days.",
        _record(
            ("name", "arguments"),
            name={"const": "weather"},
            arguments=_record(("place",), place=_TEXT, days={"type": "integer", "minimum": 1}),
        ),
    ),
    "plan": (
        "Plan how to find out who wrote SQLite, in at most four steps.",
        _record(
            ("steps",),
            steps={
                "type": "array",
                "minItems": 1,
                "maxItems": 4,
                "items": _record(
                    ("action", "goal"), action={"enum": ["search", "read", "write"]}, goal=_TEXT
                ),
            },
        ),
    ),
    "choice": ("Is the sky blue?", _record(("answer",), answer={"enum": ["yes", "no", "unknown"]})),
    "score": (
        "Rate this answer from 0 to 10 and say why: 'Paris is in France.'",
        _record(
            ("score", "reason"),
            score={"type": "integer", "minimum": 0, "maximum": 10},
            reason=_TEXT,
        ),
    ),
    "tap": (
        "Tap the button in the middle of a screen of 1080 x 2400.",
        _record(
            ("action", "x", "y"),
            action={"enum": ["tap", "swipe", "type"]},
            x={"type": "integer", "minimum": 0, "maximum": 1080},
            y={"type": "integer", "minimum": 0, "maximum": 2400},
            text=_TEXT,
        ),
    ),
    "contact": (
        "Extract the contact: Ana Sá, ana@example.org, born 4 May 1990.",
        _record(
            ("name", "email"),
            name=_TEXT,
            email={"type": "string", "format": "email"},
            born={"type": "string", "format": "date"},
        ),
    ),
    "invoice": (
        "Write an invoice over two pens at 1.50 and one book at 12.",
        _record(
            ("number", "lines", "total"),
            number={"type": "string", "pattern": "^INV-[0-9]{4}$"},
            lines={
                "type": "array",
                "minItems": 1,
                "maxItems": 5,
                "items": _record(
                    ("item", "quantity", "price"),
                    item=_TEXT,
                    quantity={"type": "integer", "minimum": 1},
                    price={"type": "number", "minimum": 0},
                ),
            },
            total={"type": "number", "minimum": 0},
            currency={"enum": ["EUR", "USD"]},
        ),
    ),
    "tree": (
        "Write a small table of contents as a tree.",
        {
            "$defs": {
                "node": _record(
                    ("title",),
                    title={"type": "string", "maxLength": 30},
                    children={"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2},
                )
            },
            "$ref": "#/$defs/node",
        },
    ),
    "entities": (
        "List people and places in: 'Ada met Charles in London.'",
        _record(("people", "places"), people=_NAMES, places=_NAMES),
    ),
    "either": (
        "Give the answer 42, or an error.",
        {
            "anyOf": [
                _record(("result",), result={"type": "integer"}),
                _record(("error",), error=_TEXT),
            ]
        },
    ),
    "point": (
        "Give the GeoJSON point of Paris.",
        _record(
            ("type", "coordinates"),
            type={"const": "Point"},
            coordinates={
                "type": "array",
                "prefixItems": [
                    {"type": "number", "minimum": -180, "maximum": 180},
                    {"type": "number", "minimum": -90, "maximum": 90},
                ],
                "items": False,
                "minItems": 2,
            },
        ),
    ),
    "settings": (
        "Write settings of a server: host, port, whether TLS is on, environment variables.",
        _record(
            ("host", "port"),
            host={"type": "string", "format": "ipv4"},
            port={"type": "integer", "minimum": 1, "maximum": 65535},
            tls={"type": "boolean"},
            env={"type": "object", "additionalProperties": _TEXT, "maxProperties": 3},
        ),
    ),
    "spans": (
        "Quote the sentence that answers: 'Who wrote it? It was written by D. Richard Hipp.'",
        _record(
            ("quotes",),
            quotes={
                "type": "array",
                "maxItems": 3,
                "items": _record(
                    ("text", "start"), text=_TEXT, start={"type": "integer", "minimum": 0}
                ),
            },
        ),
    ),
    "both": (
        "Describe a cat: its name and its age.",
        {
            "allOf": [
                _record(("name",), name=_TEXT),
                _record(("age",), age={"type": "integer", "minimum": 0, "maximum": 30}),
            ]
        },
    ),
    "numbers": (
        "Give the first five primes.",
        {"type": "array", "items": {"type": "integer"}, "minItems": 5, "maxItems": 5},
    ),
    "optional": (
        "Describe a book; leave out what you do not know.",
        _record(
            (), title=_TEXT, year={"type": ["integer", "null"]}, isbn={"type": ["string", "null"]}
        ),
    ),
}

# One schema for each keyword, to say which of them the library refuses.
KEYWORDS: dict[str, Schema] = {
    "allOf": {"allOf": [{"type": "integer"}, {"minimum": 3}]},
    "anyOf": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    "oneOf": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
    "oneOf, overlapping": {"oneOf": [{"type": "integer"}, {"minimum": 3}]},
    "not": {"not": {"type": "integer"}},
    "if, then, else": {"if": {"type": "integer"}, "then": {"minimum": 3}, "else": {}},
    "const, enum": {"enum": [1, "a", None, {"b": []}]},
    "$ref, $defs": {"$defs": {"a": {"type": "null"}}, "$ref": "#/$defs/a"},
    "minimum, maximum": {"type": "number", "minimum": 1, "maximum": 2.5},
    "exclusiveMinimum": {"type": "number", "exclusiveMinimum": 1},
    "multipleOf": {"type": "integer", "multipleOf": 3},
    "minLength, maxLength": {"type": "string", "minLength": 2, "maxLength": 5},
    "pattern": {"type": "string", "pattern": "^a+b$"},
    "pattern with maxLength": {"type": "string", "pattern": "^a+b$", "maxLength": 5},
    "pattern, look-ahead": {"type": "string", "pattern": "^(?=a)a$"},
    **{
        f"format {name}": {"type": "string", "format": name}
        for name in (*FORMATS, "date-time", "time", "hostname", "ipv6", "uri", "regex", "iri")
    },
    "items": {"type": "array", "items": {"type": "null"}},
    "prefixItems": {"type": "array", "prefixItems": [{"type": "null"}], "items": False},
    "minItems, maxItems": {"type": "array", "minItems": 1, "maxItems": 2},
    "uniqueItems": {"type": "array", "uniqueItems": True},
    "contains": {"type": "array", "contains": {"type": "null"}},
    "properties, required": {"type": "object", "properties": {"a": {}}, "required": ["a"]},
    "additionalProperties": {"type": "object", "additionalProperties": {"type": "null"}},
    "patternProperties": {"type": "object", "patternProperties": {"^x": {"type": "null"}}},
    "propertyNames": {"type": "object", "propertyNames": {"maxLength": 3}},
    "minProperties": {"type": "object", "minProperties": 1},
    "maxProperties": {"type": "object", "maxProperties": 2},
    "dependentRequired": {"type": "object", "dependentRequired": {"a": ["b"]}},
    "unevaluatedProperties": {"type": "object", "unevaluatedProperties": False},
}
