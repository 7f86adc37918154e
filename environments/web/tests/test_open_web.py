"""The environment on hosts outside: what may be reached, and what needs `submit`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playing import Declare, Player
from sites import site

from agentkit.capabilities import EpisodeOver
from agentkit.errors import BackendUnavailable, Unsupported
from agentkit_web import actions as act
from agentkit_web.environment import WebEnvironment

pytestmark = pytest.mark.slow
Asked = list[str]


@pytest.fixture
def web() -> Iterator[tuple[str, Asked]]:
    with site() as (base, asked):
        yield base, asked


def _player(part: Declare, base: str, path: str = "/form") -> Player:
    environment = part(
        "environment",
        suite="open",
        goals=["Send the form."],
        start=base + path,
        network={"private": [base.removeprefix("http://")], "seconds": 5},
        picture=False,
    )
    assert isinstance(environment, WebEnvironment)
    return Player(environment, environment.reset(environment.tasks("test")[0], 0))


def test_what_changes_something_needs_submit(part: Declare, web: tuple[str, Asked]) -> None:
    base, asked = web
    player = _player(part, base)
    for name in ("Like", "Send"):
        player.click("button", name)
        assert any("held back; use submit" in m for m in player.seen.data["messages"])
        player.do(act.Goto(url=f"{base}/form"))
    assert "POST /changed" not in asked
    player.do(act.Submit(element=player.find("button", "Send")))
    assert "POST /changed" in asked and player.seen.data["title"] == "Changed"


def test_only_what_is_allowed_is_reached(part: Declare, web: tuple[str, Asked]) -> None:
    base, _ = web
    player = _player(part, base, "/")
    for url in ("http://169.254.169.254/", "http://localhost:8099/", "http://10.0.0.1/"):
        player.do(act.Goto(url=url))
        assert "otter" not in repr(player.seen.parts[0])
    refused = player.environment._gateway.refused  # type: ignore[union-attr]
    assert sum("not a public address" in reason for reason in refused) >= 3


def test_a_page_that_hangs_is_closed(part: Declare, web: tuple[str, Asked]) -> None:
    base, _ = web
    player = _player(part, base, "/otter")
    player.do(act.Goto(url=f"{base}/stuck"))
    assert "hangs and was closed" in player.seen.data["messages"][-1]
    player.do(act.Goto(url=f"{base}/otter"))
    assert "Otters eat crabs" in repr(player.seen.parts[0])


def test_a_browser_that_dies_or_hangs_is_started_again(
    part: Declare, web: tuple[str, Asked]
) -> None:
    player = _player(part, web[0], "/otter")
    environment, chromium = player.environment, player.environment._chromium
    with pytest.raises(BackendUnavailable, match="did not come back"):
        chromium.call(lambda _: environment._playing().session.page.evaluate(
            "() => { while (true) {} }"), seconds=2.0)  # fmt: skip
    with pytest.raises(BackendUnavailable):
        environment.observe()
    (task,) = environment.tasks("test")
    assert "Otters eat crabs" in repr(environment.reset(task, 0).parts[0])
    chromium.kill()
    with pytest.raises(BackendUnavailable):
        environment.step(act.Scroll())
    assert "Otters eat crabs" in repr(environment.reset(task, 0).parts[0])


def test_the_outside_world_has_no_snapshots_and_no_judge(
    part: Declare, web: tuple[str, Asked]
) -> None:
    player = _player(part, web[0], "/otter")
    with pytest.raises(Unsupported, match="no snapshots"):
        player.environment.snapshot()
    (task,) = player.environment.tasks("test")
    assert not player.environment.check(task).success
    assert player.do(act.Answer(text="crabs")).terminated
    assert "nobody has judged" in player.environment.check(task).reasons[0]
    with pytest.raises(EpisodeOver):
        player.environment.step(act.Back())


def test_what_is_drawn_is_read_too(part: Declare, web: tuple[str, Asked]) -> None:
    base, _ = web
    environment = part(
        "environment",
        suite="open",
        goals=["Look."],
        start=base + "/drawing",
        network={"private": [base.removeprefix("http://")], "seconds": 5},
        picture=False,
        perception="rapidocr",
    )
    assert isinstance(environment, WebEnvironment)
    seen = environment.reset(environment.tasks("test")[0], 0)
    assert [one["text"] for one in seen.data["seen"]] == ["Sails are red"]
    assert 'in the picture: "Sails are red"' in str(seen.parts[0]) and len(seen.parts) == 1
    environment.close()
