"""Readers: bytes of a file to a document. Which one reads a file is decided by its name."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import PurePosixPath

from agentkit_sources.blocks import Parsed, Unreadable

Reader = Callable[[str, bytes], Parsed]

_CODE = (
    "py pyi ipynb c h cc cpp cxx hpp hh cs java kt kts scala go rs swift m js mjs cjs jsx ts tsx "
    "vue rb php pl pm lua r jl sh bash zsh fish ps1 sql css scss less proto graphql cmake mk "
    "gradle tf toml yaml yml json jsonl ini cfg conf xml dockerfile makefile"
)
_TEXT = "txt text rst adoc asciidoc org tex log readme license licence copying changelog news"
_MODULES = {
    **dict.fromkeys(_CODE.split(), "code"),
    **dict.fromkeys(_TEXT.split(), "text"),
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    **dict.fromkeys(("md", "markdown", "mkd"), "markdown"),
    **dict.fromkeys(("csv", "tsv"), "table"),
    **dict.fromkeys(("docx", "xlsx"), "office"),
    "pdf": "pdf",
}
_BINARY = set(
    "png jpg jpeg gif bmp ico webp svg tif tiff mp3 mp4 wav ogg avi mov mkv zip gz xz bz2 zst 7z "
    "tar rar whl jar so o a dll exe bin dat db sqlite sqlite3 pyc class woff woff2 ttf otf eot "
    "gguf safetensors pt pth npy npz parquet doc xls ppt pptx odt ods odp epub".split()
)
_SCRIPTS = {
    "cp949": "Korean (CP949)",
    "shift_jis": "Japanese (Shift JIS)",
    "euc_jp": "Japanese (EUC)",
    "gb18030": "Chinese (GB 18030)",
    "big5": "Chinese (Big5)",
    "cp1251": "Cyrillic (Windows-1251)",
    "cp1253": "Greek (Windows-1253)",
}
_CHARSET = re.compile(rb"""<(?:meta[^>]+charset|\?xml[^>]+encoding)\s*=\s*["']?([\w-]+)""", re.I)


def reader_name(path: str) -> str:
    """The reader for a path: by its last known extension ("index.html.en" is HTML) or bare name.
    "" for kinds that hold no text; "text" for names that say nothing."""
    name = PurePosixPath(path).name.lower()
    pieces = name.split(".")
    for piece in reversed(pieces[1:] if len(pieces) > 1 else pieces):
        if piece in _MODULES:
            return _MODULES[piece]
        if piece in _BINARY:
            return ""
    return "text"


def read(path: str, data: bytes) -> Parsed:
    """Reads one file.

    Args:
        path: its name below the source's folder.

    Raises:
        Unreadable: it holds no text, is of a kind that cannot be read, or is broken.
    """
    name = reader_name(path)
    if not name:
        raise Unreadable("of a kind that holds no text")
    if not data.strip():
        raise Unreadable("empty")
    module = importlib.import_module(f"agentkit_sources.readers.{name}")
    reader: Reader = module.read
    parsed = reader(path, data)
    if not parsed.text:
        raise Unreadable("no text in it")
    return parsed


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """A text file's characters, and a note where its encoding had to be guessed.

    Raises:
        Unreadable: the bytes are no text.
    """
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), ()
    head = data[:8192]
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    if b"\0" in head or control > len(head) // 20:
        raise Unreadable("binary")
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        pass
    declared = _CHARSET.search(data[:4096])
    if declared and declared[1].lower() not in (b"utf-8", b"utf8"):
        try:
            return data.decode(declared[1].decode()), ()
        except (LookupError, UnicodeDecodeError):
            pass
    return _guessed(data)


def _guessed(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Text in an encoding that nothing names. A Western European one, unless so many bytes are
    beyond ASCII that it must be another script's."""
    sample = data[:65536]
    if sum(byte >= 0x80 for byte in sample) > len(sample) // 3:
        from charset_normalizer import from_bytes

        best = from_bytes(sample, cp_isolation=list(_SCRIPTS)).best()
        if best is not None:
            name = _SCRIPTS.get(best.encoding, best.encoding)
            return data.decode(best.encoding, "replace"), (f"not UTF-8; read as {name}",)
    return data.decode("cp1252", "replace"), ("not UTF-8; read as Windows-1252",)


def plain_title(path: str) -> str:
    """A title for a file that names none."""
    return PurePosixPath(path).name
