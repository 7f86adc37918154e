"""The routes that read one run: its state, its timeline, what it found, what can be taken along."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from agentkit.console import looking
from agentkit.console.desk import Desk
from agentkit.console.faults import missing
from agentkit.console.requests import Handler, download, number
from agentkit.errors import UsageError


class OneRun:
    """Answers below `/api/runs/{run}`."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def routes(self) -> list[tuple[str, Handler]]:
        """What stands behind the run's own path, each with its handler."""
        return [
            ("", self.run),
            ("/family", self.family),
            ("/timeline", self.timeline),
            ("/events/{seq:int}", self.event),
            ("/evidence/{key}/page", self.page),
            ("/report", self.report),
            ("/result", self.result),
            ("/metrics", self.metrics),
            ("/artifacts/{name}", self.artifact),
            ("/exports", self.exports),
            ("/exports/{name}", self.export),
            ("/panels", self.panels),
        ]

    async def id(self, request: Request) -> str:
        """The whole id of the run that the path names, by its whole id alone."""
        return await in_thread(self.known, request.path_params["run"])

    def known(self, run: str) -> str:
        """The id, checked to be a whole one.

        Raises:
            Refusal: 404.
        """
        try:
            row = self.desk.store.get(run)
        except UsageError as error:
            raise missing("there is no such run") from error
        if row.id != run:
            raise missing("there is no such run")
        return row.id

    async def run(self, request: Request) -> Any:
        return await in_thread(self.desk.snapshot, await self.id(request))

    async def family(self, request: Request) -> Any:
        root, rows = await in_thread(self.desk.lists.family, await self.id(request))
        return {"root": root, "runs": rows}

    async def timeline(self, request: Request) -> Any:
        run, q = await self.id(request), request.query_params
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
        run, seq = await self.id(request), request.path_params["seq"]
        found = await in_thread(self.desk.store.tail, run, seq - 1, (), seq)
        if not found:
            raise missing(f"there is no event {seq}")
        return found[0].to_json()

    async def page(self, request: Request) -> Any:
        around = number(request.query_params.get("around", "4000"), "around", 0, looking.MOST)
        run = await self.id(request)
        return await in_thread(looking.page, self.desk, run, request.path_params["key"], around)

    async def report(self, request: Request) -> Any:
        return await in_thread(self.desk.views.report, await self.id(request))

    async def result(self, request: Request) -> Any:
        return await in_thread(looking.result, self.desk, await self.id(request))

    async def metrics(self, request: Request) -> Any:
        run = await self.id(request)
        names = set(filter(None, request.query_params.get("names", "").split(",")))

        def do() -> Any:
            fold = self.desk.folds.get(run)
            with fold.lock:
                found = {n: list(p) for n, p in fold.findings.series.items()}
            return {"series": {n: p for n, p in found.items() if not names or n in names}}

        return await in_thread(do)

    async def artifact(self, request: Request) -> Response:
        run, name = await self.id(request), request.path_params["name"]

        def do() -> bytes:
            known = {a["name"]: a for a in self.desk.store.artifacts(run)}
            if name not in known:
                raise missing(f"the run has no file {name!r}")
            return self.desk.store.blob(run, known[name]["sha256"])

        return download(name, "application/octet-stream", await in_thread(do))

    async def exports(self, request: Request) -> Any:
        found = await in_thread(self.desk.views.exports, await self.id(request))
        return {
            "exports": [
                {
                    "name": e.name,
                    "title": e.title,
                    "titles": dict(e.titles),
                    "media_type": e.media_type,
                }
                for e in found.values()
            ]
        }

    async def export(self, request: Request) -> Response:
        run, name = await self.id(request), request.path_params["name"]
        found = (await in_thread(self.desk.views.exports, run)).get(name)
        if found is None:
            raise missing(f"this run cannot be exported as {name!r}")
        return download(f"{run}-{name}", found.media_type, await in_thread(found.make))

    async def panels(self, request: Request) -> Any:
        return {"panels": await in_thread(self.desk.views.panels, await self.id(request))}
