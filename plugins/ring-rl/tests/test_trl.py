"""Beside TRL itself, where it is installed (`pip install agentkit-ring-rl[bench]`)."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from trl import GRPOConfig

import agentkit
from agentkit.bench import Bench
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.bench.peers import RL_TRL
from agentkit_ring_rl.export import export
from agentkit_ring_rl.settings import RingSettings


def test_trl_takes_the_options() -> None:
    known = {field.name for field in fields(GRPOConfig)}
    for mask in ("icepop", "tis", "none"):
        assert set(export(RingSettings(mask=mask), "trl")) <= known


@pytest.mark.slow
def test_both_train_on_the_same_task(tmp_path: Path) -> None:
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "quick", RL_TRL.seeds, tmp_path, Recorder(), {"steps": "5"})
        result = RL_TRL.run(bench)
    assert result.metrics and result.verdict
