"""What every model must do, with a memory beside a layer of a random Llama."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentkit.testing.conformance import LanguageModelConformance
from agentkit.testing.tiny import tiny_model_folder


class TestSparseMemory(LanguageModelConformance):
    use = "sparse-memory"
    _folder: ClassVar[tempfile.TemporaryDirectory[str] | None] = None

    def make(self) -> Any:
        cls = type(self)
        if cls._folder is None:
            cls._folder = tempfile.TemporaryDirectory()
            home = Path(cls._folder.name)
            path = tiny_model_folder(home / "model")
            cls.toml = f"""
            [models.base]
            use = "transformers"
            dtype = "fp32"
            model = "{path}"
            [models.part]
            use = "sparse-memory"
            base = "base"
            folder = "{home / "memory"}"
            layers = [0, 1]
            n_keys = 16
            heads = 2
            k = 4
            d_k = 16
            gate = "silu"
            init = "official"
            """
        return super().make()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        if cls._folder is not None:
            cls._folder.cleanup()
            cls._folder = None


pytestmark = pytest.mark.slow
