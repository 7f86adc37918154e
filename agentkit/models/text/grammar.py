"""Grammars in the decode loop: which tokens may come next, as bits over the output head's rows.

llguidance keeps the automaton; this module gives it the model's tokenizer, one writing of JSON, a
budget, and errors that people can act on. The mask goes onto fp32 logits before temperature and
top-p; log-probabilities under a grammar are those of the masked, renormalised model.

In a decode loop, one row:

    matcher = grammars.matcher(grammar)
    while not matcher.is_stopped():
        matcher.fill(bits, row)
        apply(logits, bits)
        token = matcher.within(sample(logits), remaining)
        matcher.consume(token)
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer
from torch import Tensor

from agentkit.capabilities.language_model import Grammar
from agentkit.errors import GrammarDeadEnd
from agentkit.models.text.closing import Closer
from agentkit.models.text.schemas import refused, source, text_of

_KEPT = 64  # compiled grammars
_HORIZON = 48  # tokens before the end of the budget at which closing is watched, at least


class Grammars:
    """Compiles grammars for one tokenizer. Thread-safe; the tokenizer is prepared on first use
    (0.4 s for 49,152 tokens, 4 s for 151,936).

    Args:
        tokenizer: a fast tokenizer.
        rows: of the output head, at least as many as there are tokens.
        ends: ids that may end a text that matches.
    """

    def __init__(self, tokenizer: Any, rows: int, ends: Sequence[int] = ()) -> None:
        self._tokenizer, self.rows = tokenizer, rows
        eos = tokenizer.eos_token_id
        self.ends = tuple(ends) or (() if eos is None else (int(eos),))
        self._lock = threading.Lock()
        self._vocabulary: Any = None
        self._closer: Closer | None = None
        self._compiled: OrderedDict[str, Matcher] = OrderedDict()
        self._real = _pack(_real_tokens(tokenizer, rows))

    def matcher(self, grammar: Grammar) -> Matcher:
        """A new matcher at the start of the grammar.

        Raises:
            GrammarDeadEnd: nothing can match.
            Unsupported: the grammar is malformed or uses what cannot be enforced.
        """
        key = f"{grammar.kind}\n{text_of(grammar)}"
        with self._lock:
            if key not in self._compiled:
                self._compiled[key] = self._compile(grammar)
                while len(self._compiled) > _KEPT:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(key)
            return self._compiled[key].copy()

    def check(self, grammar: Grammar) -> None:
        """Raises what `matcher` raises."""
        self.matcher(grammar)

    def fill_free(self, bits: Tensor, row: int) -> None:
        """The mask of a row without a grammar: all rows of the head that stand for a token."""
        bits[row] = torch.from_numpy(self._real)

    def _compile(self, grammar: Grammar) -> Matcher:
        if self._vocabulary is None:
            self._vocabulary = from_tokenizer(
                self._tokenizer, n_vocab=self.rows, eos_token=list(self.ends)
            )
            self._closer = Closer(self._vocabulary, self._real)
        inner = LLMatcher(self._vocabulary, source(grammar), log_level=0)
        if inner.is_error():
            raise refused(grammar, inner.get_error())
        assert self._closer is not None
        made = Matcher(inner, self._closer, self.ends)
        made.fill(bitmask(1, self.rows), 0)  # dead ends show in the first mask
        made.horizon = max(_HORIZON, 3 * len(self._closer.path(inner) or ()))
        return made


class Matcher:
    """How far one text is in its grammar. Not thread-safe; `copy` is cheap.

    horizon: how many tokens before the end of a budget `within` begins to watch.
    """

    def __init__(self, inner: Any, closer: Closer, ends: tuple[int, ...]) -> None:
        self._inner, self._closer, self._ends = inner, closer, ends
        self._path: list[int] | None = None  # the known way to the end from here
        self.horizon = _HORIZON

    def fill(self, bits: Tensor, row: int) -> None:
        """Writes the mask of the next token into one row of `bits`, (rows, ceil(V / 32)) int32.

        Raises:
            GrammarDeadEnd: no token may follow.
        """
        target = bits[row].numpy()
        self._inner.unsafe_compute_mask_ptr(target.ctypes.data, target.nbytes)
        if self._inner.is_error():
            raise GrammarDeadEnd(
                f"the grammar cannot go on: {self._inner.get_error()[:200]}",
                "simplify the schema",
            )
        np.bitwise_and(target, self._closer.real, out=target)
        if not target.any():
            raise GrammarDeadEnd(
                "the grammar allows no further token of this model's vocabulary",
                "loosen the schema: some character that it needs may have no token",
            )

    def within(self, token: int, remaining: int) -> int:
        """The token itself, or the one to take instead so that the text still ends in time.

        Near the end of its budget a text is steered to the shortest ending found. A text that is
        whole when the budget ends is whole by this and by nothing else; where even the shortest
        ending does not fit, the token stays as it is, and the answer is cut ("length").

        Args:
            token: drawn under this matcher's mask.
            remaining: tokens that may still be generated, this one included.
        """
        if remaining > self.horizon or token in self._ends:
            return token
        if self._path and self._path[0] == token and len(self._path) <= remaining:
            return token
        after = self._inner.deep_copy()
        if not after.consume_token(token):
            return token  # `consume` will say so
        path = self._closer.path(after)
        if path is not None and len(path) < remaining:
            self._path = [token, *path]
            return token
        if self._path is None:
            self._path = self._closer.path(self._inner)
        if self._path == [] and self._ends:
            return self._ends[0]
        if not self._path or len(self._path) > remaining:
            return token
        return self._path[0]

    def consume(self, token: int) -> None:
        """Goes on by one token, which may be an end token.

        Raises:
            GrammarDeadEnd: the grammar does not allow it here.
        """
        if not self._inner.consume_token(token):
            raise GrammarDeadEnd(
                f"token {token} does not match the grammar at this place",
                "draw tokens under the matcher's mask",
            )
        follows = bool(self._path) and self._path is not None and self._path[0] == token
        self._path = self._path[1:] if follows and self._path else None

    def copy(self) -> Matcher:
        """An independent matcher at the same place."""
        made = Matcher(self._inner.deep_copy(), self._closer, self._ends)
        made._path, made.horizon = self._path, self.horizon
        return made

    def rollback(self, tokens: int) -> None:
        """Takes back the last `tokens` consumed."""
        if tokens and not self._inner.rollback(tokens):
            raise ValueError(f"cannot take back {tokens} tokens: {self._inner.get_error()[:100]}")
        self._path = None

    def is_accepting(self) -> bool:
        """The text so far matches as a whole."""
        return bool(self._inner.is_accepting())

    def is_stopped(self) -> bool:
        """Nothing but an end token can follow."""
        return bool(self._inner.is_stopped())

    def shortest_end(self) -> int | None:
        """Tokens of the shortest ending found from here; None where none was found."""
        if self._path is None:
            self._path = self._closer.path(self._inner)
        return None if self._path is None else len(self._path)


def bitmask(rows: int, vocab: int) -> Tensor:
    """Masks that allow everything, (rows, ceil(vocab / 32)) int32, on the CPU."""
    return torch.full((rows, (vocab + 31) // 32), -1, dtype=torch.int32)


def apply(logits: Tensor, bits: Tensor) -> None:
    """Sets logits (B, V) in fp32 to -inf wherever the bit is 0; in place."""
    if logits.dtype != torch.float32:
        raise ValueError(f"masks go onto fp32 logits, these are {logits.dtype}")
    width = logits.shape[1]
    if logits.is_cpu:
        flags = np.unpackbits(bits.numpy().view(np.uint8), axis=1, bitorder="little")
        allowed = torch.from_numpy(flags)[:, :width]
        logits.masked_fill_(allowed == 0, -torch.inf)
        return
    shifts = torch.arange(32, device=logits.device, dtype=torch.int32)
    spread = (bits.to(logits.device).unsqueeze(-1) >> shifts) & 1
    logits.masked_fill_(spread.flatten(1)[:, :width] == 0, -torch.inf)


# -- inside ---------------------------------------------------------------------------------------


def _real_tokens(tokenizer: Any, rows: int) -> np.ndarray:
    """(rows,) bool: which rows stand for a token. Converters fill vocabularies up with [PAD123]."""
    real = np.zeros(rows, dtype=bool)
    for text, token in tokenizer.get_vocab().items():
        filler = text.startswith("[PAD") and text.endswith("]") and text[4:-1].isdigit()
        if token < rows and not filler:
            real[token] = True
    return real


def _pack(flags: np.ndarray) -> np.ndarray:
    """(ceil(n / 32),) int32 of bits, lowest first."""
    padded = np.zeros((len(flags) + 31) // 32 * 32, dtype=bool)
    padded[: len(flags)] = flags
    return np.packbits(padded, bitorder="little").view(np.int32)
