"""Conformance suites: what every part of a noun must do, as numbered cases that pytest runs.

    from agentkit.testing.conformance import SourceConformance

    class TestMine(SourceConformance):
        toml = '[sources.part]\\nuse = "mine"'
        query = "something that it can find"

A case fails or passes; an ability that a model does not declare passes by raising `Unsupported`,
never by being skipped.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentkit.testing.conformance.agent import AgentConformance
    from agentkit.testing.conformance.analyzer import AnalyzerConformance
    from agentkit.testing.conformance.base import Conformance, failures
    from agentkit.testing.conformance.context import ContextConformance
    from agentkit.testing.conformance.environment import EnvironmentConformance
    from agentkit.testing.conformance.guard import GuardConformance
    from agentkit.testing.conformance.language_model import (
        EmbedderConformance,
        LanguageModelConformance,
    )
    from agentkit.testing.conformance.package import PackageConformance
    from agentkit.testing.conformance.perception import PerceptionConformance
    from agentkit.testing.conformance.reward import RewardConformance
    from agentkit.testing.conformance.sandbox import SandboxConformance
    from agentkit.testing.conformance.source import SourceConformance
    from agentkit.testing.conformance.tool import ToolConformance
    from agentkit.testing.conformance.trainer import TrainerConformance

_WHERE = {
    "AgentConformance": "agent",
    "AnalyzerConformance": "analyzer",
    "Conformance": "base",
    "ContextConformance": "context",
    "EmbedderConformance": "language_model",
    "EnvironmentConformance": "environment",
    "GuardConformance": "guard",
    "LanguageModelConformance": "language_model",
    "PackageConformance": "package",
    "PerceptionConformance": "perception",
    "RewardConformance": "reward",
    "SandboxConformance": "sandbox",
    "SourceConformance": "source",
    "ToolConformance": "tool",
    "TrainerConformance": "trainer",
    "failures": "base",
}
__all__ = [
    "AgentConformance",
    "AnalyzerConformance",
    "Conformance",
    "ContextConformance",
    "EmbedderConformance",
    "EnvironmentConformance",
    "GuardConformance",
    "LanguageModelConformance",
    "PackageConformance",
    "PerceptionConformance",
    "RewardConformance",
    "SandboxConformance",
    "SourceConformance",
    "ToolConformance",
    "TrainerConformance",
    "failures",
]


def __getattr__(name: str) -> Any:
    """Each suite is imported when it is named: some need torch, most need nothing."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
