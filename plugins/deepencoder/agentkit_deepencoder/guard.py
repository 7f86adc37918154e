"""Against answers that run in circles: a rule on logits, and a detector.

The rule is the published one: over a window of the ids so far, no n-gram may come twice, but for
tokens that tables need often. DeepSeek-OCR's scripts use 30/90 for pictures and 20/50 for pages of
a PDF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TABLE_CELLS = frozenset({128821, 128822})
"""`<td>` and `</td>` of the published tokenizer."""


@dataclass(frozen=True, slots=True)
class NoRepeat:
    """No n-gram of the last `window` ids may be completed a second time.

    n: of the n-grams; 1 forbids nothing, as in the published code. allowed: ids never forbidden.

    Raises:
        ValueError: n or window is below 1.
    """

    n: int = 30
    window: int = 90
    allowed: frozenset[int] = TABLE_CELLS

    def __post_init__(self) -> None:
        for name, value in (("n", self.n), ("window", self.window)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is {value!r}: a whole number of 1 or more is needed")

    def banned(self, ids: Sequence[int]) -> set[int]:
        """Ids that would complete an n-gram of the window again."""
        if self.n == 1 or len(ids) < self.n:
            return set()
        prefix = tuple(ids[1 - self.n :])
        starts = range(max(0, len(ids) - self.window), len(ids) - self.n + 1)
        found = {ids[s + self.n - 1] for s in starts if tuple(ids[s : s + self.n - 1]) == prefix}
        return found - self.allowed

    def __call__(self, ids: Sequence[int], logits: Tensor) -> Tensor:
        """logits (V,) with what is banned at minus infinity."""
        banned = [i for i in self.banned(ids) if i < logits.shape[-1]]
        if not banned:
            return logits
        made = logits.clone()
        made[banned] = -float("inf")
        return made


def looped(ids: Sequence[int], periods: int = 3, longest: int = 128, least: int = 24) -> int:
    """The period with which the ids end in `periods` equal pieces, 0 for none.

    least: ids that must go in circles before it counts; rulers and dotted lines are no loops.
    """
    n = len(ids)
    for period in range(1, min(longest, n // periods) + 1):
        times = max(periods, -(-least // period))
        span = times * period
        if span <= n and all(ids[k] == ids[k - period] for k in range(n - span + period, n)):
            return period
    return 0
