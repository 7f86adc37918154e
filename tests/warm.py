"""New processes that need no import: forks of one that has loaded the libraries and done nothing.

Each has its own folder, environment and exit, as if Python had just been started; what it saves is
the seconds that importing torch, transformers and every plugin takes.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

LIBRARIES = ("torch", "transformers", "langgraph.graph", "agentkit.cli.app", "agentkit.kit")


class Warm:
    """`run` starts a process and waits for its end. Close it afterwards."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def run(
        self, command: Sequence[str], folder: Path, environ: Mapping[str, str], seconds: float = 280
    ) -> tuple[int, str]:
        """The exit status, negative for a signal, and what was written to both streams.

        command: `agentkit …`, `python -c CODE` or `python FILE …`.
        """
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        asked, answers = self._server.stdin, self._server.stdout
        assert asked is not None and answers is not None
        with tempfile.NamedTemporaryFile("r", errors="replace") as said:
            try:
                asked.write(json.dumps([list(command), str(folder), dict(environ), said.name]))
                asked.write("\n")
                asked.flush()
                if not select.select([answers], [], [], seconds)[0]:
                    raise AssertionError(f"not done in {seconds:g} s: {command}\n{said.read()}")
                return int(answers.readline()), said.read()
            except BaseException:  # what it answers later is no answer to what is asked next
                self.close()
                raise

    def close(self) -> None:
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.communicate()
            self._server = None


def serve() -> None:
    """Forks for every line that is asked, and tells how the new process ended."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # what is loaded stays shared memory
    for line in sys.stdin:
        command, folder, environ, said = json.loads(line)
        if not (child := os.fork()):
            os._exit(ended(command, folder, environ, said))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


def ended(command: list[str], folder: str, environ: dict[str, str], said: str) -> int:
    """Does what Python does from its start to its end, but for taking every module apart."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    out, nothing = os.open(said, os.O_WRONLY), os.open(os.devnull, os.O_RDONLY)
    for stream, file in ((0, nothing), (1, out), (2, out)):
        os.dup2(file, stream)
    try:
        begin(command)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def begin(command: list[str]) -> None:
    sys.argv = command
    if command[0] == "agentkit":
        from agentkit.cli import main

        sys.path[0] = str(Path(sys.executable).parent)
        main()
    elif command[1] == "-c":
        sys.path[0], sys.argv = "", command[1:]
        exec(compile(command[2], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.path[0], sys.argv = str(Path(command[1]).parent), command[1:]
        runpy.run_path(command[1], run_name="__main__")


if __name__ == "__main__":
    serve()
