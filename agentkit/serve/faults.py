"""Errors as OpenAI's clients read them: a status, and {"error": {message, type, param, code}}."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Any

from agentkit.capabilities import Completion
from agentkit.errors import (
    AgentkitError,
    BackendUnavailable,
    BudgetExceeded,
    ContextOverflow,
    GrammarDeadEnd,
    UnknownPart,
    Unsupported,
    UsageError,
    error_from,
)
from agentkit.serve.work import Stopping, TooBusy

log = logging.getLogger(__name__)
# The first that fits: subclasses before their bases.
KINDS: tuple[tuple[type[Exception], int, str, str], ...] = (
    (TooBusy, 429, "rate_limit_error", "too_many_requests"),
    (Stopping, 503, "server_error", "stopping"),
    (BackendUnavailable, 503, "server_error", "backend_unavailable"),
    (BudgetExceeded, 503, "server_error", "budget_exceeded"),
    (ContextOverflow, 400, "invalid_request_error", "context_length_exceeded"),
    (GrammarDeadEnd, 400, "invalid_request_error", "grammar_dead_end"),
    (Unsupported, 400, "invalid_request_error", "unsupported"),
    (UsageError, 400, "invalid_request_error", "invalid_value"),
    (AgentkitError, 500, "server_error", "error"),
)


class Refusal(AgentkitError):
    """A request that is refused before any model sees it."""

    def __init__(
        self, status: int, message: str, hint: str = "", *, code: str, param: str | None = None
    ) -> None:
        super().__init__(message, hint, param=param)
        self.status, self.reason = status, code


def unknown_model(error: UnknownPart) -> Refusal:
    return Refusal(404, error.message, error.hint, code="model_not_found", param="model")


def failed(made: Completion) -> AgentkitError:
    """The error that a completion carries."""
    if made.finish == "cancelled":
        return Stopping("the answer was broken off", "try again")
    return error_from({"code": made.code or "error", "message": made.error})


def document(error: BaseException, fields: Collection[str] = ()) -> tuple[int, dict[str, Any]]:
    """(status, body) for an error. What is no error of agentkit's is logged, not shown.

    Args:
        fields: what the client sent, to find the one that the error speaks of.
    """
    if isinstance(error, Refusal):
        status, kind, code = error.status, "invalid_request_error", error.reason
    elif isinstance(error, AgentkitError):
        status, kind, code = next((s, k, c) for of, s, k, c in KINDS if isinstance(error, of))
    else:
        log.error("a request failed", exc_info=error)
        said = f"{type(error).__name__} in the server; its log says more"
        return 500, _body(said, "server_error", "internal_error", None)
    if status >= 500:
        log.warning("a request failed: %s", error)
    message = " ".join(filter(None, (error.message, f"({error.hint})" if error.hint else "")))
    param = error.details.get("param")
    if param is None and status == 400:
        param = _named(error.message, fields)
    return status, _body(message, kind, code, param)


def _named(message: str, fields: Collection[str]) -> str | None:
    """The field that a message speaks of first. Words that every message may hold say nothing."""
    places = {
        found.start(): field
        for field in fields
        if field not in ("model", "messages", "prompt", "stream")
        and (found := re.search(rf"\b{re.escape(field)}\b", message))
    }
    return places[min(places)] if places else None


def _body(message: str, kind: str, code: str, param: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
