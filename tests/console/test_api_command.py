"""`agentkit console` itself: offered at the end of something else, started, stopped."""

from __future__ import annotations

import http.client
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.serving import SETTINGS, serve, stop, stop_runs

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "agentkit", "console", "--ask", "--port", "0"]


def environment(folder: Path) -> dict[str, str]:
    (folder / "agentkit.toml").write_text(SETTINGS.format(folder=folder))
    return {**os.environ, "AGENTKIT_DATA": str(folder / "data")}


def _wait_until_served(port: int) -> None:
    """Until it answers, and so hears a Ctrl-C as it should."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("GET", "/")
    assert line.getresponse().status == 200
    line.close()


def test_an_offer_ends_by_itself_where_nobody_can_be_asked(tmp_path: Path) -> None:
    env = environment(tmp_path)
    done = subprocess.run(
        COMMAND, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(("typed", "opens"), [(b"\n", False), (b"n\n", False), (b"y\n", True)])
def test_an_offer_asks_at_a_terminal(tmp_path: Path, typed: bytes, opens: bool) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        COMMAND, cwd=tmp_path, env=environment(tmp_path), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        os.write(ours, typed)
        said = b""
        while b"#token=" not in said:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how a pseudo terminal says that the other side is gone
                break
            if not piece:
                break
            said += piece
        assert b"Open the console" in said and (b"#token=" in said) == opens
        if opens:
            _wait_until_served(int(said.split(b"127.0.0.1:")[1].split(b"/")[0]))
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.slow
def test_runs_outlive_the_server(tmp_path: Path) -> None:
    """Stopped in the midst of a run, started again: the run went on, or waits where it was."""
    first = serve(tmp_path)
    try:
        mine = first.enter()
        run = mine.start(settings={"approve": True})
        state = mine.until(run, lambda s: s["run"]["status"] == "waiting")
        stop(first, signal.SIGKILL)
        second = serve(tmp_path)
        try:
            mine = second.enter()
            again = mine.state(run)
            assert {**again, "run": 0} == {**state, "run": 0}  # who drives it is no event
            assert again["run"]["status"] == "waiting"
            mine.command(run, "plan.approve")
            state = mine.ended(run)
            assert {t["status"] for t in state["tasks"].values()} == {"done"}
        finally:
            stop(second)
    finally:
        stop_runs(tmp_path)
