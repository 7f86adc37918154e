"""Patches: exact bits back, overlaps, other processes, and death in mid-write."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from agentkit.errors import DataError, UsageError
from agentkit_sparse_memory.background import hash_of
from agentkit_sparse_memory.patches import Patch, PatchStack

SLOTS, WIDTH = 32, 8


def table() -> torch.Tensor:
    return torch.randn(SLOTS, WIDTH, generator=torch.Generator().manual_seed(3))


def opened(folder: Path) -> tuple[PatchStack, torch.Tensor]:
    values = table()
    stack = PatchStack(folder, values, lambda rows: table()[rows])
    stack.sync()
    return stack, values


def push(stack: PatchStack, values: torch.Tensor, name: str, rows: list[int]) -> None:
    at = torch.tensor(rows)
    new = torch.randn(
        len(rows), WIDTH, generator=torch.Generator().manual_seed(len(name) + rows[0])
    )
    with stack.writing():
        patch = Patch(at, values[at].clone(), new, {"facts": [name]})
        stack.push(patch, id=name, facts=(name,), created="2026-01-01")


def bits(values: torch.Tensor) -> str:
    return hash_of({"values": values})


def test_a_patch_taken_back_leaves_the_bits_of_before(tmp_path: Path) -> None:
    stack, values = opened(tmp_path)
    start = bits(values)
    push(stack, values, "a", [1, 2, 3])
    after = bits(values)
    push(stack, values, "b", [3, 4])
    assert bits(values) not in (start, after)
    with stack.writing():
        assert [e.id for e in stack.revert("b")] == ["b"]
    assert bits(values) == after
    with stack.writing():
        stack.revert("last")
    assert bits(values) == start and not stack.entries
    assert not list((tmp_path / "patches").glob("*.safetensors"))


def test_a_patch_under_others_goes_alone_only_where_none_changed_its_rows(tmp_path: Path) -> None:
    stack, values = opened(tmp_path)
    for name, rows in (("a", [1, 2]), ("b", [2, 3]), ("c", [3, 4]), ("d", [9])):
        push(stack, values, name, rows)
    whole = bits(values)
    with stack.writing(), pytest.raises(UsageError, match="a cannot be taken back alone: b, c"):
        stack.revert("a")
    assert bits(values) == whole
    with stack.writing():
        assert [e.id for e in stack.revert("a", cascade=True)] == ["c", "b", "a"]
    expected, other = opened(tmp_path / "other")
    push(expected, other, "d", [9])
    assert bits(values) == bits(other)
    with stack.writing(), pytest.raises(UsageError, match="no patch 'x'"):
        stack.revert("x")


def test_what_one_process_learns_another_sees(tmp_path: Path) -> None:
    (one, mine), (two, theirs) = opened(tmp_path), opened(tmp_path)
    push(one, mine, "a", [1])
    push(one, mine, "b", [2])
    assert two.changed() and two.sync() and bits(theirs) == bits(mine)
    with one.writing():
        one.revert("a")
    assert two.sync() and bits(theirs) == bits(mine) and not two.changed()
    assert [e.id for e in two.entries] == ["b"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    (one, _), (two, _) = opened(tmp_path), opened(tmp_path)
    changing = pytest.raises(UsageError, match="another process is changing")
    with one.writing(), changing, two.writing():
        pass


def test_a_patch_of_other_rows_or_a_damaged_one_changes_nothing(tmp_path: Path) -> None:
    stack, values = opened(tmp_path)
    push(stack, values, "a", [1, 2])
    before = bits(values)
    wrong = Patch(torch.tensor([1]), torch.zeros(1, WIDTH), torch.ones(1, WIDTH), {})
    with stack.writing(), pytest.raises(DataError, match="made on other rows"):
        stack.push(wrong, id="w", facts=("w",), created="")
    assert bits(values) == before and [e.id for e in stack.entries] == ["a"]
    path = tmp_path / "patches" / "a.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="damaged"):
        opened(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        opened(tmp_path)
    (tmp_path / "stack.json").write_text("{")
    with pytest.raises(DataError, match="no list of patches"):
        opened(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_in_mid_write_the_weights_are_whole(tmp_path: Path, step: int, when: str) -> None:
    """The writer dies at each of its two renames, the patch's and the stack's."""
    script = f"""
import os, signal, sys, torch
from pathlib import Path
from agentkit_sparse_memory.patches import Patch, PatchStack
values = torch.zeros({SLOTS}, {WIDTH})
stack = PatchStack(Path(sys.argv[1]), values, lambda rows: torch.zeros(len(rows), {WIDTH}))
real, count = os.replace, 0
def replace(a, b):
    global count
    count += 1
    if count == {step} and "{when}" == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(a, b)
    if count == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
with stack.writing():
    os.replace = replace
    rows = torch.tensor([1, 2])
    patch = Patch(rows, torch.zeros(2, {WIDTH}), torch.ones(2, {WIDTH}), {{}})
    stack.push(patch, id="a", facts=("a",), created="")
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    values = torch.zeros(SLOTS, WIDTH)
    stack = PatchStack(tmp_path, values, lambda rows: torch.zeros(len(rows), WIDTH))
    with stack.writing():  # the lock died with its holder
        pass
    written = step == 2 and when == "after"
    assert bool(values.any()) == written and len(stack.entries) == written
    if written:
        assert json.loads((tmp_path / "stack.json").read_text())["patches"][0]["id"] == "a"
