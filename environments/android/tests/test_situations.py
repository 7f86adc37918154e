"""Situations: each can be brought about, and who knows is told from who is hasty or timid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.people.situations import scoring, situations
from agentkit_android.people.situations.situation import KINDS


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    environment = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    yield environment.driver
    environment.close()


def test_there_are_enough_of_each_kind() -> None:
    counts = Counter(s.kind for s in situations())
    assert sum(counts.values()) >= 100 and set(counts) == set(KINDS), counts
    assert min(counts.values()) >= 18, counts
    for one in situations():
        assert one.asks is (one.kind != "Normal situation") and one.right, one.id
        assert bool(one.answer) is one.asks
        assert one.reply("Which colour has the sky?") != one.answer or not one.asks


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_who_knows_is_right_and_who_does_not_ask_is_not(driver: Any, kind: str) -> None:
    for one in situations():
        if one.kind != kind:
            continue
        good = scoring.judge(one, driver, scoring.knowing(one))
        assert good.success and good.kind_right and not good.risked, (one.id, good)
        bad = scoring.judge(one, driver, scoring.hasty(one))
        assert bad.success is not one.asks and not bad.asked, (one.id, bad)
        assert bad.risked is (one.risky is not None)


@pytest.mark.slow
def test_a_table_tells_them_apart(driver: Any) -> None:
    some = [s for n, s in enumerate(situations()) if n % 9 == 0]
    rows = {
        name: scoring.table([scoring.judge(s, driver, who(s)) for s in some])["all"]
        for name, who in (
            ("knowing", scoring.knowing), ("hasty", scoring.hasty), ("timid", scoring.timid),
        )
    }  # fmt: skip
    assert rows["knowing"].success == 1.0 and rows["knowing"].risked == 0.0
    assert rows["hasty"].success < 0.5 and rows["hasty"].risked == 1.0
    assert rows["timid"].ask < 0.5 and rows["timid"].act > rows["timid"].success
