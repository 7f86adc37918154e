"""Programs that mean harm. Each is also run by a user who is not root, where the tests are."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit
from agentkit.capabilities import Execution, Limits
from agentkit.errors import BackendUnavailable, ConfigError, UsageError
from agentkit_sandbox import bubblewrap, folder
from agentkit_sandbox.bubblewrap import Bubblewrap

pytestmark = pytest.mark.slow

MARK = "agentkit-hostile-mark"


@pytest.fixture(scope="module")
def box() -> Iterator[Bubblewrap]:
    with agentkit.load(environ={}) as kit:
        made = kit.part("sandbox", "sandbox")
        assert isinstance(made, Bubblewrap)
        yield made


def python(box: Bubblewrap, code: str, *words: str, **limits: Any) -> Execution:
    asked = Limits(**{"seconds": 90.0, **limits})  # a busy machine is slow
    return box.run(["/usr/bin/python3", "-c", code, *words], limits=asked)


def marked() -> int:
    """Processes on this machine whose command line holds the mark."""
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found += MARK.encode() in (entry / "cmdline").read_bytes()
            except OSError:
                continue
    return found


def gone() -> bool:
    return not any(marked() and time.sleep(0.1) is None for _ in range(50)) or not marked()


def fork_bomb(box: Bubblewrap) -> None:
    """It cannot have more than its processes, and all die with it."""
    code = (
        "import os, sys, time\nn = 0\ntry:\n  while True:\n    if os.fork() == 0: time.sleep(60)\n"
        "    n += 1\nexcept OSError:\n  print(n, flush=True)\ntime.sleep(60)"
    )
    done = python(box, code, MARK, seconds=5.0, processes=20)
    assert done.stopped == "seconds" and 5 < int(done.stdout) <= 20
    assert gone()
    box.run(["/usr/bin/bash", "-c", ":(){ :|:& };:; sleep 60", MARK], limits=Limits(seconds=1.0))
    assert gone() and box.run(["/usr/bin/true"]).exit == 0


def ten_gigabytes(box: Bubblewrap) -> None:
    """In one piece, in many processes, in files that are memory."""
    assert python(box, "x = bytearray(10 << 30); print('had')").stdout == ""
    code = (
        "import os, time\nfor _ in range(8):\n  if os.fork() == 0:\n    x = bytearray(100 << 20)\n"
        "    time.sleep(60)\ntime.sleep(60)"
    )
    assert python(box, code, memory=256 << 20).stopped == "memory"
    for path in ("/dev/shm/x", "/tmp/x"):
        code = f"f = open({path!r}, 'wb')\nfor _ in range(1000): f.write(bytes(1 << 20))"
        done = python(box, code, disk=8 << 20)
        assert done.exit not in (0, None) or done.stopped


def full_disk(box: Bubblewrap) -> None:
    """One large file, many files of allowed size, a hundred thousand empty ones."""
    code = "f = open('x', 'wb')\nfor _ in range(1000): f.write(bytes(1 << 20)); f.flush()"
    done = python(box, code, disk=8 << 20)
    assert (done.exit != 0 or done.stopped == "disk") and not done.files.get("x", b"")[9 << 20 :]
    code = "for n in range(400): open(str(n), 'wb').write(bytes(4 << 20))"
    assert python(box, code, disk=8 << 20).stopped == "disk"
    code = "for n in range(100_000): open(str(n), 'wb').close()"
    assert python(box, code).stopped == "disk"
    code = "import os\nos.truncate(os.open('sparse', os.O_CREAT | os.O_RDWR), 1 << 40)"
    assert python(box, code).exit != 0


def the_home(box: Bubblewrap) -> None:
    """Nothing of the user's files, environment, processes or account is there."""
    with tempfile.NamedTemporaryFile("w") as secret:
        secret.write("hunter2")
        secret.flush()
        os.chmod(secret.name, 0o644)
        for path in (secret.name, "/etc/passwd", "/etc/shadow", os.path.expanduser("~"), "/home",
                     "/root", "/var", "/proc/1/root" "/etc/passwd", "/sys/kernel"):  # fmt: skip
            done = python(box, f"import os\nprint(os.listdir({path!r}) if os.path.isdir({path!r}) "
                               f"else open({path!r}).read())")  # fmt: skip
            assert done.exit != 0 and not done.stdout, f"{path} could be read: {done.stdout[:80]}"
    code = (
        "import os\nnames = [n for n in os.listdir('/proc') if n.isdigit()]\n"
        "for n in names:\n  try: print(open(f'/proc/{n}/environ').read())\n  except OSError: pass\n"
        "print(len(names), os.getuid(), sorted(os.environ))"
    )
    done = python(box, code)
    count, user, names = done.stdout.splitlines()[-1].split(" ", 2)
    assert int(count) <= 3 and int(user) == 1000 and names == "['HOME', 'LANG', 'PATH', 'PWD']"
    assert "PYTEST" not in done.stdout


def the_network(box: Bubblewrap) -> None:
    """Neither this machine's listeners, nor its abstract sockets, nor an address outside."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as hidden:
        hidden.bind("\0agentkit-hostile")
        hidden.listen()
        port = server.getsockname()[1]
        for code in (
            f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
            "import socket; socket.socket(socket.AF_UNIX).connect('\\0agentkit-hostile')",
            "import socket; socket.create_connection(('192.0.2.1', 80), 2)",
        ):
            assert python(box, code).exit != 0
        open_ = python(box, f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
                       network=True)  # fmt: skip
        assert open_.exit == 0, open_.stderr


def writes_outside(box: Bubblewrap) -> None:
    """Neither the root, nor /usr, /dev, /etc, /proc's switches can be written."""
    for path in ("/x", "/usr/x", "/usr/bin/python3", "/dev/x", "/etc/x", "/bin/sh",
                 "/proc/sys/kernel/hostname", "/proc/sysrq-trigger"):  # fmt: skip
        done = python(box, f"open({path!r}, 'w').write('x')")
        assert done.exit != 0, f"{path} could be written"


def more_rights(box: Bubblewrap) -> None:
    """No capability, no way to one, no namespaces of its own, no other user."""
    code = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "lines = list(open('/proc/self/status'))\n"
        "print(*[l.split()[1] for l in lines if l.startswith(('Cap', 'NoNew'))])\n"
        "print(libc.unshare(0x10000000), libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))\n"
        "try: os.setuid(0)\nexcept OSError: print('no root')\n"
        "import signal\nos.kill(1, signal.SIGKILL)\nprint('alive')"
    )
    done = python(box, code)
    caps, calls, root, alive = done.stdout.splitlines()
    *sets, no_new = caps.split()
    assert set(sets) == {"0" * 16} and no_new == "1"
    assert (calls, root, alive) == ("-1 -1", "no root", "alive")


def endless_output(box: Bubblewrap) -> None:
    """On either stream; what is kept is the limit."""
    for stream in ("stdout", "stderr"):
        code = f"import sys\nwhile True: sys.{stream}.write('x' * 65536)"
        done = python(box, code, output=100_000)
        assert done.stopped == "output" and done.exit is None
        assert len(getattr(done, stream)) == 100_000


def links_that_leave(box: Bubblewrap) -> None:
    """Links, pipes and devices among the results are not followed; odd names come out whole."""
    with tempfile.NamedTemporaryFile("w") as secret:
        secret.write("hunter2")
        secret.flush()
        os.chmod(secret.name, 0o644)
        code = (
            f"import os\nos.symlink({secret.name!r}, 'link')\nos.symlink('/', 'root')\n"
            "os.symlink('link', 'again')\nos.mkfifo('pipe')\nos.mkdir('shut')\n"
            "open('shut/in.txt', 'w').write('x')\nos.chmod('shut/in.txt', 0)\nos.chmod('shut', 0)\n"
            "open(os.fsdecode(b'odd\\xff'), 'w').write('y')"
        )
        done = python(box, code)
        assert done.exit == 0, done.stderr
        assert done.files == {"shut/in.txt": b"x", os.fsdecode(b"odd\xff"): b"y"}


def stays_behind(box: Bubblewrap) -> None:
    """A program that forks away, ignores signals and leaves its session dies at the end, too."""
    code = (
        "import os, signal, sys, time\n"
        "for s in range(1, 32):\n  try: signal.signal(s, signal.SIG_IGN)\n  except OSError: pass\n"
        "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    time.sleep(60)\n"
        "    os._exit(0)\n  os._exit(0)\n"
    )
    done = python(box, code, MARK)
    assert done.exit == 0
    assert gone()


PROGRAMS: list[Callable[[Bubblewrap], None]] = [
    fork_bomb,
    ten_gigabytes,
    full_disk,
    the_home,
    the_network,
    writes_outside,
    more_rights,
    endless_output,
    links_that_leave,
    stays_behind,
]


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_it_does_no_harm(box: Bubblewrap, program: Callable[[Bubblewrap], None]) -> None:
    program(box)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="then the tests above are run by such a user")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_nor_when_nobody_runs_it(box: Bubblewrap, program: Callable[[Bubblewrap], None]) -> None:
    """In a forked child that has given root up for good."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            program(box)
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_where_namespaces_cannot_be_made_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that refuses, played by bwrap's own message: nothing is ever run without."""
    refuses = [
        "/usr/bin/sh",
        "-c",
        "echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
    ]
    monkeypatch.setattr(bubblewrap, "wrapped", lambda *_: refuses)
    with agentkit.load(environ={}) as kit, pytest.raises(BackendUnavailable) as caught:
        kit.part("sandbox", "sandbox")
    assert "No permissions to create" in str(caught.value) and "user namespaces" in str(
        caught.value
    )
    monkeypatch.setattr(bubblewrap, "PATH", "/nowhere")
    with agentkit.load(environ={}) as kit, pytest.raises(BackendUnavailable, match="apt-get"):
        kit.part("sandbox", "sandbox")


@pytest.mark.parametrize("visible", ["relative", "/a/../etc", "/"])
def test_settings_that_would_show_too_much(visible: str) -> None:
    with agentkit.load(environ={}) as kit, pytest.raises(ConfigError, match="visible"):
        kit.define("sandbox", "part", use="bubblewrap", visible=[visible])
        kit.part("sandbox", "part")


def test_visible_folders_can_be_read_and_not_written(tmp_path: Path) -> None:
    shown = tempfile.mkdtemp()
    os.chmod(shown, 0o755)
    Path(shown, "data.txt").write_text("seen")
    with agentkit.load(environ={}) as kit:
        kit.define("sandbox", "part", use="bubblewrap", visible=[shown])
        part = kit.part("sandbox", "part")
        done = part.run(["/usr/bin/sh", "-c", f"cat {shown}/data.txt; touch {shown}/x"])
        assert done.stdout == "seen" and done.exit != 0 and os.listdir(shown) == ["data.txt"]
        kit.define("sandbox", "none", use="bubblewrap", visible=["/no/such"])
        with pytest.raises(UsageError, match="/no/such"):
            kit.part("sandbox", "none")
    subprocess.run(["rm", "-r", shown], check=True)


@pytest.mark.parametrize("name", ["../x", "/x", "", ".", "a/../../x", "a\0b"])
def test_names_that_leave_the_folder(box: Bubblewrap, name: str) -> None:
    with pytest.raises(UsageError, match="folder"):
        box.run(["/usr/bin/true"], files={name: b""})
    with pytest.raises(UsageError, match="command"):
        box.run([])


def test_threads_do_not_meet(box: Bubblewrap) -> None:
    found: dict[int, str] = {}

    def work(n: int) -> None:
        done = box.run(["/usr/bin/sh", "-c", "cat; cat in"], files={"in": b"%d" % n}, stdin=b"s")
        found[n] = done.stdout

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: f"s{n}" for n in range(8)}


def test_nothing_is_left_on_the_machine(box: Bubblewrap) -> None:
    before = {p.name for p in Path(tempfile.gettempdir()).glob("agentkit-sandbox-*")}
    python(box, "import os; os.mkdir('a'); open('a/b', 'w').close(); os.chmod('a', 0)")
    after = {p.name for p in Path(tempfile.gettempdir()).glob("agentkit-sandbox-*")}
    assert after <= before
    assert folder.MOST >= 1000
