"""What every part must do: see `agentkit.testing.conformance`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentkit.capabilities import Example
from agentkit.testing.conformance import (
    LanguageModelConformance,
    PackageConformance,
    TrainerConformance,
)
from agentkit.testing.progress import Recorder
from agentkit.testing.tiny import tiny_model_folder
from agentkit_lookahead.router import fit
from agentkit_lookahead.settings import TrainSettings
from agentkit_lookahead.synthetic import SMALL, pool
from agentkit_lookahead.trainer import examples_of


class TestPackage(PackageConformance):
    plugin = "lookahead"


@pytest.mark.slow
class TestRouted(LanguageModelConformance):
    """Over two random Llamas, with a router that knows them by other skills."""

    use = "lookahead"
    _folder: ClassVar[tempfile.TemporaryDirectory[str] | None] = None

    def make(self) -> Any:
        cls = type(self)
        if cls._folder is None:
            cls._folder = tempfile.TemporaryDirectory()
            root = Path(cls._folder.name)
            settings = TrainSettings.model_validate({**SMALL, "steps": 8, "epochs": 1})
            names = ("one", "other", "calculator")
            fit(settings, pool(60, names=names), Recorder()).save(root / "router")
            paths = [tiny_model_folder(root / f"model{n}", seed=n) for n in (0, 1)]
            cls.toml = "".join(
                f"[models.{name}]\nuse = 'transformers'\ndtype = 'fp32'\nmodel = '{path}'\n"
                for name, path in zip(names, paths)
            ) + (
                f"[models.part]\nuse = 'lookahead'\ncandidates = ['one', 'other']\n"
                f"checkpoint = '{root / 'router'}'\nsubset = true\nbudget = 60\n"
            )
        return super().make()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        if cls._folder is not None:
            cls._folder.cleanup()
            cls._folder = None


class TestCalculator(LanguageModelConformance):
    toml = "[models.part]\nuse = 'calculator'\n"
    prompts = (
        "What is 123456789 * 987654321987?",
        "Add 99999999999999999 + 12345678901234567",
        "7777777777777 times 8888888888888",
    )


class TestPassages(LanguageModelConformance):
    toml = """
    [models.part]
    use = "passages"
    source = "notes"
    [sources.notes]
    use = "inline"
    [sources.notes.documents]
    a = "Everybody in the room says hello to the others. Nobody waits outside."
    b = "Three colours are named here: red, green and blue. Others follow."
    c = "Count slowly to ten before you open the door. Then go in."
    """
    prompts = (
        "Who says hello in the room?",
        "Which three colours are named?",
        "What should you count before you open the door?",
    )


@pytest.mark.slow
class TestTrainer(TrainerConformance):
    toml = "[trainers.part]\nuse = 'lookahead'\nrows = 64\nbatch = 16\nepochs = 4\n" + "".join(
        f"{k} = {v}\n" for k, v in SMALL.items()
    )

    def data(self) -> Sequence[Example]:
        return examples_of(pool(64))
