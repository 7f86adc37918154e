"""`agentkit phone start`, and more than one client at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agentkit.errors import AgentkitError
from agentkit_android import command
from agentkit_android.command import phone

pytestmark = pytest.mark.slow

START = [sys.executable, "-m", "agentkit", "phone", "start", "--port"]


def start(port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*START, str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_a_phone_is_switched_on_killed_and_on_again_at_its_port(adb_server: Any) -> None:
    port = 0
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = start(port)
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            serial = said.split("adb connect ")[1].split()[0]
            port = int(serial.rpartition(":")[2])
            assert adb_server.to(serial)("shell", "echo on").stdout == b"on\n"
            process.send_signal(number)
            assert process.wait(20) == (0 if number == signal.SIGTERM else -number)
            assert adb_server("-s", serial, "shell", "echo on", check=False).returncode != 0
            adb_server("disconnect", serial, check=False)
        finally:
            process.kill()
            process.communicate()


def test_a_port_that_is_taken_is_said(running: Any) -> None:
    process = start(running.server.port)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 5
    assert str(running.server.port) in said and "--port 0" in said


@pytest.mark.slow
def test_two_adb_servers_see_one_phone(
    adb: Any, running: Any, make_adb: Callable[[], Any], tmp_path: Path
) -> None:
    other = make_adb().to(running.serial)
    adb("shell", "echo shared > /sdcard/shared; settings put system font_scale 1.3")
    assert other("shell", "cat /sdcard/shared").stdout == b"shared\n"
    assert other("shell", "settings get system font_scale").stdout == b"1.3\n"


@pytest.fixture
def log_reader(adb: Any) -> Any:
    process = subprocess.Popen(
        [adb.binary, "-P", str(adb.port), "-s", adb.serial, "logcat"],
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_the_log_stays_open_and_tells_what_happens(adb: Any, log_reader: Any) -> None:
    assert log_reader.stdout.readline().startswith("--------- beginning")
    adb("shell", "am start -n com.android.settings/.Location")
    lines = iter(log_reader.stdout.readline, "")
    assert any("START u0 {cmp=com.android.settings/.Location}" in line for line in lines)
    assert b"Location" in adb("shell", "logcat -d").stdout
    adb("shell", "logcat -c")
    assert b"Location" not in adb("shell", "logcat -d").stdout


@pytest.fixture
def phone_command(
    adb: Any, phone_home: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """`agentkit phone …` of the phone that adb is connected to: its status and what it said."""
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb.port))

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(phone, list(words))
        if isinstance(done.exception, AgentkitError):  # told by the command line around it
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.output

    return run


@pytest.mark.slow
def test_a_phone_is_seen_and_touched_from_the_command_line(
    phone_command: Any, adb: Any, running: Any, tmp_path: Path
) -> None:
    on = ["--phone", adb.serial]
    adb("shell", "input keyevent HOME")
    assert "launcher3" in phone_command("look", *on)[1]
    assert "com.android.settings" in phone_command("tap", "Settings", *on)[1]
    status, said = phone_command("tap", "Teleport", *on)
    assert status == 2 and "nothing on the screen says 'Teleport'" in said
    assert phone_command("screenshot", str(tmp_path / "a.png"), *on)[0] == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert phone_command("shell", *on, "--", "echo", "a  b; 'c'")[1] == "a  b; 'c'\n"
    assert phone_command("shell", *on, "--", "frobnicate")[0] == 127
    assert "frobnicate" in phone_command("unknown", *on)[1]
    assert "wifi/" in phone_command("tasks")[1]
    status, said = phone_command("look", "--phone", "127.0.0.1:9")
    assert status == 5 and "127.0.0.1:9" in said


def test_without_a_command_the_phone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(command, "view", lambda: seen.append(True))
    assert CliRunner().invoke(phone, []).exit_code == 0 and seen
    assert "unknown" in CliRunner().invoke(phone, ["--help"]).output and len(seen) == 1


@pytest.mark.slow
def test_the_state_of_the_last_finished_action_outlives_a_kill(
    adb_server: Any, tmp_path: Path
) -> None:
    """It is killed in the midst of a command, and started again at the same port."""
    port, kept = "0", ""
    for _ in range(2):
        process = subprocess.Popen(
            [*START, port, "--state", str(tmp_path / "phone")], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            serial = process.stdout.readline().split("adb connect ")[1].split()[0]
            assert port in ("0", serial.rpartition(":")[2])
            port, device = serial.rpartition(":")[2], adb_server.to(serial)
            now = device("shell", "simulator hash; cat /sdcard/kept", check=False).stdout.decode()
            assert not kept or now == kept
            device("shell", "echo kept > /sdcard/kept; input keyevent HOME")
            kept = device("shell", "simulator hash; cat /sdcard/kept").stdout.decode()
            begun = subprocess.Popen(
                [adb_server.binary, "-P", str(adb_server.port), "-s", serial, "shell", "cat"],
                stdin=subprocess.PIPE,
            )
        finally:
            process.kill()
            process.communicate()
        assert begun.wait(60) != 0, "a client is told"
        adb_server("disconnect", serial, check=False)
