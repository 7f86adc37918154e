"""The routes of a run's screens: seen, read, touched."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from agentkit.console.faults import Refusal, missing
from agentkit.console.one_run import OneRun
from agentkit.console.requests import Handler, invalid, json_of, person_of


class Screens:
    """Answers below `/api/runs/{run}/screens`."""

    def __init__(self, one: OneRun) -> None:
        self.one, self.desk = one, one.desk

    def routes(self) -> list[tuple[str, Handler]]:
        """What is read there, each with its handler; `touch` is the one that acts."""
        return [
            ("", self.names),
            ("/{name}.png", self.picture),
            ("/{name}/elements", self.elements),
        ]

    async def _screen(self, request: Request) -> Any:
        run, name = await self.one.id(request), request.path_params["name"]
        found = (await in_thread(self.desk.views.screens, run)).get(name)
        if found is None:
            raise missing(f"the run has no screen {name!r}")
        return found

    async def names(self, request: Request) -> Any:
        found = await in_thread(self.desk.views.screens, await self.one.id(request))
        return {
            "screens": [
                {"name": s.name, "title": s.title, "touchable": s.touchable} for s in found.values()
            ]
        }

    async def picture(self, request: Request) -> Response:
        seen = await in_thread((await self._screen(request)).look)
        size = f"{seen.size[0]}x{seen.size[1]}"
        headers = {"X-Mark": seen.mark, "X-Size": size}
        if request.query_params.get("mark") == seen.mark:
            return Response(status_code=304, headers=headers)
        return Response(seen.png, headers=headers, media_type="image/png")

    async def elements(self, request: Request) -> Any:
        seen = await in_thread((await self._screen(request)).look)
        found = [dict(e) for e in seen.elements]
        return {"mark": seen.mark, "size": list(seen.size), "elements": found}

    async def touch(self, request: Request) -> Any:
        person = person_of(request)
        person.must("operator")
        screen, action = await self._screen(request), await json_of(request)
        if not isinstance(action, dict):
            raise invalid("", "an action is an object")
        if not screen.touchable:
            raise Refusal(403, "forbidden", "this screen can only be looked at")
        run = request.path_params["run"]

        def do() -> Any:
            client = f"act-{secrets.token_hex(12)}"
            self.desk.journal.begin(
                client, person.name, person.role, run, "screen.act", {"action": action}
            )
            done = screen.act(action)
            self.desk.journal.end(client, 200, None)
            return {"done": dict(done), "mark": screen.look().mark}

        return await in_thread(do)
