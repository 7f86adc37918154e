"""Rollouts by a model of the kit: the engine that the agents use draws what is trained on.

The model is a copy of its own. Its numbers are exact: a rollout that goes on after a pause has the
tokens of one that was never interrupted, to the bit, whoever shares its batch.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from agentkit.capabilities import Draw, LanguageModel, Seq, Span, Tokens, Weights
from agentkit.errors import DataError, Unsupported
from agentkit.models.transformers import variant
from agentkit_ring_rl.mismatch import Precision, cast, rounded
from agentkit_ring_rl.rollouts import Rollout


class TokensEngine:
    """A `RolloutEngine` on the abilities `tokens` and `weights`.

    Args:
        make: gives the model; called again after `release`.
        temperature: tokens are drawn at; recorded log-probabilities are of that distribution.
        tick: most tokens that one step gives a rollout.
        precision: of the weights that draw.
    """

    def __init__(
        self,
        make: Callable[[], LanguageModel],
        *,
        slots: int = 32,
        temperature: float = 1.0,
        tick: int = 8,
        precision: Precision = "fp32",
    ) -> None:
        self.slots, self.version = slots, 0
        self._make, self._temperature, self._tick = make, temperature, tick
        self._precision = precision
        self._model: LanguageModel | None = make()
        self._loads = 0
        self._active: dict[int, tuple[Rollout, Seq | None]] = {}

    @classmethod
    def copy_of(cls, base: LanguageModel, precision: Precision = "fp32", **known: Any) -> Any:
        """An engine on a private copy of a model's weights, in that precision.

        Raises:
            Unsupported: the model's weights are not in this process.
        """

        def make() -> LanguageModel:
            name = f"{base.info.name}-rollouts"
            return variant(base, name, lambda module: cast(module, precision), precision)

        return cls(make, precision=precision, **known)

    # -- rollouts ---------------------------------------------------------------------------------

    def start(self, rollouts: Sequence[Rollout], *, keep: bool = False) -> None:
        if keep and any(one.ids for one in rollouts):
            raise Unsupported(
                "this engine cannot go on with keys and values of older weights",
                "leave keep out: rollouts are read again, which is exact; or engine = 'batched'",
            )
        for one in rollouts:
            self._active[id(one)] = (one, None)

    def step(self) -> list[Rollout]:
        self._active = {k: v for k, v in self._active.items() if v[0].end is None}
        if not self._active:
            return []
        tokens = self._tokens()
        new = [one for one, seq in self._active.values() if seq is None]
        try:
            for one, seq in zip(new, tokens.open([(*o.prompt.ids, *o.ids) for o in new])):
                self._active[id(one)] = (one, seq)
            self._extend(tokens, list(self._active.values()))
        except Exception:
            self._apart(tokens)  # one of them is at fault: the others go on
        ended = [one for one, _ in self._active.values() if one.end is not None]
        for one in ended:
            del self._active[id(one)]
        return ended

    def _extend(self, tokens: Tokens, pairs: Sequence[tuple[Rollout, Seq | None]]) -> None:
        most = [min(self._tick, one.remaining) for one, _ in pairs]
        draws = [Draw(seed=one.seed, temperature=self._temperature) for one, _ in pairs]
        spans = tokens.extend([seq for _, seq in pairs if seq is not None], most, draws)
        for (one, _), span in zip(pairs, spans):
            self._take(one, span)

    def _take(self, one: Rollout, span: Span) -> None:
        one.ids += span.ids.tolist()
        one.logp += span.sampled.tolist()
        one.versions += [self.version] * len(span.ids)
        if span.finish == "stop":
            one.end = "stop"
        elif one.remaining <= 0:
            one.end = "length"

    def _apart(self, tokens: Tokens) -> None:
        """Each rollout alone, read anew; those that cannot go on end with the reason."""
        for key, (one, _) in list(self._active.items()):
            try:
                (seq,) = tokens.open([(*one.prompt.ids, *one.ids)])
                self._active[key] = (one, seq)
                self._extend(tokens, [(one, seq)])
            except Exception as error:  # whatever the model raised: the others go on
                lines = str(error).splitlines() or [type(error).__name__]
                one.end, one.why = "error", lines[0]

    def pause(self) -> None:
        self._active.clear()

    # -- weights ----------------------------------------------------------------------------------

    def load(self, tensors: Mapping[str, Tensor], version: int) -> None:
        check(tensors, version, self.version)
        if self._model is None:
            self._model, self._loads = self._make(), 0
        made = {name: rounded(name, tensor, self._precision) for name, tensor in tensors.items()}
        self._loads += 1  # the model counts for itself: every load drops its keys and values
        self._model.ability(Weights).load(made, version=self._loads)
        self.version = version

    def release(self) -> int:
        """Drops the copy and all its keys and values; the bytes of its weights."""
        if self._model is None:
            return 0
        with self._model.ability(Weights).borrow("read") as module:
            size: int = sum(p.numel() * p.element_size() for p in module.parameters())
        self.close()
        gc.collect()
        trim()
        return size

    def close(self) -> None:
        model, self._model = self._model, None
        self._active.clear()
        close = getattr(model, "close", None)
        if close is not None:
            close()

    def _tokens(self) -> Tokens:
        if self._model is None:
            raise Unsupported("the engine's memory was released", "load weights first")
        return self._model.ability(Tokens)


def check(tensors: Mapping[str, Tensor], version: int, own: int) -> None:
    """What every engine asks of new weights.

    Raises:
        Unsupported: they are older than its own.
        DataError: they are not all finite.
    """
    if version < own:
        raise Unsupported(f"weights of version {version} are older than the engine's {own}", "")
    wrong = next((n for n, t in tensors.items() if not bool(t.isfinite().all())), None)
    if wrong is not None:
        raise DataError(
            f"weights of version {version} are not all finite: {wrong}",
            "the training diverged: go on from its last checkpoint, with a lower rate",
        )


def trim() -> None:
    """Gives what the C library keeps for itself back to the system."""
    import ctypes

    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # not glibc
        pass
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters by name, tied ones once, detached."""
    return {name: p.detach() for name, p in module.named_parameters()}
