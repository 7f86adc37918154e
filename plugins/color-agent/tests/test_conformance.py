"""The parts against their nouns' suites; phones are processes that outlive each run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.testing.conformance import AgentConformance, GuardConformance, PackageConformance

PARTS = """
[environments.phone]
use = "android"
where = "inside"
picture = false

[models.told]
use = "scripted"
choose = "request"
answers = [
  '{"kind":"button","button":"home"}', '{"kind":"open","app":"Settings"}',
  '{"kind":"scroll","direction":"down"}', '{"kind":"finish","status":"success"}'
]

[agents.part]
use = "color-agent"
model = "told"
steps = 4
"""


class TestPackage(PackageConformance):
    plugin = "color-agent"


class TestGuard(GuardConformance):
    toml = """
    [guards.part]
    use = "sensitive-actions"
    pay = "deny"
    """


@pytest.mark.slow
class TestColorAgent(AgentConformance):
    task = "Turn on airplane mode"
    pauses = 2
    toml = PARTS.replace('where = "inside"\n', "")

    @pytest.fixture(autouse=True)
    def _phones(
        self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        """None outlives its test."""
        folder: Path = tmp_path_factory.mktemp("phones")
        monkeypatch.setenv("AGENTKIT_DATA", str(folder))
        yield
        from color_phones import stop_all

        with contextlib.suppress(Exception):
            stop_all()
