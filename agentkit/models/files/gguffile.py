"""What a GGUF file says about itself, read without loading it.

Only the header is walked (key-value pairs and tensor table of the GGUF specification, version 2
and 3), so that a file which is cut short or of another kind is refused in milliseconds, with what
was expected and what was found, before a loader allocates anything.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from agentkit.errors import ModelFileError

MAGIC = b"GGUF"
_SCALARS = "BbHhIif?sxQqd"  # by value type; 8 is a string, 9 an array
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 24  # bytes of one string, and entries of one array that are still believed
_KINDS = {
    b"PK\x03\x04": "a zip archive",
    b"\x80\x02": "a pickle",
    b"\x89HDF": "an HDF5 file",
    b"<!DO": "an HTML page",
    b"<htm": "an HTML page",
    b"vers": "a Git LFS pointer",
}


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """architecture: as in "llama". size: bytes that the file must have at least. tensors: how many.
    values: scalar and string entries; arrays are left out."""

    architecture: str
    size: int
    tensors: int
    values: dict[str, Any]


def read_header(path: Path) -> GgufHeader:
    """Reads and checks the header.

    Raises:
        ModelFileError: absent, of another kind, or cut short.
    """
    try:
        with path.open("rb") as file:
            header = _walk(path, file)
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such file", "check the path") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from error
    except (struct.error, OverflowError) as error:
        raise _cut(path, "a complete header") from error
    actual = path.stat().st_size
    if actual < header.size:
        raise _cut(path, f"at least {header.size} bytes")
    return header


def _cut(path: Path, expected: str) -> ModelFileError:
    actual = path.stat().st_size
    return ModelFileError(
        f"{path}: the file is cut short: expected {expected}, it has {actual} bytes",
        "fetch it again",
        path=str(path),
        actual=actual,
    )


def _walk(path: Path, file: BinaryIO) -> GgufHeader:
    start = file.read(4)
    if start != MAGIC:
        kind = _KINDS.get(start, _KINDS.get(start[:2], f"something that starts with {start!r}"))
        raise ModelFileError(
            f"{path}: expected a GGUF file, found {kind if start else 'an empty file'}",
            "name a .gguf file, or a folder with config.json and *.safetensors",
        )
    version, tensors, pairs = _unpack(file, "<IQQ")
    if version not in (2, 3):
        raise ModelFileError(
            f"{path}: expected GGUF version 2 or 3, found {version}", "convert it with a newer tool"
        )
    if max(tensors, pairs) > _LONGEST:
        raise ModelFileError(f"{path}: the header is damaged ({tensors} tensors, {pairs} entries)")
    values: dict[str, Any] = {}
    for _ in range(pairs):
        key = _string(path, file)
        (kind,) = _unpack(file, "<I")
        value = _value(path, file, kind)
        if value is not None:
            values[key] = value
    ends = [_tensor_end(path, file) for _ in range(tensors)]
    align = int(values.get("general.alignment", 32))
    data = (file.tell() + align - 1) // align * align
    return GgufHeader(
        str(values.get("general.architecture", "")), data + max(ends, default=0), tensors, values
    )


def _unpack(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _string(path: Path, file: BinaryIO) -> str:
    (length,) = _unpack(file, "<Q")
    if length > _LONGEST:
        raise ModelFileError(f"{path}: the header is damaged (a string of {length} bytes)")
    data = file.read(length)
    if len(data) < length:
        raise struct.error("string")
    return data.decode("utf-8", "replace")


def _value(path: Path, file: BinaryIO, kind: int) -> Any:
    """A scalar or a string; None for an array, which is passed over."""
    if kind == _STRING:
        return _string(path, file)
    if kind == _ARRAY:
        inner, count = _unpack(file, "<IQ")
        if count > _LONGEST:
            raise ModelFileError(f"{path}: the header is damaged (an array of {count})")
        if inner == _STRING:
            for _ in range(count):
                _string(path, file)
        else:
            width = struct.calcsize("<" + _scalar(path, inner))
            if len(file.read(width * count)) < width * count:
                raise struct.error("array")
        return None
    return _unpack(file, "<" + _scalar(path, kind))[0]


def _scalar(path: Path, kind: int) -> str:
    if kind >= len(_SCALARS) or kind in (_STRING, _ARRAY):
        raise ModelFileError(f"{path}: the header is damaged (value type {kind})")
    return _SCALARS[kind]


def _tensor_end(path: Path, file: BinaryIO) -> int:
    """Where a tensor's data ends, counted from the start of the data."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    name = _string(path, file)
    (dims,) = _unpack(file, "<I")
    if dims > 8:
        raise ModelFileError(f"{path}: the header is damaged ({name!r} has {dims} dimensions)")
    shape = _unpack(file, f"<{dims}Q")
    kind, offset = _unpack(file, "<IQ")
    try:
        block, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
    except (ValueError, KeyError):
        raise ModelFileError(
            f"{path}: tensor {name!r} is of the unknown type {kind}", "convert it with gguf"
        ) from None
    count = 1
    for length in shape:
        count *= length
    return int(offset + count // block * size)
