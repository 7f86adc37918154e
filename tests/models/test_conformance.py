"""The parts of this room against the public suites."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentkit.testing.conformance import EmbedderConformance, LanguageModelConformance
from agentkit.testing.tiny import tiny_model_folder
from tests.models.folders import other_family_folder, tiny_encoder_folder

pytestmark = pytest.mark.slow  # whole suites on real engines


class OnFolder:
    """Makes the folder of a suite's model once."""

    settings: ClassVar[str] = ""
    _folder: ClassVar[tempfile.TemporaryDirectory[str] | None] = None

    @staticmethod
    def write(path: Path) -> None:
        tiny_model_folder(path)

    def make(self) -> Any:
        cls: Any = type(self)
        if cls._folder is None:
            cls._folder = tempfile.TemporaryDirectory()
            path = Path(cls._folder.name) / "model"
            cls.write(path)
            cls.toml = f"[models.part]\n{cls.settings}\nmodel = '{path}'\n"
        return super().make()  # type: ignore[misc]

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()  # type: ignore[misc]
        if cls._folder is not None:
            cls._folder.cleanup()
            cls._folder = None


class TestTransformers(OnFolder, LanguageModelConformance):
    settings = 'use = "transformers"\ndtype = "fp32"'


class TestTransformersShort(OnFolder, LanguageModelConformance):
    settings = 'use = "transformers"\ndtype = "bf16"\nkv_memory = 64'


class TestPlain(OnFolder, LanguageModelConformance):
    """A family that the engine does not read: one request after the other, no tokens."""

    settings = 'use = "transformers"\ndtype = "fp32"'
    write = staticmethod(other_family_folder)


class TestSmolLM2(LanguageModelConformance):
    """In fp32: processors without bf16 units take ten times as long; bf16 has its suite above."""

    toml = '[models.part]\nuse = "transformers"\nmodel = "smollm2-135m"\ndtype = "fp32"\n'
    tokens = 12


class TestEmbedder(OnFolder, EmbedderConformance):
    settings = 'use = "embedder"'
    write = staticmethod(tiny_encoder_folder)


class TestMiniLM(EmbedderConformance):
    toml = '[models.part]\nuse = "embedder"\nmodel = "minilm"\n'
