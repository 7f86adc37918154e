"""The fold's part about the work itself: status, steps, what it does now, what it has spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentkit.console.tree import Tree
from agentkit.runs.events import Event

Prices = Mapping[str, tuple[float, float]]  # model -> price of a million prompt and output tokens
WORKING = ("created", "running")


def step_of(position: str) -> int | None:
    """The top-level step of a position: 14 of "14:work#1/2:weigh"."""
    number = position.split(":", 1)[0]
    return int(number) if number.isdecimal() else None


def node_of(position: str) -> str:
    """The name of the innermost node: "weigh" of "14:work#1/2:weigh"."""
    return position.rsplit("/", 1)[-1].split(":", 1)[-1].split("#", 1)[0]


@dataclass(slots=True)
class Work:
    """Takes in run.status, node.entered, model.*, score.done, budget.changed, artifact."""

    tree: Tree
    prices: Prices
    tokens: int = 0
    prompt: int = 0
    spent: int = 0
    steps: int = 0
    calls: int = 0
    seconds: float = 0.0
    price: float = 0.0
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    began: float | None = None  # when the session began that is going on
    until: float = 0.0  # the last moment that surely was work
    now: float = 0.0  # of the latest event; a clock that was put back has stood still
    asked: dict[str, str] = field(default_factory=dict)  # position -> model of its last call

    def apply(self, event: Event) -> None:
        data = event.data
        self.now = max(self.now, event.time)
        match event.kind:
            case "run.status":
                self._status(event)
            case "node.entered":
                self.steps += 1
                self._entered(event)
            case "model.asked" | "score.asked":
                self.asked[event.position] = str(data.get("model", ""))
                return
            case "model.done":
                used = list(data.get("usage", ()))
                self._spent(event, sum(u["prompt"] for u in used), sum(u["spent"] for u in used), 1)
            case "score.done":
                self._spent(event, int(data.get("tokens", 0)), 0, 1)
            case "artifact":
                kept = {k: data[k] for k in ("name", "sha256", "media_type", "size")}
                self.tree.set(event.seq, ("artifacts", data["name"]), {**kept, "seq": event.seq})
                if data["name"] == "report.json":
                    self.tree.set(
                        event.seq, ("report",), {"seq": event.seq, "artifact": "report.json"}
                    )
                return
            case _:
                return
        if self.began is not None or event.kind == "run.status":
            self.until = self.now
        self._meter(event.seq)

    def _status(self, event: Event) -> None:
        """As `agentkit.runs.drive.spent` counts: pauses do not count, and a session that was killed
        counts up to its last node or model call."""
        if event.data["status"] != "running":
            self.seconds += 0.0 if self.began is None else self.now - self.began
            self.began = None
            self.tree.set(event.seq, ("now",), None)
        else:
            self.seconds += 0.0 if self.began is None else self.until - self.began
            self.began = self.now

    def _entered(self, event: Event) -> None:
        step, node = step_of(event.position), node_of(event.position)
        now = {"position": event.position, "node": node, "since": event.time, "text": ""}
        self.tree.set(event.seq, ("now",), now)
        if step is None or "/" in event.position:
            return
        known = self.tree.get("steps", str(step)) or {"nodes": []}
        made = {
            "step": step,
            "nodes": [*known["nodes"], node],
            "seq": known.get("seq", event.seq),
            "time": known.get("time", event.time),
        }
        self.tree.set(event.seq, ("steps", str(step)), made)

    def _spent(self, event: Event, prompt: int, spent: int, calls: int) -> None:
        name, node = self.asked.pop(event.position, ""), node_of(event.position)
        into, out = self.prices.get(name, (0.0, 0.0))
        price = (prompt * into + spent * out) / 1e6
        self.prompt += prompt
        self.spent += spent
        self.tokens += prompt + spent
        self.calls += calls
        self.price += price
        model = self.models.get(name, {"calls": 0, "prompt": 0, "spent": 0, "price": 0.0})
        self.models[name] = {
            "calls": model["calls"] + calls,
            "prompt": model["prompt"] + prompt,
            "spent": model["spent"] + spent,
            "price": model["price"] + price,
        }
        used = self.nodes.get(node, {"calls": 0, "tokens": 0})
        self.nodes[node] = {
            "calls": used["calls"] + calls,
            "tokens": used["tokens"] + prompt + spent,
        }

    def _meter(self, seq: int) -> None:
        running = 0.0 if self.began is None else self.until - self.began
        meter = {
            "tokens": self.tokens,
            "prompt": self.prompt,
            "spent": self.spent,
            "seconds": round(self.seconds + running, 3),
            "since": self.until,
            "running": self.began is not None,
            "steps": self.steps,
            "calls": self.calls,
            "price": round(self.price, 6) if self.prices else None,
            "models": dict(self.models),
            "nodes": dict(self.nodes),
        }
        self.tree.set(seq, ("meter",), meter)
