"""Texts of four kinds that are on the machine already, or anyone's own files.

prose       the reference of the Python language, which comes with Python, less its code
code        modules of Python's standard library
changelogs  what Debian packages keep under /usr/share/doc
mail        message bodies: those of Python's own test suite, where it is installed
"""

from __future__ import annotations

import email
import email.policy
import gzip
import re
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from agentkit.errors import DataError
from agentkit_manifolds.task import Text
from agentkit_manifolds.wrap import without_long_words

Kind = Literal["prose", "code", "changelogs", "mail"]
LONGEST = 24  # characters of a word; longer ones are dropped, they fit no narrow line
DOC = Path("/usr/share/doc")


def texts(kind: Kind, *, count: int, characters: int) -> list[Text]:
    """The first texts of a kind, each of about so many characters; pieces of one document share a
    group.

    Raises:
        DataError: this machine has none of that kind.
    """
    found = _cut(_DOCUMENTS[kind](), count, characters)
    if not found:
        raise DataError(f"this machine has no {kind}", "name files or folders of your own")
    return found


def files(paths: Sequence[Path], *, count: int, characters: int) -> list[Text]:
    """The same from text files, and from all files in folders.

    Raises:
        DataError: a path cannot be read, or holds no text.
    """
    named = []
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in inside:
            try:
                named.append((str(file), file.read_text(encoding="utf-8")))
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{file}: cannot be read: {error}", "name text files") from error
    found = _cut(iter(named), count, characters)
    if not found:
        raise DataError(f"{', '.join(map(str, paths))}: there is no text", "give longer texts")
    return found


def _cut(documents: Iterator[tuple[str, str]], count: int, characters: int) -> list[Text]:
    """Documents in turn, so that many are among the first; a rest under half a piece is left."""
    pieces: list[list[Text]] = []
    seen: set[str] = set()
    total = 0
    for name, raw in documents:
        text = without_long_words(raw, LONGEST)
        own = []
        for start in range(0, len(text), characters):
            piece = text[start : start + characters]
            if len(piece) >= characters // 2 and piece not in seen:
                seen.add(piece)
                own.append(Text(name, piece))
        pieces.append(own)
        total += min(len(own), max(1, count // 12))
        if total >= count and len(pieces) >= 24:
            break
    deepest = max(map(len, pieces), default=0)
    rounds = [own[n] for n in range(deepest) for own in pieces if n < len(own)]
    return rounds[:count]


def _prose() -> Iterator[tuple[str, str]]:
    from pydoc_data.topics import topics

    for name in sorted(topics):
        kept = [p for p in re.split(r"\n\s*\n", topics[name]) if _is_prose(p)]
        yield name, " ".join(kept)


def _is_prose(paragraph: str) -> bool:
    letters = sum(c.isalpha() or c in " ,.\n" for c in paragraph)
    return len(paragraph) > 120 and letters > 0.9 * len(paragraph) and paragraph[0] != " "


def _code() -> Iterator[tuple[str, str]]:
    folder = Path(sysconfig.get_path("stdlib"))
    for path in sorted(folder.glob("*.py")):
        yield path.name, path.read_text(encoding="utf-8", errors="replace")


def _changelogs() -> Iterator[tuple[str, str]]:
    for path in sorted(DOC.glob("*/changelog*.gz")):
        if path.is_symlink():
            continue
        try:
            yield str(path), gzip.decompress(path.read_bytes()).decode(errors="replace")
        except (OSError, EOFError):
            continue


def _mail() -> Iterator[tuple[str, str]]:
    folder = Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data"
    for path in sorted(folder.glob("msg_*.txt")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
        for part in message.walk():
            body = part.get_payload(decode=True)
            if part.get_content_type() == "text/plain" and isinstance(body, bytes):
                yield path.name, body.decode("ascii", errors="replace")


_DOCUMENTS = {"prose": _prose, "code": _code, "changelogs": _changelogs, "mail": _mail}
