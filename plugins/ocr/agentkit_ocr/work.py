"""Many pages at once, in processes of their own, with results kept from one call to the next."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agentkit.capabilities import Progress
from agentkit.errors import AgentkitError, BackendUnavailable, Cancelled, error_from
from agentkit.files import cache_dir, sha256, write_atomic
from agentkit_ocr.document import Document, Page
from agentkit_ocr.files import Outline
from agentkit_ocr.reading import Options

VERSION = 1  # of what is kept: another number reads all anew


@dataclass(frozen=True, slots=True)
class Work:
    """How files are read. recipe: of the perception, from which each process makes its own. jobs:
    processes. seconds: for one page. dpi: of PDF pages. text_layer: "auto", "never", "only"."""

    recipe: Mapping[str, Any]
    jobs: int = 1
    seconds: float = 300.0
    dpi: int = 200
    text_layer: str = "auto"
    options: Options = field(default_factory=Options)

    @property
    def start(self) -> dict[str, Any]:
        """What a process is told first, and what decides whether kept pages may be used."""
        return {
            "recipe": dict(self.recipe),
            "dpi": self.dpi,
            "text_layer": self.text_layer,
            "options": asdict(self.options),
        }


@dataclass(slots=True)
class Task:
    """A file, the pages of it that are wanted, and where its pages are kept."""

    file: Outline
    pages: Sequence[int]
    password: str = field(default="", repr=False)
    folder: Path = Path()

    def out(self, page: int) -> Path:
        return self.folder / f"{page:06}.json"

    def kept(self, page: int) -> Page | None:
        """A page that was read in an earlier call; one that failed is read again."""
        try:
            found = Page.from_json(json.loads(self.out(page).read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None if found.error else found


def read(tasks: Sequence[Task], work: Work, progress: Progress) -> list[Document]:
    """Reads files. What is done is kept on disk page by page: after an interruption the same call
    goes on from there. `forget` the tasks when their results are safe.

    Raises:
        Cancelled: somebody asked to stop.
        AgentkitError: the perception cannot be made at all.
    """
    todo: queue.Queue[tuple[Task, int]] = queue.Queue()
    done = 0
    for task in tasks:
        task.folder = _folder(task, work)
        for page in task.pages:
            if task.kept(page) is None:
                todo.put((task, page))
            else:
                done += 1
    total = done + todo.qsize()
    progress.update(done, total)
    if todo.qsize():
        _all(todo, work, progress, done, total)
    if progress.cancel:
        raise Cancelled
    return [_document(task) for task in tasks]


def forget(tasks: Sequence[Task]) -> None:
    """Removes what was kept of files that were read whole; of others it stays for another try."""
    for task in tasks:
        if all(task.kept(page) is not None for page in task.pages):
            shutil.rmtree(task.folder, ignore_errors=True)


def _folder(task: Task, work: Work) -> Path:
    made = {**work.start, "version": VERSION, "file": sha256(task.file.path)}
    key = hashlib.sha256(json.dumps(made, sort_keys=True, default=str).encode()).hexdigest()
    folder = cache_dir() / "ocr" / "pages" / key[:32]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _document(task: Task) -> Document:
    pages = []
    for number in task.pages:
        try:
            pages.append(Page.from_json(json.loads(task.out(number).read_text())))
        except (OSError, ValueError, KeyError, TypeError) as error:
            pages.append(Page(number, 0, 0, error=f"its result is lost: {error}"))
    return Document(task.file.path.name, tuple(pages), task.file.notes)


def _all(
    todo: queue.Queue[tuple[Task, int]], work: Work, progress: Progress, done: int, total: int
) -> None:
    """One thread for each process; they share what is to do."""
    lock = threading.Lock()
    fatal: list[AgentkitError] = []

    def loop() -> None:
        nonlocal done
        process: _Process | None = None
        try:
            while not progress.cancel and not fatal:
                try:
                    task, page = todo.get_nowait()
                except queue.Empty:
                    return
                process = process if process and process.alive else _Process(work)
                try:
                    process.read(task, page)
                except _Died as died:
                    process.close()
                    lost = Page(page, 0, 0, error=str(died))
                    write_atomic(task.out(page), json.dumps(lost.to_json()))
                with lock:
                    done += 1
                    progress.update(done, total)
        except AgentkitError as error:
            fatal.append(error)
        except Exception as error:
            fatal.append(BackendUnavailable(f"a reading process failed: {error}"))
        finally:
            if process is not None:
                process.close()

    threads = [
        threading.Thread(target=loop, name=f"ocr-{n}", daemon=True)
        for n in range(max(1, min(work.jobs, todo.qsize())))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():  # in pieces, so that Ctrl-C is heard
            thread.join(0.2)
    if fatal:
        raise fatal[0]


class _Died(Exception):
    """A process ended, or took too long, with a page in its hands."""


class _Process:
    def __init__(self, work: Work) -> None:
        self._seconds = work.seconds
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (see close)
        threads = max(1, (os.cpu_count() or 1) // max(1, work.jobs))
        self._process = subprocess.Popen(
            # -P: nothing is imported from the folder that one works in.
            [sys.executable, "-P", "-m", "agentkit_ocr.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={"OMP_NUM_THREADS": str(threads), **os.environ},
            start_new_session=True,  # Ctrl-C is for the parent, which tells it to end
        )
        self._send(work.start)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def read(self, task: Task, page: int) -> None:
        """Raises:
        _Died: see there.
        AgentkitError: the perception cannot be made.
        """
        self._send(
            {
                "path": str(task.file.path.resolve()),
                "page": page,
                "out": str(task.out(page)),
                "password": task.password,
            }
        )
        reply = json.loads(self._line())
        if "fatal" in reply:
            raise error_from(reply["fatal"])

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise _Died(self._end()) from None

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(self._seconds):
                self._process.kill()
                raise _Died(f"it took more than {self._seconds:.0f} seconds")
        line = self._process.stdout.readline()
        if not line:
            raise _Died(self._end())
        return line

    def _end(self) -> str:
        """How it ended, with the last line that it said."""
        code = self._process.wait(10)
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 2000))
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        how = f"was killed (signal {-code})" if code < 0 else f"ended with status {code}"
        return f"the reading process {how}" + (f": {lines[-1][:160]}" if lines and code > 0 else "")

    def close(self) -> None:
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:
                pass
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()
