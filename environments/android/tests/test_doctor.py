"""What keeps adb from phones, brought about and found out."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from agentkit_android.client import doctor
from agentkit_android.env import phones

pytestmark = pytest.mark.slow


def found(port: int, what: str) -> doctor.Found:
    (one,) = [f for f in doctor.findings(port) if what in f.what]
    return one


def test_a_port_that_another_program_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(100)
                peer.sendall(b"HTTP/1.1 400 Bad Request")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        (one,) = [doctor._server(server.getsockname()[1])]
    assert not one.good and "ANDROID_ADB_SERVER_PORT" in one.cure


def test_a_home_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path / "file" / "x"))
    one = doctor._home()
    assert not one.good and one.cure.startswith("export HOME")
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path / "new"))
    assert doctor._home().good


def fake_adb(folder: Path, number: int) -> str:
    """Says that it is of a protocol which no package here has."""
    folder.mkdir()
    adb = folder / "adb"
    adb.write_text(f"#!/bin/sh\necho 'Android Debug Bridge version 1.0.{number}'\n")
    adb.chmod(0o755)
    return str(adb)


def test_two_protocols_and_a_server_of_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, adb_server: Any
) -> None:
    old = fake_adb(tmp_path / "old", 39)
    monkeypatch.setattr(doctor, "binaries", lambda: [old])
    one = doctor._server(adb_server.port)
    assert not one.good and one.cure == f"adb -P {adb_server.port} kill-server"
    monkeypatch.undo()
    assert doctor._server(adb_server.port).good
    real = doctor.binaries()[-1]
    monkeypatch.setattr(doctor, "binaries", lambda: [old, real])
    assert not doctor._versions().good and "PATH" in doctor._versions().cure


@pytest.mark.slow
def test_connections_that_are_dead_or_not_allowed(adb_server: Any, make_phone: Any) -> None:
    good, shy = make_phone(), make_phone(ask=True)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls and says nothing
        gone = f"127.0.0.1:{silent.getsockname()[1]}"
        for serial in (good.serial, shy.serial, gone):
            adb_server("connect", serial, check=False)
        states = {f.what.split()[0]: f for f in doctor._phones(adb_server.port)}
        assert states[good.serial].good
        assert not states[shy.serial].good and "reconnect" in states[shy.serial].cure
        assert "dead" in states[gone].what and states[gone].cure.endswith(f"disconnect {gone}")
        for serial in (good.serial, shy.serial, gone):
            adb_server("disconnect", serial, check=False)


def test_a_phone_that_was_killed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.phones, "known", lambda: iter([phones.Known("gone", 5599, 2**22)]))
    (one,) = [f for f in doctor._phones(9) if "gone" in f.what]
    assert not one.good and one.cure == "agentkit phone start --name gone --port 5599"
