"""Tool: something an agent may call, with a declared effect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pydantic import BaseModel

    from agentkit.capabilities.agent import Runtime


class Effect(StrEnum):
    """What an action may change; guards and resume decide by it."""

    NONE = "none"  # reads only: may be repeated
    INSIDE = "inside"  # changes the environment, which can be looked at and restored
    OUTSIDE = "outside"  # changes the world; found again by its idempotency key
    IRREVERSIBLE = "irreversible"  # cannot be taken back


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """name: letters, digits, "_", "-". arguments: a pydantic model; its schema goes to models."""

    name: str
    description: str
    arguments: type[BaseModel]
    effect: Effect = Effect.NONE


@runtime_checkable
class Tool(Protocol):
    info: ToolInfo

    def call(self, args: Any, rt: Runtime) -> Any:
        """Does it. `args` is an instance of `info.arguments`; the result is JSON-serialisable.

        A tool with an effect outside gets `rt.key`, the idempotency key of this very call. Errors
        that the model should read are raised as `AgentkitError` or `ValueError`.
        """
        ...


@runtime_checkable
class Findable(Protocol):
    """A tool that can tell whether a call happened, by its idempotency key."""

    def find(self, key: str) -> Any | None:
        """The result of the call with that key, or None if it never happened.

        Raises:
            LookupError: when it cannot be known; then a person is asked.
        """
        ...
