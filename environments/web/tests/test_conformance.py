"""What every environment, source and package must do: see `agentkit.testing.conformance`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

from agentkit.capabilities import Action, Environment, Task
from agentkit.testing.conformance import (
    EnvironmentConformance,
    PackageConformance,
    SourceConformance,
)

pytestmark = pytest.mark.slow


@pytest.mark.slow
class TestSites(EnvironmentConformance):
    toml = """
    [environments.part]
    use = "web"
    templates = ["mail-archive"]
    """
    episodes = 2
    steps = 6

    def solve(self, environment: Any, task: Task) -> Sequence[Action]:
        from playing import solve

        return solve(environment, task)

    def action(self, environment: Environment, random: Random) -> Action:
        """Half of them on elements that are there, so that play goes somewhere."""
        from agentkit_web.actions import Click

        if random.random() < 0.5:
            seen = environment.observe().data["elements"]
            shown = [e for e in seen if e["role"] in ("link", "button", "textbox")]
            if shown:
                return Click(element=random.choice(shown)["id"])
        return super().action(environment, random)


@pytest.mark.slow
class TestSite(SourceConformance):
    use = "web"
    query = "otters and fish"

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _site(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        from sites import site

        with site() as (base, _), pytest.MonkeyPatch.context() as patch:
            patch.setenv("AGENTKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
            cls.toml = f"""
            [sources.part]
            use = "web"
            start = ["{base}/"]
            embedder = "absent"
            wait = 1.0
            fetch = {{ private = ["127.0.0.1"] }}
            [models.absent]
            use = "embedder"
            model = "no/such/folder"
            """
            yield


class TestPackage(PackageConformance):
    plugin = "web"
