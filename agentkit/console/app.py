"""The routes of the console: what comes in, who may ask it, what goes out. See API.md."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentkit.console import commands, looking, uploads
from agentkit.console.acting import Actor
from agentkit.console.desk import Desk
from agentkit.console.entry import COOKIE, Entry, Sessions
from agentkit.console.faults import Refusal, missing
from agentkit.console.one_run import OneRun
from agentkit.console.requests import (
    HANDLERS,
    Handler,
    answered,
    body_of,
    invalid,
    json_of,
    number,
    person_of,
)
from agentkit.console.screens import Screens
from agentkit.console.shipped import Shipped
from agentkit.console.stream import MOST, EventStream, Hub, Wanted, read_cursor
from agentkit.errors import AgentkitError

LANGUAGES = ("en", "ko")


class Api:
    """The application around a desk. `app` is what a server runs."""

    def __init__(self, desk: Desk, sessions: Sessions) -> None:
        self.desk, self.sessions = desk, sessions
        self.actor = Actor(desk)
        self.hub = Hub(desk.folds, desk.lists, desk.live)
        self.one = OneRun(desk)
        self.screens, self.shipped = Screens(self.one), Shipped()
        self.inner = Starlette(routes=list(self._routes()), exception_handlers=HANDLERS)
        self.app = Entry(self.inner, sessions)

    def _routes(self) -> list[Route]:
        from agentkit.console.agui import Agui

        run = "/api/runs/{run}"
        agui = Agui(self.desk, self.actor)
        get: list[tuple[str, Handler]] = [
            ("/api/about", self.about),
            ("/api/runs", self.runs),
            ("/api/compare", self.compare),
            ("/api/inbox", self.inbox),
            ("/api/agents", self.agents),
            ("/api/agents/{name}", self.agent),
            ("/api/parts", self.parts),
            ("/api/sources/{name}/test", self.source),
            ("/api/results", self.results),
            ("/api/results/{name}.png", self.result_picture),
            ("/api/audit", self.audit),
            ("/api/stream", self.stream),
            ("/api/agui/runs/{run}/events", agui.follow),
        ]
        get += [(f"{run}{below}", do) for below, do in self.one.routes()]
        get += [(f"{run}/screens{below}", do) for below, do in self.screens.routes()]
        other: list[tuple[str, str, Handler]] = [
            ("POST", "/api/runs", self.start),
            ("POST", f"{run}/commands", self.command),
            ("POST", f"{run}/screens/{{name}}/act", self.screens.touch),
            ("POST", "/api/uploads", self.upload_begin),
            ("PUT", "/api/uploads/{upload}/{name}", self.upload_put),
            ("POST", "/api/agui/{agent}", agui.run),
        ]
        routes = [
            Route("/api/session", answered(self.who), methods=["GET"]),
            Route("/api/session", answered(self.enter), methods=["POST"]),
            Route("/api/session", answered(self.leave), methods=["DELETE"]),
        ]
        routes += [Route(path, answered(do), methods=["GET"]) for path, do in get]
        routes += [Route(path, answered(do), methods=[verb]) for verb, path, do in other]
        routes.append(Route("/api/{rest:path}", answered(self.nothing)))
        routes.append(Route("/static/{path:path}", answered(self.shipped.static), methods=["GET"]))
        routes.append(Route("/{path:path}", answered(self.shipped.front), methods=["GET"]))
        return routes

    async def nothing(self, _: Request) -> Any:
        raise missing("there is nothing here")

    # -- letting in -------------------------------------------------------------------------------

    async def enter(self, request: Request) -> Response:
        body = await json_of(request)
        token = body.get("token") if isinstance(body, dict) else None
        found = self.sessions.trade(token) if isinstance(token, str) else None
        if found is None:
            raise Refusal(
                401, "unauthorized", "the token is wrong", "open the address that was printed last"
            )
        person, cookie = found
        answer = JSONResponse(person.to_json())
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/")
        return answer

    async def who(self, request: Request) -> Any:
        return person_of(request).to_json()

    async def leave(self, request: Request) -> Response:
        self.sessions.end(request.cookies.get(COOKIE, ""))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    # -- reading ----------------------------------------------------------------------------------

    async def about(self, _: Request) -> Any:
        return {
            "version": _version(),
            "name": "agentkit",
            "agents": len(self.desk.kit.names("agent")),
            "price": bool(self.desk.prices),
            "results": self.desk.results is not None,
            "languages": list(LANGUAGES),
        }

    async def runs(self, request: Request) -> Any:
        q = request.query_params
        limit = number(q.get("limit", "50"), "limit", 1, 200)
        before = None
        if q.get("before"):
            created, _, id = q["before"].partition("/")
            try:
                before = (float(created), id)
            except ValueError as error:
                raise invalid("before", "is no cursor of ours") from error
        words, agent, status = q.get("q", "")[:1000], q.get("agent", ""), q.get("status", "")
        rows, last = await in_thread(self.desk.lists.page, words, agent, status, limit, before)
        total = len(await in_thread(self.desk.lists.heads))
        following = None if last is None else f"{last[0]!r}/{last[1]}"
        return {"runs": rows, "next": following, "total": total}

    async def compare(self, request: Request) -> Any:
        q = request.query_params
        one, two = [await in_thread(self.one.known, q.get(name, "")) for name in ("one", "two")]
        return await in_thread(looking.compare, self.desk, one, two)

    async def inbox(self, _: Request) -> Any:
        return {"questions": await in_thread(self.desk.lists.inbox)}

    async def agents(self, _: Request) -> Any:
        found = await in_thread(self.desk.starter.agents)
        return {"agents": found, "default": self.desk.kit.settings.host.agent}

    async def agent(self, request: Request) -> Any:
        name = request.path_params["name"]
        if name not in self.desk.kit.names("agent"):
            raise missing(f"there is no agent {name!r}")
        return await in_thread(self.desk.starter.agent, name)

    async def parts(self, _: Request) -> Any:
        kit = self.desk.kit

        def described(noun: str) -> list[dict[str, Any]]:
            made = []
            for name in kit.names(noun):
                try:
                    entry = kit.registration(noun, name)
                    one: dict[str, Any] = {"use": entry.name, "summary": entry.summary}
                except AgentkitError as error:
                    one = {"use": "", "summary": error.message}
                if noun == "model":
                    one["abilities"] = sorted(entry.gives) if one["use"] else []
                made.append({"name": name, **one})
            return made

        nouns = {"models": "model", "sources": "source", "environments": "environment"}
        return {table: await in_thread(described, noun) for table, noun in nouns.items()}

    async def source(self, request: Request) -> Any:
        person_of(request).must("operator")  # it may ask servers outside
        name, query = request.path_params["name"], request.query_params.get("q", "")[:1000]
        if name not in self.desk.kit.names("source"):
            raise missing(f"there is no source {name!r}")
        return await in_thread(looking.searched, self.desk, name, query or "the")

    async def results(self, _: Request) -> Any:
        return {"results": await in_thread(looking.results, self.desk.results)}

    async def result_picture(self, request: Request) -> Response:
        name = request.path_params["name"]
        content = await in_thread(looking.picture, self.desk.results, name)
        return Response(content, media_type="image/png")

    async def audit(self, request: Request) -> Any:
        person_of(request).must("operator")
        q = request.query_params
        limit = number(q.get("limit", "100"), "limit", 1, 1000)
        before = number(q.get("before") or str(2**53), "before", 1, 2**53)
        found = await in_thread(self.desk.journal.entries, before, limit)
        return {"entries": found, "next": found[-1]["id"] if len(found) == limit else None}

    # -- the stream -------------------------------------------------------------------------------

    async def stream(self, request: Request) -> Response:
        q = request.query_params
        try:
            runs = read_cursor(q.get("runs", ""))
            last = request.headers.get("last-event-id") or q.get("last") or ""
            seen = read_cursor(last)
        except ValueError as error:
            raise invalid("runs", "write ID:SEQ,ID:SEQ") from error
        if len(runs) > MOST:
            raise invalid("runs", f"at most {MOST}")
        for run in runs:
            if run not in seen:
                await in_thread(self.one.known, run)
        at = {run: max(seq, seen.get(run, 0)) for run, seq in runs.items()}
        wanted = Wanted(at, q.get("list") == "1", q.get("inbox") == "1")
        return EventStream(self.hub.messages(wanted))

    # -- doing ------------------------------------------------------------------------------------

    async def start(self, request: Request) -> Response:
        person = person_of(request)
        person.must("operator")
        body = commands.Start.model_validate(await json_of(request))
        status, made = await in_thread(self.actor.start, body, person)
        return JSONResponse(made, status)

    async def command(self, request: Request) -> Response:
        person = person_of(request)
        person.must("operator")
        body = commands.Command.model_validate(await json_of(request))
        run = request.path_params["run"]
        status, made = await in_thread(self.actor.act, run, body, person)
        return JSONResponse(made, status)

    async def upload_begin(self, request: Request) -> Response:
        person_of(request).must("operator")
        return JSONResponse(await in_thread(self.desk.uploads.begin), 201)

    async def upload_put(self, request: Request) -> Any:
        person_of(request).must("operator")
        content = await body_of(request, uploads.FILE)
        place = request.path_params
        return await in_thread(self.desk.uploads.put, place["upload"], place["name"], content)


def _version() -> str:
    try:
        return metadata.version("agentkit-host")
    except metadata.PackageNotFoundError:
        return "0"
