"""The loss in other trainers' words, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from agentkit.errors import ConfigError, Unsupported
from agentkit_ring_rl.export import KEPT, TARGETS, command_line, export, load
from agentkit_ring_rl.settings import RingSettings

BASE: dict[str, Any] = {
    "mean": "token",
    "rate": 3e-6,
    "group": 16,
    "limit": 99,
    "clip": (0.1, 0.28),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "chosen",
    [
        {"mask": "icepop", "alpha": 0.5, "beta": 5.0},
        {"mask": "icepop", "alpha": 0.4, "beta": 3.0},
        {"mask": "tis", "most": 2.0},
        {"mask": "none"},
    ],
)
def test_a_round_trip_keeps_the_algorithm(target: str, chosen: dict[str, Any]) -> None:
    settings = RingSettings(**BASE, **chosen)
    back = load(export(settings, target), target)
    for name in (*KEPT, "clip"):
        assert getattr(back, name) == getattr(settings, name), name


def test_the_values_stand_where_the_peers_read_them() -> None:
    settings = RingSettings(**{**BASE, "mask": "icepop"})
    trl = export(settings, "trl")
    assert trl["vllm_importance_sampling_mode"] == "token_mask"
    assert trl["vllm_importance_sampling_clip_min"] == 0.5
    assert trl["vllm_importance_sampling_clip_max"] == 5.0
    assert "rollout_is_threshold=0.5_5.0" in command_line(export(settings, "verl"), "verl")
    words = command_line(export(settings, "openrlhf"), "openrlhf")
    assert "--algo.advantage.is_correction_type icepop" in words
    assert "--algo.advantage.is_correction_threshold 0.5 5.0" in words
    assert "--tis-clip-low 0.5 --tis-clip 5.0" in command_line(export(settings, "slime"), "slime")


def test_what_cannot_be_said_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no exporter for 'trll'; did you mean 'trl'"):
        export(RingSettings(), "trll")
    with pytest.raises(ConfigError, match="no exporter"):
        load({}, "nobody")
    with pytest.raises(Unsupported, match="kpop"):
        export(RingSettings(mask="kpop"), "verl")
    with pytest.raises(Unsupported, match="mean over tokens"):
        export(RingSettings(), "openrlhf")
    with pytest.raises(Unsupported, match="multiplies"):
        export(RingSettings(factor="one"), "slime")
    options = {**export(RingSettings(), "trl"), "vllm_importance_sampling_mode": "sequence_mask"}
    with pytest.raises(ConfigError, match="no loss of ours"):
        load(options, "trl")
