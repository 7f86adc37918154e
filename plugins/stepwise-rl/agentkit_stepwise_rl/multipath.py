"""Multi-path augmentation (arXiv 2510.19386, section 3.1.1), proven.

A step often has more than one right action: an app is opened by its name or by its icon, a page is
left by the phone's button or by the app's arrow. The paper has a model say which; here the
environment does. The state before the step is brought back, the alternative is taken, and an expert
goes on: where it reaches the goal in at most `extra` more steps than before, the action counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from agentkit.agents.acting import element_at, kind_of
from agentkit.capabilities import Action, Environment, Task
from agentkit.errors import AgentkitError
from agentkit_stepwise_rl.episodes import started
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.samples import direction
from agentkit_stepwise_rl.trajectories import Did, Trajectory

Plain = Mapping[str, Any]
BACK = ("navigate up", "back", "close", "cancel")
"""Labels of what an app offers beside the phone's own button."""
MOST = 60  # steps that an expert may take from a state


class Taught(Environment, Protocol):
    """An environment with an expert and snapshots."""

    def expert(self, task: Task, memory: Mapping[str, Any]) -> tuple[Action, dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether an alternative leads on. steps: to the end after it; before: without it."""

    step: int
    action: Plain
    holds: bool
    steps: int
    before: int
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "step": self.step, "action": dict(self.action), "holds": self.holds,
            "steps": self.steps, "before": self.before, "why": self.why,
        }  # fmt: skip


def canonical(did: Did) -> Iterator[Plain]:
    """The published pairs: an app by its name and by its icon, back by the phone and by the app."""
    taken = did.best or did.action
    if taken.get("kind") == "open":
        name = str(taken["app"]).rpartition(".")[2]
        for element in did.seen.elements:
            label = str(element.get("label", ""))
            if element.get("clickable") and label.casefold().startswith(name.casefold()):
                yield _tap(element)
    if taken.get("kind") == "button" and taken.get("button") == "back":
        for element in did.seen.elements:
            if str(element.get("label", "")).casefold() in BACK:
                yield _tap(element)
    if taken.get("kind") == "tap":
        at = _touched(taken, did)
        label = str(at.get("label", "")).casefold() if at else ""
        if label in BACK:
            yield {"kind": "button", "button": "back"}
        elif label and did.seen.place.rpartition("/")[2].casefold().endswith(
            ("launcher", "home", ".launcher")
        ):
            yield {"kind": "open", "app": str(at.get("label")) if at else ""}


def augmented(
    environment: Taught,
    task: Task,
    one: Trajectory,
    *,
    proposals: Mapping[int, Sequence[Plain]] | None = None,
    extra: int = 0,
    report: Report | None = None,
) -> tuple[Trajectory, list[Proof]]:
    """The trajectory with every proven alternative accepted at its step.

    Args:
        proposals: by step, further actions to be tried, such as other replies of a policy.
        extra: steps that an alternative may cost; with 1 an action without any effect would count.
        report: is told of each alternative that was tried.

    Raises:
        AgentkitError: the environment cannot be put back.
    """
    report = report or Report("multi-path")
    actions = {kind_of(kind): kind for kind in environment.info.actions}
    started(environment, task, one.seed, one.start)
    memory: dict[str, Any] = {}
    steps, proofs = list(one.steps), list[Proof]()
    for number, did in enumerate(one.steps):
        tried = _distinct([*canonical(did), *(proposals or {}).get(number, ())], did)
        _, after = environment.expert(task, memory)
        if tried:
            kept = environment.snapshot()
            before, _ = _finish(environment, task, memory)
            for plain in tried:
                report.came()
                environment.restore(kept)
                proof = _proof(environment, task, memory, number, plain, actions, before, extra)
                proofs.append(proof)
                if proof.holds:
                    report.kept()
                    steps[number] = replace(steps[number], also=(*steps[number].also, plain))
                else:
                    report.dropped(proof.why)
            environment.restore(kept)
        memory = after
        action = actions[str(did.action["kind"])].model_validate(dict(did.action))
        done = environment.step(action)
        if done.terminated or done.truncated:
            break
    return replace(one, steps=tuple(steps)), proofs


def _proof(
    environment: Taught,
    task: Task,
    memory: dict[str, Any],
    number: int,
    plain: Plain,
    actions: Mapping[str, type[Action]],
    before: int,
    extra: int,
) -> Proof:
    def found(holds: bool, steps: int, why: str = "") -> Proof:
        return Proof(number, plain, holds, steps, before, why)

    try:
        action = actions[str(plain["kind"])].model_validate(dict(plain))
        step = environment.step(action)
        if step.info.get("refused"):
            return found(False, 0, "it was refused")
        if step.terminated:
            done = environment.check(task).success
            return found(done, 1, "" if done else "it ends the episode")
        steps, success = _finish(environment, task, memory)
    except (AgentkitError, KeyError, ValueError):
        return found(False, 0, "it cannot be taken")
    if not success:
        return found(False, steps + 1, "the goal is out of reach after it")
    if steps + 1 > before + extra:
        return found(False, steps + 1, "it is a detour")
    return found(True, steps + 1)


def _finish(environment: Taught, task: Task, memory: Mapping[str, Any]) -> tuple[int, bool]:
    """How many steps an expert takes to the end from here, and whether it gets there."""
    kept = dict(memory)
    for number in range(1, MOST + 1):
        action, kept = environment.expert(task, kept)
        step = environment.step(action)
        if step.terminated or step.truncated:
            return number, environment.check(task).success
    return MOST, False


def _distinct(proposals: Sequence[Plain], did: Did) -> list[Plain]:
    """None that is the taken one or the expert's, and none twice."""
    known = {_key(did.action), *([_key(did.best)] if did.best else [])}
    made: list[Plain] = []
    for plain in proposals:
        if _key(plain) not in known:
            known.add(_key(plain))
            made.append(plain)
    return made


def _key(plain: Plain) -> str:
    if plain.get("kind") in ("swipe", "drag"):
        way = direction((plain["x"], plain["y"]), (plain["to_x"], plain["to_y"]))
        return f"{plain['kind']} {way}"
    return json.dumps(dict(plain), sort_keys=True)


def _tap(element: Mapping[str, Any]) -> Plain:
    left, top, right, bottom = element["bounds"]
    return {"kind": "tap", "x": (left + right) // 2, "y": (top + bottom) // 2}


def _touched(plain: Plain, did: Did) -> Mapping[str, Any] | None:
    number = element_at(plain["x"], plain["y"], did.seen.elements)
    return did.seen.elements[number] if number is not None else None
