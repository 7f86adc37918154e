"""The program `tesseract`, run once for a batch of pictures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit.errors import BackendUnavailable, ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

INSTALL = "sudo apt-get install tesseract-ocr tesseract-ocr-osd, and tesseract-ocr-LANGUAGE"
OSD, AUTO, BLOCK, LINE = 0, 3, 6, 7  # page segmentation modes
_SCRIPT = re.compile(r"^Script: (\w+)$", re.M)


@dataclass(frozen=True, slots=True)
class Word:
    """One word. picture: its number in the batch. line: equal for words of one line of a picture.
    box: left, top, right, bottom in pixels. confidence: 0..1."""

    picture: int
    line: tuple[int, int, int]
    text: str
    box: tuple[int, int, int, int]
    confidence: float


@lru_cache(maxsize=8)
def installed(command: str) -> tuple[str, ...]:
    """Names of the models that are there.

    Raises:
        ConfigError: there is no such program.
    """
    if shutil.which(command) is None:
        raise ConfigError(f"there is no program {command!r}", INSTALL)
    done = subprocess.run([command, "--list-langs"], capture_output=True, text=True, timeout=60)
    lines = (done.stdout or done.stderr).splitlines()[1:]
    return tuple(line.strip() for line in lines if line.strip())


def script(command: str, picture: Picture, timeout: float) -> str:
    """The script of most of the text, by Tesseract's own name; "" where it cannot be told."""
    with tempfile.TemporaryDirectory(prefix="agentkit-tesseract-") as folder:
        path = Path(folder) / "0.png"
        picture.convert("L").save(path, compress_level=1)
        done = _run([command, str(path), "stdout", "--psm", str(OSD), "--dpi", "200"], timeout)
    found = _SCRIPT.search(done.stdout)
    return found[1] if found else ""


def read(
    command: str,
    pictures: Sequence[Picture],
    models: Sequence[str],
    segmentation: int,
    timeout: float,
    spaced: bool = True,
) -> tuple[list[Word], dict[tuple[int, tuple[int, int, int]], str]]:
    """Words in the order of reading, and the text of each line where it is known with its blanks.

    Args:
        spaced: words are words; else the blanks come from the plain text that Tesseract writes.

    Raises:
        BackendUnavailable: the program failed, or took longer than `timeout` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="agentkit-tesseract-") as name:
        folder = Path(name)
        paths = []
        for number, picture in enumerate(pictures):
            paths.append(folder / f"{number}.png")
            picture.convert("L").save(paths[-1], compress_level=1)
        (folder / "list.txt").write_text("".join(f"{path}\n" for path in paths))
        arguments = [command, str(folder / "list.txt"), str(folder / "out")]
        arguments += ["-l", "+".join(models), "--psm", str(segmentation), "--dpi", "200"]
        arguments += [] if spaced else ["-c", "preserve_interword_spaces=1"]
        done = _run([*arguments, "tsv", *([] if spaced else ["txt"])], timeout)
        table = folder / "out.tsv"
        if done.returncode or not table.exists():
            said = " ".join(done.stderr.split())[:300]
            raise BackendUnavailable(f"{command} failed ({done.returncode}): {said}", INSTALL)
        words = list(_words(table.read_text(encoding="utf-8")))
        plain = "" if spaced else (folder / "out.txt").read_text(encoding="utf-8")
    return words, _with_blanks(words, plain)


def check() -> str:
    """For `agentkit doctor`."""
    models = installed("tesseract")
    if "osd" not in models:
        raise ConfigError("Tesseract cannot tell scripts apart", "install tesseract-ocr-osd")
    return f"{len(models)} models"


def _run(arguments: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # its threads wait for each other
    try:
        return subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environ,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise BackendUnavailable(
            f"{arguments[0]} took more than {timeout:.0f} s", "give it more time: timeout = …"
        ) from None


def _words(table: str) -> Iterator[Word]:
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) < 12 or cells[0] != "5" or not cells[11].strip():
            continue
        page, block, paragraph, line = (int(cell) for cell in cells[1:5])
        left, top, width, height = (int(cell) for cell in cells[6:10])
        yield Word(
            page - 1,
            (block, paragraph, line),
            cells[11].strip(),
            (left, top, left + width, top + height),
            min(1.0, max(0.0, float(cells[10]) / 100)),
        )


def _with_blanks(words: Sequence[Word], plain: str) -> dict[tuple[int, tuple[int, int, int]], str]:
    """The lines of the plain text by their place in the table; both come in the same order."""
    found: dict[tuple[int, tuple[int, int, int]], str] = {}
    if not plain:
        return found
    keys = list(dict.fromkeys((word.picture, word.line) for word in words))
    letters = {key: "" for key in keys}
    for word in words:
        letters[word.picture, word.line] += "".join(word.text.split())
    lines = iter([" ".join(line.split()) for line in re.split(r"[\n\f]", plain) if line.strip()])
    for key in keys:
        for line in lines:
            if line.replace(" ", "") == letters[key]:
                found[key] = line
                break
        else:
            break
    return found
