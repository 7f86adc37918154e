"""Routers that are trained once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from agentkit.testing.progress import Recorder
from agentkit_lookahead.router import Router, fit
from agentkit_lookahead.settings import TrainSettings
from agentkit_lookahead.synthetic import SMALL, pool

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def routers() -> dict[str, Router]:
    """Both variants, trained on the pool."""
    made = {}
    for variant in ("mlm", "clm"):
        settings = TrainSettings.model_validate({**SMALL, "variant": variant, "steps": 70})
        made[variant] = fit(settings, pool(300), Recorder())
    return made


@pytest.fixture(scope="session")
def checkpoint(routers: dict[str, Router], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return routers["mlm"].save(tmp_path_factory.mktemp("routers") / "pool")
