"""Three agents that others are measured against: one that does nothing, one that does anything, and
one that knows the way."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Action, Runtime
from agentkit_android.agents.loop import Decision, PhoneAgent, PhoneSettings, State, action, find
from agentkit_android.client.actions import Finish, Press, Scroll, Tap, Type

if TYPE_CHECKING:
    from agentkit.kit import Parts
    from agentkit_android.env.environment import AndroidEnvironment

WORDS = ("hello", "Ada", "42", "milk and bread", "tomorrow")


class Nothing:
    """Says at once that it is done."""

    def decide(self, state: State, rt: Runtime, phone: AndroidEnvironment) -> Decision:
        return {"actions": [Finish()], "memory": {}, "words": "nothing"}


class Anything:
    """Touches something on the screen, or does something else, by chance."""

    def decide(self, state: State, rt: Runtime, phone: AndroidEnvironment) -> Decision:
        made = anything_on(Random(rt.seed), state["elements"])
        return {"actions": [made], "memory": {}, "words": made.model_dump_json()}


def anything_on(random: Random, elements: list[dict[str, Any]]) -> Action:
    """A random action on a screen: mostly a tap on what can be tapped."""
    drawn = random.random()
    touchable = [e for e in elements if e.get("clickable")]
    if drawn < 0.3 and any(e.get("focused") and e.get("editable") for e in elements):
        return Type(text=random.choice(WORDS))
    if drawn < 0.8 and touchable:
        left, top, right, bottom = random.choice(touchable)["bounds"]
        return Tap(x=(left + right) // 2, y=(top + bottom) // 2)
    if drawn < 0.9:
        return Scroll(direction=random.choice(("up", "down")))
    if drawn < 0.98:
        return Press(button=random.choice(("back", "home")))
    return Finish()


class Oracle:
    """Plays the expert of a task; gives up where none is known."""

    def decide(self, state: State, rt: Runtime, phone: AndroidEnvironment) -> Decision:
        from agentkit_android.tasks.expert import Expert
        from agentkit_android.tasks.sight import Memory

        if not state["task_id"]:
            return {"actions": [], "memory": {}, "words": "no expert is known for this goal"}
        memory = Memory(**state["memory"])

        def ask() -> dict[str, Any]:
            made = Expert(phone.driver, find(state["task_id"]), memory=memory).next()
            return {"action": made.model_dump(mode="json"), "memory": memory.to_json()}

        known = rt.record("expert", {"taken": state["taken"]}, ask)
        made = action(known["action"])
        return {"actions": [made], "memory": known["memory"], "words": made.model_dump_json()}


def nothing(settings: PhoneSettings, parts: Parts) -> PhoneAgent:
    return PhoneAgent(settings, parts, Nothing(), "does nothing on a phone", {})


def anything(settings: PhoneSettings, parts: Parts) -> PhoneAgent:
    return PhoneAgent(settings, parts, Anything(), "does anything on a phone", {})


def oracle(settings: PhoneSettings, parts: Parts) -> PhoneAgent:
    return PhoneAgent(settings, parts, Oracle(), "knows how known tasks are done", {})
