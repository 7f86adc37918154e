"""RouteLLM's own program (routellm 0.2.0, Apache-2.0), in an environment of its own: it asks for
another release of half of what we stand on. Nothing of it is imported here.

It asks OpenAI for the embeddings of all queries, under a name that is fixed in its code. That name
is given to a local encoder here, and `agentkit serve` answers in OpenAI's place.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Any

from agentkit.capabilities import Cancel
from agentkit.errors import Cancelled, UsageError
from agentkit.files import write_atomic
from agentkit_lookahead.rows import Table

VERSION = "0.2.0"
WORKER = Path(__file__).with_name("routellm_worker.py")
HINT = (
    f"python -m venv routellm && routellm/bin/pip install routellm=={VERSION}, "
    "then --set routellm=routellm/bin/python"
)
EMBEDDER = "text-embedding-3-small"  # the name in RouteLLM's code
SERVED = f'[models.{EMBEDDER}]\nuse = "embedder"\nmodel = "minilm"\n'
STARTS = 180.0  # seconds until the server must listen
# Of our own interpreter; they would lead the other one to our packages.
OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP")


def exchange(train: Table, tests: Sequence[str], pair: Sequence[str]) -> dict[str, Any]:
    """What RouteLLM learns from and judges: every two candidates' scores on a training row are a
    battle, as in its Arena data.

    Returns: {models, pair: [strong, weak], texts: training texts, then test texts, train: how many
    are for training, battles: [{model_a, model_b, winner: "model_a" | "model_b" | "tie", idx: of
    the text}]}.
    """
    battles = []
    for number, scores in enumerate(train.scores.tolist()):
        for a, b in combinations(range(len(scores)), 2):
            gap = scores[a] - scores[b]
            winner = "model_a" if gap > 0 else "model_b" if gap < 0 else "tie"
            names = {"model_a": train.candidates[a], "model_b": train.candidates[b]}
            battles.append({**names, "winner": winner, "idx": number})
    return {
        "models": list(train.candidates),
        "pair": list(pair),
        "texts": [*train.texts, *tests],
        "train": len(train.rows),
        "battles": battles,
    }


class RouteLLM:
    """The program at work. Both processes start with the first job, and end with the block.

    folder: its own, kept for as long as work may have to go on; vectors that were made stay there.
    tell: is given (done, of) of the job at hand.
    """

    def __init__(
        self,
        python: Path,
        folder: Path,
        data: Mapping[str, Any],
        cancel: Cancel,
        tell: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        # Not the link's target: a virtual environment is known by the link.
        self._python = python.expanduser().absolute()
        self._folder, self._data, self._cancel, self._tell = folder, data, cancel, tell
        self._processes: list[subprocess.Popen[str]] = []
        self._lines: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> RouteLLM:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in filter(None, (process.stdin, process.stdout)):
                with suppress(BrokenPipeError):  # a job that it did not live to read
                    stream.close()

    def ask(self, job: Mapping[str, Any]) -> Any:
        """The result of one job: {"do": "embed" | "mf" | "sw_ranking", …}.

        Raises:
            UsageError: that Python is not there, has no `routellm`, or the job failed.
            Cancelled: somebody asked to stop.
        """
        if self._cancel:
            raise Cancelled
        if not self._processes:
            self._start()
        worker = self._processes[-1]
        assert worker.stdin
        try:
            worker.stdin.write(json.dumps(job) + "\n")
            worker.stdin.flush()
        except OSError as error:
            raise self._failed(str(error)) from error
        return self._result()

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self._folder / "agentkit.toml", SERVED)
        write_atomic(self._folder / "exchange.json", json.dumps(self._data))
        plain = {k: v for k, v in os.environ.items() if k not in OURS}
        token = secrets.token_urlsafe(24)
        url = self._serve(token)
        own = {
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": token,
            "NO_PROXY": "127.0.0.1",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(self._folder / "hub"),
        }
        with (self._folder / "routellm.log").open("w") as log:
            try:
                worker = subprocess.Popen(
                    [str(self._python), "-I", str(WORKER), str(self._folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env={**plain, **own},
                    text=True,
                    start_new_session=True,  # Ctrl-C in a terminal is ours to judge
                )
            except OSError as error:
                raise UsageError(f"{self._python} does not start: {error}", HINT) from error
        self._processes.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        if (found := self._result()) != VERSION:
            raise self._failed(f"it has routellm {found}, not {VERSION}")

    def _serve(self, token: str) -> str:
        path = self._folder / "serve.log"
        with path.open("w") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "agentkit", "serve", EMBEDDER, "--port", "0"],
                cwd=self._folder,
                stderr=log,
                env={**os.environ, "AGENTKIT_TOKEN": token},
                text=True,
                start_new_session=True,
            )
        self._processes.append(server)
        until = time.monotonic() + STARTS
        while time.monotonic() < until and server.poll() is None:
            if self._cancel:
                raise Cancelled
            for line in path.read_text().splitlines():
                if line.startswith("http") and " serves " in line:
                    return line.split()[0].removesuffix("/v1")
            time.sleep(0.1)
        said = path.read_text().strip().splitlines()
        raise UsageError(
            f"`agentkit serve` gives no embeddings: {said[-1] if said else 'it said nothing'}",
            "agentkit models get minilm",
        )

    def _listen(self, worker: subprocess.Popen[str]) -> None:
        assert worker.stdout
        for line in worker.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _result(self) -> Any:
        while True:
            if self._cancel:
                raise Cancelled
            try:
                line = self._lines.get(timeout=0.5)
            except queue.Empty:
                continue
            if line is None:
                raise self._failed("it ended")
            try:
                found = json.loads(line)
            except ValueError as error:
                raise self._failed(f"it said {line[:80]!r}") from error
            if "result" in found:
                return found["result"]
            if "error" in found:
                raise self._failed(found["error"])
            self._tell(found["done"], found["of"])

    def _failed(self, why: str) -> UsageError:
        log = self._folder / "routellm.log"
        return UsageError(f"{self._python} cannot run RouteLLM: {why} (log: {log})", HINT)
