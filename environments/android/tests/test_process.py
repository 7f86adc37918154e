"""A phone in a process of its own, and all that can happen to it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from typing import Any

import pytest

from agentkit.capabilities import EpisodeOver
from agentkit.errors import UsageError
from agentkit_android.client.actions import Finish, Open, Press, Tap
from agentkit_android.client.errors import DeviceAbsent, DeviceTimeout, DeviceUnauthorized
from agentkit_android.client.transport import must
from agentkit_android.env import phones
from agentkit_android.tasks.expert import Expert

pytestmark = pytest.mark.slow


def task(environment: Any, template: str) -> Any:
    return next(t for t in environment.tasks("train") if t.template == template)


def test_it_outlives_the_agent_and_the_episode_goes_on(phone_home: Any) -> None:
    first = phone_home(name="lasting")
    wanted = task(first, "wifi")
    first.reset(wanted, 1)
    first.step(Open(app="Settings"))
    serial = first.serial
    first.close()

    second = phone_home(name="lasting")
    seen = second.observe()
    assert second.serial == serial and seen.data["package"] == "com.android.settings"
    expert = Expert(second.driver, wanted)
    while True:
        step = second.step(action := expert.next())
        if isinstance(action, Finish):
            break
    assert step.terminated and step.reward == 1 and step.info["steps"] == 4
    assert second.check(wanted).success
    second.close()
    with pytest.raises(EpisodeOver):
        phone_home(name="lasting").step(Press(button="home"))


def test_two_environments_take_two_phones(phone_home: Any) -> None:
    one, two = phone_home(name="twin"), phone_home(name="twin")
    assert one.serial != two.serial
    one.reset(task(one, "bluetooth"), 0)
    two.reset(task(two, "airplane-mode"), 0)
    one.step(Open(app="Contacts"))
    assert two.observe().data["package"] != one.observe().data["package"]
    names = {p.name for p in phones.known()}
    assert {"twin", "twin-2"} <= names
    one.close()
    assert phone_home(name="twin").serial != two.serial


def test_a_phone_that_is_killed_is_found_again_at_its_port(phone_home: Any) -> None:
    environment = phone_home(name="mortal")
    wanted = task(environment, "wifi")
    environment.reset(wanted, 0)
    before = phones.find("mortal")
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    while before.is_on:
        time.sleep(0.02)
    with pytest.raises(DeviceAbsent, match=environment.serial):
        environment.observe()
    environment.close()
    again = phone_home(name="mortal")
    again.reset(wanted, 0)
    after = phones.find("mortal")
    assert after is not None and after.port == before.port and after.pid != before.pid


def test_a_cable_that_is_pulled_out_is_put_in_again(
    adb_server: Any, phone_home: Any, make_phone: Any
) -> None:
    running = make_phone()
    environment = phone_home(serial=running.serial, settle=0)
    environment.reset(task(environment, "wifi"), 0)
    seen = environment.observe()
    for _ in range(3):
        running.do(running.server.drop)
        assert environment.observe() == seen
    running.do(running.server.drop)
    step = environment.step(Open(app="Settings"))
    assert step.observation.data["package"] in ("com.android.settings", "com.android.launcher3")
    must(environment.driver.transport, "am", "start", "-n", "com.android.contacts/.People")
    environment.driver.transport.raw("reboot")
    running.do(running.server.drop)
    assert environment.observe().data["package"]


def test_an_adb_server_that_is_killed_is_started_again(make_adb: Any, phone_home: Any) -> None:
    own = make_adb()
    environment = phone_home(name="served", adb_port=own.port)
    environment.reset(task(environment, "wifi"), 0)
    seen = environment.observe()
    own("kill-server")
    assert environment.observe() == seen
    own("kill-server")
    step = environment.step(Tap(x=1, y=1))
    assert not step.truncated and environment.observe().data["elements"]


def test_one_that_waits_to_be_allowed_says_so(
    adb_server: Any, phone_home: Any, make_phone: Any
) -> None:
    shy = make_phone(ask=True)
    environment = phone_home(serial=shy.serial)
    with pytest.raises(DeviceUnauthorized, match="confirm the question"):
        environment.observe()
    while not shy.do(shy.server.allow):  # adb says so before the phone has got its key
        time.sleep(0.01)
    adb_server.of(shy.serial)("wait-for-device")  # adb hears of it a moment later
    assert environment.observe().data["package"]


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4])
def test_a_peer_that_is_no_phone_is_told_apart(phone_home: Any, said: bytes) -> None:
    """One that says nothing, and one of another protocol."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    peers.append(peer)
                    peer.sendall(said)

        peers: list[socket.socket] = []
        threading.Thread(target=answer, daemon=True).start()
        serial = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises((DeviceAbsent, DeviceTimeout), match=serial):
            phone_home(serial=serial, timeout=4).observe()
        for peer in peers:
            peer.close()


def test_one_that_is_not_there_says_so_at_once(phone_home: Any) -> None:
    for serial in ("127.0.0.1:9", "emulator-9999"):
        begun = time.monotonic()
        with pytest.raises(DeviceAbsent, match=serial):
            phone_home(serial=serial, timeout=4).observe()
        assert time.monotonic() - begun < 5
    with pytest.raises(UsageError, match="is one phone"):
        phone_home(serial="emulator-9999").pool(2)
