"""Grammars: what is enforced, what is refused and how, and that short budgets still give JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch

from agentkit.capabilities import CallContext, Grammar, LanguageModel, Request
from agentkit.errors import GrammarDeadEnd, Unsupported
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.models.files.loading import load_tokenizer
from agentkit.models.text import schemas
from agentkit.models.text.grammar import Grammars, apply, bitmask
from agentkit.settings import Settings
from agentkit.testing.tiny import tiny_model_folder

ROWS = 272  # of the head: more than the tokenizer's 260
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
        "address": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "zip": {"type": "string"}},
            "required": ["city"],
        },
    },
    "required": ["name", "age", "address"],
}
SCHEMAS: dict[str, Any] = {
    "person": PERSON,
    "text": {"type": "string"},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
    "date": {"type": "string", "format": "date"},
    "mail": {"type": "string", "format": "email"},
    "uuid": {"type": "string", "format": "uuid"},
    "number": {"type": "number", "exclusiveMinimum": -1, "maximum": 2.5},
    "multiple": {"type": "integer", "multipleOf": 5, "minimum": 3, "maximum": 99},
    "null or list": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "integer"}}]},
    "const": {"const": {"k": [1, None, "x"]}},
    "tuple": {
        "type": "array",
        "prefixItems": [{"type": "boolean"}, {"type": "integer"}],
        "items": False,
        "minItems": 2,
    },
    "reference": {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    },
    "map": {"type": "object", "additionalProperties": {"type": "boolean"}},
    "combined": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "null"}}, "required": ["b"]},
        ]
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def grammars(folder: Path) -> Grammars:
    return Grammars(load_tokenizer(folder), ROWS, (258,))


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[LanguageModel]:
    threads = torch.get_num_threads()
    with Kit(Host.load(), Settings()) as kit:
        kit.define("model", "tiny", use="transformers", model=str(folder), dtype="fp32", threads=1)
        yield kit.model("tiny")
    torch.set_num_threads(threads)


def allowed(grammars: Grammars, bits: torch.Tensor) -> set[int]:
    logits = torch.zeros(1, grammars.rows)
    apply(logits, bits)
    return set(torch.isfinite(logits[0]).nonzero().flatten().tolist())


# -- masks ----------------------------------------------------------------------------------------


def test_the_mask_allows_what_may_follow_and_nothing_else(grammars: Grammars) -> None:
    matcher, bits = grammars.matcher(Grammar("regex", "yes|no")), bitmask(1, ROWS)
    seen = []
    for token in b"yes":
        matcher.fill(bits, 0)
        seen.append(allowed(grammars, bits))
        matcher.consume(token)
    assert seen == [{ord("y"), ord("n")}, {ord("e")}, {ord("s")}]
    assert matcher.is_accepting() and matcher.is_stopped()
    matcher.rollback(2)
    matcher.fill(bits, 0)
    assert allowed(grammars, bits) == {ord("e")}
    twin = matcher.copy()
    twin.consume(ord("e"))
    matcher.fill(bits, 0)
    assert allowed(grammars, bits) == {ord("e")}, "the copy moved the original"
    with pytest.raises(GrammarDeadEnd, match="does not match"):
        matcher.consume(ord("n"))


def test_rows_of_the_head_without_a_token_are_never_allowed(grammars: Grammars) -> None:
    bits = bitmask(2, ROWS)
    grammars.fill_free(bits, 0)
    assert max(allowed(grammars, bits[:1])) < 260
    grammars.matcher(Grammar("json", {"type": "string"})).fill(bits, 1)
    assert allowed(grammars, bits[1:]) == {ord('"')}


def test_masks_go_onto_fp32_logits_only() -> None:
    with pytest.raises(ValueError, match="fp32"):
        apply(torch.zeros(1, 40, dtype=torch.bfloat16), bitmask(1, 40))
    logits, bits = torch.zeros(2, 40), bitmask(2, 40)
    bits[1, 0] = 1 << 5
    bits[1, 1] = 0
    apply(logits, bits)
    assert torch.isfinite(logits).sum(-1).tolist() == [40, 1] and logits[1, 5] == 0


# -- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": []},
        {"type": "integer", "minimum": 5, "maximum": 3},
        "false",
        {"type": "string", "minLength": 5, "maxLength": 2},
        {"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 1},
        {"type": "object", "properties": {"a": False}, "required": ["a"]},
    ],
)
def test_what_nothing_matches_is_a_dead_end(grammars: Grammars, schema: Any) -> None:
    with pytest.raises(GrammarDeadEnd) as caught:
        grammars.check(Grammar("json", schema))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        (Grammar("json", {"type": "string", "format": "no-such-format"}), "no-such-format"),
        (Grammar("json", {"type": "array", "uniqueItems": True}), "uniqueItems"),
        (Grammar("json", {"type": "object", "minProperties": 2, "if": {}}), "if"),
        (Grammar("json", {"not": {"type": "string"}}), "not"),
        (Grammar("json", {"type": "nonsense"}), "nonsense"),
        (Grammar("json", {"type": "string", "pattern": "("}), "regex|unclosed"),
        (Grammar("json", {"type": "string", "pattern": r"(a)\1"}), "backreference|regex"),
        (Grammar("json", {"$ref": "#/$defs/absent"}), "absent"),
        (Grammar("json", '{"type": '), "no JSON"),
        (Grammar("json", "[1]"), "is a list"),
        (Grammar("regex", "(unclosed"), "unclosed|regex"),
        (Grammar("lark", "start: undefined_rule"), "undefined_rule"),
        (Grammar("lark", "not a grammar"), "lark grammar cannot"),
    ],
)
def test_what_cannot_be_enforced_is_refused_and_named(
    grammars: Grammars, grammar: Grammar, words: str
) -> None:
    with pytest.raises(Unsupported, match=words) as caught:
        grammars.check(grammar)
    assert len(str(caught.value)) < 500 and str(caught.value).count("\n") <= 1
    assert caught.value.hint


def test_without_a_tokenizer_the_same_is_refused() -> None:
    schemas.check(Grammar("json", PERSON))
    with pytest.raises(GrammarDeadEnd):
        schemas.check(Grammar("json", {"enum": []}))
    with pytest.raises(Unsupported, match="uniqueItems"):
        schemas.check(Grammar("json", {"type": "array", "uniqueItems": True}))


# -- JSON style -----------------------------------------------------------------------------------


def test_objects_are_closed_where_that_changes_no_meaning() -> None:
    shut = schemas.closed(PERSON)
    assert shut["additionalProperties"] is False
    assert shut["properties"]["address"]["additionalProperties"] is False
    assert "additionalProperties" not in PERSON, "the given schema was changed"
    for kept in (
        SCHEMAS["combined"],
        SCHEMAS["map"],
        {"const": {"type": "object", "properties": {}}},
        {"type": "object", "properties": {}, "patternProperties": {"^x": {}}},
    ):
        assert schemas.closed(kept) == kept
    literal = {"enum": [{"type": "object", "properties": {"a": 1}}]}
    assert schemas.closed(literal) == literal


def test_the_schema_true_allows_any_json(grammars: Grammars) -> None:
    matcher = grammars.matcher(Grammar("json", "true"))
    for token in b'[1, "x"]':
        matcher.consume(token)
    assert matcher.is_accepting()


def test_a_text_is_compared_with_its_grammar() -> None:
    number = Grammar("json", json.dumps({"type": "integer"}))
    assert schemas.mismatch(number, " 7 ") == ""
    assert "no JSON" in schemas.mismatch(number, "{")
    assert "does not match the schema" in schemas.mismatch(number, '"7"')
    assert schemas.mismatch(Grammar("regex", "a.c"), "a\nc") == ""
    assert "does not match" in schemas.mismatch(Grammar("regex", "abc"), "abcd")
    assert schemas.mismatch(Grammar("lark", "start: X"), "anything") == ""


# -- in the loop ----------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.0, 1.5])
@pytest.mark.slow
def test_a_random_model_writes_what_the_schema_says(
    model: LanguageModel, temperature: float
) -> None:
    asked = [
        Request.of(
            f"{name} {seed}",
            grammar=Grammar("json", schema),
            max_tokens=160,
            temperature=temperature,
            context=CallContext(seed=seed),
        )
        for name, schema in SCHEMAS.items()
        for seed in range(3 if temperature else 1)
    ]
    for request, made in zip(asked, model.generate(asked)):
        assert made.finish == "stop", (request.messages, made.error, made.text)
        assert request.grammar is not None
        jsonschema.validate(json.loads(made.text), request.grammar.value)  # type: ignore[arg-type]
        assert not re.search(r"[,:{\[]\s{2,}", made.text)


@pytest.mark.slow
def test_a_short_budget_still_gives_whole_json(model: LanguageModel, grammars: Grammars) -> None:
    """From the shortest ending on, every budget gives valid JSON; below it, an honest "length"."""
    for name in ("person", "text", "mail", "tuple", "uuid", "reference"):
        grammar = Grammar("json", SCHEMAS[name])
        least = grammars.matcher(grammar).shortest_end()
        assert least is not None and least > 0
        budgets = [least, least + 1, least + 7, least + 40]
        asked = [
            Request.of(
                name,
                grammar=grammar,
                max_tokens=budget,
                temperature=1.0,
                context=CallContext(seed=budget),
            )
            for budget in budgets
        ]
        for budget, made in zip(budgets, model.generate(asked)):
            assert len(made.ids) <= budget and made.finish in ("stop", "length")
            jsonschema.validate(json.loads(made.text), SCHEMAS[name])
        cut = model.generate([Request.of(name, grammar=grammar, max_tokens=1, temperature=1.0)])[0]
        assert cut.finish == "length" and len(cut.ids) == 1


def test_steering_never_changes_what_fits(grammars: Grammars) -> None:
    matcher = grammars.matcher(Grammar("json", {"type": "string"}))
    matcher.consume(ord('"'))
    assert matcher.copy().within(ord("x"), 1000) == ord("x")
    assert matcher.copy().within(ord("x"), 2) == ord("x"), "a character and the quote still fit"
    assert matcher.copy().within(ord("x"), 1) == ord('"'), "the last token closes"


def test_compiled_grammars_are_kept_and_bounded(
    grammars: Grammars, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Grammar] = []
    plain = grammars._compile
    monkeypatch.setattr(grammars, "_compile", lambda g: (made.append(g), plain(g))[1])
    for _ in range(3):
        grammars.matcher(Grammar("regex", "kept"))
    assert len(made) == 1
    for n in range(70):
        grammars.matcher(Grammar("regex", f"other{n}"))
    assert len(grammars._compiled) <= 64
    grammars.matcher(Grammar("regex", "kept"))
    assert len(made) == 72


def test_the_bits_are_packed_in_the_order_of_the_library(grammars: Grammars) -> None:
    bits = bitmask(1, ROWS)
    grammars.matcher(Grammar("regex", "[a-c]")).fill(bits, 0)
    flags = np.unpackbits(bits.numpy().view(np.uint8), bitorder="little")
    assert np.flatnonzero(flags).tolist() == [97, 98, 99]
