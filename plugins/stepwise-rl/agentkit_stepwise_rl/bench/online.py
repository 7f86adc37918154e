"""Reinforcement over whole episodes, beside which step-wise training is measured.

A group is several episodes of one task from one state. An episode's reward is its success, and its
advantage goes to each of its steps alike. Drawing, loss and resume are the Ring engine's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from agentkit.agents.acting import StepPrompt
from agentkit.capabilities import Action, Environment, Example, LanguageModel, Progress, Task
from agentkit.capabilities.environment import Step
from agentkit.errors import Paused
from agentkit.kit import Kit
from agentkit.seeds import derive
from agentkit_stepwise_rl.engine import Ask, Copy, Drawn, Steps, opened
from agentkit_stepwise_rl.episodes import episode, started
from agentkit_stepwise_rl.retrained import write_weights
from agentkit_stepwise_rl.settings import StepwiseSettings

T = TypeVar("T")
Found = dict[str, Any]


class Online:
    """One training.

    Args:
        s: of the loss, the drawing and the looks, as in step-wise training; `group` is the number
            of episodes of a task.
        goals: tasks a step. budget: replies, after which it ends with the step that it is in.
        success: (done, played) of held-out tasks with a model.
    """

    def __init__(
        self,
        kit: Kit,
        s: StepwiseSettings,
        goals: int,
        budget: int,
        success: Callable[[LanguageModel], tuple[int, int]],
        progress: Progress,
    ) -> None:
        self._kit, self._s, self._goals, self._budget = kit, s, goals, budget
        self._success, self._progress = success, progress
        self._environment: Environment = kit.environment(s.environment)
        self._tasks = list(self._environment.tasks("train"))

    def train(self, examples: Sequence[Example], out: Path) -> Found:
        """Goes on from the last look where there is one in `out`.

        Args:
            examples: tell how the policy's answers end; nothing else is taken from them.

        Raises:
            Paused: somebody asked to stop; what is done is kept.
        """
        s = self._s
        with opened(self._kit, s.model, s.ring(), examples, out, start=s.start,
                    resume=True) as steps:  # fmt: skip
            copy = Copy(self._kit, s.model, s.start)
            try:
                return self._run(steps, copy, out)
            finally:
                copy.close()

    def _run(self, steps: Steps, copy: Copy, out: Path) -> Found:
        state: Found = {
            "looks": [], "best": None, "waited": 0, "replies": 0, "steps": [],
            "seconds": {"draw": 0.0, "act": 0.0, "learn": 0.0}, **steps.extra,
        }  # fmt: skip
        if not state["looks"]:
            self._look(steps, copy, state, out)
        while state["replies"] < self._budget and state["waited"] < self._s.patience:
            if self._progress.cancel:
                steps.keep(state)
                raise Paused
            state["steps"].append(self._step(steps, state))
            if steps.number % self._s.every == 0 or state["replies"] >= self._budget:
                self._look(steps, copy, state, out)
                steps.keep(state)
        return state

    def _step(self, steps: Steps, state: Found) -> Found:
        s, number = self._s, steps.number + 1
        seconds = state["seconds"]
        tasks = Random(derive(s.seed, "tasks of step", number)).sample(self._tasks, self._goals)
        drawn: list[list[Drawn]] = []
        rewards: list[float] = []
        for task in tasks:
            for place in range(s.group):
                seed = derive(s.seed, f"episode {task.id} {number}", place)
                made, success = self._episode(steps, task, seed, seconds)
                drawn.append(made)
                rewards.append(float(success))
        groups = [n for n in range(len(tasks)) for _ in range(s.group)]
        values, flat = steps.advantages(rewards, groups)
        replies = [one for own in drawn for one in own]
        spread = [value for own, value in zip(drawn, values) for _ in own]
        timed(seconds, "learn", lambda: steps.learn(replies, spread))
        state["replies"] += len(replies)
        return {
            "step": number, "reward": sum(rewards) / len(rewards), "replies": len(replies),
            "frac_zero_std": flat / len(tasks), "learned": sum(map(bool, spread)),
        }  # fmt: skip

    def _episode(
        self, steps: Steps, task: Task, seed: int, seconds: dict[str, float]
    ) -> tuple[list[Drawn], bool]:
        own: list[Drawn] = []
        phone = self._environment

        def ask(prompt: StepPrompt, number: int) -> str:
            asked = Ask(task.id, prompt.write(), derive(seed, "reply", number))
            own.extend(timed(seconds, "draw", lambda: steps.draw([asked])))
            return own[-1].text

        def act(action: Action) -> Step:
            return timed(seconds, "act", lambda: phone.step(action))

        # One state for all of a group: else the states' difficulty would be rewarded.
        first = timed(seconds, "act", lambda: started(phone, task, self._s.seed))
        episode(task.goal, first, ask=ask, act=act, actions=phone.info.actions)
        return own, phone.check(task).success

    def _look(self, steps: Steps, copy: Copy, state: Found, out: Path) -> None:
        tensors = steps.tensors()
        done, played = self._success(copy.load(tensors))
        value = done / max(1, played)
        state["looks"].append({"step": steps.number, "held_out_success": value})
        best = state["best"]
        if best is None or value > best["value"]:
            state |= {"best": {"step": steps.number, "value": value}, "waited": 0}
            write_weights(out / "best.safetensors", tensors)
        else:
            state["waited"] += 1


def timed(seconds: dict[str, float], name: str, do: Callable[[], T]) -> T:
    """Adds the CPU-seconds that it takes."""
    began = time.process_time()
    try:
        return do()
    finally:
        seconds[name] += time.process_time() - began
