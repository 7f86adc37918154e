"""What every model must do, by the part on a server that stands in for vLLM."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest

from agentkit.testing.conformance import LanguageModelConformance
from agentkit.testing.tiny import tiny_model_folder

SERVER = Path(__file__).parent / "stand_in.py"


@pytest.mark.slow
class TestVllm(LanguageModelConformance):
    use = "vllm"
    folder: ClassVar[Any] = None

    def make(self) -> Any:
        cls = type(self)
        if cls.folder is None:
            cls.folder = TemporaryDirectory()
            model = tiny_model_folder(Path(cls.folder.name) / "tiny")
            cls.toml = (
                f'[models.part]\nuse = "vllm"\nmodel = "{model}"\ncontext = 1024\n'
                f'command = ["{sys.executable}", "{SERVER}"]\nlog = "{cls.folder.name}/log"\n'
            )
        return super().make()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        if cls.folder is not None:
            cls.folder.cleanup()
            cls.folder = None
