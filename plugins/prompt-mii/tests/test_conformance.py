"""What every part must do: see `agentkit.testing.conformance`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentkit.capabilities import Outcome
from agentkit.testing.conformance import (
    LanguageModelConformance,
    PackageConformance,
    RewardConformance,
)
from agentkit.testing.tiny import tiny_model_folder


class TestPackage(PackageConformance):
    plugin = "prompt-mii"


@pytest.mark.slow
class TestInduced(LanguageModelConformance):
    """Over a random Llama."""

    use = "prompt-mii"
    _folder: ClassVar[tempfile.TemporaryDirectory[str] | None] = None

    def make(self) -> Any:
        cls = type(self)
        if cls._folder is None:
            cls._folder = tempfile.TemporaryDirectory()
            path = tiny_model_folder(Path(cls._folder.name) / "model")
            cls.toml = (
                f"[models.base]\nuse = 'transformers'\ndtype = 'fp32'\nmodel = '{path}'\n"
                "[models.part]\nuse = 'prompt-mii'\nbase = 'base'\ninstruction = 'Be brief.'\n"
            )
        return super().make()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        if cls._folder is not None:
            cls._folder.cleanup()
            cls._folder = None


TASK = {"labels": ["mip", "zor"], "rows": [("red sky", "zor"), ("fox", "mip")]}


class TestMade(RewardConformance):
    toml = "[rewards.part]\nuse = 'prompt-mii-made'\n"
    good = Outcome(TASK, "zor if has red ; else mip")
    bad = Outcome(TASK, "else mip")


class TestFollowed(RewardConformance):
    toml = """
    [models.reader]
    use = "scripted"
    answers = ["zor"]
    [[models.reader.rules]]
    when = '(?s)A fox is mip.*Input: "fox"'
    answers = ["mip"]
    [rewards.part]
    use = "prompt-mii"
    follower = "reader"
    scoring = "generation"
    """
    good = Outcome(TASK, "A fox is mip.")
    bad = Outcome(TASK, "Say something.")
