"""Server-sent events: one stream a tab carries all that the tab looks at.

A message with an id is a fact. The id says how far the client is in each run, so whoever comes back
with the last one gets exactly what it has not seen.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentkit.console.fold import Folds, chunks, facts
from agentkit.console.lists import Lists, marks
from agentkit.console.live import passing
from agentkit.errors import AgentkitError
from agentkit.runs.rows import dump

POLL = 0.1  # seconds between looks at the store, by one task for all streams
SLOW = (
    2.0  # seconds after which is looked again though nothing was written: a lease may have lapsed
)
BEAT = 15.0  # seconds between comments that keep a connection open
PATIENCE = 20.0  # seconds that a client may take to read
ROWS = 200  # rows of the timeline in one message
FIRST = 50  # rows of the list that a new stream begins with
MOST = 8  # runs that one stream may carry
KEPT = 512  # encoded messages that are kept for other viewers of the same run


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a tab looks at. runs: with the seq that it has of each."""

    runs: Mapping[str, int]
    list: bool = False
    inbox: bool = False


def read_cursor(text: str) -> dict[str, int]:
    """ "ID:SEQ,ID:SEQ" as it stands in ids. Raises ValueError."""
    made: dict[str, int] = {}
    for piece in filter(None, text.split(",")):
        run, _, seq = piece.partition(":")
        made[run] = max(0, int(seq or 0))
    return made


def write_cursor(runs: Mapping[str, int]) -> str:
    return ",".join(f"{run}:{seq}" for run, seq in runs.items())


class Hub:
    """Tells all streams when the store has changed."""

    def __init__(self, folds: Folds, lists: Lists, live: Path) -> None:
        self.folds, self.lists, self.live = folds, lists, live
        self.store = folds.store
        self.viewers = 0
        self._news = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._encoded: OrderedDict[tuple[str, int, int], str] = OrderedDict()
        self._over = False

    # -- watching ---------------------------------------------------------------------------------

    def stop(self) -> None:
        """All streams say goodbye; from the server's own thread."""
        self._over = True
        self._news.set()

    async def _watch(self) -> None:
        stamp, told = -1, 0.0
        while self.viewers and not self._over:
            try:
                now = await in_thread(self.store.stamp)
            except AgentkitError:
                now = stamp  # busy or full; the next look tells
            if now != stamp or time.monotonic() - told > SLOW:
                stamp, told = now, time.monotonic()
                news, self._news = self._news, asyncio.Event()
                news.set()
            await asyncio.sleep(POLL)

    # -- one stream -------------------------------------------------------------------------------

    async def messages(self, wanted: Wanted) -> AsyncIterator[str]:
        """What a tab is told, for as long as it listens."""
        self.viewers += 1
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        try:
            async for message in self._messages(wanted):
                yield message
        finally:
            self.viewers -= 1

    async def _messages(self, wanted: Wanted) -> AsyncIterator[str]:
        at, seen = dict(wanted.runs), _Seen()
        beat, fresh = time.monotonic(), True
        yield "retry: 1000\n\n"
        while True:
            news = self._news  # before the look, so that nothing in between is missed
            for message in await in_thread(
                self._look if fresh else self._passing, wanted, at, seen
            ):
                beat = time.monotonic()
                yield message
            if self._over:
                yield _event("bye", {"reason": "the server ends"})
                return
            if time.monotonic() - beat > BEAT:
                beat = time.monotonic()
                yield ": still here\n\n"
            pause = POLL * 2 if at else BEAT  # what passes is not written to the store
            try:
                await asyncio.wait_for(news.wait(), pause)
                fresh = True
            except TimeoutError:
                fresh = False

    def _look(self, wanted: Wanted, at: dict[str, int], seen: _Seen) -> list[str]:
        """The messages that bring a tab up to date; `at` and `seen` move along."""
        made: list[str] = []
        for run in list(at):
            made += self._run(run, at, seen)
        if wanted.list:
            made += self._list(at, seen)
        if wanted.inbox:
            now = dump(self.lists.inbox())
            if now != seen.inbox:
                seen.inbox = now
                made.append(_event("inbox", f'{{"questions":{now}}}', write_cursor(at)))
        return [*made, *self._passing(wanted, at, seen)]

    def _run(self, run: str, at: dict[str, int], seen: _Seen) -> list[str]:
        try:
            row = self.store.get(run)
        except AgentkitError:
            del at[run]
            return [_event("gone", {"run": run}, write_cursor(at))]
        fold = self.folds.get(run)
        now = facts(row)
        upto, made = fold.seq, []
        if at[run] < upto or now != seen.facts.get(run):
            for after, end in chunks(at[run], upto, ROWS):
                last = end >= upto
                text = self._encode(run, after, end)
                if last and now != seen.facts.get(run):
                    text = self._with_facts(text, now)
                at[run] = max(end, at[run])
                made.append(_event("run", text, write_cursor(at)))
            seen.facts[run] = now
        return made

    def _passing(self, wanted: Wanted, at: dict[str, int], seen: _Seen) -> list[str]:
        """What passes in the runs that somebody drives."""
        made = []
        for run in at:
            shown = passing(self.live, run) if seen.facts.get(run, {}).get("driven") else None
            if shown is not None and shown != seen.live.get(run):
                seen.live[run] = shown
                made.append(_event("live", {"run": run, **shown}))
        return made

    def _encode(self, run: str, after: int, upto: int) -> str:
        """A `run` message as JSON, made once for all who are as far. Safe to keep: the values of
        a later moment in it are sent again by the message that they belong to."""
        key = (run, after, upto)
        kept = self._encoded.get(key)
        if kept is None:
            changes, rows = self.folds.get(run).changes(after, upto)
            made = {"run": run, "from": after, "seq": upto, "set": changes, "rows": rows}
            kept = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
            self._encoded[key] = kept
            while len(self._encoded) > KEPT:
                self._encoded.popitem(last=False)
        return kept

    @staticmethod
    def _with_facts(text: str, now: Mapping[str, Any]) -> str:
        made = json.loads(text)
        made["set"].append([["run"], dict(now)])
        return json.dumps(made, ensure_ascii=False, separators=(",", ":"))

    def _list(self, at: Mapping[str, int], seen: _Seen) -> list[str]:
        heads = self.lists.heads()
        now = marks(heads)
        if seen.list is None:
            changed = [h.run for h in heads[:FIRST]]
            gone: list[str] = []
        else:
            changed = [run for run, mark in now.items() if seen.list.get(run) != mark]
            gone = [run for run in seen.list if run not in now]
            if len(heads) >= len(seen.list):
                gone = []  # it is only too old by now
        seen.list = now
        rows = []
        for run in changed:
            try:
                rows.append(self.lists.row(self.store.get(run)))
            except AgentkitError:
                gone.append(run)
        if not rows and not gone:
            return []
        return [_event("runs", {"runs": rows, "gone": gone}, write_cursor(at))]


class _Seen:
    """What a stream has sent of what has no seq."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.live: dict[str, Any] = {}
        self.list: dict[str, tuple[Any, ...]] | None = None
        self.inbox = ""


def _event(kind: str, data: Any, id: str | None = None) -> str:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    mark = "" if id is None else f"id: {id}\n"
    return f"event: {kind}\n{mark}data: {text}\n\n"


class EventStream(Response):
    """Sends messages as they come. A client that does not read is cut."""

    media_type = "text/event-stream"

    def __init__(self, messages: AsyncIterator[str], patience: float = PATIENCE) -> None:
        super().__init__(None, 200, {"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-cache, no-store, no-transform"
        self._messages, self._patience = messages, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.ensure_future(_until_gone(receive))
        sending = asyncio.ensure_future(self._send(send))
        try:
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            gone.cancel()
            sending.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        try:
            async for message in self._messages:
                async with asyncio.timeout(self._patience):
                    await send(
                        {
                            "type": "http.response.body",
                            "body": message.encode(),
                            "more_body": True,
                        }
                    )
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):
            pass  # too slow, or gone; it comes again and says how far it was
        finally:
            close = getattr(self._messages, "aclose", None)
            if close is not None:
                await close()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
