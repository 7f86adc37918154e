"""The causal variant (section 3.2): each answer foreseen by itself, decided at its MID.

    prompt MID_i answer_i EOS        for each candidate i

The state at MID_i has seen the prompt and which candidate is meant, and never the answer; it must
tell both the answer's first token and how good the answer will be. The prompt is the same for all
candidates, so that all are read in one sequence

    prompt | MID_1 answer_1 EOS | … | MID_K answer_K EOS

with positions that begin again after the prompt and a mask that hides the branches from each other.
The numbers are those of K sequences, at n + K (L + 2) tokens instead of K (n + L + 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agentkit_lookahead.words import Words

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Branches:
    """A batch. ids, positions, labels: (B, T) int64; branch: (B, T), -1 padding, 0 the prompt, i
    the i-th candidate; mids: (B, K) places of the candidates' tokens."""

    ids: Tensor
    positions: Tensor
    labels: Tensor
    branch: Tensor
    mids: Tensor


class CausalRouter(nn.Module):  # type: ignore[misc]
    """Logits (B, K) of the candidates for prompts, and the loss on their answers.

    Args:
        backbone: a Llama-class causal language model: `model`, `lm_head`.
    """

    def __init__(self, backbone: Any, words: Words, block: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.backbone, self.words, self.block = backbone, words, block
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(int(backbone.config.hidden_size), 1)

    @property
    def candidates(self) -> int:
        return len(self.words.mids)

    def forward(
        self,
        prompts: Sequence[Ids],
        answers: Sequence[Sequence[Ids]] | None = None,
        rates: Sequence[float] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(logits (B, K), mean nats of an answer's token). rates are the other variant's."""
        batch = self.layout(prompts, answers)
        hidden = self._hidden(batch)
        logits = self.score(self.dropout(self._states(hidden, batch)))[..., 0]
        said = batch.labels >= 0
        if answers is None or not said.any():
            return logits, logits.sum() * 0
        guessed = self.backbone.lm_head(hidden[said])
        return logits, F.cross_entropy(guessed.float(), batch.labels[said])

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def separately(self, prompts: Sequence[Ids], answers: Sequence[Sequence[Ids]]) -> Tensor:
        """(B, K) by one plain sequence a candidate, for tests."""
        found = []
        for prompt, said in zip(prompts, answers):
            row = []
            for mid, answer in zip(self.words.mids, said):
                ids = torch.tensor([[*prompt, mid, *answer, self.words.eos]])
                hidden = self.backbone.model(input_ids=ids).last_hidden_state
                row.append(self.score(hidden[0, len(prompt)])[0])
            found.append(torch.stack(row))
        return torch.stack(found)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def states(self, prompts: Sequence[Ids]) -> Tensor:
        """(B, K, d): what each candidate's decision is made from."""
        batch = self.layout(prompts)
        return self._states(self._hidden(batch), batch)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def foreseen(self, prompt: Ids) -> Tensor:
        """(K, 1, V): log-probabilities of each answer's first token."""
        return self.backbone.lm_head(self.states([prompt])[0])[:, None].log_softmax(-1)

    def layout(
        self, prompts: Sequence[Ids], answers: Sequence[Sequence[Ids]] | None = None
    ) -> Branches:
        """The batch as tensors, padded on the right."""
        words = self.words
        rows, places, labels, branches, mids = [], [], [], [], []
        for number, prompt in enumerate(prompts):
            ids, at = list(prompt), list(range(len(prompt)))
            wanted, branch, own = [-100] * len(prompt), [0] * len(prompt), []
            for candidate, mid in enumerate(words.mids):
                answer = list(answers[number][candidate][: self.block]) if answers else []
                after = [*answer, words.eos] if answer else []
                own.append(len(ids))
                ids += [mid, *after]
                wanted += [*after, -100]  # each place tells the token that follows it
                at += range(len(prompt), len(prompt) + 1 + len(after))
                branch += [candidate + 1] * (1 + len(after))
            rows.append(ids)
            places.append(at)
            labels.append(wanted)
            branches.append(branch)
            mids.append(own)
        most = max(map(len, rows), default=0)
        device = self.score.weight.device

        def stack(lists: Sequence[list[int]], fill: int) -> Tensor:
            return torch.tensor([one + [fill] * (most - len(one)) for one in lists], device=device)

        return Branches(
            stack(rows, words.pad),
            stack(places, 0),
            stack(labels, -100),
            stack(branches, -1),
            torch.tensor(mids, device=device),
        )

    def _hidden(self, batch: Branches) -> Tensor:
        size = batch.ids.shape[1]
        past = torch.ones(size, size, dtype=torch.bool, device=batch.ids.device).tril()
        asks, told = batch.branch[:, :, None], batch.branch[:, None, :]
        seen = past & ((told == 0) | (told == asks))
        dtype = self.score.weight.dtype
        mask = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
        mask.masked_fill_(~seen, torch.finfo(dtype).min)
        found: Tensor = self.backbone.model(
            input_ids=batch.ids,
            attention_mask=mask[:, None],
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state
        return found

    def _states(self, hidden: Tensor, batch: Branches) -> Tensor:
        places = batch.mids[..., None].expand(-1, -1, hidden.shape[-1])
        return hidden.gather(1, places)
