"""The command line that puts a program into namespaces of its own.

Everything but the working folder is new and empty, or read only: a root of its own in memory, /usr
of this machine, /proc and /dev of its own, small memory file systems at /tmp and /dev/shm. The
program has no capability, cannot gain one, and cannot make namespaces in turn.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from agentkit.capabilities import Limits

WORK = "/work"
PATH = "/usr/local/bin:/usr/bin:/bin"
FILES = 256  # that one process may hold open
SEEN = 1000  # the user that the program takes itself for
# What programs of /usr look for beside it; none of it is of the user.
BESIDE = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/ssl/certs")
NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf")
LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")


def wrapped(
    command: Sequence[str], folder: str, limits: Limits, visible: Sequence[str]
) -> list[str]:
    """The whole command line. folder: of this machine, seen as /work."""
    room = str(limits.disk)
    made = [
        *("bwrap", "--unshare-all", "--unshare-user", "--disable-userns"),
        *("--uid", str(SEEN), "--gid", str(SEEN), "--hostname", "sandbox", "--cap-drop", "ALL"),
        *("--die-with-parent", "--new-session", "--clearenv"),
        *("--setenv", "PATH", PATH, "--setenv", "HOME", WORK, "--setenv", "LANG", "C.UTF-8"),
        *("--ro-bind", "/usr", "/usr"),
    ]
    for link in LINKS:
        if os.path.islink(link):
            made += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link):
            made += ["--ro-bind", link, link]
    for path in (*BESIDE, *(NETWORK if limits.network else ())):
        made += ["--ro-bind-try", path, path]
    if limits.network:
        made += ["--share-net"]
    made += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/tmp", "/dev/shm"):
        made += ["--size", room, "--tmpfs", path]
    for path in visible:
        made += ["--ro-bind", path, path]
    made += ["--bind", folder, WORK, "--chdir", WORK]
    made += ["--remount-ro", "/dev", "--remount-ro", "/"]
    # Inside: a limit on processes counts those of the new user namespace alone.
    made += [
        *("--", "/usr/bin/prlimit", f"--nproc={limits.processes}", f"--as={limits.memory}"),
        *(f"--fsize={limits.disk}", f"--nofile={FILES}", "--core=0", "--memlock=0"),
        *(f"--cpu={max(1, int(limits.seconds) + 1)}", "--", *command),
    ]
    return made
