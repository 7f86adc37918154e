"""A training whose every step is put together by somebody else: what is asked, how answers are
scored, which are learned from. The drawing, the masks, the loss and the exact resume are the
trainer's own (`Ring.steps`).

    with trainer.steps(out, examples) as steps:
        drawn = steps.draw([Ask("a", prompt, seed) for seed in range(5)])
        values, flat = steps.advantages(rewards, groups=[0] * 5)
        steps.learn(drawn, values)
        steps.keep({"anything": "of one's own"})
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from agentkit.capabilities import Example, Message, Request, Tokens, TrainingDiverged
from agentkit.capabilities import Weights as ModelWeights
from agentkit.errors import DataError, UsageError
from agentkit_ring_rl import sft_state
from agentkit_ring_rl.advantages import group_advantages
from agentkit_ring_rl.gaps import gap_report
from agentkit_ring_rl.learner import Learner, Sample
from agentkit_ring_rl.masks import Gap, Weights
from agentkit_ring_rl.plain import said
from agentkit_ring_rl.rollouts import Prompt, Rollout, RolloutEngine
from agentkit_ring_rl.settings import APART
from agentkit_ring_rl.sft_data import Lessons

if TYPE_CHECKING:
    from agentkit_ring_rl.trainer import Ring


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer that is wanted. id: of the example; seed: of this very answer."""

    id: str
    prompt: str
    seed: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer. prompt, ids: tokens; logp: log q of each as it was drawn; text: what it says.
    whole: whether it ended by itself, not at the limit."""

    id: str
    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    logp: tuple[float, ...]
    version: int
    text: str
    whole: bool


class Steps:
    """Made by `Ring.steps`. number: steps that were learned so far. extra: what `keep` was given
    last, {} at the start."""

    def __init__(
        self,
        ring: Ring,
        module: nn.Module,
        learner: Learner,
        engine: RolloutEngine,
        about: Mapping[str, Any],
        out: Path,
        resume: bool,
    ) -> None:
        self._ring, self._module, self._learner, self._engine = ring, module, learner, engine
        self._about, self._out = {**about, "kind": "steps"}, out
        self.number, self.extra = 0, dict[str, Any]()
        self._rendered: dict[str, tuple[int, ...]] = {}
        self._texts: dict[tuple[str, tuple[int, ...]], str] = {}
        if resume and (out / sft_state.FOLDER).exists():
            state = sft_state.restore(out, module, learner.optimizer)
            if any(state.get(key) != value for key, value in self._about.items()):
                raise UsageError(
                    f"{out} was begun with another model, other data or settings",
                    "use those, or another --out",
                )
            self.number, self.extra = int(state["step"]), dict(state["extra"])
        self._load()

    def draw(self, asks: Sequence[Ask]) -> list[Drawn]:
        """The answers, in the order of the asks, from the weights as they are now.

        Raises:
            DataError: one could not be drawn; the reason is the engine's.
            TrainingDiverged: the weights give no likelihoods any more.
        """
        limit = self._ring.settings.limit
        made = [
            Rollout(n, 0, Prompt(one.id, self._ids(one.prompt), limit), one.seed)
            for n, one in enumerate(asks)
        ]
        for start in range(0, len(made), self._engine.slots):
            some = made[start : start + self._engine.slots]
            self._engine.start(some)
            while any(one.end is None for one in some):
                self._engine.step()
        wrong = next((one for one in made if one.end == "error"), None)
        if wrong is not None:
            raise DataError(f"no answer to {wrong.prompt.id!r} could be drawn: {wrong.why}", "")
        if not all(isfinite(value) for one in made for value in one.logp):
            raise TrainingDiverged(self.number, "likelihood of an answer")
        return [
            Drawn(
                ask.id, one.prompt.ids, tuple(one.ids), tuple(one.logp), self._engine.version,
                self._text(ask.prompt, one), one.end == "stop",
            )
            for ask, one in zip(asks, made)
        ]  # fmt: skip

    def advantages(
        self, rewards: Sequence[float], groups: Sequence[int]
    ) -> tuple[list[float], int]:
        """Of each reward within its group, and how many groups are flat: see `group_advantages`."""
        found = group_advantages(
            torch.tensor(rewards, dtype=torch.float64),
            torch.tensor(groups),
            self._ring.settings.spread,
        )
        return found.values.tolist(), found.flat

    def learn(
        self, drawn: Sequence[Drawn], advantages: Sequence[float], rate: float | None = None
    ) -> dict[str, float]:
        """One step. Answers without an advantage stay in the divisor, and have no gradient; where
        none has any, the weights stay as they are, to the bit.

        Raises:
            TrainingDiverged: a loss or gradient is no number; the weights stay.
        """
        self.number += 1
        if not any(advantages):
            return {"loss": 0.0, "norm": 0.0}
        samples = [
            Sample(one.prompt, one.ids, one.logp, (one.version,) * len(one.ids), value)
            for one, value in zip(drawn, advantages, strict=True)
        ]
        updated = self._learner.update(samples, self.number, rate)
        seen = updated.seen
        report = gap_report(
            Gap(seen.old, seen.engine, seen.valid),
            Weights(seen.factor, seen.kept),
            seen.versions,
            self._engine.version,
            seen.entropy,
        )
        self._load()
        return {**updated.metrics, **report.values}

    def keep(self, extra: Mapping[str, Any], metrics: Mapping[str, float] | None = None) -> Path:
        """A checkpoint; `extra` is given back where the training goes on."""
        state = {
            **self._about,
            "step": self.number,
            "metrics": dict(metrics or {}),
            "extra": dict(extra),
        }
        made = sft_state.save(
            self._out, self._module, self._learner.optimizer, state, self.tensors()
        )
        self.extra = dict(extra)
        return made

    def tensors(self) -> dict[str, Tensor]:
        """The weights now, by their names in the model, as copies."""
        return {name: t.detach().clone() for name, t in self._learner.tensors().items()}

    def _load(self) -> None:
        self._engine.load(self._learner.tensors(), max(self.number, self._engine.version))

    def _ids(self, prompt: str) -> tuple[int, ...]:
        if prompt not in self._rendered:
            tokens, chat = self._ring.model.ability(Tokens), self._ring.settings.chat
            self._rendered[prompt] = tuple(
                tokens.render(Request((Message.user(prompt),))) if chat else tokens.encode(prompt)
            )
        return self._rendered[prompt]

    def _text(self, prompt: str, one: Rollout) -> str:
        tokens = self._ring.model.ability(Tokens)
        if isinstance(tokens, Lessons):
            key = prompt, tuple(one.ids)  # the answers to a prompt are few: each is read once
            if key not in self._texts:
                self._texts[key] = said(self._ring.model, prompt, one.ids)
            return self._texts[key]
        ids = one.ids[:-1] if one.end == "stop" else one.ids
        return tokens.decode(ids) if ids else ""


@contextmanager
def opened(ring: Ring, out: Path, examples: Sequence[Example], resume: bool) -> Iterator[Steps]:
    """Networks are asked as in use, without dropout, so that old and new likelihoods are of one
    network.

    Args:
        examples: all that may be asked, {prompt, …}; one with an `answer` tells how answers end,
            where the model's template does not.
        resume: goes on from the checkpoint in `out`, if there is one.
    """
    about = {
        "model": ring.model.info.fingerprint,
        "data": data_hash(examples),
        "settings": ring.settings.model_dump(mode="json", exclude=APART),
    }
    with ring.model.ability(ModelWeights).borrow("private") as module:
        module.float().eval()
        ring.begin(module)
        learner = ring.learner(module)
        engine = ring.engine(module, [one.data for one in examples])
        try:
            yield Steps(ring, module, learner, engine, about, out, resume)
        finally:
            engine.close()


def data_hash(examples: Sequence[Example]) -> str:
    """Of ids and contents, in their order."""
    digest = hashlib.sha256()
    for one in examples:
        digest.update(json.dumps([one.id, dict(one.data)], default=str, sort_keys=True).encode())
    return digest.hexdigest()
