"""Token sequences that keep their keys and values, share them when forked, and stay in a budget."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from agentkit.errors import BudgetExceeded, UsageError


@dataclass(slots=True, weakref_slot=True, eq=False)
class Segment:
    """Keys and values of consecutive tokens, never written again.

    values: (layers, n, 2, KV, D).
    """

    values: Tensor

    def __len__(self) -> int:
        return int(self.values.shape[1])

    @property
    def bytes(self) -> int:
        return int(self.values.numel() * self.values.element_size())


@dataclass(slots=True, eq=False)
class TokenSeq:
    """A token sequence; the `Seq` of the `Tokens` ability.

    ids: all tokens. version: of the weights. prompt: how many tokens it was opened with; a grammar
    covers what follows them. pieces: (segment, how many of its tokens count), in order. They cover
    all ids but the last, which is fed first by whoever goes on: so no logits need to be kept.
    """

    ids: tuple[int, ...]
    version: int
    prompt: int
    pieces: list[tuple[Segment, int]] = field(default_factory=list)

    @property
    def covered(self) -> int:
        """How many tokens have keys and values."""
        return sum(n for _, n in self.pieces)

    def fork(self, length: int) -> TokenSeq:
        """The first `length` tokens; nothing is copied."""
        if not 1 <= length <= len(self.ids):
            raise UsageError(
                f"cannot fork at {length}: the sequence has {len(self.ids)} tokens",
                "a fork keeps at least one token and at most all",
            )
        kept, left = [], length - 1
        for segment, n in self.pieces:
            if left <= 0:
                break
            kept.append((segment, min(n, left)))
            left -= n
        return TokenSeq(self.ids[:length], self.version, min(self.prompt, length), kept)

    def copy_to(self, store: Tensor) -> None:
        """Writes what is covered into a store's row, (layers, width, 2, KV, D)."""
        start = 0
        for segment, n in self.pieces:
            store[:, start : start + n] = segment.values[:, :n]
            start += n


class Budget:
    """Bytes of all segments that are alive, and of rows being worked on."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        return self._used

    def take(self, size: int) -> None:
        with self._lock:
            self._used += size

    def give(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def keep(self, values: Tensor) -> Segment:
        """A segment that counts for as long as anyone holds it."""
        segment = Segment(values)
        self.take(segment.bytes)
        weakref.finalize(segment, self.give, segment.bytes)
        return segment

    def require(self, size: int) -> None:
        """Raises BudgetExceeded where `size` more bytes do not fit."""
        if self._used + size > self.limit:
            raise BudgetExceeded(
                f"keys and values would take {(self._used + size) >> 20} MiB, the limit is "
                f"{self.limit >> 20} MiB",
                "raise kv_memory, hold fewer sequences, or ask for shorter answers",
            )


class Prompts:
    """Prompts read lately, so that one that begins alike is read from where it differs."""

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[int, ...], TokenSeq] = OrderedDict()

    def find(self, ids: tuple[int, ...], version: int) -> TokenSeq:
        """A new sequence of these ids that covers as much as is known already."""
        best, common = None, 0
        for known in self._kept.values():
            same = _common(known.ids, ids)
            if same > common and min(same, len(known.ids) - 1, len(ids) - 1) > 0:
                best, common = known, same
        if best is None:
            return TokenSeq(ids, version, len(ids))
        self._kept.move_to_end(best.ids)
        covered = min(common, len(best.ids) - 1, len(ids) - 1)
        return TokenSeq(ids, version, len(ids), best.fork(covered + 1).pieces)

    def add(self, sequence: TokenSeq) -> None:
        """Keeps a fork of it; the oldest goes when there are too many."""
        self._kept[sequence.ids] = sequence.fork(len(sequence.ids))
        self._kept.move_to_end(sequence.ids)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def shrink(self, budget: Budget, size: int) -> None:
        """Forgets the oldest until `size` more bytes fit, or nothing is left."""
        while self._kept and budget.used + size > budget.limit:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        self._kept.clear()


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common beginning."""
    low, high = 0, min(len(a), len(b))
    while low < high:  # tuples compare fast, one element at a time does not
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
