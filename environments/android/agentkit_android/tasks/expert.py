"""Plays a template's expert: what shows that a task can be done, and gives demonstrations."""

from __future__ import annotations

from dataclasses import dataclass

from agentkit.capabilities import Action, Task
from agentkit_android.client.actions import Wait
from agentkit_android.client.driver import Driver, Look, look_again
from agentkit_android.phone.levers import POPUPS
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.sight import Memory, Sight
from agentkit_android.tasks.state import PhoneState


@dataclass(slots=True)
class Expert:
    """The next action of a task on a phone.

    Args:
        params: other parameters than the task's, to do something nearly right on purpose.
    """

    driver: Driver
    task: Task
    params: dict[str, object] | None = None
    memory: Memory | None = None

    def next(self, look: Look | None = None) -> Action:
        """look: what is on the screen now, where somebody has looked already."""
        template = catalogue.template(self.task.template)
        self.memory = self.memory or Memory()
        seen = look or look_again(self.driver, picture=False)
        sight = Sight(seen, PhoneState(self.driver.transport), self.memory)
        p = template.params.model_validate(self.params or dict(self.task.data["params"]))
        return _aside(sight) or template.expert(sight, p)


ALLOW = "permission_allow_foreground_only_button"


def _aside(see: Sight) -> Action | None:
    """What comes between, whatever the task: a permission, a pop-up, a screen that is not there
    yet. None where nothing did."""
    if (allow := see.find(f"#{ALLOW}")) is not None:
        return see.tap(allow)
    if see.find("#loading") is not None:
        return Wait(seconds=2)
    for popup in POPUPS.values():
        if see.find(popup.text.partition("{")[0], whole=False) is not None:
            return see.press(popup.no)
    return see.press("Close app")
