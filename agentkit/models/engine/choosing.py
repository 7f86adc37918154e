"""From logits to drawn tokens for a batch of rows: masks, numbers, draws.

Used by whatever makes logits, so that all ways to generate give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from agentkit.errors import AgentkitError, GrammarDeadEnd
from agentkit.models.engine.rows import Row
from agentkit.models.engine.sampling import Drawn, Numbers, draw, numbers
from agentkit.models.text.grammar import Grammars, Matcher, apply, bitmask

Masks = tuple[Tensor, dict[int, Exception]]  # bits, and the rows whose grammar cannot go on


class Chooser:
    """Draws the next token of each row.

    Args:
        grammars: of the model's tokenizer; says which rows of the head are tokens at all.
        device: of the logits.
    """

    def __init__(self, grammars: Grammars, device: torch.device) -> None:
        self._grammars, self._device = grammars, device
        self._unreal = _unreal(grammars, device)
        self._helper = ThreadPoolExecutor(1, "agentkit-grammar")

    def begin(self, rows: Sequence[Row]) -> Future[Masks] | None:
        """Begins to fill the masks of the next tokens, where a row has a grammar. This needs only
        the last tokens, so it runs beside the decoder; the library lets other threads work."""
        matchers = [row.matcher for row in rows]
        return self._helper.submit(self._fill, matchers) if any(matchers) else None

    def choose(
        self, rows: Sequence[Row], logits: Tensor, begun: Future[Masks] | None, *, exact: bool
    ) -> list[Drawn | Exception]:
        """What each row draws from its logits (n, V) in fp32, which are changed."""
        bits, faults = begun.result() if begun else (None, {})
        found = self.numbers(logits, bits, [row.temperature for row in rows])
        places = torch.arange(len(rows), device=logits.device)
        nan = found.logp[places, found.best].isnan()  # a NaN is the greatest
        found.logq[nan] = 0.0  # so that the other rows can be drawn
        for place in nan.nonzero()[:, 0].tolist():
            faults.setdefault(place, not_numbers())
        ids, logq = draw(found, [row.choice for row in rows], exact=exact)
        picked = [
            token if place in faults else row.steered(token)
            for place, (row, token) in enumerate(zip(rows, ids.tolist()))
        ]
        logp = found.logp[places, torch.tensor(picked, device=logits.device)].tolist()
        numbers = zip(picked, logp, found.logz.tolist(), logq.tolist())
        return [
            faults.get(place) or Drawn(*values, _likeliest(found.logp[place], row.top))
            for place, (row, values) in enumerate(zip(rows, numbers))
        ]

    def numbers(
        self, logits: Tensor, bits: Tensor | None, temperatures: Sequence[float]
    ) -> Numbers:
        """Log-probabilities after the masks; rows of the head without a token have none."""
        if bits is not None:
            apply(logits, bits)
        elif self._unreal is not None:
            logits.masked_fill_(self._unreal, -float("inf"))
        return numbers(logits, temperatures)

    def replay(self, matcher: Matcher, ids: Sequence[int]) -> tuple[Tensor, int]:
        """The masks at each of these tokens, and how many of them the grammar allows."""
        bits = bitmask(len(ids), self._grammars.rows)
        for place, token in enumerate(ids):
            try:
                matcher.fill(bits, place)
                matcher.consume(token)
            except GrammarDeadEnd:
                return bits, place
        return bits, len(ids)

    def close(self) -> None:
        self._helper.shutdown(wait=False)

    def _fill(self, matchers: Sequence[Matcher | None]) -> Masks:
        bits, faults = bitmask(len(matchers), self._grammars.rows), {}
        for place, matcher in enumerate(matchers):
            try:
                if matcher is not None:
                    matcher.fill(bits, place)
                    continue
            except Exception as error:
                faults[place] = error
            self._grammars.fill_free(bits, place)
        return bits, faults


def not_numbers() -> AgentkitError:
    """What a model that overflows is told about."""
    return AgentkitError(
        "the model's scores of the next token are not numbers (NaN)",
        'its numbers overflow: set dtype = "fp32"; where it is set, its weights are damaged',
    )


def _likeliest(logp: Tensor, top: int) -> list[tuple[int, float]]:
    if not top:
        return []
    best = logp.topk(min(top, len(logp)))
    return list(zip(best.indices.tolist(), best.values.tolist()))


def _unreal(grammars: Grammars, device: torch.device) -> Tensor | None:
    """(V,) bool: rows of the head that stand for no token; None where all do."""
    bits, probe = bitmask(1, grammars.rows), torch.zeros(1, grammars.rows)
    grammars.fill_free(bits, 0)
    apply(probe, bits)
    return (probe[0] < 0).to(device) if bool((probe < 0).any()) else None
