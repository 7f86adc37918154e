"""Rollouts by a server that continues token ids, as vLLM does: the part `use = "vllm"` of the kit.

The server tells log-probabilities at temperature 1, so that is what rollouts are drawn at. New
weights go by the server's own update: it is paused, takes them from where both sides agreed, names
the version, and goes on with an empty prefix cache. Its version is looked at behind every draw: a
server that was started again in between has other weights, so what it drew is dropped, and it is
given the weights anew.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from agentkit.capabilities import (
    Continuation,
    Continuations,
    Draw,
    LanguageModel,
    Message,
    Request,
)
from agentkit.errors import AgentkitError, BackendUnavailable, ConfigError, Unsupported, UsageError
from agentkit_ring_rl.engines import check
from agentkit_ring_rl.rollouts import Prompt, Rollout

# Puts tensors where the server takes them from, for as long as the context lasts, and gives what it
# must be told about them.
Send = Callable[[Mapping[str, Tensor]], AbstractContextManager[Mapping[str, Any]]]
MEMORY = Path("/dev/shm")  # files that never reach a disk, where the system has them
TRIES = 3  # times in a row that a lost server is given its weights again
WAIT = 0.5  # seconds more before each next try: a process that dies is there for a moment still


class WeightControl(Protocol):
    """What a server lets a trainer do; the vLLM part's `control` is one."""

    def connect_weights(self, init_info: Mapping[str, Any]) -> None: ...
    def pause(self, mode: Any = ...) -> None: ...
    def resume(self) -> None: ...
    def update_weights(self, update_info: Mapping[str, Any], *, version: str = ...) -> None: ...
    def weights_version(self) -> str: ...
    def sleep(self, level: Any = ...) -> None: ...
    def wake(self, tags: Any = ...) -> None: ...


class ServedEngine:
    """A `RolloutEngine` on the ability `continuations`.

    Args:
        send: how tensors travel: `by_file`, or one's own (NCCL, CUDA IPC).
        tick: tokens asked for at once; a phase that ends early loses none.

    Raises:
        Unsupported: the model does not continue token ids, or its server takes no weights.
    """

    def __init__(
        self, model: LanguageModel, send: Send, *, slots: int = 64, tick: int = 64
    ) -> None:
        self.slots, self.version, self._tick, self._send = slots, 0, tick, send
        self._tokens = model.ability(Continuations)
        self._control, self._asleep = control_of(model), False
        self._active: list[Rollout] = []
        # References to the trainer's own, which stay as they are until its next step.
        self._weights: Mapping[str, Tensor] | None = None
        self._connected, self._lost = False, 0

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
            self._lost = 0
        except BackendUnavailable as error:
            self._again(error)
        except AgentkitError:
            for one in self._active:  # one of them is at fault: the others go on
                try:
                    self._extend([one])
                except BackendUnavailable as error:
                    self._again(error)
                except AgentkitError as error:
                    one.end, one.why = "error", error.message
        return [one for one in self._active if one.end is not None]

    def _extend(self, some: Sequence[Rollout]) -> None:
        prompts = [(*one.prompt.ids, *one.ids) for one in some]
        most = [min(self._tick, one.remaining) for one in some]
        # The server's generator starts anew in every request, so each has a seed of its own.
        draws = [Draw(seed=one.seed + len(one.ids)) for one in some]
        drawn = self._tokens.continued(prompts, most, draws)
        if self._weights is not None:
            self._agreed()
        for one, made in zip(some, drawn):
            self._take(one, made)

    def _again(self, error: BackendUnavailable) -> None:
        """The server is gone or has other weights than it was given: it gets them once more. That
        it is gone may show only when it is told so: then again, as often as TRIES allows."""
        while True:
            self._lost, self._connected = self._lost + 1, False
            if self._weights is None or self._lost > TRIES:
                raise error
            try:
                return self._hand(self._weights, self.version)
            except BackendUnavailable as other:
                error = other
                time.sleep(WAIT * self._lost)

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
        self._hand(tensors, version)
        self.version, self._weights = version, tensors

    def _hand(self, tensors: Mapping[str, Tensor], version: int) -> None:
        if self._asleep:
            self._control.wake(("weights",))
        if not self._connected:
            self._control.connect_weights({})
            self._connected = True
        self._control.pause("wait")
        try:
            with self._send(tensors) as told:
                self._control.update_weights(told, version=str(version))
            self._agreed(version)
        finally:
            self._control.resume()
        if self._asleep:
            self._control.wake(("kv_cache",))
            self._asleep = False

    def _agreed(self, version: int | None = None) -> None:
        wanted = str(self.version if version is None else version)
        told = self._control.weights_version()
        if told != wanted:
            raise BackendUnavailable(
                f"the server has weights {told or 'of no version'}, not version {wanted}",
                "see its log; the training goes on with --resume",
            )

    def release(self) -> int:
        """Level 2 of sleep: weights come back with the next `load`. How many bytes the server gave
        back it does not tell: 0."""
        if not self._asleep:
            self._control.sleep(2)
            self._asleep = True
        return 0

    def close(self) -> None:
        self._active.clear()


def control_of(model: LanguageModel) -> WeightControl:
    """Raises Unsupported where a model's server takes no weights."""
    control: WeightControl | None = getattr(model, "control", None)
    if control is None:
        raise Unsupported(
            f"models.{model.info.name} takes no new weights",
            "use a model with use = 'vllm' and control = true",
        )
    return control


def check_server(field: str, model: LanguageModel, prompt: Prompt, chat: bool) -> None:
    """What can be known of a server before a training begins; it is started for this.

    Args:
        field: of the settings, for errors.
        prompt: one of the training's, with its tokens as the model that is trained has them.
        chat: whether those went through the chat template.

    Raises:
        ConfigError: it takes no weights, or has other tokens.
    """
    tokens, asked = model.ability(Continuations), str(prompt.data["prompt"])
    try:
        control_of(model).weights_version()
    except (Unsupported, UsageError) as error:
        raise ConfigError(f"{field}: {error.message}", error.hint) from error
    ids = tokens.render(Request((Message.user(asked),))) if chat else tokens.encode(asked)
    if ids != prompt.ids:
        raise ConfigError(
            f"{field}: models.{model.info.name} has other tokens for example {prompt.id!r} than "
            "the model that is trained",
            "serve that very model",
        )


def by_file(rest: Mapping[str, Tensor] | None = None) -> Send:
    """Weights as a whole `model.safetensors` in a folder that only this user can read, in memory
    where the system has files there. The server must run on this machine; it is told {"path"}, as
    vLLM's weight transfer "disk" wants it.

    Args:
        rest: tensors of the model that are not trained: a server takes whole models.
    """

    @contextmanager
    def sent(tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Any]]:
        from safetensors.torch import save_file

        memory = MEMORY if os.access(MEMORY, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="agentkit-weights-", dir=memory) as folder:
            whole = {**(rest or {}), **tensors}
            plain = {name: t.detach().cpu().contiguous() for name, t in whole.items()}
            save_file(plain, str(Path(folder) / "model.safetensors"))
            yield {"path": folder}

    return sent
