"""What every model must do: see `agentkit.testing.conformance`. The base is a random Llama.

`horizon` is fixed: with it, an answer of fewer tokens is the beginning of one of more.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentkit.testing.conformance import LanguageModelConformance
from agentkit.testing.tiny import tiny_model_folder

pytestmark = pytest.mark.slow  # three suites of a model in turn


class OnTiny:
    """Makes the base's folder once."""

    settings: ClassVar[str] = ""
    _folder: ClassVar[tempfile.TemporaryDirectory[str] | None] = None

    def make(self) -> Any:
        cls: Any = type(self)
        if cls._folder is None:
            cls._folder = tempfile.TemporaryDirectory()
            path = tiny_model_folder(Path(cls._folder.name) / "model")
            cls.toml = (
                f"[models.base]\nuse = 'transformers'\ndtype = 'fp32'\nmodel = '{path}'\n"
                f"[models.part]\nuse = 'power-sampling'\nbase = 'base'\nhorizon = 40\n"
                f"{cls.settings}"
            )
        return super().make()  # type: ignore[misc]

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()  # type: ignore[misc]
        if cls._folder is not None:
            cls._folder.cleanup()
            cls._folder = None


class TestChain(OnTiny, LanguageModelConformance):
    use = "power-sampling"
    settings = "block = 16\nsteps = 2\n"


class TestParticles(OnTiny, LanguageModelConformance):
    use = "power-sampling"
    settings = "method = 'smc'\nparticles = 4\nevery = 8\nresampler = 'chopthin'\n"


class TestRollouts(OnTiny, LanguageModelConformance):
    use = "power-sampling"
    settings = "method = 'rollout'\nblock = 8\ncandidates = 3\nrollouts = 2\nlookahead = 8\n"
