"""Nodes of an agent's graph, and what a graph looks like from outside.

    graph.add_node("weigh", node(self.weigh))       # weigh(state, rt) -> dict
    graph.add_node("work", subgraph(inner))         # a graph in a graph

A node's position is its own readable path, "14:work#1/2:weigh": step, name, number of the Send, for
each level. It does not depend on LangGraph's ids, so it stands when the checkpoint is lost.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, get_type_hints

from agentkit.errors import ConfigError, UsageError
from agentkit.runs.interrupts import OURS
from agentkit.runs.runtime import Rt
from agentkit.runs.session import Session, Waiting, current

_above: ContextVar[tuple[str, str]] = ContextVar("agentkit_above", default=("", ""))
LEVEL = re.compile(r"(?:^|/)\d+:")  # LangGraph keeps ":" out of names
RENAMES = 4  # more nodes than this changing their names at once is another graph


def node(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """A LangGraph node of `function(state, rt)`, which returns what a LangGraph node returns."""

    def visit(state: Any) -> Any:
        session = _session(function)
        position, _ = _here(session)
        rt = Rt(session, position)
        try:
            return function(state, rt)
        except Waiting:
            from langgraph.types import interrupt

            interrupt({OURS: position})
        except Exception as error:
            if session.fault is None:
                rt.reopen(error)
            raise
        finally:
            if session.fault is not None:
                raise session.fault

    return _dressed(visit, function)


def subgraph(
    graph: Any,
    *,
    into: Callable[[Any], Any] | None = None,
    out: Callable[[Any], Any] | None = None,
) -> Callable[[Any], Any]:
    """A node that runs another graph, built with `node` like this one, or compiled already.

    Args:
        into: the inner graph's input of this node's state; the state itself by default.
        out: this node's update of the inner graph's final state; all of it by default, which
            doubles keys that are added up by a reducer.
    """
    compiled = graph.compile() if hasattr(graph, "compile") else graph

    def visit(state: Any) -> Any:
        token = _above.set(_here(_session(compiled)))
        try:
            result = compiled.invoke(into(state) if into else state)
        finally:
            _above.reset(token)
        return out(result) if out else result

    visit.graph = getattr(compiled, "builder", graph)  # type: ignore[attr-defined]
    return _dressed(visit, graph)


def _dressed(visit: Callable[[Any], Any], function: Any) -> Callable[[Any], Any]:
    """Marks a node as ours; LangGraph reads a node's schema off its first argument's type."""
    visit.__name__ = getattr(function, "__name__", "subgraph")
    visit.recorded = True  # type: ignore[attr-defined]
    try:
        hints = get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        hints = {}
    first = next((hint for name, hint in hints.items() if name not in ("rt", "return")), None)
    visit.__annotations__ = {} if first is None else {"state": first}
    return visit


def _session(function: Any) -> Session:
    session = current.get(None)
    if session is None:
        name = getattr(function, "__qualname__", "this node")
        raise UsageError(
            f"{name} was called outside a run",
            "drive the agent with kit.agent(NAME).run(…)",
        )
    return session


def _here(session: Session) -> tuple[str, str]:
    """The position of the node being visited, and its path by the names in the graph."""
    from langgraph.config import get_config

    metadata = get_config()["metadata"]
    name, path = metadata["langgraph_node"], [*metadata.get("langgraph_path", ())]
    above, outer = _above.get()
    if metadata["langgraph_checkpoint_ns"].count("|") != len(LEVEL.findall(above)):
        # Its position would be that of another visit, whose results it would then be given.
        raise UsageError(
            f"the node {name!r} is in a graph that was put into another one as it is",
            "put it in with agentkit.runs.subgraph(graph), so that its calls can be told apart",
        )
    names = f"{outer}/{name}" if outer else name
    own = f"{metadata['langgraph_step']}:{session.renamed.get(names, name)}"
    if path and path[0] == "__pregel_push":
        own += f"#{path[1]}"
    return (f"{above}/{own}" if above else own), names


# -- graphs from outside --------------------------------------------------------------------------


def describe(graph: Any) -> dict[str, Any]:
    """Nodes and edges of an uncompiled graph as JSON; a run goes on only with an equal one."""
    edges = [list(edge) for edge in graph.edges]
    edges += [[source, end] for sources, end in graph.waiting_edges for source in sources]
    for source, branches in graph.branches.items():
        for branch in branches.values():
            edges += [[source, end] for end in (branch.ends or {"*": "*"}).values()]
    return {
        "nodes": {name: _inner(spec) for name, spec in _nodes(graph)},
        "edges": sorted(edges),
    }


def unrecorded(graph: Any) -> list[str]:
    """Names of nodes whose calls do not go through the runtime."""
    return [name for name, spec in _nodes(graph) if not hasattr(_function(spec), "recorded")]


def _nodes(graph: Any) -> list[tuple[str, Any]]:
    return sorted(graph.nodes.items())


def _inner(spec: Any) -> dict[str, Any] | None:
    inner = getattr(_function(spec), "graph", None)
    return None if inner is None else describe(inner)


def _function(spec: Any) -> Any:
    return getattr(spec.runnable, "func", None)


def renames(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """Which nodes of `new` had which name in `old`, by their path, where that is all that differs.

    Raises:
        ConfigError: more than names changed, or it cannot be told which is which.
    """
    gone = sorted(set(old["nodes"]) - set(new["nodes"]))
    added = sorted(set(new["nodes"]) - set(old["nodes"]))
    fitting = []
    if len(gone) == len(added) <= RENAMES:
        for order in itertools.permutations(gone):
            names = dict(zip(added, order))
            edges = sorted([names.get(a, a), names.get(b, b)] for a, b in new["edges"])
            if edges == sorted(old["edges"]):
                fitting.append(names)
    if len(fitting) != 1:
        changes = [f"+{name}" for name in added] + [f"-{name}" for name in gone] or ["its edges"]
        where = f" below {path}" if path else ""
        raise ConfigError(
            f"the agent's graph is another one now{where} ({', '.join(changes)}), so its recorded "
            "steps cannot be told from new ones",
            "`agentkit runs fork ID --step N` goes on with it from a step that you choose",
        )
    found = {f"{path}{name}": was for name, was in fitting[0].items()}
    for name, inner in new["nodes"].items():
        before = old["nodes"][fitting[0].get(name, name)]
        if (inner is None) != (before is None):
            raise ConfigError(
                f"the node {path}{name} is another one now",
                "`agentkit runs fork ID --step N` goes on with it from a step that you choose",
            )
        if inner is not None:
            found |= renames(before, inner, f"{path}{name}/")
    return found
