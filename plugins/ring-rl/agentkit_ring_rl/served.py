"""Rollouts by a server that continues token ids, as vLLM does: the part `use = "vllm"` of the kit.

The server tells log-probabilities at temperature 1, so that is what rollouts are drawn at. New
weights go by the server's own update: it is paused, takes them from where both sides agreed, names
the version, and goes on with an empty prefix cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from agentkit.capabilities import Continuation, Continuations, Draw, LanguageModel
from agentkit.errors import AgentkitError, BackendUnavailable, Unsupported
from agentkit_ring_rl.engines import check
from agentkit_ring_rl.rollouts import Rollout

Send = Callable[[Mapping[str, Tensor]], Mapping[str, Any]]


class WeightControl(Protocol):
    """What a server lets a trainer do; the vLLM part's `control` is one."""

    def pause(self, mode: Any = ...) -> None: ...
    def resume(self) -> None: ...
    def update_weights(self, update_info: Mapping[str, Any], *, version: str = ...) -> None: ...
    def weights_version(self) -> str: ...
    def sleep(self, level: Any = ...) -> None: ...
    def wake(self, tags: Any = ...) -> None: ...


class ServedEngine:
    """A `RolloutEngine` on the ability `continuations`.

    Args:
        send: puts tensors where the server takes them from (NCCL, CUDA IPC), and gives what it must
            be told about them.
        tick: tokens asked for at once; a phase that ends early loses none.

    Raises:
        Unsupported: the model does not continue token ids, or its server takes no weights.
    """

    def __init__(
        self, model: LanguageModel, send: Send, *, slots: int = 64, tick: int = 64
    ) -> None:
        self.slots, self.version, self._tick, self._send = slots, 0, tick, send
        self._tokens = model.ability(Continuations)
        control: WeightControl | None = getattr(model, "control", None)
        if control is None:
            raise Unsupported(
                f"models.{model.info.name} takes no new weights",
                "use a model with use = 'vllm' and control = true",
            )
        self._control, self._asleep = control, False
        self._active: list[Rollout] = []

    def start(self, rollouts: Sequence[Rollout], *, keep: bool = False) -> None:
        if keep and any(one.ids for one in rollouts):
            raise Unsupported("a server reads resumed rollouts again", "leave keep out")
        self._active += rollouts

    def step(self) -> list[Rollout]:
        self._active = [one for one in self._active if one.end is None]
        if not self._active:
            return []
        try:
            self._extend(self._active)
        except BackendUnavailable:
            raise
        except AgentkitError:
            for one in self._active:  # one of them is at fault: the others go on
                try:
                    self._extend([one])
                except AgentkitError as error:
                    one.end, one.why = "error", error.message
        return [one for one in self._active if one.end is not None]

    def _extend(self, some: Sequence[Rollout]) -> None:
        prompts = [(*one.prompt.ids, *one.ids) for one in some]
        most = [min(self._tick, one.remaining) for one in some]
        # The server's generator starts anew in every request, so each has a seed of its own.
        draws = [Draw(seed=one.seed + len(one.ids)) for one in some]
        for one, made in zip(some, self._tokens.continued(prompts, most, draws)):
            self._take(one, made)

    def _take(self, one: Rollout, made: Continuation) -> None:
        """A log-probability that the server left out stays NaN: k is 1 there, and it is counted."""
        one.ids += made.ids
        one.logp += [float("nan") if p is None else float(p) for p in made.logp]
        one.logp += [float("nan")] * (len(one.ids) - len(one.logp))
        one.versions += [self.version] * len(made.ids)
        if made.finish == "stop":
            one.end = "stop"
        elif one.remaining <= 0:
            one.end = "length"

    def pause(self) -> None:
        self._active.clear()

    def load(self, tensors: Mapping[str, Tensor], version: int) -> None:
        check(tensors, version, self.version)
        if self._asleep:
            self._control.wake(("weights",))
        self._control.pause("wait")
        try:
            self._control.update_weights(self._send(tensors), version=str(version))
            told = self._control.weights_version()
        finally:
            self._control.resume()
        if told != str(version):
            raise BackendUnavailable(
                f"the server has weights {told or 'of no version'}, not version {version}",
                "see its log",
            )
        if self._asleep:
            self._control.wake(("kv_cache",))
            self._asleep = False
        self.version = version

    def release(self) -> int:
        """Level 2 of sleep: weights come back with the next `load`. How many bytes the server gave
        back it does not tell: 0."""
        if not self._asleep:
            self._control.sleep(2)
            self._asleep = True
        return 0

    def close(self) -> None:
        self._active.clear()
