"""Python functions as tools, and parts that a program adds to its kit."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

import agentkit
from agentkit.agents import SchemaTool
from agentkit.capabilities import Effect
from agentkit.errors import ConfigError, PluginError
from agentkit.testing.fakes import FakeSource, runtime


@agentkit.tool(effect="none")
def area(width: float, height: float = 2.0) -> float:
    """The area of a rectangle."""
    return width * height


def bare(text: str, rt: Any) -> str:
    return f"{text} in {rt.run}"


def test_a_function_says_what_it_takes() -> None:
    schema = area.info.arguments.model_json_schema()
    assert area.info.name == "area" and area.info.effect is Effect.NONE
    assert area.info.description == "The area of a rectangle."
    assert schema["required"] == ["width"] and schema["properties"]["height"]["default"] == 2.0
    assert area(3.0) == 6.0 and area.call(area.info.arguments(width=4), runtime()) == 8.0


@pytest.mark.parametrize("arguments", [{}, {"width": "wide"}, {"width": 1, "depth": 1}])
def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        area.info.arguments.model_validate(arguments)


def test_parameters_that_no_model_can_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="rest"):

        @agentkit.tool()
        def odd(*rest: int) -> int:
            return sum(rest)


def test_settings_name_a_function_by_its_import_string() -> None:
    with agentkit.load() as kit:
        kit.define("tool", "area", use="python", function=f"{__name__}:area")
        kit.define("tool", "bare", use="python", function=f"{__name__}:bare", effect="inside")
        kit.define("tool", "gone", use="python", function="no_such_module:x")
        assert kit.tool("area") is area
        rt = runtime()
        told = kit.tool("bare")
        assert told.info.effect is Effect.INSIDE and "rt" not in told.info.arguments.model_fields
        assert told.call(told.info.arguments(text="once"), rt) == f"once in {rt.run}"
        with pytest.raises(ConfigError, match=r"tools\.gone\.function"):
            kit.tool("gone")


def test_a_part_made_by_code_joins_the_kit() -> None:
    with agentkit.load() as kit:
        kit.add("tool", "area", area)
        kit.add("source", "notes", FakeSource({"n1": "The key is under the mat."}))
        assert kit.tool("area") is area and "area" in kit.names("tool")
        kit.define("tool", "look", use="search", source="notes")
        look = kit.tool("look")
        found = look.call(look.info.arguments(query="key"), runtime())
        assert found[0]["document"] == "n1" and "under the mat" in found[0]["text"]
        assert look.call(look.info.arguments(query="zebra"), runtime()).startswith("empty")
        with pytest.raises(ConfigError, match="exists already"):
            kit.add("tool", "area", area)
        with pytest.raises(PluginError, match="is no tool"):
            kit.add("tool", "nothing", object())
        recipe = kit.recipe("tool", "look")
        with pytest.raises(ConfigError, match="added by a program"):
            agentkit.Kit.from_recipe(recipe, kit.host)


def test_tools_of_langchain_are_tools_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_core.tools import tool as langchain_tool

    @langchain_tool
    def multiply(first: int, second: int) -> int:
        """Multiplies two numbers."""
        return first * second

    monkeypatch.setattr(f"{__name__}.multiply", multiply, raising=False)
    with agentkit.load() as kit:
        kit.define("tool", "times", use="python", function=f"{__name__}:multiply", effect="none")
        times = kit.tool("times")
        assert (times.info.name, times.info.effect) == ("multiply", Effect.NONE)
        assert "Multiplies" in times.info.description
        arguments = times.info.arguments
        assert times.call(arguments.model_validate({"first": 6, "second": 7}), runtime()) == 42
        for wrong in ({"first": 6}, {"first": "x", "second": 1}, {"first": 1, "second": 2, "z": 3}):
            with pytest.raises(ValueError):
                arguments.model_validate(wrong)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"properties": {"x": {"type": "nothing"}}},
        {"properties": {"x": {"$ref": "http://elsewhere.test/schema"}}},
        {"properties": []},
    ],
)
def test_schemas_that_describe_no_arguments(schema: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="no usable schema"):
        SchemaTool("odd", "An odd tool.", schema, lambda _: None)
