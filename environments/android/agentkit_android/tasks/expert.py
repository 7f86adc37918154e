"""Plays a template's expert: what shows that a task can be done, and gives demonstrations."""

from __future__ import annotations

from dataclasses import dataclass

from agentkit.capabilities import Action, Task
from agentkit_android.client.driver import Driver, look_again
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

    def next(self) -> Action:
        template = catalogue.template(self.task.template)
        self.memory = self.memory or Memory()
        sight = Sight(
            look_again(self.driver, picture=False), PhoneState(self.driver.transport), self.memory
        )
        p = template.params.model_validate(self.params or dict(self.task.data["params"]))
        return template.expert(sight, p)
