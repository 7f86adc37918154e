"""A language model from its first sampled layer on: what lies below never changes, and is kept.

The head reads the tokens that count alone. On a model of 30 layers with the last one sampled and
short answers, a draw costs a small part of a whole pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from agentkit_bayes_influence.language import causal
from agentkit_bayes_influence.posterior import Items, Loss

CLOSE = 1e-3  # nats; the same layers in the same order, but for other shapes of products


class _Reached(Exception):
    """What flows into a layer is known; the rest of the pass is not needed."""


class Tail:
    """loss(parameters, hidden, ids, mask) of items that went through `items`.

    Args:
        module: a causal model of the Llama kind, whose decoder takes inputs_embeds as they are.
        names: of the sampled weights.
    """

    def __init__(self, module: nn.Module, names: Iterable[str]) -> None:
        self._module, self._decoder = module, module.get_decoder()
        self._whole = self._decoder.layers
        found = next(name for name, one in module.named_modules() if one is self._whole)
        self._prefix = f"{found}."
        places = [re.match(rf"{re.escape(self._prefix)}(\d+)\.", name) for name in names]
        self.first = min((int(place[1]) for place in places if place), default=len(self._whole) - 1)
        self._rest = nn.ModuleList(self._whole[self.first :])
        self._types = {name: p.dtype for name, p in module.named_parameters()}

    def items(self, items: Items, chunk: int) -> Items:
        """The same items, as what flows into the first sampled layer: (hidden, ids, mask)."""
        (ids,) = items.inputs
        kept: list[Tensor] = []

        def take(layer: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
            kept.append((args[0] if args else kwargs["hidden_states"]).detach())
            raise _Reached

        hook = self._whole[self.first].register_forward_pre_hook(take, with_kwargs=True)
        try:
            with torch.no_grad():
                for start in range(0, len(ids), chunk):
                    try:
                        self._decoder(ids[start : start + chunk], use_cache=False)
                    except _Reached:
                        continue
        finally:
            hook.remove()
        return Items((torch.cat(kept), ids, items.mask), items.mask, items.ids)

    def loss(self, parameters: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
        """(n, S - 1) nats, 0 where the mask leaves a token out."""
        hidden, ids, mask = inputs
        own = {self._moved(name): p.to(self._types[name]) for name, p in parameters.items()}
        config = self._decoder.config
        layers, self._decoder.layers = self._decoder.layers, self._rest
        count, config.num_hidden_layers = config.num_hidden_layers, len(self._rest)
        try:
            flowed = functional_call(_Read(self._module), own, (hidden, mask))
        finally:
            self._decoder.layers, config.num_hidden_layers = layers, count
        logs = flowed.float().log_softmax(-1)
        nats = -logs.gather(1, ids[:, 1:][mask][:, None])[:, 0]
        return torch.zeros(mask.shape, dtype=nats.dtype).masked_scatter(mask, nats)

    def _moved(self, name: str) -> str:
        if found := re.match(rf"{re.escape(self._prefix)}(\d+)\.(.*)", name):
            name = f"{self._prefix}{int(found[1]) - self.first}.{found[2]}"
        return f"model.{name}"


class _Read(nn.Module):  # type: ignore[misc]
    """Logits (K, words) of the K tokens that count."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        decoder, head = self.model.get_decoder(), self.model.get_output_embeddings()
        flowed = decoder(inputs_embeds=hidden, use_cache=False).last_hidden_state
        made: Tensor = head(flowed[:, :-1][mask])
        return made


def shortened(
    module: nn.Module, weights: Mapping[str, Tensor], items: Items, queries: Items, chunk: int
) -> tuple[Loss, Items, Items]:
    """The loss with items and queries for it: of the tail, where that is the model's own to `CLOSE`
    on the first items; else of the whole model."""
    whole = causal(module)
    below = r"(^|\.)(embed_tokens|wte|embeddings?)\."
    if any(re.search(below, name) for name in weights):
        return whole, items, queries
    try:
        tail = Tail(module, weights)
        some = Items((items.inputs[0][:4],), items.mask[:4], items.ids[:4])
        with torch.no_grad():
            found = tail.loss(weights, *tail.items(some, chunk).inputs)
            wanted = whole(weights, some.inputs[0]).masked_fill(~some.mask, 0.0)
        if not torch.allclose(found, wanted, atol=CLOSE, rtol=CLOSE):
            return whole, items, queries
        return tail.loss, tail.items(items, chunk), tail.items(queries, chunk)
    except (AttributeError, TypeError, StopIteration):  # a family that is built in another way
        return whole, items, queries
