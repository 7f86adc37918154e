"""The templates of `agentkit_android.tasks`, judged by the phone's state."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action, Check, Task
from agentkit.errors import UsageError
from agentkit.seeds import derive
from agentkit_android.client.driver import Driver
from agentkit_android.client.errors import CommandFailed
from agentkit_android.client.transport import must, run
from agentkit_android.tasks import catalogue, harder
from agentkit_android.tasks.harder import Harder
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params


class OwnSuite:
    """Args:
    harder: what makes a simulated phone harder; clear: of a real phone, whether the data of a
        task's apps may be cleared.
    """

    def __init__(self, harder: Sequence[Harder] = (), *, clear: bool = False) -> None:
        self.harder, self.clear = harder, clear

    def tasks(self, split: str) -> Sequence[Task]:
        return catalogue.tasks(split)

    def matching(self, goal: str) -> Task | None:
        return catalogue.matching(goal)

    def limit(self, task: Task) -> int:
        return catalogue.template(task.template).budget

    def prepare(self, driver: Driver, task: Task, seed: int, *, simulated: bool) -> None:
        """A simulated phone begins as it left the factory. On a real one the task's apps are
        stopped, and cleared only where that is allowed."""
        transport, template = driver.transport, catalogue.template(task.template)
        if simulated:
            must(transport, "simulator", "reset")
        elif self.harder:
            raise UsageError(
                f"{transport.serial} cannot be made harder: it is no simulated phone",
                "leave `harder` out, or `serial`",
            )
        else:
            for package in template.apps:
                run(transport, "am", "force-stop", package)
                if self.clear:
                    must(transport, "pm", "clear", package)
        state = PhoneState(transport)
        template.begin(state, _params(task), Random(derive(seed, task.id)))
        harder.begin(state, self.harder, Random(derive(seed, f"harder {task.id}")))

    def saw(self, driver: Driver, task: Task, action: Action) -> None:
        """The state tells it all at the end."""

    def check(self, driver: Driver, task: Task, answer: str) -> Check:
        template = catalogue.template(task.template)
        try:
            parts = template.check(PhoneState(driver.transport), _params(task), answer)
        except CommandFailed as error:
            if "no such table" not in error.message and "no such column" not in error.message:
                raise  # it may be so and could not be read, as on a phone without root
            return Check(0.0, (f"not met: the app keeps its data otherwise: {error.message}",))
        score = sum(p.met for p in parts) / max(1, len(parts))
        return Check(score, tuple(f"{'' if p.met else 'not met: '}{p.what}" for p in parts))


def _params(task: Task) -> Params:
    template = catalogue.template(task.template)
    made: Params = template.params.model_validate(dict(task.data["params"]))
    return made
