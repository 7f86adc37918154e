"""The routes of the console: what comes in, who may ask it, what goes out. See API.md."""

from __future__ import annotations

import re
from importlib import metadata
from importlib.resources import files
from pathlib import Path
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
from agentkit.console.requests import (
    HANDLERS,
    Handler,
    answered,
    body_of,
    download,
    invalid,
    json_of,
    number,
    person_of,
)
from agentkit.console.stream import MOST, EventStream, Hub, Wanted, read_cursor
from agentkit.errors import AgentkitError, UsageError

LANGUAGES = ("en", "ko")
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".map": "application/json",
    ".txt": "text/plain",
    ".ico": "image/x-icon",
}
PIECE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Api:
    """The application around a desk. `app` is what a server runs."""

    def __init__(self, desk: Desk, sessions: Sessions) -> None:
        self.desk, self.sessions = desk, sessions
        self.actor = Actor(desk)
        self.hub = Hub(desk.folds, desk.lists, desk.live)
        self._static = files("agentkit.console") / "static"
        self.inner = Starlette(routes=list(self._routes()), exception_handlers=HANDLERS)
        self.app = Entry(self.inner, sessions)

    def _routes(self) -> list[Route]:
        from agentkit.console.agui import Agui

        run = "/api/runs/{run}"
        agui = Agui(self.desk, self.actor)
        get: list[tuple[str, Handler]] = [
            ("/api/about", self.about),
            ("/api/runs", self.runs),
            (run, self.run),
            (f"{run}/family", self.family),
            (f"{run}/timeline", self.timeline),
            (f"{run}/events/{{seq:int}}", self.event),
            (f"{run}/evidence/{{key}}/page", self.page),
            (f"{run}/report", self.report),
            (f"{run}/result", self.result),
            (f"{run}/metrics", self.metrics),
            (f"{run}/artifacts/{{name}}", self.artifact),
            (f"{run}/exports", self.exports),
            (f"{run}/exports/{{name}}", self.export),
            (f"{run}/panels", self.panels),
            (f"{run}/screens", self.screens),
            (f"{run}/screens/{{name}}.png", self.screen),
            (f"{run}/screens/{{name}}/elements", self.elements),
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
        other: list[tuple[str, str, Handler]] = [
            ("POST", "/api/runs", self.start),
            ("POST", f"{run}/commands", self.command),
            ("POST", f"{run}/screens/{{name}}/act", self.touch),
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
        routes.append(Route("/static/{path:path}", answered(self.static), methods=["GET"]))
        routes.append(Route("/{path:path}", answered(self.front), methods=["GET"]))
        return routes

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

    async def run(self, request: Request) -> Any:
        return await in_thread(self.desk.snapshot, await self._id(request))

    async def _id(self, request: Request) -> str:
        """The whole id of the run that the path names, by its whole id alone."""
        return await in_thread(self._known, request.path_params["run"])

    def _known(self, run: str) -> str:
        try:
            row = self.desk.store.get(run)
        except UsageError as error:
            raise missing("there is no such run") from error
        if row.id != run:
            raise missing("there is no such run")
        return row.id

    async def family(self, request: Request) -> Any:
        root, rows = await in_thread(self.desk.lists.family, await self._id(request))
        return {"root": root, "runs": rows}

    async def timeline(self, request: Request) -> Any:
        run, q = await self._id(request), request.query_params
        limit = number(q.get("limit", "500"), "limit", 1, 2000)
        after = number(q.get("after", "0"), "after", 0, 2**53)
        before = number(q["before"], "before", 1, 2**53) if q.get("before") else None
        kinds = set(filter(None, q.get("kinds", "").split(",")))
        words = q.get("q", "").casefold()

        def do() -> Any:
            fold = self.desk.folds.get(run)
            with fold.lock:
                rows = fold.rows.all[after : None if before is None else before - 1]
                seq = fold.seq
            if kinds or words:
                rows = [
                    r
                    for r in rows
                    if (not kinds or r["kind"] in kinds)
                    and (not words or words in f"{r['kind']} {r['text']}".casefold())
                ]
            total = len(rows)
            rows = rows[-limit:] if before is not None else rows[:limit]
            ends = {"first": rows[0]["seq"], "last": rows[-1]["seq"]} if rows else {}
            return {"rows": rows, "first": 0, "last": 0, **ends, "seq": seq, "total": total}

        return await in_thread(do)

    async def event(self, request: Request) -> Any:
        run, seq = await self._id(request), request.path_params["seq"]
        found = await in_thread(self.desk.store.tail, run, seq - 1, (), seq)
        if not found:
            raise missing(f"there is no event {seq}")
        return found[0].to_json()

    async def page(self, request: Request) -> Any:
        around = number(request.query_params.get("around", "4000"), "around", 0, looking.MOST)
        run = await self._id(request)
        return await in_thread(looking.page, self.desk, run, request.path_params["key"], around)

    async def report(self, request: Request) -> Any:
        return await in_thread(self.desk.views.report, await self._id(request))

    async def result(self, request: Request) -> Any:
        return await in_thread(looking.result, self.desk, await self._id(request))

    async def metrics(self, request: Request) -> Any:
        run = await self._id(request)
        names = set(filter(None, request.query_params.get("names", "").split(",")))

        def do() -> Any:
            fold = self.desk.folds.get(run)
            with fold.lock:
                found = {n: list(p) for n, p in fold.findings.series.items()}
            return {"series": {n: p for n, p in found.items() if not names or n in names}}

        return await in_thread(do)

    async def artifact(self, request: Request) -> Response:
        run, name = await self._id(request), request.path_params["name"]

        def do() -> bytes:
            known = {a["name"]: a for a in self.desk.store.artifacts(run)}
            if name not in known:
                raise missing(f"the run has no file {name!r}")
            return self.desk.store.blob(run, known[name]["sha256"])

        return download(name, "application/octet-stream", await in_thread(do))

    async def exports(self, request: Request) -> Any:
        found = await in_thread(self.desk.views.exports, await self._id(request))
        return {
            "exports": [
                {"name": e.name, "title": e.title, "media_type": e.media_type}
                for e in found.values()
            ]
        }

    async def export(self, request: Request) -> Response:
        run, name = await self._id(request), request.path_params["name"]
        found = (await in_thread(self.desk.views.exports, run)).get(name)
        if found is None:
            raise missing(f"this run cannot be exported as {name!r}")
        return download(f"{run}-{name}", found.media_type, await in_thread(found.make))

    async def panels(self, request: Request) -> Any:
        return {"panels": await in_thread(self.desk.views.panels, await self._id(request))}

    async def compare(self, request: Request) -> Any:
        q = request.query_params
        one, two = [await in_thread(self._known, q.get(name, "")) for name in ("one", "two")]
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

    # -- screens ----------------------------------------------------------------------------------

    async def _screen(self, request: Request) -> Any:
        run, name = await self._id(request), request.path_params["name"]
        found = (await in_thread(self.desk.views.screens, run)).get(name)
        if found is None:
            raise missing(f"the run has no screen {name!r}")
        return found

    async def screens(self, request: Request) -> Any:
        found = await in_thread(self.desk.views.screens, await self._id(request))
        return {
            "screens": [
                {"name": s.name, "title": s.title, "touchable": s.touchable} for s in found.values()
            ]
        }

    async def screen(self, request: Request) -> Response:
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
            client = f"act-{_token()}"
            self.desk.journal.begin(
                client, person.name, person.role, run, "screen.act", {"action": action}
            )
            done = screen.act(action)
            self.desk.journal.end(client, 200, None)
            return {"done": dict(done), "mark": screen.look().mark}

        return await in_thread(do)

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
                await in_thread(self._known, run)
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

    # -- the front end ----------------------------------------------------------------------------

    async def nothing(self, _: Request) -> Any:
        raise missing("there is nothing here")

    async def static(self, request: Request) -> Response:
        return self._file(request.path_params["path"])

    async def front(self, request: Request) -> Response:
        return self._file("index.html")

    def _file(self, path: str) -> Response:
        pieces = path.split("/")
        if not all(PIECE.fullmatch(piece) for piece in pieces):
            raise missing("there is no such file")
        found = self._static.joinpath(*pieces)
        kind = KINDS.get(Path(pieces[-1]).suffix)
        if kind is None or not found.is_file():
            raise missing("there is no such file")
        headers = {"Cache-Control": "no-cache"}
        return Response(found.read_bytes(), headers=headers, media_type=kind)


def _token() -> str:
    import secrets

    return secrets.token_hex(12)


def _version() -> str:
    try:
        return metadata.version("agentkit-host")
    except metadata.PackageNotFoundError:
        return "0"
