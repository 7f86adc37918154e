"""The shortest way to end a text that follows a grammar, found by trying.

An automaton tells which tokens may come next, not how far the end is. For JSON the end is found by
preferring what closes: quotes, braces, brackets, then short values. Where that preference runs in
a circle (an address needs its "@", and braces may stand before it), a second try prefers what it
has used least. What comes out is a way, not surely the shortest one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

LONGEST = 512  # tokens of an ending

# In this order. Everything else that a grammar may ask for comes from its own mask.
_PREFERRED = (
    '"}}',
    '"}]',
    '"}',
    '"]',
    '"',
    "a",  # where it may stand, a brace would be text too, and an uglier one
    "}",
    "]",
    "null",
    "true",
    "false",
    *"0123456789",
    ",",
    ", ",
    '{"',
    "{",
    "[",
    ":",
    " ",
    "@",
    ".",
    "-",
    "/",
    "A",
    "T",
    "Z",
    "\n",
)
# What the second try takes first: inside a text it looks less odd than braces do.
_PLAIN = ('"}}', '"}]', '"}', '"]', '"', *"a@.-/ATZ0123456789")


class Closer:
    """Finds endings for one vocabulary.

    Args:
        vocabulary: the library's tokenizer.
        real: packed bits of the rows that stand for a token, int32.
    """

    def __init__(self, vocabulary: Any, real: np.ndarray) -> None:
        self.real = real
        found = (vocabulary.tokenize_str(text) for text in _PREFERRED)
        self._preferred: list[int] = list(dict.fromkeys(ids[0] for ids in found if len(ids) == 1))
        plain = (vocabulary.tokenize_str(text) for text in _PLAIN)
        first = {ids[0] for ids in plain if len(ids) == 1}
        self._late = {token: 0 if token in first else 3 for token in self._preferred}

    def path(self, matcher: Any) -> list[int] | None:
        """Tokens that lead from the matcher's place to a whole text, which may be none; None where
        no ending was found. The matcher stays where it is."""
        if matcher.is_accepting():
            return []
        quick = self._walk(matcher.deep_copy(), spread=False)
        return quick if quick is not None else self._walk(matcher.deep_copy(), spread=True)

    def _walk(self, work: Any, *, spread: bool) -> list[int] | None:
        path: list[int] = []
        used: Counter[int] = Counter()
        limit = LONGEST if spread else LONGEST // 4
        while not work.is_accepting():
            if len(path) >= limit or work.is_error():
                return None
            forced = work.compute_ff_tokens()
            if not forced:
                token = self._next(work, used if spread else None)
                if token is None:
                    return None
                forced = [token]
                used[token] += 1
            if not work.consume_tokens(forced):
                return None
            path += forced
        return path

    def _next(self, work: Any, used: Counter[int] | None) -> int | None:
        order = self._preferred
        if used is not None:
            order = sorted(order, key=lambda token: used[token] + self._late[token])
        for token in order:
            if work.validate_tokens([token]) == 1:
                return token
        real = self.real.view(np.uint8)
        mask = np.frombuffer(work.compute_bitmask(), dtype=np.uint8)[: len(real)] & real
        allowed = np.flatnonzero(np.unpackbits(mask, bitorder="little"))
        if not len(allowed):
            return None
        if used is None:
            return int(allowed[0])
        return min((int(token) for token in allowed[:64]), key=used.__getitem__)
