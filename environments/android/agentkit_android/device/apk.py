"""What the manifest of an Android package says, read from its binary XML.

Only what a phone needs to list it: its code cannot run here.
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass

MAX_MANIFEST = 1 << 20
STRINGS, START = 0x0001, 0x0102
STRING, INTEGER = 0x03, 0x10


@dataclass(frozen=True, slots=True)
class Package:
    """instrumentation: (component, target package) of what tests it declares."""

    name: str
    version: str
    code: int
    instrumentation: tuple[tuple[str, str], ...] = ()


def read(data: bytes) -> Package:
    """Raises:
    ValueError: it is no package.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo("AndroidManifest.xml")
            if info.file_size > MAX_MANIFEST:
                raise ValueError("its manifest is too large")
            manifest = archive.read(info)
        return _package(manifest)
    except (zipfile.BadZipFile, KeyError, struct.error, IndexError, NotImplementedError) as error:
        raise ValueError(f"not a package: {error}") from error


def _package(manifest: bytes) -> Package:
    strings: list[str] = []
    elements: list[tuple[str, dict[str, str]]] = []
    at = struct.unpack_from("<H", manifest, 2)[0]
    while at + 8 <= len(manifest):
        kind, _, size = struct.unpack_from("<HHI", manifest, at)
        if size < 8:
            raise ValueError("not a package: its manifest is broken")
        if kind == STRINGS and not strings:
            strings = _strings(manifest[at : at + size])
        elif kind == START:
            elements.append(_element(manifest, at, strings))
        at += size
    tag, about = elements[0]
    if tag != "manifest" or not about.get("package"):
        raise ValueError("not a package: its manifest names none")
    code = about.get("versionCode", "1")
    tests = tuple(
        (f"{about['package']}/{e['name']}", e.get("targetPackage", ""))
        for name, e in elements
        if name == "instrumentation" and "name" in e
    )
    return Package(about["package"], about.get("versionName", "1.0"), int(code), tests)


def _strings(chunk: bytes) -> list[str]:
    count, _, flags, start, _ = struct.unpack_from("<5I", chunk, 8)
    offsets = struct.unpack_from(f"<{count}I", chunk, 28)
    return [_string(chunk, start + offset, bool(flags & 0x100)) for offset in offsets]


def _string(chunk: bytes, at: int, utf8: bool) -> str:
    if utf8:
        for _ in range(2):  # its length in characters, then in bytes
            length = chunk[at]
            at += 1
            if length & 0x80:
                length = (length & 0x7F) << 8 | chunk[at]
                at += 1
        return chunk[at : at + length].decode("utf-8", "replace")
    length = struct.unpack_from("<H", chunk, at)[0]
    return chunk[at + 2 : at + 2 + 2 * length].decode("utf-16-le", "replace")


def _element(manifest: bytes, at: int, strings: list[str]) -> tuple[str, dict[str, str]]:
    name, first, size, count = struct.unpack_from("<IHHH", manifest, at + 20)
    values = {}
    for number in range(count):
        place = at + 16 + first + number * size
        _, key, raw, _, _, kind, data = struct.unpack_from("<IIIHBBI", manifest, place)
        if kind == STRING:
            values[strings[key]] = strings[data]
        elif kind == INTEGER:
            values[strings[key]] = str(data)
        elif raw < len(strings):
            values[strings[key]] = strings[raw]
    return strings[name], values
