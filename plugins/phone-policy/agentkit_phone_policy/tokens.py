"""Token by token: the policy's own words with their likelihoods, for training and for samplers.

Nothing here holds what is drawn to the screen: every token keeps a likelihood, and what an answer
means is judged afterwards (`read`). Prompts are short and answers have four tokens at most, so that
each token is a pass of its own, and no keys and values are kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agentkit.capabilities import Cancel, Draw, Grammar, Ids, Request, Seq, Span, ToolCall
from agentkit.errors import ContextOverflow, DataError, Unsupported, UsageError
from agentkit.seeds import derive
from agentkit_phone_policy.saying import Unsayable
from agentkit_phone_policy.words import ACT, END, PAD, WORD

if TYPE_CHECKING:
    from torch import Tensor

    from agentkit_phone_policy.network import Network

CONTEXT = 1024
UNSAID = -60.0
"""Logit of words that no answer has: finite, and too low to change what the others are."""


@dataclass(slots=True, eq=False)
class Sequence_:
    """Tokens, and the version of the weights that they were opened under."""

    ids: tuple[int, ...]
    version: int


class PolicyTokens:
    """`Tokens` and `Answers` of the policy."""

    def __init__(self, network: Network) -> None:
        self._network, self._words = network, network.words

    def render(self, request: Request) -> tuple[int, ...]:
        return self._words.read(request)[1]

    def encode(self, text: str) -> tuple[int, ...]:
        """Text in the policy's own words: `tap #3`."""
        return tuple(self._words.ids.get(t, self._words.ids[WORD]) for t in text.split())

    def decode(self, ids: Ids) -> str:
        return " ".join(self._words.tokens[int(i)] for i in ids)

    def open(self, prompts: Sequence[Ids]) -> list[Seq]:
        return [Sequence_(self._checked(ids), self._network.version) for ids in prompts]

    def fork(self, seq: Seq, length: int) -> Seq:
        own = self._own(seq)
        if not 1 <= length <= len(own.ids):
            raise UsageError(f"a fork at {length} of {len(own.ids)} tokens", "from 1 to its length")
        return Sequence_(own.ids[:length], own.version)

    def extend(
        self,
        seqs: Sequence[Seq],
        max_new: int | Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Span]:
        own = [self._own(seq) for seq in seqs]
        most = [max_new] * len(own) if isinstance(max_new, int) else list(max_new)
        if not len(own) == len(most) == len(draws):
            raise UsageError("sequences, numbers of new tokens and draws are not as many", "")
        if len({id(seq) for seq in own}) < len(own):
            raise UsageError("one sequence stands twice in a call to extend", "fork it first")
        for seq, new in zip(own, most):
            if new < 1:
                raise UsageError(f"max_new is {new}", "ask for at least one token")
            self._fits(len(seq.ids) + new)
        return [self._extended(s, n, d, cancel) for s, n, d in zip(own, most, draws)]

    def score(
        self, prompts: Sequence[Ids], targets: Sequence[Ids], draws: Sequence[Draw]
    ) -> list[Span]:
        if not len(prompts) == len(targets) == len(draws):
            raise UsageError("prompts, targets and draws are not as many", "")
        return [self._scored(p, t, d) for p, t, d in zip(prompts, targets, draws)]

    def _extended(self, seq: Sequence_, most: int, draw: Draw, cancel: Cancel | None) -> Span:
        import torch

        temperature = _temperature(draw)
        ends = {self._words.ids[END]} if draw.stop_ids is None else set(draw.stop_ids)
        found: list[tuple[int, float, float, float]] = []
        finish: Any = "length"
        while len(found) < most:
            if cancel:
                finish = "cancelled"
                break
            logits = self.logits(seq.ids, 1)[0]
            if temperature == 0:
                token = int(logits.argmax())
            else:
                # The random number of a place depends on the seed and the place alone.
                at = torch.Generator().manual_seed(
                    derive(draw.seed, "policy", len(seq.ids)) % (1 << 62)
                )
                p = torch.softmax(logits.double() / temperature, 0)
                point = float(torch.rand((), generator=at, dtype=torch.float64))
                token = int((p.cumsum(0) < point).sum().clamp(max=len(p) - 1))
            found.append((token, *_numbers(logits, token, temperature)))
            seq.ids = (*seq.ids, token)
            if token in ends:
                finish = "stop"
                break
        return self._span(found, finish)

    def _scored(self, prompt: Ids, target: Ids, draw: Draw) -> Span:
        temperature = _temperature(draw)
        before, wanted = self._checked(prompt), self._known(target)
        self._fits(len(before) + len(wanted))
        if not wanted:
            return self._span([], "length")
        logits = self.logits((*before, *wanted[:-1]), len(wanted))
        found = [(t, *_numbers(row, t, temperature)) for t, row in zip(wanted, logits)]
        return self._span(found, "length")

    def logits(self, ids: tuple[int, ...], count: int) -> Tensor:
        """(count, words): behind the last `count` tokens. Inside a prompt all tokens are alike."""
        import torch

        with self._network.weights.borrow("read") as module, torch.no_grad():
            logits = module(input_ids=torch.tensor([ids], device=module.device)).logits
        found = logits[0, -count:].float().cpu()
        more = len(self._words.tokens) - found.shape[1]  # words that only prompts have
        made: Tensor = torch.nn.functional.pad(found, (0, more), value=UNSAID)
        return made

    def _span(self, found: list[tuple[int, float, float, float]], finish: Any) -> Span:
        columns = list(zip(*found)) if found else [(), (), (), ()]
        ids, *numbers = columns
        logp, logz, sampled = map(np.array, numbers)
        version = np.full(len(found), self._network.version)
        return Span(np.array(ids, dtype=np.int64), logp, logz, sampled, version, finish)

    # Checks.

    def _own(self, seq: Seq) -> Sequence_:
        if not isinstance(seq, Sequence_):
            raise UsageError("this sequence is of another model", "open it here")
        if seq.version != self._network.version:
            raise UsageError(
                f"the sequence is of version {seq.version} of the weights, they are at "
                f"{self._network.version}",
                "open it again",
            )
        return seq

    def _checked(self, ids: Ids) -> tuple[int, ...]:
        plain = self._known(ids)
        if not plain:
            raise UsageError("a prompt has no tokens", "render a request")
        self._fits(len(plain))
        return plain

    def _known(self, ids: Ids) -> tuple[int, ...]:
        plain = tuple(map(int, ids))
        if plain and not 0 <= min(plain) <= max(plain) < len(self._words.tokens):
            raise UsageError(
                f"token ids run from {min(plain)} to {max(plain)}, the policy has those from 0 to "
                f"{len(self._words.tokens) - 1}",
                "encode with this policy's own words",
            )
        return plain

    def _fits(self, length: int) -> None:
        if length > CONTEXT:
            raise ContextOverflow(
                f"{length} tokens do not fit the policy's {CONTEXT}", "show less of the screen"
            )

    # Answers.

    def grammar_for(self, request: Request) -> Grammar | None:
        return None

    def text(self, ids: Ids) -> str:
        silent = {self._words.ids[t] for t in (END, PAD, ACT)}
        return self.decode([i for i in ids if int(i) not in silent])

    def read(self, text: str, request: Request) -> tuple[str, tuple[ToolCall, ...]]:
        """The action in JSON; the policy's own words where they mean none."""
        encoded, _ = self._words.read(request)
        try:
            return as_json(encoded.mean(text.split())), ()
        except Unsayable:
            return text, ()

    # Lessons.

    def lesson(self, request: Request, answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(prompt, answer) in tokens, for trainers.

        Raises:
            DataError: the policy has no words for that action, or it is none.
        """
        encoded, prompt = self._words.read(request)
        try:
            said = encoded.say(json.loads(answer))
        except (Unsayable, ValueError, KeyError, TypeError) as error:
            raise DataError(f"the policy cannot say {answer[:80]!r}: {error}", "") from error
        return prompt, tuple(self._words.ids[t] for t in said)


def as_json(plain: dict[str, Any]) -> str:
    """An action as the one line that a reply is."""
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _temperature(draw: Draw) -> float:
    if draw.grammar is not None:
        raise Unsupported("the policy knows no grammars", "it has its own: what a screen allows")
    if draw.temperature < 0:
        raise UsageError(f"temperature is {draw.temperature}", "0 or more")
    return draw.temperature


def _numbers(logits: Tensor, token: int, temperature: float) -> tuple[float, float, float]:
    """(logp, logz, log q) of a token."""
    import torch

    logp = torch.log_softmax(logits, 0)
    if temperature == 0:
        return float(logp[token]), 0.0, 0.0
    logz = float(torch.logsumexp(logp / temperature, 0))
    return float(logp[token]), logz, float(logp[token]) / temperature - logz
