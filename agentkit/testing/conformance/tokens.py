"""TK: the Tokens ability. Generating, scoring and continuing give the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp
from typing import TYPE_CHECKING, Any, ClassVar

from agentkit.capabilities import Draw, Request, Span, Tokens
from agentkit.errors import AgentkitError, ContextOverflow
from agentkit.testing.conformance.base import Conformance

if TYPE_CHECKING:
    import numpy as np

TEXTS = ("The sea is", "A list of colours: red, green,", "One", "When the rain came they all")
LENGTH = 8


class TokenCases(Conformance):
    """`self.declared(Tokens)` is None, and the refusal tested, where a model has no tokens."""

    prompts: ClassVar[Sequence[str]]

    if TYPE_CHECKING:

        def declared(self, kind: type[Any]) -> Any: ...

    @property
    def tolerance(self) -> float:
        return 0.0 if self.part.info.exact else 1e-4

    def same(self, one: Span, other: Span, tolerance: float | None = None) -> None:
        """Two spans are equal, their numbers as near as the model promises."""
        allowed = self.tolerance if tolerance is None else tolerance
        assert list(one.ids) == list(other.ids), "other tokens"
        for name in ("logp", "logz", "sampled"):
            far = _apart(getattr(one, name), getattr(other, name))
            assert far <= allowed, f"{name} is {far:g} apart, {allowed:g} allowed"

    def drawn(self, tokens: Tokens, draws: Sequence[Draw] | None = None) -> list[Span]:
        prompts = [tokens.encode(text) for text in TEXTS]
        return tokens.extend(tokens.open(prompts), LENGTH, draws or _draws())

    def test_tk01_score_gives_what_extend_gave(self) -> None:
        """Scoring a drawn span gives its very numbers: 0.0 apart where exact, else 1e-4."""
        if (tokens := self.declared(Tokens)) is None:
            return
        prompts = [tokens.encode(text) for text in TEXTS]
        for temperature in (1.0, 0.5):
            spans = self.drawn(tokens, _draws(temperature))
            scored = tokens.score(prompts, [s.ids.tolist() for s in spans], _draws(temperature))
            for one, other in zip(spans, scored):
                assert len(one.ids) > 0
                self.same(one, other)

    def test_tk02_a_batch_is_its_rows(self) -> None:
        """Each row gets alone what it gets in a batch, in whatever order."""
        if (tokens := self.declared(Tokens)) is None:
            return
        batch, draws = self.drawn(tokens), _draws()
        for text, draw, span in zip(TEXTS, draws, batch):
            alone = tokens.extend(tokens.open([tokens.encode(text)]), LENGTH, [draw])[0]
            self.same(span, alone)
        turned = tokens.open([tokens.encode(text) for text in reversed(TEXTS)])
        for span, other in zip(batch, reversed(tokens.extend(turned, LENGTH, draws[::-1]))):
            self.same(span, other)

    def test_tk03_the_numbers_are_log_probabilities(self) -> None:
        """logp <= 0; log q = logp / T - logz; at temperature 1 logz is 0."""
        if (tokens := self.declared(Tokens)) is None:
            return
        for temperature in (1.0, 0.5):
            for span in self.drawn(tokens, _draws(temperature)):
                assert span.logp.shape == span.logz.shape == span.sampled.shape == span.ids.shape
                assert (span.logp <= 0).all() and (span.sampled <= 1e-6).all()
                far = _apart(span.logp / temperature - span.logz, span.sampled)
                assert far < 1e-4, f"logp / T - logz is {far:g} from log q"
                if temperature == 1.0:
                    assert abs(span.logz).max() < 1e-4

    def test_tk04_probabilities_sum_to_one(self) -> None:
        """exp(logp) of next tokens sums to 1 over a small vocabulary, to less over a part of a
        large one; a token that is not in the vocabulary is refused."""
        if (tokens := self.declared(Tokens)) is None:
            return
        prompt, size = tokens.encode(TEXTS[0]), 512
        try:
            tokens.score([prompt], [[size - 1]], [Draw()])
        except (AgentkitError, ValueError, IndexError):
            size = self.vocabulary(tokens, prompt, size)
            whole = True
        else:
            whole = False
        spans = tokens.score([prompt] * size, [[n] for n in range(size)], [Draw()] * size)
        total = sum(exp(span.logp[0]) for span in spans)
        assert total <= 1 + 1e-3, f"the first {size} tokens together have probability {total:g}"
        assert not whole or total >= 1 - 1e-3, f"all tokens together have probability {total:g}"

    @staticmethod
    def vocabulary(tokens: Tokens, prompt: Sequence[int], limit: int) -> int:
        """How many ids the model knows, by bisection."""
        known, unknown = 0, limit
        while unknown - known > 1:
            middle = (known + unknown) // 2
            try:
                tokens.score([prompt], [[middle]], [Draw()])
                known = middle
            except (AgentkitError, ValueError, IndexError):
                unknown = middle
        return unknown

    def test_tk05_a_fork_leaves_its_parent_alone(self) -> None:
        """A child at any length continues like a prompt of those tokens; the parent as if alone."""
        if (tokens := self.declared(Tokens)) is None:
            return
        prompt = tokens.encode(TEXTS[1])
        draw = Draw(seed=3)
        parent = tokens.open([prompt])[0]
        tokens.extend([parent], LENGTH, [draw])
        ids = parent.ids
        assert ids[: len(prompt)] == tuple(prompt) and len(ids) > len(prompt)
        for length in sorted({1, len(prompt), len(prompt) + 1, len(ids)}):
            child = tokens.fork(parent, length)
            assert child.ids == ids[:length]
            forked = tokens.extend([child], 4, [draw])[0]
            fresh = tokens.extend(tokens.open([ids[:length]]), 4, [draw])[0]
            self.same(forked, fresh)
            assert parent.ids == ids, "extending a fork changed its parent"
        twin = tokens.open([prompt])[0]
        tokens.extend([twin], LENGTH, [draw])
        self.same(tokens.extend([parent], 4, [draw])[0], tokens.extend([twin], 4, [draw])[0])

    def test_tk06_in_two_goes_as_in_one(self) -> None:
        """Greedily, 4 and then 4 tokens are the 8 of one call."""
        if (tokens := self.declared(Tokens)) is None:
            return
        draw = Draw(temperature=0.0, stop_ids=())
        prompt = tokens.encode(TEXTS[0])
        whole = tokens.extend(tokens.open([prompt]), LENGTH, [draw])[0]
        seq = tokens.open([prompt])[0]
        halves = [tokens.extend([seq], LENGTH // 2, [draw])[0] for _ in range(2)]
        assert [*halves[0].ids, *halves[1].ids] == list(whole.ids)
        assert seq.ids == (*prompt, *whole.ids.tolist())

    def test_tk07_a_seed_decides_and_seeds_differ(self) -> None:
        """Another seed, other tokens; the same, the same."""
        if (tokens := self.declared(Tokens)) is None:
            return
        first, again = self.drawn(tokens), self.drawn(tokens)
        for one, other in zip(first, again):
            self.same(one, other)
        others = self.drawn(tokens, [Draw(seed=100 + n, temperature=1.5) for n in range(4)])
        hot = self.drawn(tokens, [Draw(seed=n, temperature=1.5) for n in range(4)])
        assert any(list(a.ids) != list(b.ids) for a, b in zip(hot, others))

    def test_tk08_text_to_tokens_and_back(self) -> None:
        """decode(encode(text)) is the text; render ends where an answer begins."""
        if (tokens := self.declared(Tokens)) is None:
            return
        for text in (*TEXTS, "Grüße, 漢字 🙂\n\ttabs"):
            assert tokens.decode(tokens.encode(text)) == text
        short = tokens.render(Request.of("Hello"))
        longer = tokens.render(Request.of("Hello, how do you do?"))
        assert 0 < len(short) < len(longer)

    def test_tk09_what_cannot_be_is_refused(self) -> None:
        """An empty prompt, a fork at 0 or beyond the end, and more tokens than the context."""
        if (tokens := self.declared(Tokens)) is None:
            return
        prompt = tokens.encode(TEXTS[0])
        seq = tokens.open([prompt])[0]
        impossible: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
            (tokens.open, ([[]],)),
            (tokens.fork, (seq, 0)),
            (tokens.fork, (seq, len(prompt) + 1)),
        ]
        for make, arguments in impossible:
            try:
                make(*arguments)
            except (AgentkitError, ValueError):
                continue
            raise AssertionError("an impossible sequence was made")
        try:
            tokens.extend([seq], self.part.info.context, [Draw()])
        except ContextOverflow:
            return
        raise AssertionError("more tokens than the context holds were promised")

    def test_tk10_generate_and_score_agree(self) -> None:
        """The log-probabilities of a completion are those that `score` gives for its tokens."""
        if (tokens := self.declared(Tokens)) is None:
            return
        request = Request.of(self.prompts[0], max_tokens=LENGTH, logprobs=0)
        made = self.part.generate([request])[0]
        assert made.ids and len(made.logprobs) == len(made.ids)
        span = tokens.score([tokens.render(request)], [made.ids], [Draw()])[0]
        said = [entry.logprob for entry in made.logprobs]
        far = max(abs(a - b) for a, b in zip(said, span.logp.tolist()))
        assert far <= max(self.tolerance, 1e-6), f"generate and score are {far:g} apart"

    def test_tk11_a_stop_token_ends_a_row(self) -> None:
        """`stop_ids` end a row at the token, in the span, finish "stop"; other rows go on."""
        if (tokens := self.declared(Tokens)) is None:
            return
        greedy = Draw(temperature=0.0, stop_ids=())
        prompts = [tokens.encode(text) for text in TEXTS[:2]]
        free = tokens.extend(tokens.open(prompts), LENGTH, [greedy, greedy])
        stop = int(free[0].ids[2])
        first = list(free[0].ids).index(stop)
        stopping = Draw(temperature=0.0, stop_ids=(stop,))
        spans = tokens.extend(tokens.open(prompts), LENGTH, [stopping, greedy])
        assert list(spans[0].ids) == list(free[0].ids[: first + 1]) and spans[0].finish == "stop"
        assert list(spans[1].ids) == list(free[1].ids) and spans[1].finish == "length"

    def test_tk12_every_row_has_its_own_most(self) -> None:
        """One number of new tokens a row: each gets the first of what it gets with more."""
        if (tokens := self.declared(Tokens)) is None:
            return
        prompts = [tokens.encode(text) for text in TEXTS]
        draws = [Draw(seed=n, stop_ids=()) for n in range(len(TEXTS))]
        whole = tokens.extend(tokens.open(prompts), LENGTH, draws)
        most = [1, LENGTH, 3, 2]
        seqs = tokens.open(prompts)
        for seq, n, short, long in zip(seqs, most, tokens.extend(seqs, most, draws), whole):
            assert list(short.ids) == list(long.ids[:n]), f"not the first {n} tokens"
            assert _apart(short.logp, long.logp[:n]) <= self.tolerance
            assert seq.ids[-n:] == tuple(short.ids.tolist())
        try:
            tokens.extend(tokens.open(prompts), most[:2], draws)
        except (AgentkitError, ValueError):
            return
        raise AssertionError("two numbers were taken for four rows")


def _draws(temperature: float = 1.0) -> list[Draw]:
    return [Draw(seed=n, temperature=temperature) for n in range(len(TEXTS))]


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape, f"{one.shape} and {other.shape}"
    return float(abs(one - other).max()) if one.size else 0.0
