"""Tools that somebody else describes by a JSON Schema: those of MCP servers, of LangChain, of any
other library. One adapter makes a `Tool` of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import jsonschema
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from agentkit.capabilities.tool import Effect, ToolInfo
from agentkit.errors import ConfigError

if TYPE_CHECKING:
    from agentkit.capabilities.agent import Runtime

_LONGEST = 200_000  # characters of a schema


class SchemaArguments(BaseModel):
    """Arguments that a JSON Schema checks. What the schema does not know is refused."""

    model_config = ConfigDict(extra="allow")
    json_schema: ClassVar[dict[str, Any]] = {}

    @model_validator(mode="before")
    @classmethod
    def _fits(cls, values: Any) -> Any:
        validator = jsonschema.validators.validator_for(cls.json_schema)(cls.json_schema)
        fault = next(iter(validator.iter_errors(values)), None)
        if fault is not None:
            where = ".".join(map(str, fault.absolute_path))
            raise ValueError(f"{where}: {fault.message}" if where else fault.message)
        return values

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(cls.json_schema)


def arguments_of(name: str, schema: Mapping[str, Any]) -> type[SchemaArguments]:
    """A model class that takes what the schema takes.

    Raises:
        ConfigError: the schema is none, describes no object, or refers elsewhere.
    """
    closed = {"type": "object", "properties": {}, **schema, "additionalProperties": False}
    try:
        if closed["type"] != "object" or not isinstance(closed["properties"], dict):
            raise ValueError("it does not describe an object")
        text = repr(closed)
        if len(text) > _LONGEST:
            raise ValueError(f"it has more than {_LONGEST:,} characters")
        if any(not ref.startswith("#") for ref in _references(closed)):
            raise ValueError("it refers to a schema elsewhere")
        jsonschema.validators.validator_for(closed).check_schema(closed)
    except (ValueError, RecursionError, jsonschema.SchemaError) as error:
        reason = str(getattr(error, "message", error)).split("\n")[0][:200]
        raise ConfigError(
            f"the tool {name!r} has no usable schema of its arguments: {reason}",
            "leave the tool out, or tell who wrote it",
        ) from error
    made: Any = type(f"{name}_arguments", (SchemaArguments,), {"json_schema": closed})
    made.__doc__ = None
    return made  # type: ignore[no-any-return]


class SchemaTool:
    """A `Tool` made of a name, a description, a JSON Schema and a function of the arguments."""

    def __init__(
        self,
        name: str,
        description: str,
        schema: Mapping[str, Any],
        function: Callable[[dict[str, Any]], Any],
        effect: Effect = Effect.OUTSIDE,
    ) -> None:
        self.info = ToolInfo(name, description, arguments_of(name, schema), effect)
        self._function = function

    def call(self, args: BaseModel, rt: Runtime) -> Any:
        return self._function(args.model_dump())


def of_langchain(tool: Any, effect: Effect) -> SchemaTool:
    """A tool of LangChain (a `BaseTool`). Its results become text where they are no JSON."""
    import json

    def call(arguments: dict[str, Any]) -> Any:
        result = tool.invoke(arguments)
        try:
            return json.loads(json.dumps(result))
        except (TypeError, ValueError):
            return str(result)

    schema = tool.get_input_jsonschema()
    return SchemaTool(tool.name, tool.description or tool.name, schema, call, effect)


def is_langchain(thing: Any) -> bool:
    """Whether something is a LangChain tool, without importing LangChain for it."""
    kinds = type(thing).__mro__
    return any(k.__name__ == "BaseTool" and k.__module__.startswith("langchain") for k in kinds)


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [ref for value in schema.values() for ref in _references(value)]
    if isinstance(schema, list):
        return [ref for value in schema for ref in _references(value)]
    return []
