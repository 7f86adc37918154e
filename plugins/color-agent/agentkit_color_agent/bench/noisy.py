"""An operator that knows the way and errs at a set rate, in the ways that each module is to mend.

It is a model in shape only, for experiments and tests: what it would do comes from the
environment's expert, what it errs in comes from its seed. Like a policy that decodes greedily, it
makes the same mistake again while its prompt says nothing new; a note of the right module in the
prompt makes it do right, and, rarely, it comes right by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from agentkit.agents.acting import StepPrompt, kind_of, reply
from agentkit.capabilities import Action, Completion, ModelInfo, Request, Task, Usage
from agentkit.capabilities.language_model import Cancel, OnDelta
from agentkit.errors import Unsupported
from agentkit.seeds import derive
from agentkit_color_agent.screens import words
from agentkit_color_agent.teaching import Teaching

A = TypeVar("A")
KINDS = ("miss", "loop", "early", "forget", "detour")
"""Touches where nothing is (action reflection). Goes in a circle (trajectory reflection). Says too
early that it is done (global reflection). Forgets, in the second app, what it saw in the first
(orchestration). Does not know which app it is in (knowledge)."""
MENDED_BY = {"miss": "action", "loop": "trajectory", "early": "finish", "detour": "tip"}
"""Which note of the prompt makes it do right."""
BY_ITSELF = 0.1
"""Chance, at each step, to come right without a note."""
LOST = 4
"""Steps in the wrong app after which it gives up."""


@dataclass(slots=True)
class Slip:
    """An error that was made. mended: the right note came, and it did right then."""

    kind: str
    mended: bool = False
    by_itself: bool = False


@dataclass(slots=True)
class Episode:
    """One task as the noisy expert works on it."""

    task: Task
    random: Random
    rates: Mapping[str, float]
    memory: dict[str, Any] = field(default_factory=dict)
    slips: list[Slip] = field(default_factory=list)
    now: Slip | None = None
    wrong: int = 0
    steps: int = 0


class NoisyExpert:
    """See the module. `begin` before each run."""

    def __init__(self, phone: Teaching) -> None:
        self.info = ModelInfo("noisy", 100_000)
        self._phone = phone
        self._actions = {kind_of(a): a for a in phone.info.actions}
        self.episode: Episode | None = None

    def begin(self, task: Task, seed: int, rates: Mapping[str, float]) -> None:
        """rates: of each of KINDS, per step; of `forget` and `detour`, per task."""
        self.episode = Episode(task, Random(derive(seed, f"noisy {task.id}")), dict(rates))

    def ability(self, kind: type[A]) -> A:
        raise Unsupported(f"the noisy expert has no {kind.__name__}", "it only says actions")

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        made = []
        for request in requests:
            prompt = StepPrompt.of(request.messages)
            seen = self._phone.observe().data["elements"]
            text = reply(self.act(prompt), seen)
            size = sum(len(words(m.text)) for m in request.messages)
            said = len(words(text))
            made.append(Completion(text, usage=Usage(size, said, said), path=("noisy",)))
        return made

    def act(self, prompt: StepPrompt) -> Action:
        """What it does on this prompt."""
        one = self.episode
        assert one is not None, "begin() comes first"
        one.steps += 1
        right, memory = self._phone.expert(one.task, one.memory)
        one.memory = memory
        told = {n.partition(":")[0] for n in prompt.notes}
        if one.now is not None:
            if MENDED_BY[one.now.kind] in told:
                one.now.mended = True
                one.now = None
            elif one.random.random() < BY_ITSELF:
                one.now.by_itself = True
                one.now = None
        if one.now is None:
            one.now = self._slip(one, prompt, right, told)
            if one.now is not None:
                one.slips.append(one.now)
        if one.now is not None:
            return self._wrong(one, right)
        return self._parted(one, prompt, right)

    def _slip(self, one: Episode, prompt: StepPrompt, right: Action, told: set[str]) -> Slip | None:
        kind, drawn = kind_of(type(right)), one.random.random()
        if one.steps == 1 and one.random.random() < one.rates.get("detour", 0):
            slip = Slip("detour", mended="tip" in told)
            if slip.mended:
                one.slips.append(slip)
                return None
            return slip
        order = [("loop", True), ("early", one.steps > 1 and kind not in ("finish", "answer")),
                 ("miss", kind == "tap")]  # fmt: skip
        for name, fits in order:
            rate = one.rates.get(name, 0.0)
            if fits and drawn < rate and not (name == "early" and self._had(one, "early")):
                return Slip(name)
            drawn -= rate if fits else 0.0
        return None

    def _had(self, one: Episode, kind: str) -> bool:
        return any(s.kind == kind for s in one.slips)

    def _wrong(self, one: Episode, right: Action) -> Action:
        assert one.now is not None
        one.wrong += 1
        if one.now.kind == "miss":
            return self._made("tap", x=1, y=1)
        if one.now.kind == "early":
            one.now = None if one.now.mended else one.now
            return self._made("finish", status="success")
        if one.now.kind == "loop":
            if one.wrong % 2:
                return self._made("button", button="home")
            return self._made("open", app="com.android.calculator2")
        if one.wrong > LOST:
            return self._made("finish", status="infeasible")
        if one.wrong == 1:
            return self._made("open", app="com.android.calculator2")
        return self._made("scroll", direction="down" if one.wrong % 2 else "up")

    def _parted(self, one: Episode, prompt: StepPrompt, right: Action) -> Action:
        """In a part that only has to find something it says what it found; in another app it knows
        of it only what its prompt says."""
        facts = {k: str(v) for k, v in dict(one.memory.get("facts", {})).items() if v}
        if prompt.goal != one.task.goal and prompt.goal.startswith("What is ") and facts:
            return self._made("answer", text=list(facts.values())[-1])
        if kind_of(type(right)) == "type" and one.rates.get("forget"):
            text = str(getattr(right, "text", ""))
            needed = [v for v in facts.values() if v in text]
            kept = [n for n in prompt.notes if not n.startswith("read: ")]  # that it forgets
            said = " ".join([prompt.goal, *kept, *(e.text for e in prompt.screen.elements)])
            if needed:
                slip = Slip("forget", mended=all(v in said for v in needed))
                one.slips.append(slip)
                if not slip.mended:
                    return self._made("type", text=text.replace(needed[0], "what I saw"))
        return right

    def _made(self, kind: str, **fields: Any) -> Action:
        return self._actions[kind].model_validate(fields)
