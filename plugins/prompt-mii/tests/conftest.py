"""Models and labelled rows that the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import agentkit
from agentkit.kit import Kit
from agentkit.testing.tiny import tiny_model_folder

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    """With `tiny`, a random Llama of two layers."""
    folder = tiny_model_folder(tmp_path_factory.mktemp("models") / "tiny", context=2048)
    with agentkit.load(environ={}) as made:
        made.define("model", "tiny", use="transformers", model=str(folder), dtype="fp32", threads=1)
        yield made
