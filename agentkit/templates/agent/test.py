"""What every agent must do: with a model that is scripted, as runs that are paused and forked."""

from __future__ import annotations

from agentkit.testing.conformance import AgentConformance


class TestClassName(AgentConformance):
    toml = """
    [models.m]
    use = "scripted"
    choose = "request"
    answers = ["one", "two", "three", "four", "five"]

    [agents.part]
    use = "NAME"
    model = "m"
    """
    task = "What is a plugin?"
