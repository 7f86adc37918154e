"""Ordinary text: what keys are fitted to, what is counted, and what must not be forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from agentkit.capabilities.trainer import Progress
from agentkit.errors import DataError

HELD_OUT = 5  # every fifth text is only for measuring what was forgotten
SUFFIXES = (".txt", ".md", ".rst", ".html", ".py")


def ordinary(paths: Sequence[Path]) -> list[str]:
    """The texts of files, and of all such files in folders; without any, the reference of the
    Python language, which comes with Python: prose with some code.

    Raises:
        DataError: a path cannot be read, or holds no text.
    """
    if not paths:
        from pydoc_data.topics import topics

        return [topics[name] for name in sorted(topics)]
    found = []
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if path.is_dir() and (file.suffix not in SUFFIXES or not file.is_file()):
                continue
            try:
                found.append(file.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{file}: cannot be read: {error}", "name text files") from error
    if not any(text.strip() for text in found):
        names = ", ".join(str(path) for path in paths)
        raise DataError(f"{names}: there is no text", f"text files end in {', '.join(SUFFIXES)}")
    return found


def split(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """(to learn about, held out); a single text is cut in two."""
    if len(texts) >= HELD_OUT:
        held = list(texts[::HELD_OUT])
        return [t for n, t in enumerate(texts) if n % HELD_OUT], held
    whole = "\n".join(texts)
    at = len(whole) * 4 // 5
    return [whole[:at]], [whole[at:]]


def told(
    batches: Sequence[tuple[Tensor, Tensor]], progress: Progress | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches one by one, with a word to whoever watches after each."""
    for number, batch in enumerate(batches, 1):
        yield batch
        if progress is not None:
            progress.update(number, len(batches))
