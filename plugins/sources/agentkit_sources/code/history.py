"""The latest commits of a git repository. A repository's own settings can name programs to run:
only `git log` without a diff is called, and what could start something is switched off."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from agentkit_sources.blocks import clean

PREFIX = "commit "
_SECONDS = 30.0
_FIELD, _RECORD = "\x1f", "\x1e"
_FORMAT = f"{_RECORD}%H{_FIELD}%aI{_FIELD}%an{_FIELD}%s{_FIELD}%b{_FIELD}"
_OFF = ("log.showSignature=false", "core.fsmonitor=false", "core.hooksPath=/dev/null")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. files: what it changed."""

    sha: str
    date: str
    author: str
    subject: str
    body: str
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its document's name."""
        return f"{PREFIX}{self.sha}"

    @property
    def text(self) -> str:
        """Its document: message first, then who, when and which files."""
        pieces = [self.subject, self.body, f"{self.author}, {self.date}", "\n".join(self.files)]
        return "\n\n".join(piece for piece in pieces if piece)


def head(root: Path) -> str:
    """The commit that a repository is at; "" where it is none, or git is not installed."""
    return _git(root, "rev-parse", "--verify", "HEAD").strip() if (root / ".git").exists() else ""


def commits(root: Path, most: int) -> list[Commit]:
    """The latest commits, the newest first; none where git cannot tell."""
    if not most:
        return []
    told = _git(root, "log", f"--max-count={most}", "--name-only", f"--format={_FORMAT}")
    found = []
    for record in told.split(_RECORD)[1:]:
        fields = _fields(record)
        if len(fields) == 6:
            sha, date, author, subject, body, files = fields
            listed = tuple(line for line in files.split("\n") if line.strip())
            found.append(Commit(sha, date, author, subject, body.strip(), listed))
    return found


def _fields(record: str) -> list[str]:
    """The fields of a record, each as documents hold text."""
    return [clean(field).strip("\n") for field in record.split(_FIELD)]


def _git(root: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        return ""
    off = [piece for setting in _OFF for piece in ("-c", setting)]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }
    try:
        done = subprocess.run(
            [program, "-C", str(root), "--no-pager", *off, *arguments],
            capture_output=True,
            timeout=_SECONDS,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
