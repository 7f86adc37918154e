"""The fold's part about people: messages and what became of them, questions, the plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agentkit.console.tree import Tree
from agentkit.runs.events import Event
from agentkit.runs.store import ENDED

ENDS = ("applied", "rejected", "superseded", "unclear")


@dataclass(slots=True)
class People:
    """Takes in inbox.*, message.ended, question.*, plan.*, run.status."""

    tree: Tree
    open: set[int] = field(default_factory=set)  # numbers of questions nobody has answered

    def apply(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "inbox.received":
                self.tree.set(event.seq, ("messages", data["id"]), _message(event))
            case "inbox.read":
                self._change(event, data["id"], state="read", step=event.position)
            case "inbox.late" | "inbox.withdrawn":
                self._change(event, data["id"], state=event.kind.removeprefix("inbox."))
            case "message.ended":
                told = {"reason": data.get("reason", ""), "parts": list(data.get("parts", ()))}
                if not told["parts"]:
                    told.pop("parts")
                state = data["state"] if data.get("state") in ENDS else "applied"
                self._change(event, data["message"], state=state, step=event.position, **told)
            case "question.asked":
                self.open.add(event.seq)
                self.tree.set(event.seq, ("questions", str(event.seq)), shown_question(event))
                if data.get("kind") == "plan":
                    revision = data.get("data", {}).get("revision", 0)
                    self._plan(event, "asked", revision, event.seq)
            case "question.answered":
                self._answered(event)
            case "plan.approved" | "plan.refused":
                self._plan(event, event.kind.removeprefix("plan."), data.get("revision", 0), None)
            case "run.status" if data["status"] in ENDED:
                for number in sorted(self.open):
                    self._close(event.seq, number, open=False)
            case _:
                return

    def _change(self, event: Event, id: str, **values: Any) -> None:
        old = self.tree.get("messages", id)
        if old is not None:
            self.tree.set(event.seq, ("messages", id), {**old, **values})

    def _answered(self, event: Event) -> None:
        data = event.data
        said = {"answer": data["answer"], "by": data.get("author", "user"), "answered": event.time}
        self._close(event.seq, int(data["number"]), open=False, **said)
        plan = self.tree.get("plan")
        if plan is not None and plan["question"] == data["number"]:
            self.tree.set(event.seq, ("plan",), {**plan, "question": None})

    def _close(self, seq: int, number: int, **values: Any) -> None:
        self.open.discard(number)
        old = self.tree.get("questions", str(number))
        if old is not None:
            self.tree.set(seq, ("questions", str(number)), {**old, **values})

    def _plan(self, event: Event, state: str, revision: int, question: int | None) -> None:
        plan = {"state": state, "revision": revision, "question": question}
        self.tree.set(event.seq, ("plan",), plan)


def _message(event: Event) -> dict[str, Any]:
    data = event.data
    more = data.get("data", {})
    return {
        "id": data["id"],
        "text": data["text"],
        "author": data["author"],
        "sent": event.time,
        "seq": event.seq,
        "state": "queued",
        "step": "",
        "reason": "",
        "parts": [],
        "edits": list(more.get("edits", ())),
        "file": "todo" in more,
    }


def shown_question(event: Event) -> dict[str, Any]:
    """A question as the API shows it, while nobody has answered it."""
    data = event.data
    return {
        "number": event.seq,
        "text": data["text"],
        "options": list(data["options"]),
        "kind": data["kind"],
        "default": data["default"],
        "data": data["data"],
        "position": event.position,
        "asked": event.time,
        "open": True,
        "answer": None,
        "by": None,
        "answered": None,
    }
