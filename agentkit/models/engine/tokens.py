"""The Tokens ability: token-level generation with exact likelihoods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agentkit.capabilities import Cancel, Draw, Ids, Request, Seq, Span
from agentkit.capabilities.language_model import Grammar
from agentkit.errors import ContextOverflow, UsageError
from agentkit.models.engine.engine import Engine
from agentkit.models.engine.rows import Row
from agentkit.models.engine.sequences import TokenSeq
from agentkit.models.text.chat import Chat
from agentkit.models.text.grammar import Grammars, Matcher


class EngineTokens:
    """`Tokens` on an engine; see the protocol for what each method does.

    At temperature 0 a token has all the mass: `sampled` is 0 and `logz` is set to 0. A grammar
    covers what follows the prompt that a sequence was opened with.

    Args:
        context: the most tokens of a sequence.
        ends: the model's own end tokens.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Any,
        chat: Chat,
        grammars: Grammars,
        *,
        context: int,
        ends: Sequence[int],
    ) -> None:
        self._engine, self._tokenizer, self._chat = engine, tokenizer, chat
        self._grammars, self._context, self._ends = grammars, context, frozenset(ends)

    def render(self, request: Request) -> tuple[int, ...]:
        return self._chat.render(request)

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False))

    def decode(self, ids: Ids) -> str:
        return str(self._tokenizer.decode(list(ids)))

    def open(self, prompts: Sequence[Ids]) -> list[Seq]:
        checked = [self._checked(ids) for ids in prompts]
        return list(self._engine.open(checked))

    def fork(self, seq: Seq, length: int) -> Seq:
        return _own(seq).fork(length)

    def extend(
        self,
        seqs: Sequence[Seq],
        max_new: int | Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Span]:
        own = [_own(seq) for seq in seqs]
        _same_number("draws", draws, own)
        if len({id(seq) for seq in own}) < len(own):
            raise UsageError("one sequence stands twice in a call to extend", "fork it first")
        most = [max_new] * len(own) if isinstance(max_new, int) else list(max_new)
        _same_number("numbers of new tokens", most, own)
        for seq, new in zip(own, most):
            if new < 1:
                raise UsageError(f"max_new is {new}", "ask for at least one token")
            self._fits(len(seq.ids), new)
        rows = [
            Row(
                seq,
                new,
                seed=draw.seed,
                temperature=_temperature(draw),
                stop_ids=self._ends if draw.stop_ids is None else frozenset(draw.stop_ids),
                matcher=self._matcher(draw.grammar, seq.ids[seq.prompt :]),
                cancel=cancel,
            )
            for seq, new, draw in zip(own, most, draws)
        ]
        self._engine.extend(rows)
        for row in rows:
            if row.error is not None:
                raise row.error
        return [_span(row.ids, row.logp, row.logz, row.logq, row) for row in rows]

    def score(
        self, prompts: Sequence[Ids], targets: Sequence[Ids], draws: Sequence[Draw]
    ) -> list[Span]:
        _same_number("targets", targets, prompts)
        _same_number("draws", draws, prompts)
        checked = [self._checked(ids) for ids in prompts]
        for ids, target in zip(checked, targets):
            self._fits(len(ids), len(target))
            _known(target, self._grammars.rows)
        spans = []
        for seq, target, draw in zip(self._engine.open(checked), targets, draws):
            found = self._engine.score(
                seq, tuple(target), _temperature(draw), self._matcher(draw.grammar, ())
            )
            logp, logz, logq = (list(column) for column in zip(*found)) if found else ([], [], [])
            spans.append(_span(target, logp, logz, logq, None, seq.version))
        return spans

    # -- checks -----------------------------------------------------------------------------------

    def _checked(self, ids: Ids) -> tuple[int, ...]:
        return check_ids(ids, self._grammars.rows, self._context)

    def _fits(self, prompt: int, new: int) -> None:
        check_fit(prompt, new, self._context)

    def _matcher(self, grammar: Grammar | None, written: Ids) -> Matcher | None:
        if grammar is None:
            return None
        matcher = self._grammars.matcher(grammar)
        for token in written:
            matcher.consume(token)
        return matcher


def check_ids(ids: Ids, rows: int, context: int) -> tuple[int, ...]:
    """The ids as a tuple.

    Raises:
        UsageError: there are none, or not of this model.
        ContextOverflow: there are too many.
    """
    if not len(ids):
        raise UsageError("a prompt has no tokens", "give at least one, e.g. the start token")
    check_fit(len(ids), 0, context)
    return _known(ids, rows)


def _known(ids: Ids, rows: int) -> tuple[int, ...]:
    plain = tuple(map(int, ids))
    if plain and not 0 <= min(plain) <= max(plain) < rows:
        raise UsageError(
            f"token ids run from {min(plain)} to {max(plain)}, the model has those from 0 to "
            f"{rows - 1}",
            "encode the text with this model's own tokenizer",
        )
    return plain


def check_fit(prompt: int, new: int, context: int) -> None:
    """Raises ContextOverflow where prompt and new tokens do not fit."""
    if prompt + new > context:
        asked = f" and {new} new ones" if new else ""
        raise ContextOverflow(
            f"{prompt} tokens of prompt{asked} do not fit a context of {context}",
            "shorten the prompt or ask for fewer tokens",
            limit=context,
            got=prompt + new,
        )


def _own(seq: Seq) -> TokenSeq:
    if not isinstance(seq, TokenSeq):
        raise UsageError(
            f"a sequence of another kind was passed: {type(seq).__name__}",
            "use sequences that this very model opened",
        )
    return seq


def _temperature(draw: Draw) -> float:
    if not 0 <= draw.temperature < float("inf"):
        raise UsageError(f"a temperature of {draw.temperature}", "use 0 (greedy) or more")
    return draw.temperature


def _same_number(what: str, given: Sequence[object], wanted: Sequence[object]) -> None:
    if len(given) != len(wanted):
        raise UsageError(f"{len(given)} {what} for {len(wanted)} sequences", "give one for each")


def _span(
    ids: Ids,
    logp: list[float],
    logz: list[float],
    logq: list[float],
    row: Row | None,
    version: int = 0,
) -> Span:
    return Span(
        np.asarray(ids, dtype=np.int64),
        np.asarray(logp, dtype=np.float32),
        np.asarray(logz, dtype=np.float32),
        np.asarray(logq, dtype=np.float32),
        np.full(len(ids), row.seq.version if row else version, dtype=np.int64),
        row.finish if row else "length",
    )
