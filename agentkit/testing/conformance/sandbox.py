"""SA: sandboxes. Everything is tried with Python, which every sandbox has to run."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from agentkit.capabilities import Execution, Limits
from agentkit.errors import AgentkitError
from agentkit.testing.conformance.base import Conformance


class SandboxConformance(Conformance):
    """Give `toml` or `make()`. python: how Python is called inside."""

    noun = "sandbox"
    python: ClassVar[Sequence[str]] = ("python3",)

    def run(self, code: str, **settings: Any) -> Execution:
        done: Execution = self.part.run([*self.python, "-c", code], **settings)
        return done

    def test_sa01_output_and_exit_status(self) -> None:
        """stdout, stderr and the exit status are told apart; time was taken."""
        done = self.run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
        assert (done.exit, done.stdout.strip(), done.stderr.strip()) == (3, "out", "err")
        assert done.seconds > 0 and not done.stopped
        assert self.run("pass").exit == 0

    def test_sa02_files_go_in_and_come_out(self) -> None:
        """Given files lie in the working folder; changed and new ones are in the result."""
        code = (
            "import pathlib; p = pathlib.Path('in/a.txt'); t = p.read_text();"
            "p.write_text(t.upper()); pathlib.Path('new.bin').write_bytes(bytes(range(5)))"
        )
        done = self.run(code, files={"in/a.txt": "grüße".encode()})
        assert done.exit == 0, done.stderr
        assert done.files["in/a.txt"] == "GRÜSSE".encode()
        assert done.files["new.bin"] == bytes(range(5))

    def test_sa03_every_run_is_fresh(self) -> None:
        """Nothing of one run is there in the next."""
        self.run("open('left.txt', 'w').write('x')")
        assert self.run("import os; print(os.listdir('.'))").stdout.strip() == "[]"

    def test_sa04_time_runs_out(self) -> None:
        """Stopped by "seconds", without exit status, with what was printed so far; children die
        too."""
        code = (
            "import subprocess, sys, time; print('begun', flush=True);"
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
            "time.sleep(60)"
        )
        done = self.run(code, limits=Limits(seconds=1.0))
        assert done.exit is None and done.stopped == "seconds", done
        assert "begun" in done.stdout and done.seconds < 20

    def test_sa05_output_is_bounded(self) -> None:
        """A flood is cut at the limit; the host keeps no more than that."""
        done = self.run("print('x' * 3_000_000)", limits=Limits(output=10_000))
        assert len(done.stdout) <= 10_000 and done.stopped in ("", "output")
        assert len(done.stdout) > 1000

    def test_sa06_memory_is_bounded(self) -> None:
        """Asking for more than the limit fails inside and harms nobody outside."""
        done = self.run("x = bytearray(800 << 20); print(len(x))", limits=Limits(memory=256 << 20))
        assert done.exit != 0 and "838860800" not in done.stdout

    def test_sa07_no_network_unless_allowed(self) -> None:
        """A listener on this machine is not reached."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)"
            done = self.run(code)
            assert done.exit != 0, "the network was reached"

    def test_sa08_the_host_cannot_be_written(self) -> None:
        """A file outside the sandbox's folder is not made, and none that is there is changed."""
        with tempfile.TemporaryDirectory() as folder:
            kept, made = Path(folder) / "kept.txt", Path(folder) / "made.txt"
            kept.write_text("mine")
            kept.chmod(0o666)
            os.chmod(folder, 0o777)
            for path in (kept, made):
                self.run(f"open({str(path)!r}, 'w').write('theirs')")
            assert kept.read_text() == "mine", "a file of the host was overwritten"
            assert not made.exists(), "a file was made on the host"

    def test_sa09_secrets_stay_outside(self) -> None:
        """The host's environment variables are not handed in."""
        name = "AGENTKIT_TEST_SECRET"
        os.environ[name] = "hunter2"
        try:
            done = self.run("import os; print(dict(os.environ))")
        finally:
            del os.environ[name]
        assert done.exit == 0 and "hunter2" not in done.stdout

    def test_sa10_standard_input(self) -> None:
        """stdin is what was given, and ends."""
        done = self.run("import sys; print(sys.stdin.read()[::-1])", stdin=b"abc")
        assert done.stdout.strip() == "cba"

    def test_sa11_what_is_not_there_is_said(self) -> None:
        """A command that does not exist is an error or a failed execution that names it, and files
        that would leave the folder are refused."""
        try:
            done = self.part.run(["no-such-command-here"])
            assert done.exit != 0 and "no-such-command-here" in done.stderr
        except AgentkitError as error:
            assert "no-such-command-here" in str(error)
        for name in ("../out.txt", "/tmp/out.txt"):
            try:
                self.run("pass", files={name: b"x"})
            except (AgentkitError, ValueError):
                continue
            raise AssertionError(f"a file was put at {name}")
