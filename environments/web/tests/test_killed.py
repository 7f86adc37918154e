"""What is left of a browser whose process was killed: nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import agentkit

pytestmark = pytest.mark.slow

BEGIN = """
import sys, time, agentkit
with agentkit.load(environ={}) as kit:
    kit.define("environment", "browser", use="web", templates=["mail-archive"], picture=False)
    browser = kit.environment("browser")
    browser.reset(browser.tasks("test")[0], 0)
    browser._folder.mkdir()
    print(browser._folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_a_killed_process_takes_its_browser_along() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    children = psutil.Process(process.pid).children(recursive=True)
    assert any("--headless" in child.cmdline() for child in children) and folder.is_dir()
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    with agentkit.load(environ={}) as kit:  # whoever comes next clears up
        kit.define("environment", "next", use="web", picture=False)
        kit.environment("next")
    assert not folder.exists()
