"""Who is let in: a token that is traded for a cookie, and what every request must bring.

The middleware stands in front of everything. Plain ASGI, for others would hold up streams.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentkit.console import faults
from agentkit.console.faults import Refusal

Role = Literal["viewer", "operator"]
COOKIE = "agentkit_console"
SAFE = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was let in. bearer: by the token itself, as programs are; no browser sends that
    by itself, so it needs no further proof."""

    name: str
    role: Role
    csrf: str = ""
    bearer: bool = False

    def to_json(self) -> dict[str, str]:
        """What they are told of themselves."""
        return {"role": self.role, "name": self.name, "csrf": self.csrf}

    def must(self, role: Role) -> None:
        """Raises Refusal where the role does not suffice."""
        if role == "operator" and self.role != "operator":
            raise Refusal(
                403, "forbidden", "you may look, not touch", "open the operator's address for that"
            )


class Sessions:
    """Tokens and the cookies that are made from them. A cookie is an HMAC over role and number
    under a key of this server's life: nothing is kept, and a new server forgets all."""

    def __init__(self, tokens: Mapping[Role, str]) -> None:
        self.tokens = dict(tokens)
        self._key = secrets.token_bytes(32)
        self._ended: set[str] = set()

    def trade(self, token: str) -> tuple[Person, str] | None:
        """The person with that token, and their cookie; None where nobody has it."""
        role = self._role(token)
        if role is None:
            return None
        cookie = f"{role}.{secrets.token_urlsafe(18)}"
        cookie = f"{cookie}.{self._signed(cookie)}"
        return self._person(role, cookie), cookie

    def _role(self, token: str) -> Role | None:
        given, found = token.encode(), None
        for role, one in self.tokens.items():  # all are compared: time shall not tell
            if hmac.compare_digest(given, one.encode()):
                found = role
        return found

    def known(self, cookie: str) -> Person | None:
        body, _, mark = cookie.rpartition(".")
        role = body.partition(".")[0]
        if not hmac.compare_digest(self._signed(body).encode(), mark.encode()):
            return None
        if cookie in self._ended or role not in self.tokens:
            return None
        return self._person("operator" if role == "operator" else "viewer", cookie)

    def bearer(self, header: str) -> Person | None:
        kind, _, token = header.partition(" ")
        role = self._role(token.strip()) if kind.lower() == "bearer" else None
        return None if role is None else Person(role, role, bearer=True)

    def end(self, cookie: str) -> None:
        self._ended.add(cookie)

    def _person(self, role: Role, cookie: str) -> Person:
        return Person(role, role, self._signed(f"csrf:{cookie}"))

    def _signed(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


class Entry:
    """Checks every request before anything else sees it, and puts the headers on every answer.
    The person stands in `scope["person"]` afterwards."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self.app, self.sessions = app, sessions
        self.hosts: frozenset[str] = (
            frozenset()
        )  # what `Host` may say, with ports; nothing at first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not str(scope["path"]).startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self.check(scope)
        except Refusal as error:
            await faults.answer(error)(scope, receive, told)
            return
        await self.app(scope, receive, told)

    def check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        path, method = str(scope["path"]), str(scope["method"])
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            raise Refusal(403, "forbidden", "this is not the address that the console serves")
        origin = headers.get("origin")
        if origin is not None and (
            urlsplit(origin).scheme not in ("http", "https")
            or urlsplit(origin).netloc.lower() != hosts[0].lower()
        ):
            raise Refusal(403, "forbidden", "this was asked by another site's page")
        top = headers.get("sec-fetch-mode") == "navigate" and method == "GET"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not top:
            raise Refusal(403, "forbidden", "this was asked by another site's page")
        cookies = cookie_parser(headers.get("cookie", ""))
        person = self.sessions.known(cookies.get(COOKIE, ""))
        if person is None and path.startswith("/api/agui/"):
            person = self.sessions.bearer(headers.get("authorization", ""))
        scope["person"] = person
        if _open(path, method):
            return
        if person is None:
            raise Refusal(
                401,
                "unauthorized",
                "not let in",
                "open the address that `agentkit console` printed",
            )
        if method not in SAFE and not person.bearer:
            given = headers.get("x-csrf", "")
            if not hmac.compare_digest(given.encode(), person.csrf.encode()):
                raise Refusal(403, "forbidden", "the header X-CSRF is missing or wrong", "reload")


def _open(path: str, method: str) -> bool:
    """What needs no cookie: the front end's own files, and the trade of the token."""
    if path == "/api/session" and method == "POST":
        return True
    return method in ("GET", "HEAD") and not path.startswith("/api")
