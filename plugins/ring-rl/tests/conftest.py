"""A policy to train, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit_ring_rl.bench.bed import warm


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small policy that is right about sums of two digits now and then."""
    return warm(tmp_path_factory.mktemp("policy") / "digit", ["digit"], until=0.3)
