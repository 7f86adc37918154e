"""What the documents say is run: every code block of README and docs, and every example.

Blocks of one page run in order in one folder. `python` blocks are executed, `toml` blocks become
agentkit.toml, and of `sh` blocks each line that starts with `agentkit` is run as a command. A block
after the comment `<!-- not run: why -->` is left out, for what needs a GPU, a server or a person.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path
    for pattern in ("README.md", "CONTRIBUTING.md", "docs/*.md", "plugins/*/README.md",
                    "environments/*/README.md")
    for path in ROOT.glob(pattern)
)  # fmt: skip
BLOCK = re.compile(
    r"(?P<skip><!-- not run: .+? -->\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    kind: str
    body: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in BLOCK.finditer(text):
        if not found["skip"] and found["kind"] in ("python", "toml", "sh"):
            yield Block(found["kind"], found["body"], text[: found.start()].count("\n") + 1)


def run(command: list[str], folder: Path, what: str) -> None:
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": binaries, "AGENTKIT_DATA": str(folder / ".data")},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=280,
    )
    assert done.returncode == 0, f"{what}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in PAGES if any(blocks(p))], ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_code_on_a_page_runs(page: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    for block in blocks(page):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.kind == "toml":
            (tmp_path / "agentkit.toml").write_text(block.body)
            run(["agentkit", "config", "check"], tmp_path, where)
        elif block.kind == "python":
            run([sys.executable, "-c", block.body], tmp_path, where)
        else:
            for line in block.body.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] == "agentkit":
                    run(words, tmp_path, f"{where}: {line}")


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_an_example_runs_and_is_short(script: Path, tmp_path: Path) -> None:
    assert len(script.read_text().splitlines()) < 30
    run([sys.executable, str(script)], tmp_path, script.name)


def test_links_between_pages_lead_somewhere() -> None:
    dead = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / link).exists():
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert not dead


def test_the_reference_says_what_the_code_says() -> None:
    run([sys.executable, str(ROOT / "scripts" / "docs.py"), "--check"], ROOT, "docs/reference.md")
