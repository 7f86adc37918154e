"""What rlimits do not bound, looked at while a program runs: memory and files of all together."""

from __future__ import annotations

import os
from pathlib import Path

from agentkit.capabilities import Limits
from agentkit_sandbox.folder import MOST, size

PAGE = os.sysconf("SC_PAGE_SIZE")


def exceeded(process: int, folder: str, limits: Limits) -> str:
    """The limit that a process with all below it, or its folder, is beyond: "memory", "disk" or
    ""."""
    if sum(map(memory, [process, *below(process)])) > limits.memory:
        return "memory"
    used, entries = size(folder)
    return "disk" if used > limits.disk or entries > MOST else ""


def below(process: int) -> list[int]:
    """All children and theirs, as far as they are there."""
    found: list[int] = []
    pending = [process]
    while pending:
        try:
            for task in os.listdir(f"/proc/{(one := pending.pop())}/task"):
                text = Path(f"/proc/{one}/task/{task}/children").read_text()
                pending += map(int, text.split())
                found += map(int, text.split())
        except OSError:
            continue
    return found


def memory(process: int) -> int:
    """Bytes of a process, what is shared with others by its part; 0 where it is gone."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{process}/statm").read_text().split())
        return (resident - shared) * PAGE
    except (OSError, ValueError):
        return 0
