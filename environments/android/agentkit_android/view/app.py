"""The pages of the live view. On this machine alone, and only for who has the token."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agentkit.errors import AgentkitError
from agentkit_android.client.actions import PHONE_ACTION
from agentkit_android.client.driver import Driver, Look, look_again
from agentkit_android.env.observation import clock
from agentkit_android.view.recording import Recording

HOSTS = ("127.0.0.1", "localhost")
COOKIE = "phone"
SAFE = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' blob:; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets in who names this machine and brings the token: in the address at first, in a cookie
    from then on. What comes from another site's page is turned away."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.query_params.get("token") or request.cookies.get(COOKIE) or ""
        origin = request.headers.get("origin")
        here = f"http://{request.headers.get('host', '')}"
        if (
            request.url.hostname not in HOSTS
            or not secrets.compare_digest(given.encode(), self.token.encode())
            or (request.method != "GET" and origin != here)
        ):
            text = "not allowed: open the address that `agentkit phone view` printed"
            await Response(text, 403, SAFE)(scope, receive, send)
            return
        await self.app(scope, receive, send)


class View:
    """One phone that is looked at. Looks and actions take turns."""

    def __init__(self, driver: Driver, token: str) -> None:
        self.driver, self.token = driver, token
        self.recording = Recording()
        self._lock = threading.Lock()
        self._look: Look | None = None

    def app(self) -> ASGIApp:
        routes = [
            Route("/", self.page),
            Route("/view.{kind:str}", self.part),
            Route("/state", self.state),
            Route("/screen.png", self.screen),
            Route("/act", self.act, methods=["POST"]),
            Route("/record", self.record, methods=["POST"]),
            Route("/recording.json", self.recorded),
        ]
        return Guard(Starlette(routes=routes), self.token)

    # Pages.

    async def page(self, request: Request) -> Response:
        made = HTMLResponse(_file("view.html"), headers=SAFE)
        made.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
        return made

    async def part(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        types = {"js": "text/javascript", "css": "text/css"}
        if kind not in types:
            return Response("not found", 404, SAFE)
        return Response(_file(f"view.{kind}"), headers=SAFE, media_type=types[kind])

    # The phone.

    async def state(self, request: Request) -> Response:
        """What is on the screen, with a mark that changes when it does."""
        return await self._answer(self._seen)

    def _seen(self) -> dict[str, Any]:
        with self._lock:
            self._look = look = look_again(self.driver)
        return {
            "mark": hashlib.sha256(look.png).hexdigest()[:16],
            "size": list(look.size),
            "front": f"{look.package}{look.activity}",
            "time": clock(look.time),
            "lost": look.lost,
            "elements": [{**asdict(e), "line": e.line(n)} for n, e in enumerate(look.elements)],
            "recording": {"on": self.recording.on, "steps": len(self.recording.steps)},
        }

    async def screen(self, request: Request) -> Response:
        look = self._look
        if look is None:
            return Response("not looked at yet", 404, SAFE)
        return Response(look.png, headers=SAFE, media_type="image/png")

    async def act(self, request: Request) -> Response:
        """One action as JSON, as an agent takes it."""
        try:
            action = PHONE_ACTION.validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": str(error.errors()[0]["msg"])}, 400, SAFE)

        def perform() -> dict[str, Any]:
            with self._lock:
                self.recording.add(look_again(self.driver, picture=False), action)
                self.driver.perform(action)
            return {"done": action.model_dump(mode="json")}

        return await self._answer(perform)

    async def record(self, request: Request) -> Response:
        """{"on": true, "goal": "…"} begins a demonstration, {"on": false} ends it."""
        try:
            said = await request.json()
            on, goal = bool(said["on"]), str(said.get("goal", ""))
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"error": 'say {"on": true or false}'}, 400, SAFE)
        if on:
            self.recording.start(goal)
        self.recording.on = on
        return JSONResponse({"on": on, "steps": len(self.recording.steps)}, headers=SAFE)

    async def recorded(self, request: Request) -> Response:
        head = {**SAFE, "Content-Disposition": 'attachment; filename="demonstration.json"'}
        return Response(self.recording.to_json(), headers=head, media_type="application/json")

    async def _answer(self, work: Any) -> Response:
        try:
            return JSONResponse(await asyncio.to_thread(work), headers=SAFE)
        except AgentkitError as error:
            return JSONResponse({"error": str(error)}, 502, SAFE)


def _file(name: str) -> str:
    return (files("agentkit_android.view") / name).read_text("utf-8")
