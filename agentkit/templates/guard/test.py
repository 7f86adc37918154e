"""What every guard must do, and what this one stops."""

from __future__ import annotations

from agentkit.capabilities import Effect, Proposal
from agentkit.testing.conformance import GuardConformance


class TestClassName(GuardConformance):
    toml = '[guards.part]\nuse = "NAME"'
    stopped = (
        Proposal("run", "agent", "files", "delete_all", {}, Effect.OUTSIDE),
        Proposal("run", "agent", "mail", "send", {}, Effect.IRREVERSIBLE),
    )
    allowed = (Proposal("run", "agent", "files", "read", {}, Effect.NONE),)
