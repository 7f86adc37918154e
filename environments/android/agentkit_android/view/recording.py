"""A demonstration: what somebody did on a phone, and what the screen was before each action."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from agentkit.capabilities import Action
from agentkit_android.client.driver import Look
from agentkit_android.env.observation import observation

VERSION = 1


@dataclass(slots=True)
class Recording:
    """Steps in order; each has the action as JSON, and the observation that it was taken on."""

    goal: str = ""
    on: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)

    def start(self, goal: str) -> None:
        self.goal, self.on, self.steps = goal[:500], True, []

    def add(self, look: Look, action: Action) -> None:
        if self.on:
            seen = observation(look).data
            self.steps.append({"seen": dict(seen), "action": action.model_dump(mode="json")})

    def to_json(self) -> str:
        plain = {"version": VERSION, "goal": self.goal, "steps": self.steps}
        return json.dumps(plain, ensure_ascii=False, indent=1)
