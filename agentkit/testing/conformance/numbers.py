"""LP and EM: log-probabilities of the likeliest tokens, and sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from agentkit.capabilities import Embed, Logprobs, Request
from agentkit.errors import AgentkitError
from agentkit.testing.conformance.base import Conformance

SENTENCES = ("A man is eating food.", "The market fell today.", "Ein Satz, 漢字 🙂", "x")


class LogprobCases(Conformance):
    prompts: ClassVar[Sequence[str]]

    if TYPE_CHECKING:

        def declared(self, kind: type[Any]) -> Any: ...
        def request(self, prompt: str, **settings: Any) -> Request: ...

    def test_lp01_as_many_as_were_asked_for(self) -> None:
        """One entry a token, with the alternatives asked for, likeliest first; none unasked."""
        if (ability := self.declared(Logprobs)) is None:
            return
        assert ability.top_logprobs >= 1
        wanted = min(2, ability.top_logprobs)
        made = self.part.generate([self.request(self.prompts[0], logprobs=wanted)])[0]
        assert len(made.logprobs) == made.usage.completion > 0
        for entry in made.logprobs:
            values = [value for _, value in entry.top]
            assert len(values) == wanted and values == sorted(values, reverse=True)
            assert entry.logprob <= 0 and all(value <= 0 for value in values)
        assert self.part.generate([self.request(self.prompts[0])])[0].logprobs == ()
        plain = self.part.generate([self.request(self.prompts[0], logprobs=0)])[0]
        assert plain.logprobs and all(entry.top == () for entry in plain.logprobs)

    def test_lp02_the_greedy_token_is_the_likeliest(self) -> None:
        """At temperature 0 what was chosen has the first alternative's log-probability."""
        if self.declared(Logprobs) is None:
            return
        made = self.part.generate([self.request(self.prompts[0], logprobs=1)])[0]
        assert made.logprobs
        for entry in made.logprobs:
            assert abs(entry.logprob - entry.top[0][1]) < 1e-4

    def test_lp03_more_than_there_are_is_refused(self) -> None:
        """Asking for more alternatives than `top_logprobs` is an error, not fewer."""
        if (ability := self.declared(Logprobs)) is None:
            return
        request = self.request(self.prompts[0], logprobs=ability.top_logprobs + 1)
        try:
            made = self.part.generate([request])[0]
        except AgentkitError:
            return
        assert made.finish == "error", "more alternatives were promised than are given"


class EmbedCases(Conformance):
    if TYPE_CHECKING:

        def declared(self, kind: type[Any]) -> Any: ...

    def test_em01_rows_of_length_one(self) -> None:
        """(n, d) float32, each row of length 1; no texts give no rows."""
        if (ability := self.declared(Embed)) is None:
            return
        import numpy as np

        rows = ability.embed(SENTENCES)
        assert rows.dtype == np.float32 and rows.shape[0] == len(SENTENCES) and rows.ndim == 2
        assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-4)
        assert len(ability.embed([])) == 0

    def test_em02_a_batch_is_its_rows(self) -> None:
        """A text has the same embedding alone, in a batch, and elsewhere in it (1e-4)."""
        if (ability := self.declared(Embed)) is None:
            return
        batch = ability.embed(SENTENCES)
        turned = ability.embed(SENTENCES[::-1])[::-1]
        for n, text in enumerate(SENTENCES):
            assert abs(ability.embed([text])[0] - batch[n]).max() < 1e-4
            assert abs(turned[n] - batch[n]).max() < 1e-4

    def test_em03_texts_differ(self) -> None:
        """Other texts, other embeddings; even a very long and an empty one have some."""
        if (ability := self.declared(Embed)) is None:
            return
        rows = ability.embed(SENTENCES)
        nearest = (rows @ rows.T - 2 * _eye(len(rows))).max()
        assert nearest < 0.999, "two different texts have one embedding"
        odd = ability.embed(["word " * 5000, ""])
        assert len(odd) == 2 and bool((abs(odd) < 2).all())


def _eye(n: int) -> Any:
    import numpy as np

    return np.eye(n, dtype=np.float32)
