"""A sandbox of Linux namespaces, made with the tools of util-linux."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentkit.capabilities import Execution, Limits
from agentkit.errors import BackendUnavailable, UsageError
from agentkit.kit import Parts
from agentkit.settings import PartSettings

TOOLS = ("unshare", "mount", "chroot", "env", "setpriv", "prlimit")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
# An empty root that holds the visible folders, read only, and /work; nothing else of the host. The
# command loses every privilege, so it can neither mount again nor leave the root.
ENTER = """
set -e
root=$1 work=$2
mount -t tmpfs -o size="$3" tmpfs "$root"
shift 3
while [ "$1" != -- ]; do
    if [ -L "$1" ]; then
        cp -P "$1" "$root$1"
    elif [ -d "$1" ]; then
        mkdir -p "$root$1"
        mount -o bind,ro "$1" "$root$1"
    fi
    shift
done
shift
mkdir -p "$root/work" "$root/tmp" "$root/dev"
: > "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
mount --bind "$work" "$root/work"
exec chroot "$root" env -C /work setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""


class Settings(PartSettings):
    """visible: folders of the host that the code can read."""

    visible: tuple[str, ...] = ("/usr", "/bin", "/sbin", "/lib", "/lib64")


class ClassName:
    """Code sees the visible folders, its own, no network unless allowed, and no other process.

    `disk` bounds each file in the working folder, not all of them together.
    """

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._visible = settings.visible
        missing = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
        if missing:
            raise BackendUnavailable(
                f"sandboxes.{parts.name}: {', '.join(missing)} not found",
                "it needs Linux with util-linux and coreutils",
            )

    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Execution:
        limits = limits or Limits()
        with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as folder:
            for name, content in (files or {}).items():
                _put(Path(folder).resolve(), name, content)
            disk = str(limits.disk)
            whole = [
                *("prlimit", f"--as={limits.memory}", f"--fsize={disk}", "--core=0"),
                *("unshare", "--user", "--map-root-user", "--mount", "--ipc", "--pid", "--fork"),
                *("--kill-child", *(() if limits.network else ("--net",))),
                *("sh", "-c", ENTER, "sh", root, folder, disk, *self._visible, "--", *command),
            ]
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                begun = time.monotonic()
                process = subprocess.Popen(
                    whole,
                    cwd="/",
                    env={"PATH": PATH},
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
                stopped = ""
                try:
                    process.communicate(stdin, timeout=limits.seconds)
                except subprocess.TimeoutExpired:
                    stopped = "seconds"
                finally:  # with its first process all others of the namespace die
                    if process.poll() is None:
                        os.killpg(process.pid, signal.SIGKILL)
                        process.wait()
                seconds = time.monotonic() - begun
                out.seek(0)
                err.seek(0)
                stdout = out.read(limits.output).decode(errors="replace")
                stderr = err.read(limits.output).decode(errors="replace")
            if stderr.startswith(("unshare: unshare failed", "unshare: write failed")):
                raise BackendUnavailable(
                    f"no user namespaces on this machine: {stderr.strip()}",
                    "allow them: sysctl kernel.unprivileged_userns_clone=1",
                )
            found = {} if stopped else _found(Path(folder), limits.disk)
            return Execution(
                None if stopped else process.returncode, stdout, stderr, seconds, stopped, found
            )


def _put(folder: Path, name: str, content: bytes) -> None:
    path = (folder / name).resolve()
    if folder not in path.parents:
        raise UsageError(f"{name!r} would leave the sandbox's folder", "give relative names")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _found(folder: Path, most: int) -> dict[str, bytes]:
    """Plain files only: a link may lead anywhere on the host."""
    found, total = {}, 0
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if path.is_symlink() or not path.is_file():
                continue
            total += path.stat().st_size
            if total > most:
                raise UsageError(f"the code wrote more than {most} bytes", "raise limits.disk")
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found
