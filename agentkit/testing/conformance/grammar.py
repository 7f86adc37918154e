"""GR: the grammar ability. What a grammar forbids is never said."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from agentkit.capabilities import Grammar, Grammars, Request
from agentkit.errors import GrammarDeadEnd
from agentkit.testing.conformance.base import Conformance

CHOICE = Grammar("regex", "yes|no")
SCHEMAS: Sequence[dict[str, Any]] = (
    {"type": "boolean"},
    {"enum": ["red", "green", "blue"]},
    {
        "type": "object",
        "properties": {"sure": {"type": "boolean"}, "colour": {"enum": ["red", "blue"]}},
        "required": ["sure", "colour"],
        "additionalProperties": False,
    },
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
)
IMPOSSIBLE = Grammar("json", {"type": "integer", "minimum": 5, "maximum": 3})


class GrammarCases(Conformance):
    prompts: ClassVar[Sequence[str]]

    if TYPE_CHECKING:

        def declared(self, kind: type[Any]) -> Any: ...
        def request(self, prompt: str, **settings: Any) -> Request: ...

    def test_gr01_json_is_valid(self) -> None:
        """Every answer under a schema that was not cut by length is JSON that fits it."""
        if (grammars := self.declared(Grammars)) is None:
            return
        import jsonschema

        requests = []
        for schema in SCHEMAS:
            grammars.check_grammar(Grammar("json", schema))
            requests.append(
                self.request(self.prompts[0], grammar=Grammar("json", schema), max_tokens=200)
            )
        for schema, made in zip(SCHEMAS, self.part.generate(requests)):
            assert made.finish == "stop", f"{made.finish}: {made.error or made.text}"
            jsonschema.validate(json.loads(made.text), schema)

    def test_gr02_a_regular_expression_is_matched_whole(self) -> None:
        """yes|no gives yes or no, sampled or not, and nothing around it."""
        if self.declared(Grammars) is None:
            return
        for temperature in (0.0, 1.0):
            requests = [
                self.request(prompt, grammar=CHOICE, temperature=temperature)
                for prompt in self.prompts
            ]
            for made in self.part.generate(requests):
                assert re.fullmatch(str(CHOICE.value), made.text), repr(made.text or made.error)

    def test_gr03_a_dead_end_is_found_beforehand(self) -> None:
        """`check_grammar` raises GrammarDeadEnd where nothing can match."""
        if (grammars := self.declared(Grammars)) is None:
            return
        grammars.check_grammar(CHOICE)
        try:
            grammars.check_grammar(IMPOSSIBLE)
        except GrammarDeadEnd:
            return
        raise AssertionError(f"{IMPOSSIBLE.value} was taken, though nothing matches it")

    def test_gr04_other_rows_are_free(self) -> None:
        """A grammar on one request of a batch does not bind its neighbours."""
        if self.declared(Grammars) is None:
            return
        free = self.request(self.prompts[0])
        bound = self.request(self.prompts[0], grammar=CHOICE)
        alone = self.part.generate([free])[0].text
        mixed = self.part.generate([bound, free, bound])
        assert mixed[1].text == alone
        assert all(re.fullmatch(str(CHOICE.value), mixed[n].text) for n in (0, 2))
