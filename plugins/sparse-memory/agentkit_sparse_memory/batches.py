"""From phrasings to tensors, and through the model: with gradients, without, and once only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agentkit.capabilities import Message, Request
from agentkit.errors import DataError
from agentkit_sparse_memory.facts import Phrasing

NOTHING = -100  # the label of what is not learned
PART = 800  # characters of ordinary text that are encoded at once


@dataclass(slots=True)
class Batch:
    """ids, mask, labels: (B, T), padded on the right. labels: NOTHING but at learned tokens.
    below: (B, T, d), the state under the first memory, once it is known."""

    ids: Tensor
    mask: Tensor
    labels: Tensor
    below: Tensor | None = None

    def __len__(self) -> int:
        return len(self.ids)


Encode = Callable[[str], Sequence[int]]
Render = Callable[[Request], Sequence[int]]


@dataclass(frozen=True)
class Encoder:
    """Phrasings and texts to ids of one model.

    encode: plain text. render: a request through the chat template. context: the most tokens.
    system: what the assistant is told first in a conversation.
    """

    encode: Encode
    render: Render
    context: int
    system: str = "You answer."

    def pair(self, phrasing: Phrasing) -> tuple[list[int], list[int]]:
        """(prompt, target).

        Raises:
            DataError: there is nothing to learn, or it does not fit the context.
        """
        if phrasing.chat is None:
            prompt = list(self.encode(phrasing.prompt))
        else:
            asked = Request.of(Message.system(self.system), phrasing.prompt)
            prompt = [*self.render(asked), *self.encode(phrasing.chat)]
        target = list(self.encode(phrasing.target))
        if target and phrasing.chat is not None:
            target += self.end_of_turn
        if not target:
            raise DataError(f"nothing is to be learned after {phrasing.prompt!r}", "give an answer")
        if len(prompt) + len(target) > self.context:
            raise DataError(
                f"a phrasing has {len(prompt) + len(target)} tokens, the context {self.context}: "
                f"{phrasing.prompt[:40]!r}…",
                "shorten it",
            )
        return prompt, target

    @cached_property
    def end_of_turn(self) -> list[int]:
        """The token that ends an answer of the assistant, as the chat template writes it; none
        where it changes what stands before."""
        asked = Request.of(Message.system(self.system), "?")
        told = replace(asked, messages=(*asked.messages, Message.assistant("!")))
        before, whole = [*self.render(asked), *self.encode("!")], list(self.render(told))
        same = whole[: len(before)] == before
        return whole[len(before) : len(before) + 1] if same else []

    def batches(self, phrasings: Sequence[Phrasing], size: int) -> list[Batch]:
        """In the order given; what has no prompt is learned from its second token on."""
        pairs = [self.pair(one) for one in phrasings]
        return [collate(pairs[n : n + size]) for n in range(0, len(pairs), size)]

    def texts(self, texts: Sequence[str], length: int, size: int) -> list[Batch]:
        """Texts cut into pieces of `length` tokens, all of them to be predicted.

        Raises:
            DataError: there is no piece of that length.
        """
        pieces = []
        parts = [text[n : n + PART] for text in texts for n in range(0, len(text), PART)]
        for part in parts:
            ids = list(self.encode(part))
            pieces += [ids[n : n + length] for n in range(0, len(ids) - length + 1, length)]
        if not pieces:
            raise DataError(
                f"no text has {length} tokens",
                "give some pages of ordinary text, or a smaller size",
            )
        return self.pieces(pieces, size)

    @staticmethod
    def pieces(pieces: Sequence[list[int]], size: int) -> list[Batch]:
        """Ids that are all to be predicted, but for each first one."""
        pairs = [(piece[:1], piece[1:]) for piece in pieces]
        return [collate(pairs[n : n + size]) for n in range(0, len(pairs), size)]


def collate(pairs: Sequence[tuple[list[int], list[int]]]) -> Batch:
    """(prompt, target) ids to one batch; padding is id 0, masked, and never learned."""
    width = max(len(prompt) + len(target) for prompt, target in pairs)
    ids = torch.zeros(len(pairs), width, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, NOTHING)
    for row, (prompt, target) in enumerate(pairs):
        end = len(prompt) + len(target)
        ids[row, :end] = torch.tensor([*prompt, *target])
        mask[row, :end] = 1
        labels[row, len(prompt) : end] = torch.tensor(target)
    return Batch(ids, mask, labels)


class Trunk:
    """A decoder whose layers below the first memory are frozen: they are gone through once a batch.

    keep: bytes of states that may be kept; batches beyond them are read whole each time.
    """

    def __init__(self, module: Any, first: int, keep: int = 1 << 30) -> None:
        self._module, self._first, self._left = module, first, keep
        self._device = next(module.parameters()).device

    def states(self, batch: Batch) -> Tensor:
        """(B, T, d): normalised states, ready for the head."""
        body = self._module.get_decoder()
        ids, mask = batch.ids.to(self._device), batch.mask.to(self._device)
        if self._first == 0:
            return _last(body, ids, mask)
        if batch.below is None and self._left > 0:
            batch.below = self._below(body, ids, mask)
            self._left -= batch.below.nbytes
        if batch.below is None:
            return _last(body, ids, mask)
        with _skipping(body, self._first, batch.below):
            return _last(body, ids, mask)

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """For each learned token: its loss in nats, whether it is the likeliest, and its row."""
        states = self.states(batch)[:, :-1]
        labels = batch.labels[:, 1:].to(states.device)
        wanted = labels != NOTHING
        logits = self._module.lm_head(states[wanted]).float()
        losses = F.cross_entropy(logits, labels[wanted], reduction="none")
        return losses, logits.argmax(-1) == labels[wanted], wanted.nonzero()[:, 0]

    def loss(self, batch: Batch) -> Tensor:
        """The mean over learned tokens."""
        return self.losses(batch)[0].mean()

    def _below(self, body: Any, ids: Tensor, mask: Tensor) -> Tensor:
        layer = _layers(body)[self._first]
        kept: list[Tensor] = []

        def keep(_: Any, args: Any, kwargs: Any) -> None:
            kept.append((args[0] if args else kwargs["hidden_states"]).detach())
            raise _Enough

        handle = layer.register_forward_pre_hook(keep, with_kwargs=True)
        try:
            with torch.no_grad():
                _last(body, ids, mask)
        except _Enough:
            pass
        finally:
            handle.remove()
        return kept[0]


@dataclass(frozen=True, slots=True)
class Score:
    """nll: mean nats a token over what was asked. right: the share of answers that are the greedy
    ones to the last token."""

    nll: float
    right: float


def measure(trunk: Trunk, batches: Sequence[Batch]) -> Score:
    """How well the learned tokens of these batches are known; no gradients."""
    total, tokens, right, rows = 0.0, 0, 0, 0
    with torch.no_grad():
        for batch in batches:
            losses, hits, row = trunk.losses(batch)
            total, tokens = total + float(losses.double().sum()), tokens + len(losses)
            wrong = torch.zeros(len(batch), dtype=torch.long, device=row.device)
            wrong.index_add_(0, row, (~hits).long())
            right, rows = right + int((wrong == 0).sum()), rows + len(batch)
    return Score(total / max(1, tokens), right / max(1, rows))


class _Enough(Exception):
    """The forward pass has come as far as it should."""


class _Skipped(nn.Module):  # type: ignore[misc]
    """Stands for layers that were gone through before. The first gives their state."""

    def __init__(self, layer: nn.Module, state: Tensor | None) -> None:
        super().__init__()
        self._layer, self._state = [layer], state
        self.attention_type = getattr(layer, "attention_type", "full_attention")

    def forward(self, hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        return hidden_states if self._state is None else self._state


def _layers(body: Any) -> Any:
    return body.layers if hasattr(body, "layers") else body.h


@contextmanager
def _skipping(body: Any, first: int, below: Tensor) -> Iterator[None]:
    """The module's own forward pass, masks and rotations included, without the layers below."""
    layers = _layers(body)
    kept = list(layers[:first])
    try:
        for number, layer in enumerate(kept):
            layers[number] = _Skipped(layer, below if number == 0 else None)
        yield
    finally:
        for number, layer in enumerate(kept):
            layers[number] = layer


def _last(body: Any, ids: Tensor, mask: Tensor) -> Tensor:
    made: Tensor = body(ids, attention_mask=mask, use_cache=False).last_hidden_state
    return made
