"""TO: tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError

from agentkit.capabilities import Effect, Findable
from agentkit.testing.conformance.base import Conformance
from agentkit.testing.runtime import MemoryRuntime, runtime


class ToolConformance(Conformance):
    """Give `toml` or `make()`, and arguments of a call that goes well."""

    noun = "tool"
    arguments: ClassVar[Mapping[str, Any]] = {}

    def runtime(self) -> MemoryRuntime:
        """What the tool is called with; override it where the tool needs models or sources."""
        return runtime()

    def call(self, tool: Any, rt: MemoryRuntime) -> Any:
        return tool.call(tool.info.arguments.model_validate(dict(self.arguments)), rt)

    def test_to01_a_model_can_be_told_about_it(self) -> None:
        """A name that every endpoint takes, a description, arguments as a JSON Schema object."""
        info = self.part.info
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", info.name), f"the name {info.name!r}"
        assert len(info.description) >= 10 and isinstance(info.effect, Effect)
        assert issubclass(info.arguments, BaseModel)
        schema = info.arguments.model_json_schema()
        assert schema["type"] == "object" and json.dumps(schema)

    def test_to02_results_are_json(self) -> None:
        """A good call gives something that can be stored."""
        with self.fresh() as tool:
            result = self.call(tool, self.runtime())
            assert json.loads(json.dumps(result)) == result

    def test_to03_wrong_arguments_are_refused(self) -> None:
        """Arguments that it does not have are an error, not ignored: a model must be told."""
        try:
            self.part.info.arguments.model_validate({**self.arguments, "surely_unknown": 1})
        except ValidationError:
            return
        raise AssertionError(
            'an unknown argument was taken: set model_config = ConfigDict(extra="forbid")'
        )

    def test_to04_reading_may_be_repeated(self) -> None:
        """A tool without effect can be called again, and its arguments are not changed."""
        if self.part.info.effect is not Effect.NONE:
            return
        args = self.part.info.arguments.model_validate(dict(self.arguments))
        before = args.model_dump_json()
        self.part.call(args, self.runtime())
        self.part.call(args, self.runtime())
        assert args.model_dump_json() == before, "the arguments were changed"

    def test_to05_effects_outside_are_found_again(self) -> None:
        """A Findable tool knows a call by `rt.key`, and knows what never happened."""
        with self.fresh() as tool:
            if not isinstance(tool, Findable):
                return
            rt = self.runtime()
            try:
                assert tool.find(rt.key) is None, "a call that never happened was found"
            except LookupError:
                return  # it cannot know; a person is asked
            result = self.call(tool, rt)
            assert tool.find(rt.key) == result
            assert tool.find("run/9:other/0") is None

    def test_to06_it_works_through_a_runtime(self) -> None:
        """Called by name through rt it has one row: a node that runs again gets the result, without
        another call."""
        with self.fresh() as tool:
            rt = self.runtime()
            rt.add_tool(tool)
            first = rt.call(tool.info.name, self.arguments)
            calls = len(rt.events)
            assert rt.again().call(tool.info.name, self.arguments) == first
            assert len(rt.events) == calls
