"""A random Llama of four layers, and a memory in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.models.files.loading import Loaded, load
from agentkit.testing.tiny import tiny_model_folder
from agentkit_sparse_memory.memory import SparseMemory, attach
from agentkit_sparse_memory.settings import MemoryConfig

SHAPE: dict[str, Any] = {"layers": (1, 2), "n_keys": 16, "heads": 2, "k": 4, "d_k": 16}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("models") / "tiny", layers=4)


@pytest.fixture(scope="session")
def loaded(folder: Path) -> Loaded:
    return load(folder, "fp32", "cpu")


@pytest.fixture
def memory(loaded: Loaded) -> Iterator[SparseMemory]:
    made = attach(loaded.model, MemoryConfig(**SHAPE))
    yield made
    made.detach()
