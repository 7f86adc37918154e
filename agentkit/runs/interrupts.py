"""LangGraph's own interrupts, of nodes that do not work through the runtime, as questions.

Our nodes ask with `rt.ask` and are resumed by running them again. A node of somebody else's calls
`interrupt(value)` and is resumed by a command that carries the answer.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agentkit.capabilities.agent import Question
from agentkit.runs.rows import dump
from agentkit.runs.session import Session
from agentkit.runs.store import Append, Change, Intend
from agentkit.runs.visit import hashed

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.types import StateSnapshot

OURS = "agentkit position"  # key of the value that our own nodes interrupt with
RESUME = "__resume__"  # channels of LangGraph's pending writes
INTERRUPT = "__interrupt__"


def ask(session: Session, snapshot: StateSnapshot, saver: BaseCheckpointSaver[Any]) -> Any:
    """Makes the interrupts of a stopped graph questions of its run, each once.

    Returns:
        What to invoke the graph with: a command with the answers that are there, else None.
    """
    found = {
        one.id: (f"{(snapshot.metadata or {}).get('step', 0) + 1}:{task.name}", one.value)
        for task in snapshot.tasks
        for one in task.interrupts
        if not (isinstance(one.value, dict) and OURS in one.value)
    }
    if not found:
        return None
    from langgraph.types import Command

    counts, answers = _resumed(saver, session.run), {}
    for name, (node, value) in found.items():
        position, index = f"{node}/interrupt {name}", counts[name]
        known = session.store.calls(session.run, position).get(index)
        if known is None:
            asked = asdict(_question(value))
            changes: list[Change] = [
                Intend(position, index, "question", "none", hashed(dump(asked))),
                Append("question.asked", asked, position, index),
            ]
            session.write(*changes)
        elif known.result is not None:
            answers[name] = known.result["ok"]
    return Command(resume=answers) if answers else None


def _resumed(saver: BaseCheckpointSaver[Any], thread: str) -> Counter[str]:
    """How many answers each interrupt has had: a node may interrupt again under the same id."""
    ids: dict[str, set[str]] = {}
    had: dict[str, int] = {}
    for one in saver.list({"configurable": {"thread_id": thread}}):
        for task, channel, value in one.pending_writes or ():
            if channel == INTERRUPT:
                ids.setdefault(task, set()).update(i.id for i in value)
            elif channel == RESUME:
                had[task] = max(had.get(task, 0), len(value))
    return Counter({i: had[task] for task in had for i in ids.get(task, ())})


def _question(value: Any) -> Question:
    """What a node interrupts with is text, or anything; a dict may bring text and options."""
    if not isinstance(value, dict):
        return Question(value if isinstance(value, str) else json.dumps(value, default=str))
    text = next((value[k] for k in ("text", "question", "message") if k in value), None)
    options = value.get("options")
    listed = tuple(map(str, options)) if isinstance(options, list | tuple) else ()
    return Question(str(text) if text else json.dumps(value, default=str), listed)
