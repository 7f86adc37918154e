"""What an environment that knows its tasks has for training and measuring: experts, people's
histories, and moments at which to ask. An agent at work has no business with it.

Others reach it as methods of the environment part, so that they need not import this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

from agentkit.capabilities import Action, Observation, Task
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit_android.env.environment import AndroidEnvironment
    from agentkit_android.people.situations.scoring import Decision, Moment

Asker = Callable[[Observation, str, str, str], tuple[str, str, Action | None]]
"""Decides on (screen, goal, question, answer); the last two are "" where nothing was asked yet.
Gives the kind of moment, a question or "", and the action where there is no question."""


class Teaching:
    """A part of `AndroidEnvironment`."""

    def expert(self, task: Task, memory: Mapping[str, Any]) -> tuple[Action, dict[str, Any]]:
        """What an expert would do now, from any state, and what it keeps in mind for the next
        time; {} at the start."""
        from agentkit_android.tasks.expert import Expert
        from agentkit_android.tasks.sight import Memory

        kept = Memory(**memory)
        return Expert(_phone(self).driver, task, memory=kept).next(), dict(kept.to_json())

    def somebody_elses(self, task: Task, user: str) -> Task:
        """A personal task, as if it were another person's."""
        params = {**task.data["params"], "user": user}
        return replace(task, data={**task.data, "params": params, "user": user})

    def demonstrations(self, user: str) -> Iterator[dict[str, Any]]:
        """What somebody has done before, on other errands than those of the personal tasks: the
        goal in words, and for each step the screen in words, its elements, and the action."""
        from agentkit_android.people import personal

        for one in personal.history(_phone(self), user):
            yield one.to_json()

    def situations(self) -> Sequence[Task]:
        """Moments at which asking is right, or is not; for `judge_situation`."""
        from agentkit_android.people.situations import situations

        return tuple(
            Task(s.id, s.goal, "situations", "", {"kind": s.kind, "asks": s.asks})
            for s in situations()
        )

    def judge_situation(self, name: str, decide: Asker) -> dict[str, Any]:
        """Prepares the phone for a situation, lets somebody decide, and judges it: `kind_right`,
        `asked`, `asked_well`, `ask_right`, `act_right`, `risked`, `success`."""
        from agentkit_android.env.observation import observation
        from agentkit_android.people.situations import scoring, situations

        found = next((s for s in situations() if s.id == name), None)
        if found is None:
            raise UsageError(f"there is no situation {name!r}", "see situations()")

        def decided(moment: Moment) -> Decision:
            seen = observation(moment.look)
            return scoring.Decision(*decide(seen, moment.goal, moment.question, moment.answer))

        verdict = scoring.judge(found, _phone(self).driver, decided)
        told = {k: v for k, v in asdict(verdict).items() if isinstance(v, bool)}
        return {
            **told,
            "ask_right": verdict.ask_right,
            "success": verdict.success,
            "asks": found.asks,
            "risky": found.risky is not None,
        }


def _phone(part: Teaching) -> AndroidEnvironment:
    return cast("AndroidEnvironment", part)
