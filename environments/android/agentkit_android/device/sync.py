"""The `sync:` service: files between the host and the phone (AOSP adb/SYNC.TXT).

A request is a four-letter id, a u32 length and a path. Every path is one of the phone's own file
system, where `..` cannot lead out.
"""

from __future__ import annotations

import struct

from agentkit_android.device.streams import Stream
from agentkit_android.phone.files import Stat
from agentkit_android.phone.phone import Phone

REQUEST = struct.Struct("<4sI")
DENT = struct.Struct("<4sIIII")
STAT = struct.Struct("<4sIII")
STAT2 = struct.Struct("<4sIQQIIIIQqqq")  # id, error, dev, ino, mode, nlink, uid, gid, size, times
DENT2 = struct.Struct("<4sIQQIIIIQqqqI")  # the same and the length of a name
CHUNK = 64 << 10
MAX_PATH = 1024


async def sync(phone: Phone, stream: Stream) -> None:
    """Answers requests until QUIT, or until one is malformed."""
    while True:
        name, length = REQUEST.unpack(await stream.exactly(REQUEST.size))
        if name == b"QUIT":
            return
        if length > MAX_PATH:
            await _fail(stream, "path too long")
            return
        path = (await stream.exactly(length)).decode("utf-8", "surrogateescape")
        if name == b"STAT":
            await _stat(phone, path, stream)
        elif name in (b"STA2", b"LST2"):
            await _stat2(phone, path, stream, name)
        elif name in (b"LIST", b"LIS2"):
            await _list(phone, path, stream, new=name == b"LIS2")
        elif name == b"SEND":
            await _send(phone, path, stream)
        elif name == b"RECV":
            await _receive(phone, path, stream)
        else:
            await _fail(stream, f"unknown command {name!r}")
            return


async def _fail(stream: Stream, message: str) -> None:
    text = message.encode()
    await stream.write(REQUEST.pack(b"FAIL", len(text)) + text)


async def _stat(phone: Phone, path: str, stream: Stream) -> None:
    try:
        found = phone.files.stat(path, follow=False)
        size = min(found.size, 0xFFFFFFFF)
        await stream.write(STAT.pack(b"STAT", found.mode, size, found.mtime))
    except OSError:
        await stream.write(STAT.pack(b"STAT", 0, 0, 0))


def _stat2_fields(found: Stat) -> tuple[int, ...]:
    links = 2 if found.is_folder else 1
    times = (found.mtime,) * 3
    return (1, found.inode, found.mode, links, found.uid, found.uid, found.size, *times)


async def _stat2(phone: Phone, path: str, stream: Stream, name: bytes) -> None:
    try:
        found = phone.files.stat(path, follow=name == b"STA2")
        await stream.write(STAT2.pack(name, 0, *_stat2_fields(found)))
    except OSError as error:
        await stream.write(STAT2.pack(name, error.errno or 5, *(0,) * 10))


async def _list(phone: Phone, path: str, stream: Stream, *, new: bool) -> None:
    parts = []
    try:
        listed = phone.files.list(path)
    except OSError:
        listed = []  # adb tells a missing folder by an empty list
    for entry, found in listed:
        raw = entry.encode("utf-8", "surrogateescape")
        if new:
            parts.append(DENT2.pack(b"DNT2", 0, *_stat2_fields(found), len(raw)) + raw)
        else:
            size = min(found.size, 0xFFFFFFFF)
            parts.append(DENT.pack(b"DENT", found.mode, size, found.mtime, len(raw)) + raw)
    done = DENT2.pack(b"DONE", *(0,) * 12) if new else DENT.pack(b"DONE", 0, 0, 0, 0)
    await stream.write(b"".join(parts) + done)


async def _send(phone: Phone, target: str, stream: Stream) -> None:
    """`PATH,MODE`, then DATA … DONE(mtime). The file appears whole, with its last byte."""
    path, _, digits = target.rpartition(",")
    mode = int(digits) if digits.isascii() and digits.isdigit() else 0
    error = "" if path else f"no mode in {target!r}"
    parts: list[bytes] = []
    size = 0
    while True:
        name, number = REQUEST.unpack(await stream.exactly(REQUEST.size))
        if name == b"DONE":
            break
        if name != b"DATA" or number > CHUNK:
            await _fail(stream, "malformed data")
            raise ConnectionAbortedError("malformed data")
        data = await stream.exactly(number)
        size += number
        if size > phone.files.room:
            error, parts = "No space left on device", []
        if not error:  # after an error the rest is read, and dropped
            parts.append(data)
    if not error:
        try:
            content = b"".join(parts)
            if mode & 0o170000 == 0o120000:
                phone.files.link(path, content.rstrip(b"\0").decode("utf-8", "surrogateescape"))
            else:
                phone.files.make_folder(path.rpartition("/")[0] or "/", parents=True)
                phone.files.write(path, content, mode=mode & 0o777, mtime=number)
        except OSError as failed:
            error = failed.strerror or str(failed)
    if error:
        await _fail(stream, error)
    else:
        await stream.write(REQUEST.pack(b"OKAY", 0))


async def _receive(phone: Phone, path: str, stream: Stream) -> None:
    try:
        content = phone.files.read(path)
    except OSError as error:
        await _fail(stream, f"open failed: {error.strerror}")
        return
    for start in range(0, len(content), CHUNK):
        chunk = content[start : start + CHUNK]
        await stream.write(REQUEST.pack(b"DATA", len(chunk)) + chunk)
    await stream.write(REQUEST.pack(b"DONE", 0))
