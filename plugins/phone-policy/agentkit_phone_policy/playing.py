"""Episodes that a model plays on its own: prompt, reply, action, and what the state says then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.agents.acting import BadReply, Reading, Screen, StepPrompt, history_line, read_reply
from agentkit.capabilities import Action, CallContext, Environment, LanguageModel, Request, Task
from agentkit.errors import AgentkitError
from agentkit.seeds import derive

MOST = 60  # steps, where an environment sets no limit
STUCK = 3  # times the same action on the same screen, and it gives up


@dataclass(frozen=True, slots=True)
class Played:
    """One episode. actions: their kinds, in order. ended: finish, answer, stuck, steps, bad.
    judged: of each step the expert's kind of action, and whether the model's was the same action.
    """

    task: str
    template: str
    success: bool
    actions: Sequence[str]
    ended: str
    judged: Sequence[tuple[str, bool]] = ()


def play(
    model: LanguageModel,
    phone: Environment,
    task: Task,
    seed: int,
    *,
    temperature: float = 0.0,
    judged: bool = False,
) -> Played:
    """An episode from the task's start. What is not understood ends it: nobody helps here.

    Args:
        judged: asks the environment's expert at each step, where it has one.
    """
    expert: Any = getattr(phone, "expert", None) if judged else None
    memory: dict[str, Any] = {}
    judgements: list[tuple[str, bool]] = []
    seen = phone.reset(task, seed)
    history: list[str] = []
    reading = Reading()
    kinds: list[str] = []
    before: list[str] = []
    ended = "steps"
    for step in range(MOST):
        elements = seen.data["elements"]
        screen = Screen.of(seen)
        prompt = StepPrompt(task.goal, screen, reading.see(screen), tuple(history))
        request = Request(
            prompt.messages(phone.info.actions),
            max_tokens=64,
            temperature=temperature,
            context=CallContext(seed=derive(seed, task.id, step)),
        )
        (made,) = model.generate([request])
        if made.finish == "error":
            raise AgentkitError(f"{model.info.name}: {made.error}")
        try:
            action = read_reply(made.text, phone.info.actions, elements)
        except BadReply:
            ended = "bad"
            break
        kinds.append(action.kind)  # type: ignore[attr-defined]
        if expert is not None:
            best, memory = expert(task, memory)
            judgements.append((best.kind, _same(best, action)))
        shown = f"{prompt.screen}\n{made.text}"
        before.append(shown)
        if before[-STUCK:].count(shown) == STUCK:
            ended = "stuck"
            break
        history.append(history_line(action, elements))
        made_step = phone.step(action)
        seen = made_step.observation
        if made_step.terminated:
            ended = kinds[-1]
            break
        if made_step.truncated:
            break
    return Played(task.id, task.template, phone.check(task).success, tuple(kinds), ended,
                  tuple(judgements))  # fmt: skip


def _same(best: Action, taken: Action) -> bool:
    """Whether two actions are one; what an answer says is judged by the task alone."""
    kind = getattr(best, "kind", "")
    return best == taken or (kind == "answer" == getattr(taken, "kind", ""))
