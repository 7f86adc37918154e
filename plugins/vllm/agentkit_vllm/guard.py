"""Runs a command as long as whoever started this is alive. Standard library only.

    python guard.py SECONDS COMMAND…

Standard input is a pipe whose other end the parent holds: it closes when the parent closes it or is
killed, however that happens. The command is then told to stop, and killed after so many seconds. A
server that holds a GPU must not outlive the program that needs it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main(seconds: float, command: list[str]) -> int:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def watch() -> None:
        while sys.stdin.buffer.read(1):
            pass
        stop()

    def stop(*_: object) -> None:
        _signal(process, signal.SIGTERM)
        threading.Timer(seconds, _signal, (process, signal.SIGKILL)).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent decides
    threading.Thread(target=watch, daemon=True).start()
    code = process.wait()
    _signal(process, signal.SIGKILL)  # children that it left behind
    os._exit(code if code >= 0 else 128 - code)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the command and its own children."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
