"""A policy to train, made once."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from agentkit_ring_rl import sft_state, trainer
from agentkit_ring_rl.bench.bed import warm

collect_ignore = [] if find_spec("trl") else ["test_trl.py"]
"""A peer is an extra that experiments need: its tests are there for who has it."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small policy that is right about sums of two digits now and then."""
    return warm(tmp_path_factory.mktemp("policy") / "digit", ["digit"], until=0.3)


@pytest.fixture
def drawn() -> None:
    """For tests that look at the curves of a training."""


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere they are not drawn: that takes longer than these trainings."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(trainer, "curves", lambda out: None)
        monkeypatch.setattr(sft_state, "plot", lambda out, held_out: None)
