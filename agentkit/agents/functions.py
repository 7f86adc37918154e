"""Tools made of Python functions.

@agentkit.tool(effect="none")
def area(width: float, height: float) -> float:
    "The area of a rectangle."
    return width * height
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, create_model

from agentkit.agents import schemas
from agentkit.capabilities.tool import Effect, Tool, ToolInfo
from agentkit.errors import ConfigError
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.capabilities.agent import Runtime
    from agentkit.kit import Parts


class FunctionTool:
    """A function as a `Tool`: its name, its docstring, and its annotated parameters are what a
    model sees. A parameter named `rt` gets the runtime instead."""

    def __init__(self, function: Callable[..., Any], effect: Effect = Effect.OUTSIDE) -> None:
        self._function = function
        parameters = inspect.signature(function).parameters.values()
        self._wants_rt = any(p.name == "rt" for p in parameters)
        hints = typing.get_type_hints(function)
        fields: dict[str, Any] = {}
        for p in parameters:
            if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY):
                raise ConfigError(
                    f"tool {function.__name__!r}: parameter {p.name!r} cannot be named by a model",
                    "give it plain named parameters",
                )
            if p.name != "rt":
                default = ... if p.default is p.empty else p.default
                fields[p.name] = (hints.get(p.name, str), default)
        arguments: type[BaseModel] = create_model(
            f"{function.__name__}_arguments", __config__=ConfigDict(extra="forbid"), **fields
        )
        description = inspect.cleandoc(function.__doc__ or function.__name__)
        self.info = ToolInfo(function.__name__, description, arguments, effect)

    def call(self, args: BaseModel, rt: Runtime) -> Any:
        values = {name: getattr(args, name) for name in type(args).model_fields}
        return self._function(**values, **({"rt": rt} if self._wants_rt else {}))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Still the function that it was."""
        return self._function(*args, **kwargs)


def tool(effect: Effect | str = Effect.OUTSIDE) -> Callable[[Callable[..., Any]], FunctionTool]:
    """Declares a function as a tool.

    Args:
        effect: what a call may change: "none", "inside", "outside" or "irreversible". Guards, and
            runs that resume after a crash, decide by it; the default is the careful one.
    """
    return lambda function: FunctionTool(function, Effect(effect))


class FunctionSettings(PartSettings):
    """function: "module:name" of a function or of a tool. effect: where it is a bare function."""

    function: str
    effect: Effect = Effect.OUTSIDE


def open_function(settings: FunctionSettings, parts: Parts) -> Tool:
    """`use = "python"`: a tool that settings name by its import string: a function, one made a tool
    by `agentkit.tool`, or a tool of LangChain."""
    module, _, name = settings.function.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"tools.{parts.name}.function: {settings.function!r} cannot be loaded: {error}",
            'write "module:function", and make sure that Python finds the module (PYTHONPATH)',
        ) from error
    if isinstance(found, FunctionTool):
        return found
    if schemas.is_langchain(found):
        return schemas.of_langchain(found, settings.effect)
    if not callable(found):
        raise ConfigError(f"tools.{parts.name}.function: {settings.function!r} is no function")
    return FunctionTool(found, settings.effect)
