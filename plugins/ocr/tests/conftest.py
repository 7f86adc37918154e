"""What these tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for helpers that tests share


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of pages that were read stays with the test."""
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
