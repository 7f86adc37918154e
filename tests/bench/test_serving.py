"""The experiment on the server: its ways do the same work, and all of it runs on a tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentkit.bench import Bench
from agentkit.bench.serving import LIBRARY, LOOP, SERVE, asks, one_by_one, server, with_clients
from agentkit.capabilities import Cancel
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.settings import Settings
from agentkit.testing.tiny import tiny_model_folder

pytestmark = pytest.mark.slow


class Quiet:
    cancel = Cancel()

    def update(self, step: int, total: int, metrics: Any = None) -> None: ...

    def examples(self, step: int, ids: Any) -> None: ...


@pytest.mark.slow
def test_every_way_does_the_same_work(tmp_path: Path) -> None:
    folder = tiny_model_folder(tmp_path / "tiny")
    work = asks(1, 6, quick=True)
    assert asks(1, 6, quick=True) == work != asks(2, 6, quick=True)
    with Kit(Host.load(), Settings()) as kit:
        kit.define("model", "tiny", use="transformers", model=str(folder), threads=1)
        alone = one_by_one(kit.model("tiny"), work)
        with server(tmp_path / "server", str(folder), 1) as (url, token):
            crowd = with_clients(url, token, "served", work, 3)
        assert alone.tokens == crowd.tokens > 6
        assert len(crowd.first) == len(crowd.whole) == 6
        assert all(first <= whole for first, whole in zip(crowd.first, crowd.whole))

        options = {"model": str(folder), "threads": "1", "beside": "tiny"}
        made = SERVE.run(Bench(kit, "quick", (0,), tmp_path, Quiet(), options))
    assert {f"16 clients: times {base}" for base in (LOOP, LIBRARY)} <= made.metrics.keys()
    assert {LOOP, LIBRARY, "tiny, 16 clients"} <= made.baselines.keys()
    assert "16 clients are served" in made.verdict
