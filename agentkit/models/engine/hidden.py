"""The Hidden ability: residual streams at named places, read only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor

from agentkit.capabilities import Ids
from agentkit.errors import UsageError
from agentkit.models.engine.tokens import check_ids

SITES = ("resid_pre", "attn_out", "mlp_out", "resid_post")
_SITE = re.compile(r"(resid_pre|attn_out|mlp_out|resid_post)\.(\d+)")


# What writes attention's and the feed-forward half's output into the residual stream, by family:
# where there are norms behind them (Gemma, OLMo 2), it is those.
_WRITERS = {
    "attn_out": ("self_attn", "attn", "post_attention_layernorm"),
    "mlp_out": ("mlp", "mlp", "post_feedforward_layernorm"),
}


def layers_of(module: Any) -> Sequence[Any]:
    """The decoder's layers where their halves can be told apart, else none."""
    body = module.get_decoder()
    found = getattr(body, "layers", None) or getattr(body, "h", None) or ()
    readable = all(_writer(layer, site) is not None for layer in found for site in _WRITERS)
    return found if readable else ()


def _writer(layer: Any, site: str) -> Any:
    usual, other, norm = _WRITERS[site]
    if hasattr(layer, "post_feedforward_layernorm"):
        return getattr(layer, norm, None)
    return getattr(layer, usual, None) or getattr(layer, other, None)


class ModuleHidden:
    """`Hidden` on a transformers module: one forward pass a sequence, with hooks.

    resid_pre.L is what layer L is given, resid_post.L what it gives; attn_out.L and mlp_out.L are
    what its two halves write.

    Args:
        borrow: the module for a while, e.g. `Weights.borrow("read")`.
        rows: number of token ids.
    """

    def __init__(
        self, borrow: Callable[[], AbstractContextManager[Any]], rows: int, context: int
    ) -> None:
        self._borrow, self._rows, self._context = borrow, rows, context

    def hidden(self, ids: Sequence[Ids], sites: Sequence[str]) -> dict[str, list[Tensor]]:
        checked = [check_ids(one, self._rows, self._context) for one in ids]
        found: dict[str, list[Tensor]] = {site: [] for site in sites}
        with self._borrow() as module, torch.no_grad(), _hooks(module, sites, found):
            body = module.get_decoder()
            for one in checked:
                body(torch.tensor([one], device=module.device), use_cache=False)
        return found


@contextmanager
def _hooks(module: Any, sites: Sequence[str], found: dict[str, list[Tensor]]) -> Iterator[None]:
    layers = layers_of(module)
    handles = []
    try:
        for site in found:
            match = _SITE.fullmatch(site)
            if not match or int(match[2]) >= len(layers):
                raise UsageError(
                    f"no hidden states at {site!r}",
                    f"{', '.join(SITES)}, each with a layer from 0 to {len(layers) - 1}: "
                    f"e.g. resid_post.{len(layers) - 1}",
                )
            handles.append(_hook(layers[int(match[2])], match[1], found[site]))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(layer: Any, place: str, into: list[Tensor]) -> Any:
    def keep(value: Any) -> None:
        states = value[0] if isinstance(value, tuple) else value
        into.append(states[0].float().clone())

    if place == "resid_pre":
        return layer.register_forward_pre_hook(
            lambda _, args, kwargs: keep(args[0] if args else kwargs["hidden_states"]),
            with_kwargs=True,
        )
    writer = _writer(layer, place) if place in _WRITERS else layer
    return writer.register_forward_hook(lambda _, args, output: keep(output))
