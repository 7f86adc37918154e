"""`Tokens` as far as an endpoint can give them: the numbers are right, log Z within bounds.

What is drawn, the endpoint decides: the same seed gives the same answer where its own sampler says
so. Nothing is kept here but ids; a server with a prefix cache reads a prompt once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agentkit.capabilities import (
    Cancel,
    Continuation,
    Continuations,
    Draw,
    Ids,
    Request,
    Seq,
    Span,
)
from agentkit.errors import BackendUnavailable, ContextOverflow, Unsupported, UsageError
from agentkit.seeds import derive
from agentkit_power_sampling.bounds import Bounded, bounds

PROBE = "One, two, three, four,"
NEAR = 1e-3  # nats: two answers to one question, in bf16 with other neighbours in the batch


@dataclass(slots=True, eq=False)
class Held:
    """A sequence: nothing but ids."""

    ids: tuple[int, ...]
    version: int = 0


class RemoteTokens:
    """See the module; part of `Tokens`, and `Refines`. Thread-safe.

    Args:
        model: the endpoint.
        name: of the part, for errors.
        full: ask for the whole vocabulary where the bounds leave a decision open.
    """

    remote = True

    def __init__(self, model: Continuations, name: str, *, full: bool = True) -> None:
        self._model, self._name, self._full = model, name, full

    def check(self) -> None:
        """Asks for one token twice, at temperatures 1 and 1/4.

        Raises:
            BackendUnavailable: the endpoint is not there, gives no log-probabilities, or gives
                those of what it draws from in place of the model's own.
        """
        prompt = self._model.encode(PROBE)
        plain, sharp = self._model.continued(
            [prompt] * 2, [1, 1], [Draw(temperature=1.0), Draw(temperature=0.25)]
        )
        one, other = plain.top[0], sharp.top[0]
        mass = sum(map(math.exp, one.values()))
        both = one.keys() & other.keys()
        if mass > 1 + NEAR or not both:
            raise self._unable("gives log-probabilities that are none", "see its documentation")
        # At another temperature the processed ones differ, unless one token has all the mass.
        far = max(abs(one[token] - other[token]) for token in both)
        if far > 30 * NEAR:
            raise self._unable(
                f"gives log-probabilities after its sampler's settings ({far:.2f} nats apart at "
                "temperatures 1 and 1/4)",
                "for vLLM: --logprobs-mode raw_logprobs",
            )

    def _unable(self, what: str, hint: str) -> BackendUnavailable:
        return BackendUnavailable(f"the endpoint of models.{self._name} {what}", hint)

    # -- tokens -----------------------------------------------------------------------------------

    def render(self, request: Request) -> tuple[int, ...]:
        return self._model.render(request)

    def encode(self, text: str) -> tuple[int, ...]:
        return self._model.encode(text)

    def decode(self, ids: Ids) -> str:
        return self._model.decode(ids) if len(ids) else ""

    def open(self, prompts: Sequence[Ids]) -> list[Seq]:
        if not all(len(prompt) for prompt in prompts):
            raise UsageError("a prompt has no tokens", "give at least one")
        return [Held(tuple(map(int, prompt))) for prompt in prompts]

    def fork(self, seq: Seq, length: int) -> Seq:
        if not 1 <= length <= len(seq.ids):
            raise UsageError(f"cannot fork at {length} of {len(seq.ids)}", "keep at least one")
        return Held(seq.ids[:length])

    def extend(
        self,
        seqs: Sequence[Seq],
        max_new: int | Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Span]:
        most = [max_new] * len(seqs) if isinstance(max_new, int) else list(max_new)
        asked = [
            Draw(derive(d.seed, "place", len(seq.ids)), d.temperature, d.grammar, d.stop_ids)
            for seq, d in zip(seqs, draws, strict=True)
        ]
        found = self._model.continued([seq.ids for seq in seqs], most, asked, cancel=cancel)
        spans = []
        for seq, draw, made in zip(seqs, draws, found):
            assert isinstance(seq, Held)
            seq.ids = (*seq.ids, *made.ids)
            spans.append(_span(made, draw.temperature))
        return spans

    def score(
        self, prompts: Sequence[Ids], targets: Sequence[Ids], draws: Sequence[Draw]
    ) -> list[Span]:
        return [
            _span(self._model.whole(prompt, target), draw.temperature)
            for prompt, target, draw in zip(prompts, targets, draws, strict=True)
        ]

    def refine(self, seq: Seq, prompt: int, draw: Draw) -> Span | None:
        """None where the endpoint does not tell the whole vocabulary."""
        if not self._full:
            return None
        try:
            return self.score([seq.ids[:prompt]], [seq.ids[prompt:]], [draw])[0]
        except ContextOverflow:  # the endpoint wants room for one more token than there are
            return None
        except Unsupported:
            self._full = False
            return None


def _span(made: Continuation, temperature: float) -> Span:
    """log Z by its lower bound, and what it may lack.

    Raises:
        UsageError: a temperature above 1, or 0: there is no bound.
    """
    if not 0 < temperature <= 1:
        raise UsageError(
            f"a temperature of {temperature} over an endpoint", "more than 0, at most 1"
        )
    known = [bounds(list(row.values()), 1 / temperature, made.sure) for row in made.top]
    low = np.array([one for one, _ in known], np.float64)
    slack = np.array([more for _, more in known], np.float64)
    logp = np.array(made.logp, np.float64)
    version = np.zeros(len(logp), np.int64)
    ids = np.array(made.ids, np.int64)
    return Bounded(ids, logp, low, logp / temperature - low, version, made.finish, slack)
