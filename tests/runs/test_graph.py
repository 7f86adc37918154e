"""Positions are readable paths; a graph is known again when only names changed."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest

from agentkit.errors import ConfigError, UsageError
from agentkit.runs import node, subgraph
from agentkit.runs.graph import describe, renames, unrecorded


def graph_of(edges: list[tuple[str, str]], **nodes: Any) -> Any:
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(dict)
    for name, made in nodes.items():
        graph.add_node(name, made)
    for a, b in edges:
        graph.add_edge(START if a == "^" else a, END if b == "$" else b)
    return graph


def nothing(state: Any, rt: Any) -> Any:
    return {}


N = node(nothing)


def test_positions_are_paths_through_sends_and_subgraphs(trials: Any) -> None:
    kit = trials(asks=False, rounds=1)
    run = kit.agent("trial").run("fish")
    run.wait()
    entered = [e.position for e in kit.runs.tail(run.id, kinds=("node.entered",))]
    work = {f"2:work#{n}/{inner}" for n in range(3) for inner in ("1:look", "2:weigh")}
    assert set(entered) == {"1:plan", "3:gap", "4:act", "5:report"} | work


def test_a_node_outside_a_run_says_how_it_is_run() -> None:
    with pytest.raises(UsageError, match=r"nothing was called outside a run\n.*kit\.agent"):
        N({})


def test_a_subgraphs_result_is_fitted_to_the_outer_state(kit_of: Any, made: Any) -> None:
    class Outer(TypedDict, total=False):
        task: str
        notes: Annotated[list[str], operator.add]
        text: str

    def build() -> Any:
        from langgraph.graph import END, START, StateGraph

        inner = graph_of([("^", "say"), ("say", "$")], say=node(lambda s, rt: {"n": s["n"] + 1}))
        graph = StateGraph(Outer)
        graph.add_node("first", node(lambda s, rt: {"notes": ["first"]}))
        graph.add_node(
            "inside",
            subgraph(
                inner,
                into=lambda s: {"n": len(s["notes"])},
                out=lambda end: {"notes": [f"inside {end['n']}"]},
            ),
        )
        graph.add_node("last", node(lambda s, rt: {"text": " ".join(s["notes"])}))
        for a, b in ((START, "first"), ("first", "inside"), ("inside", "last"), ("last", END)):
            graph.add_edge(a, b)
        return graph

    assert kit_of(made(build)).agent("made").run("t").result.text == "first inside 2"


def test_a_graph_put_into_another_as_it_is_gets_no_foreign_results(kit_of: Any, made: Any) -> None:
    def build(put: Any) -> Any:
        def again() -> Any:
            edges = [("^", "say"), ("say", "$")]
            return graph_of(edges, say=node(lambda s, rt: rt.emit("note", {}) or {}))

        return graph_of(LINE, a=put(again()), b=put(again()))

    run = kit_of(made(lambda: build(lambda inner: inner.compile()))).agent("made").run("t")
    with pytest.raises(UsageError, match=r"agentkit\.runs\.subgraph"):
        assert run.result
    kit = kit_of(made(lambda: build(lambda inner: subgraph(graph_of(LINE[:1], a=subgraph(inner))))))
    run = kit.agent("made").run("t")
    assert run.wait() == "done"
    notes = [e.position for e in kit.runs.tail(run.id, kinds=("note",))]
    assert notes == ["1:a/1:a/1:say", "2:b/1:a/1:say"]


@dataclass
class Thing:
    name: str


def test_dataclasses_in_the_state_survive_the_checkpoint(kit_of: Any, made: Any) -> None:
    class Holding(TypedDict, total=False):
        task: str
        thing: Thing
        text: str

    def build() -> Any:
        from langgraph.graph import START, StateGraph

        graph = StateGraph(Holding)
        graph.add_node("make", node(lambda s, rt: {"thing": Thing("box")}))
        graph.add_node("use", node(lambda s, rt: {"text": s["thing"].name + rt.ask("?")}))
        graph.add_edge(START, "make")
        graph.add_edge("make", "use")
        return graph

    run = kit_of(made(build)).agent("made").run("t")
    run.wait()
    again = kit_of(made(build)).resume(run.id)
    again.answer("!")
    assert again.result.text == "box!"


# -- graphs from outside --------------------------------------------------------------------------

LINE = [("^", "a"), ("a", "b"), ("b", "$")]


def test_equal_graphs_differ_in_nothing() -> None:
    one = describe(graph_of(LINE, a=N, b=N))
    assert one == describe(graph_of(LINE[::-1], b=N, a=N)) and renames(one, one) == {}


def test_renamed_nodes_are_found_by_their_edges() -> None:
    old = describe(graph_of(LINE, a=N, b=N))
    new = describe(graph_of([("^", "x"), ("x", "y"), ("y", "$")], x=N, y=N))
    assert renames(old, new) == {"x": "a", "y": "b"}


def test_renamed_nodes_are_found_in_subgraphs() -> None:
    inner = graph_of(LINE, a=N, b=N)
    other = graph_of([("^", "a"), ("a", "c"), ("c", "$")], a=N, c=N)
    old = describe(graph_of([("^", "w"), ("w", "$")], w=subgraph(inner)))
    new = describe(graph_of([("^", "v"), ("v", "$")], v=subgraph(other)))
    assert renames(old, new) == {"v": "w", "v/c": "b"}


@pytest.mark.parametrize(
    ("edges", "nodes"),
    [
        ([*LINE, ("a", "$")], "ab"),  # an edge more
        ([("^", "a"), ("a", "$")], "a"),  # a node less
        ([("^", "a"), ("a", "c"), ("c", "b"), ("b", "$")], "abc"),  # a node more
    ],
)
def test_other_graphs_are_refused(edges: list[tuple[str, str]], nodes: str) -> None:
    old = describe(graph_of(LINE, a=N, b=N))
    with pytest.raises(ConfigError, match="the agent's graph is another one now"):
        renames(old, describe(graph_of(edges, **dict.fromkeys(nodes, N))))


def test_which_is_which_is_never_guessed() -> None:
    def twins(one: str, two: str) -> Any:
        edges = [("^", one), ("^", two), (one, "$"), (two, "$")]
        return describe(graph_of(edges, **{one: N, two: N}))

    with pytest.raises(ConfigError):
        renames(twins("a", "b"), twins("c", "d"))
    assert renames(twins("a", "b"), twins("a", "d")) == {"d": "b"}


def test_nodes_past_the_runtime_are_named() -> None:
    graph = graph_of(LINE, a=N, b=lambda state: state)
    assert unrecorded(graph) == ["b"]
