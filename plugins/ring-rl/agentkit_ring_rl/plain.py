"""Rollouts and likelihoods by any module that maps token ids to logits, whatever is inside it.

`module(input_ids=(B, T)).logits` of (B, T, V), each from the tokens up to there, is all that is
asked of it: models of a few hundred words, as phone policies are, keep no keys and values. Each row
of a batch is one sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agentkit.capabilities import Answers, LanguageModel, Message, Request, Tokens
from agentkit.errors import DataError, Unsupported
from agentkit.seeds import derive
from agentkit_ring_rl.engines import check
from agentkit_ring_rl.learner import Packed, Policy
from agentkit_ring_rl.mismatch import Precision, rounded
from agentkit_ring_rl.rollouts import Rollout
from agentkit_ring_rl.sft_data import Lessons, end_token

ROWS = 64  # sequences that go through the module at once


class PlainPolicy(nn.Module):  # type: ignore[misc]
    """As `learner.Policy`; batches must be packed with a width of 1, so that no row holds two."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch: Packed, temperature: float) -> tuple[Tensor, Tensor]:
        """(log-probabilities, entropies) of the targets, both (n,) fp32."""
        if len(batch.ids) != len(batch.sequences):
            raise ValueError("a row holds two sequences: pack them with a width of 1")
        device = next(self.module.parameters()).device
        ids = batch.ids.to(device)
        rows, columns = batch.targets.to(device).unbind(1)
        logits = self.module(input_ids=ids).logits[rows, columns - 1].float()
        logq = F.log_softmax(logits / temperature, -1)
        entropy = -(logq.detach().exp() * logq.detach()).sum(-1)
        return logq.gather(1, ids[rows, columns][:, None]).sum(1), entropy


def is_plain(module: nn.Module) -> bool:
    """Whether it is no model of the transformers library."""
    return not (hasattr(module, "base_model") and hasattr(module, "get_output_embeddings"))


def policy_of(module: nn.Module) -> Policy | PlainPolicy:
    return PlainPolicy(module) if is_plain(module) else Policy(module)


class PlainEngine:
    """A `RolloutEngine` on such a module. Equal sequences, as the answers to one prompt begin,
    go through it once.

    Args:
        make: gives the module, a copy that is the engine's own; called again after `release`.
        ends: token ids that end an answer; they count as its last token.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        ends: Sequence[int],
        *,
        slots: int = 128,
        temperature: float = 1.0,
        precision: Precision = "fp32",
    ) -> None:
        self.slots, self.version = slots, 0
        self._make, self._ends, self._fill = make, frozenset(ends), ends[0]
        self._temperature, self._precision = temperature, precision
        self._module: nn.Module | None = make().eval()
        self._active: list[Rollout] = []

    def start(self, rollouts: Sequence[Rollout], *, keep: bool = False) -> None:
        if keep and any(one.ids for one in rollouts):
            raise Unsupported("this engine keeps no keys and values", "leave keep out")
        self._active += rollouts

    def step(self) -> list[Rollout]:
        self._active = [one for one in self._active if one.end is None]
        if not self._active:
            return []
        rows = [(*one.prompt.ids, *one.ids) for one in self._active]
        logq = self._behind(sorted(set(rows), key=lambda row: (len(row), row)))
        for one, row in zip(self._active, rows):
            self._take(one, logq[row])
        return [one for one in self._active if one.end is not None]

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _behind(self, rows: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], Tensor]:
        """(V,) log q of the token behind each row, in double precision."""
        if self._module is None:
            raise Unsupported("the engine's memory was released", "load weights first")
        found: dict[tuple[int, ...], Tensor] = {}
        device = next(self._module.parameters()).device
        for start in range(0, len(rows), ROWS):
            some = rows[start : start + ROWS]
            # What stands behind a row must not change it: the end token does not, even in models
            # that add a row's tokens up, as their padding may.
            ids = torch.full((len(some), max(map(len, some))), self._fill, dtype=torch.long)
            for number, row in enumerate(some):
                ids[number, : len(row)] = torch.tensor(row)
            logits = self._module(input_ids=ids.to(device)).logits.cpu()
            for number, row in enumerate(some):
                last = logits[number, len(row) - 1].double() / max(self._temperature, 1e-6)
                found[row] = F.log_softmax(last, -1)
        return found

    def _take(self, one: Rollout, logq: Tensor) -> None:
        # The random number of a place depends on the rollout's seed and the place alone.
        seed = derive(one.seed, "plain", len(one.ids)) % (1 << 62)
        point = torch.rand((), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        token = int((logq.exp().cumsum(0) < point).sum().clamp(max=len(logq) - 1))
        one.ids.append(token)
        one.logp.append(float(logq[token]))
        one.versions.append(self.version)
        if token in self._ends:
            one.end = "stop"
        elif one.remaining <= 0:
            one.end = "length"

    def pause(self) -> None:
        self._active.clear()

    def load(self, tensors: Mapping[str, Tensor], version: int) -> None:
        check(tensors, version, self.version)
        if self._module is None:
            self._module = self._make().eval()
        own: dict[str, Any] = dict(self._module.named_parameters())
        with torch.no_grad():
            for name, tensor in tensors.items():
                own[name].copy_(rounded(name, tensor, self._precision))
        self.version = version

    def release(self) -> int:
        if self._module is None:
            return 0
        size: int = sum(p.numel() * p.element_size() for p in self._module.parameters())
        self.close()
        return size

    def close(self) -> None:
        self._module = None
        self._active.clear()


def ends_of(tokens: Tokens, examples: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Token ids that end an answer: of the chat template, or, for a model whose answers depend on
    the prompt, what its own lessons end with.

    Raises:
        DataError: no example has an `answer` that the model has words for.
    """
    if not isinstance(tokens, Lessons):
        return (end_token(tokens),)
    for one in examples:
        try:
            request = Request((Message.user(str(one["prompt"])),))
            return (tokens.lesson(request, str(one["answer"]))[1][-1],)
        except (DataError, KeyError):
            continue
    raise DataError(
        "no example has an `answer` that this model has words for, so what ends one is not known",
        'give {"prompt", "answer", …}',
    )


def said(model: LanguageModel, prompt: str, ids: Sequence[int]) -> str:
    """What the answer of a model whose words are its own means, as text."""
    answers = model.ability(Answers)
    return answers.read(answers.text(ids), Request((Message.user(prompt),)))[0]
