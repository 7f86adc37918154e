"""What the host adds to one step of an agent, beside a bare LangGraph graph with its own saver.

Both do the same step: one call of a model that answers at once, one note. The bare graph keeps the
note in its state and its checkpoint in SQLite; the host commits the call's intent, its result and
the note, and its checkpoint too.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import BaseModel

from agentkit.bench import trial
from agentkit.bench.experiment import Bench, Experiment, Needs, Result, interval
from agentkit.capabilities import AgentInfo, Request

if TYPE_CHECKING:
    from agentkit.kit import Kit, Parts

STEPS = 100
GOAL = 0.5  # milliseconds


class Input(BaseModel):
    task: str = ""


class Output(BaseModel):
    count: int


class State(TypedDict, total=False):
    task: str
    count: int
    note: str


class Loop:
    """An agent of one node that is visited STEPS times."""

    info = AgentInfo("loop")
    input: type[BaseModel] = Input
    output: type[BaseModel] = Output

    def __init__(self) -> None:
        self.times: list[float] = []

    def build(self, parts: Parts) -> Any:
        from agentkit.runs import node

        return looped(node(self.step))

    def step(self, state: State, rt: Any) -> State:
        self.times.append(time.perf_counter())
        text = rt.model("quick").ask(f"step {state.get('count', 0)}")
        rt.emit("note", {"text": text})
        return {"count": state.get("count", 0) + 1}


def looped(step: Callable[[Any], Any]) -> Any:
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda s: "step" if s["count"] < STEPS else END)
    return graph


def bare(folder: Path, model: Any) -> list[float]:
    """When each step of the bare graph began. Its saver syncs as the host's does."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    times: list[float] = []

    def step(state: State) -> State:
        times.append(time.perf_counter())
        count = state.get("count", 0)
        text = model.generate([Request.of(f"step {count}")])[0].text
        return {"count": count + 1, "note": text}

    connection = sqlite3.connect(folder / "bare.db", check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    config: Any = {"configurable": {"thread_id": "1"}, "recursion_limit": STEPS + 2}
    graph = looped(step).compile(checkpointer=SqliteSaver(connection))
    graph.invoke({"task": ""}, config, durability="sync")
    connection.close()
    return times


def hosted(kit: Kit, loop: Loop) -> list[float]:
    """When each step of the agent began."""
    loop.times.clear()
    run = kit.agent("loop").run("")
    run.wait()
    assert run.result.count == STEPS
    return list(loop.times)


def per_step(times: list[float]) -> float:
    """Milliseconds from one step to the next, on average over a run."""
    return (times[-1] - times[0]) / (len(times) - 1) * 1000


def overhead(bench: Bench) -> Result:
    pairs = 5 if bench.scale == "quick" else 31
    plain, ours, extra = [], [], []
    with tempfile.TemporaryDirectory(dir=bench.out) as name:
        folder = Path(name)
        kit = trial.kit(folder)
        kit.define("model", "quick", use="trial")
        loop = Loop()
        kit.add("agent", "loop", loop)
        for pair in range(pairs + 1):
            here = Path(tempfile.mkdtemp(dir=folder))
            one = per_step(bare(here, kit.model("quick")))
            two = per_step(hosted(kit, loop))
            if pair:  # the first one imports
                plain.append(one)
                ours.append(two)
                extra.append(two - one)
            bench.progress.update(pair, pairs)
            if bench.progress.cancel and extra:
                break
        kit.close()
    found = interval(extra, "ms")
    word = "within" if found.value <= GOAL else "above"
    return Result(
        {"overhead": found, "step with the host": interval(ours, "ms")},
        f"The host adds {found.value:.2f} ms to a step ({word} the goal of {GOAL} ms): the commits "
        "that make it resumable, the events, and the checks between calls. Medians over "
        f"{len(extra)} alternating pairs of {STEPS}-step runs on the same disk, write-ahead log, "
        'synchronous NORMAL, LangGraph durability "sync" on both sides.',
        baselines={"bare LangGraph with its SQLite saver": {"step": interval(plain, "ms")}},
    )


OVERHEAD = Experiment(
    name="host-overhead",
    question="What does the host add to one step over a bare LangGraph graph with its own saver?",
    run=overhead,
    needs={"normal": Needs(hours=0.02), "quick": Needs(hours=0.005)},
)
