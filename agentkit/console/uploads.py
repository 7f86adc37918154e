"""Files that people give to a run. Their names are never paths, their kind is what they contain."""

from __future__ import annotations

import re
import secrets
import shutil
import time
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

from agentkit.console.faults import Refusal, missing
from agentkit.files import write_atomic

FILE = 20 << 20  # bytes of one file
ALL = 200 << 20  # bytes of one upload
FILES = 200
UNPACKED = 200 << 20  # bytes that a packed file may become
OLD = 30 * 86400  # seconds after which an upload is forgotten
KINDS = ("txt", "md", "html", "htm", "pdf", "docx", "csv", "json")
_ID = re.compile(r"u-[0-9a-f]{16}")


class Uploads:
    """Folders of files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> dict[str, Any]:
        """A new, empty upload."""
        self._forget()
        id = f"u-{secrets.token_hex(8)}"
        (self._folder / id).mkdir(parents=True)
        limits = {"file": FILE, "files": FILES, "all": ALL, "kinds": list(KINDS)}
        return {"upload": id, "limits": limits}

    def folder(self, id: str) -> Path:
        """Where its files lie. Raises Refusal where there is none."""
        path = self._folder / id
        if not _ID.fullmatch(id) or not path.is_dir():
            raise missing("there is no such upload")
        return path

    def put(self, id: str, name: str, content: bytes) -> dict[str, Any]:
        """Keeps one file, under a name that is safe.

        Raises:
            Refusal: too large, too many, or of a kind that nothing here reads.
        """
        folder = self.folder(id)
        safe = safe_name(name)
        others = [p for p in folder.iterdir() if p.name != safe]
        if len(content) > FILE or sum(p.stat().st_size for p in others) + len(content) > ALL:
            raise Refusal(413, "too-large", f"{name}: more than fits into one upload")
        if len(others) >= FILES:
            raise Refusal(413, "too-large", f"more than {FILES} files", "begin another upload")
        kind = safe.rsplit(".", 1)[-1]
        fault = unlike(kind, content)
        if fault:
            raise Refusal(415, "media-type", f"{name}: {fault}", f"kinds: {', '.join(KINDS)}")
        write_atomic(folder / safe, content)
        return {"name": safe, "size": len(content), "kind": kind}

    def _forget(self) -> None:
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if _ID.fullmatch(path.name) and time.time() - path.stat().st_mtime > OLD:
                    shutil.rmtree(path, ignore_errors=True)


def safe_name(name: str) -> str:
    """A file name of letters, digits and -_. alone, with a known ending in lower case.

    Raises:
        Refusal: nothing is left of it, or its ending is not known.
    """
    plain = unicodedata.normalize("NFKC", name)
    stem, _, ending = plain.rpartition(".")
    ending = ending.lower()
    if ending not in KINDS:
        raise Refusal(
            415,
            "media-type",
            f"{name[:80]!r}: files of that ending are not read",
            f"kinds: {', '.join(KINDS)}",
        )
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in stem).strip("-")[:80]
    if not kept:
        raise Refusal(422, "invalid", f"{name[:80]!r} is no name for a file")
    return f"{kept}.{ending}"


def unlike(kind: str, content: bytes) -> str:
    """Why the content is not of that kind, "" where it is."""
    if kind == "pdf":
        return "" if content.startswith(b"%PDF-") else "it is no PDF"
    if kind == "docx":
        return _packed(content)
    if b"\x00" in content:
        return "it is no text"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "it is no text in UTF-8"
    return ""


def _packed(content: bytes) -> str:
    import io

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(one.file_size for one in packed.infolist())
            names = set(packed.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return "it is no Word document"
    if size > UNPACKED or size > 200 * max(1, len(content)):
        return "unpacked it would be far too large"
    return "" if "word/document.xml" in names else "it is no Word document"
