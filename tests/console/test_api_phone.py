"""A phone task over the API: its screen, a guard's questions, a person's own touch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.serving import Console, serve, stop, stop_runs

pytestmark = pytest.mark.slow

PHONE = """
[environments.phone]
use = "android"
name = "console-api"

[guards.ask]
use = "effects"
ask = ["inside"]
"""


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("phone")
    first = serve(folder)
    stop(first)
    with (folder / "agentkit.toml").open("a") as file:
        file.write(PHONE)
    console = serve(folder)
    yield console.enter()
    stop(console)
    stop_runs(folder)
    _off(folder)


def _off(folder: Path) -> None:
    """The simulated phone is a process of its own, which outlives everybody."""
    import os
    import subprocess
    import sys

    env = {**os.environ, "AGENTKIT_DATA": str(folder / "data")}
    subprocess.run(
        [sys.executable, "-m", "agentkit", "phone", "stop", "console-api"],
        env=env,
        check=False,
        capture_output=True,
    )


@pytest.mark.slow
def test_a_phone_task_through_a_guard_to_its_end(phone: Console) -> None:
    run = phone.start("Switch Wi-Fi off", agent="phone-oracle", input={"task_id": "wifi/0"})
    state = phone.until(run, lambda s: any(q["open"] for q in s.get("questions", {}).values()), 120)
    (question,) = [q for q in state["questions"].values() if q["open"]]
    assert question["kind"] == "approval" and question["options"] == ["yes", "no"]
    assert question["data"]["target"] == "phone" and question["data"]["args"]["kind"]
    (screen,) = phone.get(f"/api/runs/{run}/screens")["screens"]
    assert screen["name"] == "phone" and screen["touchable"]
    picture = phone.ask("GET", f"/api/runs/{run}/screens/phone.png")
    assert picture.body.startswith(b"\x89PNG") and picture.headers["x-mark"]
    mark = picture.headers["x-mark"]
    again = phone.ask("GET", f"/api/runs/{run}/screens/phone.png?mark={mark}")
    assert again.status in (200, 304)
    seen = phone.get(f"/api/runs/{run}/screens/phone/elements")
    assert seen["size"] == [int(n) for n in picture.headers["x-size"].split("x")]
    act = f"/api/runs/{run}/screens/phone/act"
    assert phone.ask("POST", act, {"kind": "shell", "words": ["reboot"]}).status == 400
    touched = phone.ask("POST", act, {"kind": "button", "button": "home"})
    assert touched.status == 200, touched.body
    assert touched.json["done"] == {"kind": "button", "button": "home"}
    assert phone.get("/api/audit")["entries"][0]["kind"] == "screen.act"
    while state["run"]["status"] != "done":
        waiting = [q for q in state["questions"].values() if q["open"]]
        for one in waiting:
            phone.command(run, "answer", question=one["number"], answer="yes")
        seq = max(one["number"] for one in state["questions"].values())
        state = phone.until(
            run,
            lambda s, seq=seq: (
                s["run"]["status"] == "done" or any(int(n) > seq for n in s["questions"])
            ),
            120,
        )
    assert phone.get(f"/api/runs/{run}/result")["text"].startswith("Done")
