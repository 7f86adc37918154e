"""What a client hears where something goes wrong: one form for all, and never a trace."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from agentkit.errors import AgentkitError

LOG = logging.getLogger("agentkit.console")
STATUS = {"backend-unavailable": 502, "denied": 403, "internal": 500, "conflict": 409}
HTTP = {401: "unauthorized", 403: "forbidden", 404: "not-found", 405: "method", 413: "too-large"}


class Refusal(AgentkitError):
    """An answer with a status >= 400. kind: the error's code; more: further fields of it."""

    def __init__(self, status: int, kind: str, message: str, hint: str = "", **more: Any) -> None:
        super().__init__(message, hint)
        self.status, self.kind, self.more = status, kind, more


class Conflict(Refusal):
    """Somebody else was faster. current: the item as it is now."""

    def __init__(self, message: str, hint: str = "", current: Any = None) -> None:
        super().__init__(409, "conflict", message, hint, current=current)


def missing(what: str) -> Refusal:
    return Refusal(404, "not-found", what)


def answer(error: Exception, headers: dict[str, str] | None = None) -> JSONResponse:
    """The response to an error. What is no fault of the client's is logged, with the id that the
    client hears."""
    status, body = document(error)
    if status >= 500 and not isinstance(error, AgentkitError):
        LOG.error("%s: %s", body["id"], error, exc_info=error)
    return JSONResponse({"error": body}, status, headers)


def document(error: Exception) -> tuple[int, dict[str, Any]]:
    id = f"e-{secrets.token_hex(3)}"
    match error:
        case Refusal():
            body = {"code": error.kind, "message": error.message, "hint": error.hint}
            return error.status, {**body, "id": id, **error.more}
        case AgentkitError():
            status = STATUS.get(error.code, 400)
            plain = {"code": error.code, "message": error.message, "hint": error.hint}
            return status, {**plain, "id": id}
        case ValidationError():
            fields = [
                {"field": ".".join(map(str, one["loc"])), "message": one["msg"]}
                for one in error.errors(include_url=False, include_input=False)[:20]
            ]
            told = "; ".join(f"{f['field']}: {f['message']}" for f in fields)
            plain = {"code": "invalid", "message": told, "hint": ""}
            return 422, {**plain, "id": id, "fields": fields}
        case HTTPException():
            code = HTTP.get(error.status_code, "error")
            body = {"code": code, "message": error.detail, "hint": "", "id": id}
            return error.status_code, body
    return 500, {
        "code": "internal",
        "message": "something went wrong in the console's server",
        "hint": f"its log says more about {id}",
        "id": id,
    }
