"""Blocking work below an event loop: so many pieces at once, so many waiting, the rest refused."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from agentkit.capabilities import Cancel, Delta, OnDelta
from agentkit.errors import AgentkitError

Work = Callable[[OnDelta, Cancel], Any]
LONGEST_PAUSE = 30  # seconds that a refused client is asked to wait at most


class TooBusy(AgentkitError):
    """More work than may wait. pause: whole seconds after which to try again."""

    code = "busy"

    def __init__(self, waiting: int, pause: int) -> None:
        super().__init__(
            f"{waiting} requests are in line already", f"try again in {pause} s", pause=pause
        )
        self.pause = pause


class Stopping(AgentkitError):
    """The server is on its way down."""

    code = "stopping"


class Job:
    """One piece of work. Belongs to the event loop; only the work itself runs in a thread."""

    def __init__(self) -> None:
        self.cancel = Cancel()
        self._loop = asyncio.get_running_loop()
        self._result: asyncio.Future[Any] = self._loop.create_future()
        self._deltas: deque[Delta] = deque()
        self._news = asyncio.Event()
        self._ringing = False

    async def delta(self, timeout: float) -> Delta | None:
        """What the work tells next; None when it is over, whatever came of it. Pieces that came
        meanwhile are one: who reads slowly gets fewer and longer ones.

        Raises:
            TimeoutError: it told nothing for so many seconds.
        """
        while not self._deltas:
            if self._result.done():
                return None
            self._news.clear()
            self._ringing = False
            if not self._deltas:  # nothing came before the bell was ready
                async with asyncio.timeout(timeout):
                    await self._news.wait()
        delta = self._deltas.popleft()
        texts = [delta.text]
        while self._deltas and _alike(self._deltas[0], delta):
            texts.append(self._deltas.popleft().text)
        return replace(delta, text="".join(texts))

    async def result(self) -> Any:
        """What the work gives, or its error raised."""
        return await asyncio.shield(self._result)

    def run(self, work: Work) -> None:
        """In the thread: does the work."""
        try:
            made, error = work(self._told, self.cancel), None
        except BaseException as caught:  # whatever it is, its client must hear of it
            made, error = None, caught
        self._tell(self.end, made, error)

    def _told(self, delta: Delta) -> None:
        self._deltas.append(delta)
        if not self._ringing:  # one bell for all that comes before it is heard
            self._ringing = True
            self._tell(self._news.set)

    def _tell(self, what: Callable[..., object], *values: object) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *values)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self.cancel.set()

    def end(self, made: Any, error: BaseException | None) -> None:
        """In the loop: the work is over; later words on it are ignored."""
        if self._result.done():
            return
        if error is None:
            self._result.set_result(made)
        else:
            known = isinstance(error, Exception)
            told = error if known else RuntimeError(f"{type(error).__name__}: {error}")
            self._result.set_exception(told)
            self._result.exception()  # a client that left asks for it no more
        self._news.set()


def _alike(one: Delta, other: Delta) -> bool:
    return (one.index, one.reasoning) == (other.index, other.reasoning)


class Workers:
    """Threads for jobs.

    Args:
        at_once: jobs that run side by side. Models put those into one batch.
        waiting: jobs in line behind them.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="agentkit-serve")
        self._at_once, self._most = at_once, at_once + waiting
        self._jobs: set[Job] = set()
        self._seconds = 1.0  # that a job takes, lately
        self._stopping = False

    @property
    def running(self) -> int:
        return min(len(self._jobs), self._at_once)

    @property
    def waiting(self) -> int:
        return max(0, len(self._jobs) - self._at_once)

    def start(self, work: Work) -> Job:
        """Begins a job, or puts it in line.

        Raises:
            TooBusy: the line is full.
            Stopping: nothing is begun any more.
        """
        if self._stopping:
            raise Stopping("the server is stopping", "try again when it is back")
        if len(self._jobs) >= self._most:
            turns = len(self._jobs) / self._at_once
            pause = max(1, min(LONGEST_PAUSE, round(turns * self._seconds)))
            raise TooBusy(self.waiting, pause)
        job = Job()
        self._jobs.add(job)
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, self._timed, job, work)
        future.add_done_callback(lambda done: self._ended(job, done))
        return job

    def _timed(self, job: Job, work: Work) -> float:
        """Runs a job in its thread; gives the seconds that it took."""
        began = time.monotonic()
        if not job.cancel:  # its client may have left while it waited
            job.run(work)
        return time.monotonic() - began

    def _ended(self, job: Job, done: asyncio.Future[float]) -> None:
        self._jobs.discard(job)
        job.end(None, Stopping("the request was given up", "try again"))  # where it never ran
        if not done.cancelled() and done.exception() is None and not job.cancel:
            self._seconds += 0.2 * (done.result() - self._seconds)

    def refuse(self) -> None:
        """From now on nothing new is begun."""
        self._stopping = True

    def close(self) -> None:
        """Cancels what still runs, and waits for it."""
        self.refuse()
        for job in self._jobs:
            job.cancel.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
