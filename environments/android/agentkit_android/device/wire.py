"""Packets of adb's transport: six little-endian u32, then data.

command, arg0, arg1, length of the data, sum of its bytes, command XOR 0xffffffff
(AOSP packages/modules/adb/protocol.txt). From version 0x01000001 on the sum is not looked at.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass

HEADER = struct.Struct("<6I")
VERSION = 0x01000001  # the first without sums
MAX_DATA = 256 << 10
"""Bytes that one packet may carry; a longer one is malformed, and is not read."""


def command(name: bytes) -> int:
    return int.from_bytes(name, "little")


CNXN, AUTH, OPEN = command(b"CNXN"), command(b"AUTH"), command(b"OPEN")
OKAY, WRTE, CLSE = command(b"OKAY"), command(b"WRTE"), command(b"CLSE")


class Malformed(ConnectionError):
    """The peer does not speak this protocol; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Packet:
    command: int
    arg0: int
    arg1: int
    data: bytes = b""

    def encode(self, *, summed: bool = False) -> bytes:
        """The packet's bytes; `summed` for peers of the version that checks the sum."""
        check = sum(self.data) & 0xFFFFFFFF if summed else 0
        magic = self.command ^ 0xFFFFFFFF
        head = HEADER.pack(self.command, self.arg0, self.arg1, len(self.data), check, magic)
        return head + self.data


async def receive(reader: asyncio.StreamReader) -> Packet:
    """The next packet.

    Raises:
        Malformed: another magic, or more than MAX_DATA bytes; none of them are read.
        asyncio.IncompleteReadError: the peer is gone.
    """
    head = await reader.readexactly(HEADER.size)
    kind, arg0, arg1, length, _, magic = HEADER.unpack(head)
    if kind ^ magic != 0xFFFFFFFF:
        raise Malformed(f"magic {magic:#x} does not belong to command {kind:#x}")
    if length > MAX_DATA:
        raise Malformed(f"a packet of {length} bytes; {MAX_DATA} were agreed on")
    return Packet(kind, arg0, arg1, await reader.readexactly(length) if length else b"")
