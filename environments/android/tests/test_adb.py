"""The real adb and adbutils over a simulated phone."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import adbutils
import pytest

from . import conftest

pytestmark = pytest.mark.slow  # a real adb server is started


@pytest.fixture(scope="module", params=[conftest.BUNDLED, conftest.DEBIAN], ids=["36", "29"])
def adb_server(make_adb: Callable[..., Any], request: pytest.FixtureRequest) -> Any:
    """The adb that adbutils brings, and Debian's."""
    if not Path(request.param).exists():
        pytest.skip("apt-get install adb")
    return make_adb(request.param)


def test_devices_are_listed_with_what_they_are(adb: Any) -> None:
    line = next(t for t in adb("devices", "-l").stdout.decode().splitlines() if adb.serial in t)
    assert " device " in line
    assert "product:agentphone model:Agent_Phone device:agentphone" in line


@pytest.mark.parametrize("status", [0, 1, 127, 255])
def test_exit_status_comes_through(adb: Any, status: int) -> None:
    assert adb("shell", f"exit {status}", check=False).returncode == status


def test_output_and_errors_are_two_streams(adb: Any) -> None:
    done = adb("shell", "echo out; ls /nowhere", check=False)
    assert done.returncode == 1
    assert done.stdout == b"out\n"
    assert done.stderr == b"ls: /nowhere: No such file or directory\n"


def test_an_unknown_command_is_not_found_and_kept(adb: Any, running: Any) -> None:
    before = running.phone.unknown.get("frobnicate", 0)
    done = adb("shell", "frobnicate --all", check=False)
    assert done.returncode == 127
    assert done.stderr == b"/system/bin/sh: frobnicate: inaccessible or not found\n"
    assert running.phone.unknown["frobnicate"] == before + 1


def test_standard_input_reaches_the_phone(adb: Any) -> None:
    data = os.urandom(300_000)
    done = adb("shell", "md5sum", input=data)
    assert done.stdout.split()[0].decode() == hashlib.md5(data).hexdigest()


def test_an_older_phone_has_neither_status_nor_second_stream(
    adb_server: Any, make_phone: Callable[..., Any]
) -> None:
    old = make_phone(features=("cmd",))
    adb = adb_server.to(old.serial)
    done = adb("shell", "echo out; ls /nowhere; exit 3")
    assert done.returncode == 0 and not done.stderr
    assert b"out" in done.stdout and b"No such file" in done.stdout
    device = adbutils.AdbClient(port=adb.port).device(old.serial)
    assert device.shell2("(exit 3)").returncode == 3
    adb("push", __file__, "/sdcard/")
    assert old.phone.files.read("/sdcard/test_adb.py") == Path(__file__).read_bytes()


def test_binary_output_is_whole(adb: Any, running: Any) -> None:
    data = os.urandom(5_000_000)
    running.phone.files.write("/data/local/tmp/big", data)
    assert adb("exec-out", "cat /data/local/tmp/big").stdout == data


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 20_000_000])
def test_files_go_there_and_back(adb: Any, tmp_path: Path, size: int) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    here.write_bytes(os.urandom(size))
    adb("push", str(here), "/data/local/tmp/file")
    adb("pull", "/data/local/tmp/file", str(back))
    assert back.read_bytes() == here.read_bytes()


@pytest.mark.parametrize("name", ["a b.txt", "사진.txt", "q\"u'o`te$x;y", "a,b,33188"])
def test_odd_names_are_kept(adb: Any, running: Any, tmp_path: Path, name: str) -> None:
    here = tmp_path / name
    here.write_text(name)
    adb("push", str(here), f"/sdcard/Download/{name}")
    assert running.phone.files.read(f"/sdcard/Download/{name}") == name.encode()
    adb("pull", f"/sdcard/Download/{name}", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == name


def test_folders_go_there_and_back(adb: Any, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "in" / "deep").mkdir(parents=True)
    (tree / "in" / "deep" / "one").write_text("1")
    (tree / "two").write_text("2")
    adb("push", str(tree), "/sdcard/Documents/")
    adb("pull", "/sdcard/Documents/tree", str(tmp_path / "back"))
    got = {
        str(p.relative_to(tmp_path / "back")): p.read_text()
        for p in (tmp_path / "back").rglob("*")
        if p.is_file()
    }
    assert got == {"in/deep/one": "1", "two": "2"}


def test_what_is_missing_is_an_error(adb: Any, tmp_path: Path) -> None:
    done = adb("pull", "/sdcard/nothing", str(tmp_path), check=False)
    assert done.returncode != 0
    said = done.stderr + done.stdout
    assert b"does not exist" in said or b"No such file" in said


def test_a_path_cannot_lead_out_of_the_phone(adb: Any, running: Any, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "new").write_text("new")
    adb("push", str(tmp_path / "new"), f"/../../..{canary}")
    assert not canary.exists()
    assert running.phone.files.read(str(canary)) == b"new"
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    assert adb("pull", f"/../../..{secret}", str(tmp_path / "x"), check=False).returncode != 0


@pytest.mark.parametrize(
    "line",
    [
        "; touch {0}", "$(touch {0})", "`touch {0}`", "| tee {0}", "> {0}", "&& touch {0}",
        "& touch {0}", "sh -c 'touch {0}'", "'; touch {0}; '", "../../bin/sh -c 'touch {0}'",
        "ls \n touch {0}", "eval 'touch {0}'", "echo | xargs touch {0}",
    ],
)  # fmt: skip
def test_no_command_reaches_the_host(adb: Any, tmp_path: Path, line: str) -> None:
    canary = tmp_path / "canary"
    adb("shell", line.format(canary), check=False)
    adb("exec-out", line.format(canary), check=False)
    assert not canary.exists()


def test_ports_of_the_phone_are_forwarded_and_ports_of_the_host_are_not(
    adb: Any, running: Any
) -> None:
    async def echo(stream: Any) -> None:
        while data := await stream.read():
            await stream.write(data[::-1])

    running.phone.ports[9008] = echo
    device = adbutils.AdbClient(port=adb.port).device(adb.serial)
    with device.create_connection(adbutils.Network.TCP, 9008) as connection:
        connection.sendall(b"abc")
        assert connection.recv(3) == b"cba"
    with pytest.raises(adbutils.AdbError):
        device.create_connection(adbutils.Network.TCP, adb.port)  # the host's adb server
    assert adb("forward", "tcp:0", "tcp:9008").stdout.strip().isdigit()
    adb("forward", "--remove-all")


def test_many_shells_at_once(adb: Any) -> None:
    device = adbutils.AdbClient(port=adb.port).device(adb.serial)
    results: dict[int, str] = {}

    def work(number: int) -> None:
        results[number] = str(device.shell(f"echo {number}; cat /dev/null"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {n: str(n) for n in range(50)}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_a_client_that_ends_leaves_no_stream_behind(
    adb: Any, running: Any, how: signal.Signals
) -> None:
    client = subprocess.Popen(
        [adb.binary, "-P", str(adb.port), "-s", adb.serial, "exec-out", "yes"],
        stdout=subprocess.PIPE,
    )
    assert client.stdout is not None
    assert client.stdout.read(100_000).startswith(b"y\ny\n")
    client.send_signal(how)
    client.stdout.close()
    client.wait()
    assert adb("shell", "echo still here").stdout == b"still here\n"
    while b"yes" in adb("shell", "ps").stdout:  # until the phone has heard of it
        pass


def test_adbutils_sees_the_same_phone(adb: Any, tmp_path: Path) -> None:
    device = adbutils.AdbClient(port=adb.port).device(adb.serial)
    assert device.getprop("ro.product.model") == "Agent Phone"
    device.sync.push(b"content", "/sdcard/by-adbutils.txt")
    assert device.sync.stat("/sdcard/by-adbutils.txt").size == 7
    assert "by-adbutils.txt" in [f.path for f in device.sync.list("/sdcard")]
    assert device.sync.read_bytes("/sdcard/by-adbutils.txt") == b"content"
    done = device.shell2("cat /sdcard/by-adbutils.txt; (exit 4)")
    assert (done.returncode, done.output.strip()) == (4, "content")


def test_a_prompt_runs_what_is_typed(adb: Any) -> None:
    done = adb("shell", input=b"cd /sdcard\npwd\nexit 5\n", check=False)
    assert (done.stdout, done.returncode) == (b"/sdcard\n", 5)
    terminal = adb("shell", "-tt", input=b"echo typed\rexit\r")
    assert b"agentphone:/ $ echo typed\r\ntyped\r\n" in terminal.stdout


def test_a_computer_that_nobody_allowed_yet_waits(adb_server: Any, make_phone: Any) -> None:
    shy = make_phone(ask=True)
    said = adb_server("connect", shy.serial, check=False).stdout
    assert b"failed to authenticate" in said
    assert b"unauthorized" in adb_server("devices").stdout
    device = adb_server.of(shy.serial)
    assert b"unauthorized" in device("shell", "echo on", check=False).stderr
    while not shy.do(shy.server.allow):  # adb says so before the phone has got its key
        time.sleep(0.01)
    device("wait-for-device")
    assert device("shell", "echo on").stdout == b"on\n"
    adb_server("disconnect", shy.serial)
    adb_server("connect", shy.serial)  # by the key that it knows now
    assert device("shell", "echo on").stdout == b"on\n"
    adb_server("disconnect", shy.serial)
    shy.do(shy.server.keys.forget)
    assert b"failed to authenticate" in adb_server("connect", shy.serial, check=False).stdout
    adb_server("disconnect", shy.serial)


def test_the_phone_reaches_ports_of_the_host_that_were_given_to_it(adb: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                while data := peer.recv(1000):
                    peer.sendall(data.upper())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        adb("reverse", "tcp:7001", f"tcp:{port}")
        assert f"tcp:7001 tcp:{port}" in adb("reverse", "--list").stdout.decode()
        device = adbutils.AdbClient(port=adb.port).device(adb.serial)
        with device.create_connection(adbutils.Network.TCP, 7001) as connection:
            connection.sendall(b"around")
            assert connection.recv(100) == b"AROUND"
        thread.join(20)
    assert adb("reverse", "tcp:0", "tcp:9").stdout.strip().isdigit()
    assert adb("reverse", "--no-rebind", "tcp:7001", "tcp:9", check=False).returncode
    adb("reverse", "--remove", "tcp:7001")
    assert adb("reverse", "--remove", "tcp:7001", check=False).returncode
    adb("reverse", "--remove-all")
    assert not adb("reverse", "--list").stdout.strip()
    with pytest.raises(adbutils.AdbError):
        device.create_connection(adbutils.Network.TCP, 7001)


def test_sockets_with_names_are_forwarded(adb: Any, running: Any) -> None:
    async def hello(stream: Any) -> None:
        await stream.write(b"hello from " + await stream.read())

    running.server.sockets["minicap"] = hello
    device = adbutils.AdbClient(port=adb.port).device(adb.serial)
    with device.create_connection(adbutils.Network.LOCAL_ABSTRACT, "minicap") as connection:
        connection.sendall(b"the phone")
        assert connection.recv(100) == b"hello from the phone"
    with pytest.raises(adbutils.AdbError):
        device.create_connection(adbutils.Network.LOCAL_ABSTRACT, "nobody")


def test_the_framebuffer_is_the_screen(adb: Any, running: Any) -> None:
    device = adbutils.AdbClient(port=adb.port).device(adb.serial)
    shown = device.framebuffer().convert("RGB")
    assert shown.size == (1080, 2400)
    assert shown.tobytes() == device.screenshot().convert("RGB").tobytes()


def test_a_reboot_drops_the_connection_and_keeps_what_is_stored(adb: Any, running: Any) -> None:
    adb("shell", "echo kept > /sdcard/kept; am start -n com.android.settings/.Settings")
    adb("reboot")
    adb("disconnect", adb.serial, check=False)
    adb("connect", adb.serial)
    assert adb("shell", "cat /sdcard/kept").stdout == b"kept\n"
    assert b"launcher" in adb("shell", "dumpsys activity activities | grep Resumed").stdout


def test_ten_forwards_carry_at_once(adb: Any, running: Any) -> None:
    async def echo(stream: Any) -> None:
        while data := await stream.read():
            await stream.write(data)

    running.phone.ports[9010] = echo
    ports = [int(adb("forward", "tcp:0", "tcp:9010").stdout) for _ in range(10)]
    assert len(set(ports)) == 10
    back: dict[int, bytes] = {}

    def work(port: int) -> None:
        data = os.urandom(200_000)
        with socket.create_connection(("127.0.0.1", port), 20) as peer:
            sender = threading.Thread(target=peer.sendall, args=(data,))
            sender.start()
            got = b""
            while len(got) < len(data):
                got += peer.recv(65536)
            sender.join()
        back[port] = got if got == data else b""

    threads = [threading.Thread(target=work, args=(p,)) for p in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(len(back[p]) == 200_000 for p in ports)
    adb("forward", "--remove-all")
