"""Tips: learned from the train split alone, found by likeness, never below the floor."""

from __future__ import annotations

import pytest

from agentkit_color_agent.knowledge import Tip, learn, masked, retrieve, skill_of, tips, written
from agentkit_color_agent.screens import words
from agentkit_color_agent.teaching import Teaching


def test_no_key_is_a_goal_of_the_test_split(phone: Teaching) -> None:
    """Acceptance 11: neither word for word, nor with what was filled in left out, for templates
    that are in no other split."""
    keys = {" ".join(words(t.skill)) for t in tips()}
    assert len(keys) > 40
    for part in ("unseen-templates", "unseen-apps"):
        for task in phone.tasks(part):
            assert " ".join(words(task.goal)) not in keys
            assert " ".join(words(skill_of(task.goal))) not in keys, task.goal
    for task in phone.tasks("unseen-params"):
        goal = task.goal
        assert skill_of(goal) == goal.casefold().strip(" .") or goal.casefold() not in keys


def test_tips_hold_nothing_that_was_filled_in(phone: Teaching) -> None:
    text = " ".join(" ".join(t.way) for t in tips())
    assert "“" not in text and "+1 555" not in text


def test_below_the_floor_nothing_is_found() -> None:
    known = [Tip("settings", "turn on airplane mode", ("open “Settings”",))]
    assert retrieve("Turn on airplane mode", known, 0.5)[0][1] > 0.99
    assert not retrieve("Order a pizza", known, 0.5) and not retrieve("anything", [], 0.0)


@pytest.mark.parametrize(
    ("goal", "skill"),
    [
        ("Set an alarm for 04:59", "set an alarm for …"),
        ("Text Amara Sato: “Lunch at noon?”", "text amara sato …"),
        ("Turn off Do Not Disturb", "turn off do not disturb"),
    ],
)
def test_a_skill_is_what_is_left(goal: str, skill: str) -> None:
    assert words(skill_of(goal)) == words(skill)


def test_the_shortest_way_is_kept() -> None:
    long = ("settings", "Turn on Wi-Fi", ["on"], ['open "Settings"', "scroll down", "tap it"])
    short = ("settings", "Turn on Wi-Fi", ["on"], ['open "Settings"', 'tap row "Wi-Fi"'])
    (tip,) = learn([long, short])
    assert len(tip.way) == 2 and '"source": "here"' in written([tip], "here")
    assert masked('type "Mia"', "Text “Mia” now") == 'type "…"'
    assert masked('tap row "Mia, +1 555 010"', "Call Mia", ["Mia"]) == 'tap row "…"'
