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
    """With fewer rows the causal router takes misspelt questions for sums."""
    rows, steps = (480, 100) if variant == "clm" else (240, 50)
    settings = TrainSettings.model_validate({**SMALL, "variant": variant, "steps": steps})
    return fit(settings, pool(rows), Recorder())


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
