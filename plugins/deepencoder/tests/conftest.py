"""A checkpoint of random numbers in the published form, small enough for tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from agentkit.files import write_atomic
from agentkit_deepencoder.config import TINY
from agentkit_deepencoder.nano.alphabet import tokenizer
from agentkit_deepencoder.weights import Ocr, random_numbers, save


@pytest.fixture(scope="session")
def ocr() -> Ocr:
    """TINY with random numbers everywhere, positions included: zeros would hide errors."""
    return random_numbers(TINY, seed=0, spread=0.1)


@pytest.fixture(scope="session")
def folder(ocr: Ocr, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a folder; its tokenizer is the nano model's."""
    made = tmp_path_factory.mktemp("tiny")
    save(ocr, made, torch.float32, {})
    write_atomic(made / "tokenizer.json", tokenizer().to_str())
    return made
