"""Bytes on the wire as no adb sends them: the phone stays up, and takes little memory."""

from __future__ import annotations

import random
import socket
import struct
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from agentkit_android.device.wire import (
    AUTH,
    CLSE,
    CNXN,
    HEADER,
    MAX_DATA,
    OKAY,
    OPEN,
    VERSION,
    WRTE,
    Packet,
)

HELLO = Packet(CNXN, VERSION, MAX_DATA, b"host::features=shell_v2").encode()
FRAME = struct.Struct("<BI")


class Wire:
    """A peer that sends what it wants to."""

    def __init__(self, port: int, hello: bytes = HELLO) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        if hello:
            self.socket.sendall(hello)
            self.banner = self.packet()

    def send(self, *packets: Packet) -> None:
        self.socket.sendall(b"".join(p.encode() for p in packets))

    def exactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def packet(self) -> Packet:
        kind, arg0, arg1, length, _, _ = HEADER.unpack(self.exactly(HEADER.size))
        return Packet(kind, arg0, arg1, self.exactly(length))

    def dropped(self) -> bool:
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def ask(self, service: str, number: int = 7) -> bytes:
        """Everything that a service writes."""
        self.send(Packet(OPEN, number, 0, service.encode() + b"\0"))
        opened = self.packet()
        assert opened.command == OKAY
        answer = b""
        while True:
            got = self.packet()
            if got.command == CLSE:
                self.send(Packet(CLSE, number, got.arg0))
                return answer
            answer += got.data
            self.send(Packet(OKAY, number, got.arg0))


@pytest.fixture
def wire(running: Any) -> Iterator[Wire]:
    wire = Wire(running.server.port)
    yield wire
    wire.socket.close()


def alive(running: Any) -> bool:
    wire = Wire(running.server.port)
    try:
        return wire.ask("exec:echo alive") == b"alive\n"
    finally:
        wire.socket.close()


MALFORMED = {
    "4 GiB": HEADER.pack(WRTE, 1, 1, 0xFFFFFFFF, 0, WRTE ^ 0xFFFFFFFF),
    "a byte too many": HEADER.pack(WRTE, 1, 1, MAX_DATA + 1, 0, WRTE ^ 0xFFFFFFFF),
    "another magic": HEADER.pack(OPEN, 1, 0, 0, 0, 0x12345678),
    "a text": b"GET / HTTP/1.1\r\nHost: phone\r\n\r\n" * 2,
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("hello", [b"", HELLO], ids=["first", "greeted"])
def test_a_malformed_packet_ends_its_connection_alone(
    running: Any, name: str, hello: bytes
) -> None:
    wire = Wire(running.server.port, hello)
    wire.socket.sendall(MALFORMED[name])
    assert wire.dropped()
    assert alive(running)


def test_nothing_is_served_before_the_greeting(running: Any) -> None:
    wire = Wire(running.server.port, b"")
    wire.send(Packet(OPEN, 1, 0, b"exec:echo hello\0"))
    assert wire.dropped() and alive(running)


def test_a_huge_greeting_is_not_read(running: Any) -> None:
    wire = Wire(running.server.port, b"")
    head = HEADER.pack(CNXN, VERSION, MAX_DATA, 1 << 30, 0, CNXN ^ 0xFFFFFFFF)
    wire.socket.sendall(head)
    assert wire.dropped() and alive(running)


def test_a_refusal_names_no_stream_of_its_own(wire: Wire) -> None:
    for service in (b"nonsense:\0", b"", b"\xff\xfe\0", b"tcp:65536\0", b"tcp:-1\0"):
        wire.send(Packet(OPEN, 5, 0, service))
        assert wire.packet() == Packet(CLSE, 0, 5)
    wire.send(Packet(WRTE, 9, 12345, b"to nobody"))
    assert wire.packet() == Packet(CLSE, 0, 9)
    wire.send(Packet(OKAY, 9, 12345), Packet(CLSE, 9, 12345), Packet(AUTH, 1, 0, b"x" * 20))
    assert wire.ask("exec:echo on") == b"on\n"


def test_a_name_needs_no_closing_zero(wire: Wire) -> None:
    wire.send(Packet(OPEN, 3, 0, b"exec:echo on"))
    assert [wire.packet().command for _ in range(2)] == [OKAY, WRTE]


def test_one_write_at_a_time_each_way(wire: Wire) -> None:
    wire.send(Packet(OPEN, 3, 0, b"exec:yes\0"))
    opened, first = wire.packet(), wire.packet()
    wire.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        wire.packet()  # the second comes after the OKAY of the first
    wire.socket.settimeout(20)
    wire.send(Packet(OKAY, 3, opened.arg0))
    assert wire.packet().command == WRTE and first.command == WRTE
    wire.send(Packet(CLSE, 3, opened.arg0))
    wire.send(Packet(OPEN, 4, 0, b"exec:sleep 1; cat\0"))
    while (got := wire.packet()).command != OKAY or got.arg1 != 4:
        pass
    for _ in range(200):  # a peer that waits for no OKAY loses its stream
        wire.send(Packet(WRTE, 4, got.arg0, b"x" * 1000))
    while (answer := wire.packet()).arg1 != 4 or answer.command != CLSE:
        if answer.command == WRTE:
            wire.send(Packet(OKAY, 4, answer.arg0))


def test_sync_requests_out_of_form_are_refused(wire: Wire, running: Any) -> None:
    for request in (
        struct.pack("<4sI", b"STAT", 1 << 31),
        struct.pack("<4sI", b"WHAT", 1) + b"/",
        struct.pack("<4sI", b"SEND", 8) + b"/a,33188" + struct.pack("<4sI", b"DATA", 1 << 31),
        struct.pack("<4sI", b"SEND", 8) + b"/a,33188" + struct.pack("<4sI", b"LIST", 0),
    ):
        wire.send(Packet(OPEN, 3, 0, b"sync:\0"))
        opened = wire.packet()
        wire.send(Packet(WRTE, 3, opened.arg0, request))
        seen = [wire.packet()]
        while seen[-1].command != CLSE:
            if seen[-1].command == WRTE:
                wire.send(Packet(OKAY, 3, opened.arg0))
            seen.append(wire.packet())
        assert any(p.data.startswith(b"FAIL") for p in seen)
        wire.send(Packet(CLSE, 3, opened.arg0))
    assert not running.phone.files.exists("/a")


def test_random_bytes_never_take_the_phone_down(running: Any) -> None:
    rng = random.Random(4)
    kinds = (CNXN, AUTH, OPEN, OKAY, WRTE, CLSE)
    names = (b"shell:\0", b"shell,v2,raw:cat\0", b"sync:\0", b"exec:yes\0", b"reverse:x\0", b"x")
    tracemalloc.start()
    try:
        for _ in range(60):
            wire = Wire(running.server.port, rng.choice([b"", HELLO, HELLO]))
            sent = b""
            for _ in range(rng.randint(1, 30)):
                data = rng.choice([rng.choice(names), rng.randbytes(rng.randint(0, 3000))])
                one = Packet(
                    rng.choice(kinds),
                    rng.choice([0, 1, 2, rng.getrandbits(32)]),
                    rng.choice([0, 1, 2, 3, rng.getrandbits(32)]),
                    data,
                ).encode(summed=rng.random() < 0.5)
                if rng.random() < 0.1:
                    at = rng.randrange(len(one))
                    one = one[:at] + rng.randbytes(4) + one[at + 4 :]
                sent += one
            try:
                wire.socket.sendall(sent[: rng.randint(1, len(sent))])
            except ConnectionError:
                pass
            wire.socket.close()
        assert alive(running)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_it_listens_on_this_machine_only(running: Any) -> None:
    listening = running.server._server.sockets
    assert [s.getsockname()[0] for s in listening] == ["127.0.0.1"]
