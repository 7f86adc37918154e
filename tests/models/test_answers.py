"""The ability `Answers`: what the model itself makes of its tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

import agentkit
from agentkit.capabilities import Answers, Draw, Grammar, Request, Tokens, ToolSpec
from agentkit.testing.tiny import tiny_model_folder

pytestmark = pytest.mark.slow


def test_a_wrapper_reads_what_the_model_would(tmp_path: Path) -> None:
    """Tokens drawn under the grammar of a request are read as the model reads its own."""
    tool = ToolSpec("look", "looks", {"type": "object", "properties": {"far": {"type": "boolean"}}})
    request = Request.of("Look.", tools=(tool,), grammar=Grammar("regex", "[xyz]"))
    with agentkit.load(environ={}) as kit:
        folder = tiny_model_folder(tmp_path / "model")
        kit.define("model", "tiny", use="transformers", model=str(folder), dtype="fp32")
        model = kit.model("tiny")
        tokens, answers = model.ability(Tokens), model.ability(Answers)
        assert answers.grammar_for(Request.of("Hello")) is None
        bound = answers.grammar_for(request)
        assert bound is not None and bound.kind == "lark"
        (seq,) = tokens.open([tokens.render(request)])
        (span,) = tokens.extend([seq], 40, [Draw(grammar=bound)])
        text, calls = answers.read(answers.text(span.ids.tolist()), request)
        assert (text in "xyz" and not calls) or calls[0].name == "look"
        said = '<tool_call>\n{"name": "look", "arguments": {"far": true}}\n</tool_call>'
        ids = [*tokens.encode(said), 258]  # with the end token, which is no text
        assert answers.text(ids) == said
        text, (call,) = answers.read(answers.text(ids), request)
        assert (text, call.name, call.arguments) == ("", "look", {"far": True})
