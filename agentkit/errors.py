"""Every error that a user can meet. Each says what happened and what to do, in one or two lines.

The command line prints `message` and `hint` and exits with `exit_code`; tracebacks need `--debug`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class AgentkitError(Exception):
    """Base of all agentkit errors.

    Args:
        message: what happened and where, in one line.
        hint: what to do about it, in one line.
        details: values that a program may want (never secrets); JSON-serialisable.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        self.call: tuple[str, int] | None = None  # the ledger row that it was recorded in

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:  # keyword details survive a trip between processes
        return (_rebuild, (type(self), self.message, self.hint, self.details))

    def to_json(self) -> dict[str, Any]:
        """The error as it appears in events and in `--json` output."""
        return {"code": self.code, "message": self.message, "hint": self.hint, **self.details}


def _rebuild(
    kind: type[AgentkitError], message: str, hint: str, details: dict[str, Any]
) -> AgentkitError:
    return kind(message, hint, **details)


class UsageError(AgentkitError):
    """The command line or a call was used wrongly."""

    code = "usage"
    exit_code = 2


class ConfigError(AgentkitError):
    """Settings are missing, malformed, or contradict each other."""

    code = "config"
    exit_code = 3


class UnknownPart(ConfigError):
    """A part, a `use` or a setting was named that nothing provides."""

    code = "unknown-part"


class DataError(AgentkitError):
    """A file that was read is absent, cut short, or of another kind."""

    code = "data"
    exit_code = 3


class ModelFileError(DataError):
    """A model's files cannot be loaded."""

    code = "model-file"


class Unsupported(ConfigError):
    """A part lacks an ability that was asked of it."""

    code = "unsupported"


class ContextOverflow(AgentkitError):
    """A prompt and its requested tokens do not fit the model's context."""

    code = "context-overflow"
    exit_code = 3


class GrammarDeadEnd(AgentkitError):
    """A grammar allows no token at all: the schema cannot be satisfied."""

    code = "grammar-dead-end"
    exit_code = 3


class PluginError(AgentkitError):
    """A plugin cannot be used."""

    code = "plugin"
    exit_code = 4


class BackendUnavailable(AgentkitError):
    """A model server, device or service did not answer as it should."""

    code = "backend-unavailable"
    exit_code = 5


class Blocked(AgentkitError):
    """A rule, ours or a server's, forbids fetching something."""

    code = "blocked"


class ToolDenied(AgentkitError):
    """A guard or a person said no to an action."""

    code = "denied"


class BudgetExceeded(AgentkitError):
    """A limit on tokens, time or steps was reached."""

    code = "budget"


class StoreError(AgentkitError):
    """The run store cannot be read or written."""

    code = "store"
    exit_code = 3


class Diverged(StoreError):
    """A node that runs again made another call than the one recorded at that place."""

    code = "diverged"


class RunInterrupted(BaseException):
    """Raised out of a node to stop it between two calls. Not an `Exception`: an agent's own
    `except Exception` must not swallow it."""

    reason: ClassVar[str] = "interrupted"


class Paused(RunInterrupted):
    """A person asked the run to pause; it can be resumed."""

    reason = "paused"


class Cancelled(RunInterrupted):
    """A person asked the run to stop for good."""

    reason = "cancelled"


class OutOfBudget(RunInterrupted):
    """A limit on tokens, time or steps was reached; the run can go on with a higher one."""

    reason = "budget"


class BrokenOff(RunInterrupted):
    """The call under way was not wanted any more; for the node that asked to be told so, which
    catches it. See `Runtime.breakable`."""

    reason = "broken-off"


class LeaseLost(RunInterrupted):
    """Another process took the run over; this one must not write to it any more."""

    reason = "lease-lost"


def error_from(plain: Mapping[str, Any]) -> AgentkitError:
    """An error from its JSON form, of the class that has its code."""
    kinds = (k for k in globals().values() if isinstance(k, type) and issubclass(k, AgentkitError))
    kind = next((k for k in kinds if k.code == plain["code"]), AgentkitError)
    return kind(plain["message"], plain.get("hint", ""))
