"""Runs: events, store, ledger, resume. Importing this loads no LangGraph.

from agentkit.runs import node

graph.add_node("answer", node(self.answer))     # answer(state, rt) -> dict
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agentkit.runs.events import Event

if TYPE_CHECKING:
    from agentkit.runs.agent import BoundAgent, Run
    from agentkit.runs.graph import node, subgraph
    from agentkit.runs.sqlite import SqliteRunStore
    from agentkit.runs.store import Budget, RunRow, RunStore, Status

_HOME = {
    "BoundAgent": "agent",
    "Run": "agent",
    "node": "graph",
    "subgraph": "graph",
    "SqliteRunStore": "sqlite",
    "Budget": "store",
    "RunRow": "store",
    "RunStore": "store",
    "Status": "store",
}

__all__ = [
    "BoundAgent",
    "Budget",
    "Event",
    "Run",
    "RunRow",
    "RunStore",
    "SqliteRunStore",
    "Status",
    "node",
    "subgraph",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"agentkit.runs.{_HOME[name]}"), name)
    raise AttributeError(f"module 'agentkit.runs' has no attribute {name!r}")
