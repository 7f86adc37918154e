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


def trained(variant: str) -> Router:
    settings = TrainSettings.model_validate({**SMALL, "variant": variant, "steps": 50})
    return fit(settings, pool(240), Recorder())


@pytest.fixture(scope="session")
def masked() -> Router:
    return trained("mlm")


@pytest.fixture(scope="session")
def routers(masked: Router) -> dict[str, Router]:
    """Both variants, trained on the pool."""
    return {"mlm": masked, "clm": trained("clm")}


@pytest.fixture(scope="session")
def checkpoint(masked: Router, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return masked.save(tmp_path_factory.mktemp("routers") / "pool")
