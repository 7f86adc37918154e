"""Files of examples, written bit by bit: what an interrupted run did is kept, and gone on from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from agentkit.errors import Paused, UsageError


def write_examples(
    out: Path,
    how: dict[str, Any],
    count: int,
    make: Callable[[int], Sequence[dict[str, Any]]],
    doing: str,
) -> None:
    """`make(0)` to `make(count - 1)` in a file that appears whole, a JSON object a line. Until then
    they are in a part beside it.

    Args:
        how: the options that they are made with. doing: what is shown meanwhile.

    Raises:
        UsageError: the file is there, or its part was begun with other options.
        Paused: Ctrl-C; the same call goes on.
    """
    from agentkit.cli.progress import progress

    if out.exists():
        raise UsageError(f"{out} exists", "--out names another")
    part = out.with_name(f"{out.name}.part")
    begun = _begun(part, how)
    with progress(doing) as moving, part.open("a", encoding="utf-8") as file:
        for number in range(begun, count):
            if moving.cancel:
                click.echo(f"stopped; the same command goes on from here ({part})", err=True)
                raise Paused
            lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in make(number)]
            file.write("".join([*lines, json.dumps({"done": number + 1}) + "\n"]))
            file.flush()
            moving.update(number + 1, count)
    _finish(part, out)


def _begun(part: Path, how: dict[str, Any]) -> int:
    """How many an earlier, interrupted run of the same command did; what it wrote of a further one
    is cut off."""
    try:
        with part.open(encoding="utf-8") as file:
            lines = list(file)
    except FileNotFoundError:
        lines = []
    if not lines:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"how": how}) + "\n", encoding="utf-8")
        return 0
    if json.loads(lines[0]).get("how") != how:
        raise UsageError(f"{part} was begun with other options", "use those, or remove it")
    marks = [n for n, line in enumerate(lines) if line.startswith('{"done":') and line[-1] == "\n"]
    end = marks[-1] if marks else 0
    part.write_text("".join(lines[: end + 1]), encoding="utf-8")
    return int(json.loads(lines[end])["done"]) if marks else 0


def _finish(part: Path, out: Path) -> None:
    """The examples alone, in a file that appears whole."""
    from agentkit.files import write_atomic

    with part.open(encoding="utf-8") as file:
        made = "".join(line for line in file if line.startswith('{"id":'))
    write_atomic(out, made)
    part.unlink()
