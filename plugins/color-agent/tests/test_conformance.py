"""The parts against their nouns' suites; phones are processes that outlive each run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from color_phones import free_port, stop_all

from agentkit.capabilities import Effect, Proposal
from agentkit.testing.conformance import AgentConformance, GuardConformance, PackageConformance

pytestmark = pytest.mark.slow

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
steps = 2
"""


def _tap(what: str) -> Proposal:
    args = {"kind": "tap", "x": 1, "y": 2, **({"sensitive": what} if what else {})}
    return Proposal("run", "color", "phone", "tap", args, Effect.INSIDE)


class TestPackage(PackageConformance):
    plugin = "color-agent"


PHONES = PARTS.replace('where = "inside"\n', "")


class TestGuard(GuardConformance):
    toml = """
    [guards.part]
    use = "sensitive-actions"
    pay = "deny"
    share = "allow"
    """
    stopped = tuple(_tap(w) for w in ("send: “Send”", "pay: “Buy”", "delete: x", "odd", "call: y"))
    allowed = (_tap(""), _tap("share: “Share”"))


@pytest.mark.slow
class TestColorAgent(AgentConformance):
    task = "Turn on airplane mode"
    pauses = 2
    input: ClassVar[dict[str, Any]] = {"task_id": "airplane-mode/1"}
    toml = PHONES

    @pytest.fixture(autouse=True)
    def _phones(
        self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        """None outlives its test."""
        folder: Path = tmp_path_factory.mktemp("phones")
        monkeypatch.setenv("AGENTKIT_DATA", str(folder))
        port = free_port()
        text = PHONES.replace("picture = false", f"picture = false\nadb_port = {port}")
        monkeypatch.setattr(type(self), "toml", text)
        yield
        stop_all(port)
