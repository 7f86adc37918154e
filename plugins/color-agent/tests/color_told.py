"""Runs of the agent whose models say what they are told."""

from __future__ import annotations

import json
from typing import Any

from agentkit.kit import Kit
from agentkit.testing.fakes import ScriptedModel


class Told:
    """A `color` agent whose models say what they are told; a fake, since no small model acts well
    enough to be tested with."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.models: dict[str, ScriptedModel] = {}
        self.number = 0

    def agent(self, *answers: str | dict[str, Any], **settings: Any) -> str:
        """Declares one. Settings that are lists of answers become models in these roles."""
        self.number += 1
        said = {"model": answers, **{k: v for k, v in settings.items() if isinstance(v, list)}}
        chosen: dict[str, Any] = {"grammar": False, "knowledge": False}
        chosen |= {k: v for k, v in settings.items() if not isinstance(v, list)}
        for role, some in said.items():
            name = f"{role}-{self.number}"
            texts = [a if isinstance(a, str) else json.dumps(a) for a in some]
            self.models[role] = ScriptedModel.of(*texts)
            self.kit.add("model", name, self.models[role])
            chosen[role] = name
        made = f"agent-{self.number}"
        self.kit.define("agent", made, use="color-agent", **chosen)
        return made

    def run(self, goal: str, agent: str, answers: list[str] | None = None, **input: Any) -> Any:
        """Runs to its end; questions are answered in turn, and "" leaves it waiting."""
        run = self.kit.agent(agent).run(goal, **input)
        run.wait(60)
        left = list(answers or [])
        while run.status == "waiting" and left:
            run.answer(left.pop(0), run.questions[0].number)
            run.wait(60)
        return run

    def prompts(self, role: str = "model") -> list[str]:
        """What a role was asked, the last user message of each."""
        return [r.messages[-1].text for r in self.models[role].requests]


def nodes(run: Any, kit: Kit) -> list[str]:
    """The order in which nodes were visited."""
    return [e.position.partition(":")[2] for e in kit.runs.tail(run.id, kinds=("node.entered",))]
