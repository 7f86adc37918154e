"""A policy alone: the model is given each step as data, and what it says is done.

No plan, no second look and no second chance: what a framework around the same policy is worth is
measured against this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from agentkit.agents.acting import (
    BadReply,
    ElementLine,
    Reading,
    Screen,
    StepPrompt,
    history_line,
    read_reply,
    reply_schema,
)
from agentkit.capabilities import Grammar, Request, Runtime
from agentkit.errors import AgentkitError
from agentkit_android.agents.loop import Decision, PhoneAgent, PhoneSettings, State
from agentkit_android.client.actions import ACTIONS

if TYPE_CHECKING:
    from agentkit.kit import Parts
    from agentkit_android.env.environment import AndroidEnvironment

KEPT = 50  # lines of history


class StepwiseSettings(PhoneSettings):
    """model: says the next action. elements: the most that it is shown of a screen. stuck: so many
    times the same on the same screen, and it gives up. grammar: whether a model that knows grammars
    is held to actions that can be taken on this screen."""

    model: str = "small"
    elements: int = Field(60, ge=1)
    stuck: int = Field(3, ge=1)
    grammar: bool = False


class Stepwise:
    """Asks the model once a step."""

    def __init__(self, settings: StepwiseSettings) -> None:
        self._settings = settings

    def decide(self, state: State, rt: Runtime, phone: AndroidEnvironment) -> Decision:
        memory, elements = state["memory"], state["elements"]
        history: list[str] = memory.get("history", [])
        reading, screen = Reading(memory.get("reading")), self._screen(state)
        prompt = StepPrompt(state["goal"], screen, reading.see(screen), tuple(history))
        schema = (
            Grammar("json", reply_schema(ACTIONS, elements)) if self._settings.grammar else None
        )
        made = rt.model("model").complete(
            Request(prompt.messages(ACTIONS), grammar=schema, max_tokens=200, temperature=0.0)
        )
        if made.finish == "error":
            raise AgentkitError(f"the model could not answer: {made.error}")
        try:
            action = read_reply(made.text, ACTIONS, elements)
        except BadReply as error:
            words = f"no action: {error.message}"
            return {"actions": [], "memory": memory, "words": words}
        words = history_line(action, elements)
        seen = f"{words}\n{prompt.screen}"
        same = memory.get("same", 0) + 1 if memory.get("last") == seen else 1
        if same > self._settings.stuck:
            words = f"gave up: {words} changes nothing"
            return {"actions": [], "memory": memory, "words": words}
        history = [*history, words][-KEPT:]
        kept: dict[str, Any] = {"history": history, "reading": reading.kept, "last": seen}
        kept["same"] = same
        return {"actions": [action], "memory": kept, "words": words}

    def _screen(self, state: State) -> Screen:
        place, _, time = state["screen"].partition("\n")[0].partition("  ")
        most = self._settings.elements
        shown = tuple(ElementLine.of(e) for e in state["elements"][:most])
        apps = tuple(state.get("apps", {}).items())
        return Screen(place, time, shown, max(0, len(state["elements"]) - most), apps)


def stepwise(settings: StepwiseSettings, parts: Parts) -> PhoneAgent:
    roles = {"model": "says the next action"}
    what = "takes each step that a model says, and nothing else"
    return PhoneAgent(settings, parts, Stepwise(settings), what, roles)
