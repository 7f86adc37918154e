"""The masked variant (section 3.3): all answers foreseen together, decided at [CLS].

    [CLS] prompt [SEP] block_1 [SEP] … block_K [SEP]

block_i is `block` tokens long: what is seen of answer i, then MID_i up to the end, which is the
mask token of that candidate. Every block's positions begin where the prompt ends, so that only
MID_i tells the blocks apart, and none is nearer. That holds as far as a backbone attends by
position: sliding-window layers, which some have, still see who stands beside whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agentkit.errors import ModelFileError
from agentkit_lookahead.masking import visible
from agentkit_lookahead.words import Words

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Layout:
    """A batch. ids, positions: (B, T) int64; attended: (B, T) bool; labels: (B, T), -100 where
    nothing is to be said; cls: (B,) index of [CLS]; blocks: (B,) index of the first block."""

    ids: Tensor
    positions: Tensor
    attended: Tensor
    labels: Tensor
    cls: Tensor
    blocks: Tensor


class MaskedRouter(nn.Module):  # type: ignore[misc]
    """Logits (B, K) of the candidates for prompts, and the loss on their answers.

    Args:
        backbone: a ModernBERT-class masked language model: `model`, `head`, `decoder`.
    """

    def __init__(self, backbone: Any, words: Words, block: int, dropout: float = 0.1) -> None:
        super().__init__()
        if not all(hasattr(backbone, name) for name in ("model", "head", "decoder")):
            raise ModelFileError(
                f"{type(backbone).__name__} is no ModernBERT-class masked model",
                'use one, or variant = "clm"',
            )
        self.backbone, self.words, self.block = backbone, words, block
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(int(backbone.config.hidden_size), len(words.mids))

    @property
    def candidates(self) -> int:
        return len(self.words.mids)

    def forward(
        self,
        prompts: Sequence[Ids],
        answers: Sequence[Sequence[Ids]] | None = None,
        rates: Sequence[float] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(logits (B, K), mean nats of a hidden token of the answers).

        Args:
            answers: for each prompt K answers; without them all blocks are masked.
            rates: the masked share of each prompt's answers; 1 by default.
        """
        layout = self.layout(prompts, answers, rates)
        hidden = self._hidden(layout)
        logits = self.score(self.dropout(self._state(hidden, layout)))
        said = layout.labels >= 0
        if answers is None or not said.any():
            return logits, logits.sum() * 0
        guessed = self.backbone.decoder(self.backbone.head(hidden[said]))
        return logits, F.cross_entropy(guessed.float(), layout.labels[said])

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def states(self, prompts: Sequence[Ids]) -> Tensor:
        """(B, K, d): what the decision is made from, here one state for all candidates."""
        layout = self.layout(prompts)
        found = self._state(self._hidden(layout), layout)
        return found[:, None].expand(-1, self.candidates, -1)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def foreseen(self, prompt: Ids) -> Tensor:
        """(K, block, V): log-probabilities of the answers' tokens."""
        layout = self.layout([prompt])
        start, length = int(layout.blocks[0]), self.block + 1
        hidden = self._hidden(layout)[0, start : start + self.candidates * length]
        blocks = hidden.view(self.candidates, length, -1)[:, :-1]
        return self.backbone.decoder(self.backbone.head(blocks)).log_softmax(-1)

    def layout(
        self,
        prompts: Sequence[Ids],
        answers: Sequence[Sequence[Ids]] | None = None,
        rates: Sequence[float] | None = None,
        *,
        left: bool = False,
    ) -> Layout:
        """The batch as tensors, padded on the right, or on the left."""
        words, length = self.words, self.block
        rows, places, labels, firsts = [], [], [], []
        for number, prompt in enumerate(prompts):
            ids = [words.cls, *prompt, words.sep]
            at, wanted, first = list(range(len(ids))), [-100] * len(ids), len(ids)
            for candidate, mid in enumerate(words.mids):
                answer = list(answers[number][candidate][:length]) if answers else []
                seen = visible(answer, rates[number] if rates else 1.0)
                ids += answer[:seen] + [mid] * (length - seen) + [words.sep]
                hidden = answer[seen:]
                wanted += [-100] * seen + hidden + [-100] * (length - seen - len(hidden) + 1)
                at += range(first, first + length + 1)
            rows.append(ids)
            places.append(at)
            labels.append(wanted)
            firsts.append(first)
        most = max(map(len, rows), default=0)
        missing = [most - len(row) for row in rows]
        shift = torch.tensor(missing if left else [0] * len(rows))
        device = self.score.weight.device

        def stack(lists: Sequence[list[int]], fill: int) -> Tensor:
            padded = [
                [fill] * gap + one if left else one + [fill] * gap
                for one, gap in zip(lists, missing)
            ]
            return torch.tensor(padded, device=device)

        return Layout(
            stack(rows, words.pad),
            stack(places, 0),
            stack([[1] * len(row) for row in rows], 0).bool(),
            stack(labels, -100),
            shift.to(device),
            (shift + torch.tensor(firsts)).to(device),
        )

    def decide(self, layout: Layout) -> Tensor:
        """(B, K) logits of a batch that is laid out already."""
        found: Tensor = self.score(self._state(self._hidden(layout), layout))
        return found

    def _hidden(self, layout: Layout) -> Tensor:
        found: Tensor = self.backbone.model(
            input_ids=layout.ids,
            attention_mask=layout.attended.long(),
            position_ids=layout.positions,
        ).last_hidden_state
        return found

    def _state(self, hidden: Tensor, layout: Layout) -> Tensor:
        rows = torch.arange(len(layout.cls), device=hidden.device)
        found: Tensor = self.backbone.head(hidden[rows, layout.cls])
        return found
