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

from tests.warm import Warm

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


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    made = Warm()
    yield made
    made.close()


def run(warm: Warm, command: list[str], folder: Path, what: str) -> None:
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": binaries, "AGENTKIT_DATA": str(folder / ".data")}
    status, said = warm.run(command, folder, environ)
    assert status == 0, f"{what}\n{said}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in PAGES if any(blocks(p))], ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_code_on_a_page_runs(page: Path, warm: Warm, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    for block in blocks(page):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.kind == "toml":
            (tmp_path / "agentkit.toml").write_text(block.body)
            run(warm, ["agentkit", "config", "check"], tmp_path, where)
        elif block.kind == "python":
            run(warm, [sys.executable, "-c", block.body], tmp_path, where)
        else:
            for line in block.body.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] == "agentkit":
                    run(warm, words, tmp_path, f"{where}: {line}")


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_an_example_runs_and_is_short(script: Path, warm: Warm, tmp_path: Path) -> None:
    assert len(script.read_text().splitlines()) < 30
    run(warm, [sys.executable, str(script)], tmp_path, script.name)


def test_links_between_pages_lead_somewhere() -> None:
    dead = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / link).exists():
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert not dead


@pytest.mark.slow
def test_the_reference_says_what_the_code_says() -> None:
    script = ROOT / "scripts" / "docs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
