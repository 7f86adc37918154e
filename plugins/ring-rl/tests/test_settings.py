"""Settings of the trainer `ring` that cannot work, and defaults of its stages."""

from __future__ import annotations

from typing import Any

import pytest

from agentkit_ring_rl.settings import RingSettings


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"phi": 0.2}, "phi does nothing with mask = 'icepop'"),
        ({"mask": "tis", "alpha": 0.4}, "alpha does nothing with mask = 'tis'"),
        ({"alpha": 6.0}, "alpha 6.0 is above beta 5.0"),
        ({"alpha": -1.0}, "greater than or equal to 0"),
        ({"top_p": 0.9}, "top_p must be 1"),
        ({"top_k": 5}, "top_k 0"),
        ({"temperature": 0.0}, "greater than 0"),
        ({"group": 1}, "greater than or equal to 2"),
        ({"keep_kv": True}, "keep_kv does nothing with engine = 'tokens'"),
        ({"schedule": "synchronous", "budget": 5}, "budget does nothing"),
        ({"ranks": 3}, "ranks does nothing with on = 'local'"),
        ({"on": "ray"}, "engine = 'tokens' does not run on ray"),
        ({"rewards": ()}, "rewards is empty"),
        ({"clip": (1.5, 0.2)}, "clip"),
        ({"mask": "icepopp"}, "Input should be"),
        ({"stepz": 5}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("(", r"\(")):
        RingSettings(**wrong)


def test_stages_set_defaults_and_no_more() -> None:
    assert RingSettings().mask == "icepop" and RingSettings().schedule == "c3po++"
    general = RingSettings(stage="general")
    assert (general.mask, general.schedule, general.rate) == ("none", "synchronous", 3e-6)
    assert RingSettings(stage="general", mask="tis").mask == "tis"


@pytest.mark.parametrize(
    "settings",
    [{}, {"mask": "kpop"}, {"mask": "kpop", "factor": "ratio"}, {"stage": "general"},
     {"engine": "served", "server": "far"}, {"on": "ray", "engine": "batched"}],
)  # fmt: skip
def test_settings_can_be_made_again_from_all_that_they_hold(settings: dict[str, Any]) -> None:
    """As a recipe writes them, in which what was left out has its default."""
    made = RingSettings(**settings)
    again = RingSettings(**made.model_dump())
    assert again == made and again.gap_mask() == made.gap_mask()
