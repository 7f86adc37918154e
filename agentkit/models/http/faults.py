"""What can go wrong at an endpoint, sorted by what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx

from agentkit.models.http.wire import fault_text
from agentkit.models.settings import OpenAISettings

LONGEST_PAUSE = 30.0  # seconds between two tries
_MAY_PASS = {408, 409, 425, 429, 500, 502, 503, 504, 529}
TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|too many tokens|prompt is too long", re.IGNORECASE
)


class Overflow(Exception):
    """A prompt that the endpoint refused for its length."""


class Passing(Exception):
    """A fault that may be gone at the next try. pause: seconds that the server asks for."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Final(Exception):
    """A fault that stays: for this request, or for the whole endpoint."""

    def __init__(self, reason: str, cure: str = "", *, endpoint: bool = False) -> None:
        super().__init__(reason)
        self.cure, self.endpoint = cure, endpoint


def fault_of(
    response: httpx.Response, settings: OpenAISettings, clean: Callable[[str], str]
) -> Exception:
    """What a status other than 200 means.

    Args:
        response: read to its end.
        clean: takes secrets out of what the endpoint said.
    """
    status = response.status_code
    said = clean(fault_text(response.text)) or response.reason_phrase
    line = f"HTTP {status}: {said}"
    if status in (400, 413, 422) and TOO_LONG.search(response.text):
        return Overflow(said)
    if status in (401, 403):
        cure = (
            f"check the key behind api_key = {settings.api_key!r}"
            if settings.api_key
            else 'set api_key = "env:NAME"'
        )
        return Final(line, cure, endpoint=True)
    if status == 404:
        cure = f"check base_url and model: curl {settings.base_url}/models"
        return Final(f"{line} (model {settings.model!r})", cure, endpoint=True)
    if status in _MAY_PASS:
        return Passing(line, _seconds(response.headers.get("retry-after", "")))
    return Final(line, endpoint=300 <= status < 400)


def named(error: Exception) -> str:
    """The error in words; httpx leaves some of its own without any."""
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.ConnectError):
        return "cannot connect"
    if isinstance(error, httpx.TimeoutException):
        return "no word from the server in time"
    if isinstance(error, httpx.TransportError):
        return f"the connection broke: {error or type(error).__name__}"
    if isinstance(error, httpx.DecodingError):
        return f"the answer cannot be unpacked: {error}"
    return str(error)


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
