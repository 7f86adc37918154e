"""Places in a model, by module path; reading hidden states there, and changing them.

    embed           what the first layer is given
    pre.L post.L    the residual stream before and after layer L
    normed.L        what the attention of layer L reads
    heads.L         outputs of its heads, side by side, before they are mixed
    attn.L mlp.L    what the two halves of layer L write
    weights.L       attention weights (batch, heads, T, T), where the model gives them

Nothing here knows a model class: a layer is an entry of the longest module list, attention is what
holds the query projection. Hooks are removed when a block ends, however it ends.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agentkit.errors import UsageError

_SITE = re.compile(r"(?:embed|(pre|post|normed|heads|attn|mlp|weights)\.(\d+))")
Edit = Callable[[Tensor], Tensor]


class _Enough(Exception):
    """The deepest site was read; the rest of the forward pass is not needed."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The halves of a decoder layer. path: of the layer in the model."""

    path: str
    whole: nn.Module
    attention: nn.Module
    norm: nn.Module
    mix: nn.Module
    mlp: nn.Module


def layers(module: nn.Module) -> list[Layer]:
    """The decoder's layers.

    Raises:
        UsageError: no list of layers with separate query, key and output projections is found.
    """
    lists = [(n, m) for n, m in module.named_modules() if isinstance(m, nn.ModuleList) and len(m)]
    for name, found in sorted(lists, key=lambda pair: -len(pair[1])):
        made = [_layer(f"{name}.{n}", layer) for n, layer in enumerate(found)]
        if all(made):
            return [layer for layer in made if layer is not None]
    raise UsageError(
        "the model has no layers with q_proj, k_proj and o_proj that could be looked into",
        "use a model of the Llama, Qwen, Mistral or Gemma families",
    )


def _layer(path: str, layer: nn.Module) -> Layer | None:
    attention = next((m for m in layer.children() if hasattr(m, "q_proj")), None)
    mix = getattr(attention, "o_proj", None)
    mlp = next((m for n, m in layer.named_children() if "mlp" in n or "feed" in n), None)
    norm = next((m for n, m in layer.named_children() if "norm" in n), None)
    if attention is None or mix is None or mlp is None or norm is None:
        return None
    return Layer(path, layer, attention, norm, mix, mlp)


@contextmanager
def _hook(module: nn.Module, site: str, see: Edit) -> Iterator[None]:
    """`see` gets the (batch, T, d) tensor of a site and gives what stands there from then on."""
    match = _SITE.fullmatch(site)
    found = layers(module)
    kind, number = (match[1] or "pre", int(match[2] or 0)) if match else ("", 0)
    if not match or number >= len(found):
        raise UsageError(
            f"there is no site {site!r}",
            "embed, or pre, post, normed, heads, attn, mlp, weights with a layer from 0 to "
            f"{len(found) - 1}: e.g. post.{len(found) - 1}",
        )
    layer = found[number]

    def before(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (see(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": see(kwargs["hidden_states"])}

    def after(_: Any, args: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (see(output[0]), *output[1:])
        return see(output)

    def pattern(_: Any, args: Any, output: Any) -> None:
        if not isinstance(output, tuple) or output[1] is None:
            raise UsageError("the model gives no attention weights", "load it with eager attention")
        see(output[1])

    if kind in ("pre", "heads"):
        place = layer.whole if kind == "pre" else layer.mix
        handle = place.register_forward_pre_hook(before, with_kwargs=True)
    elif kind == "weights":
        handle = layer.attention.register_forward_hook(pattern)
    else:
        places = {"post": layer.whole, "normed": layer.norm, "attn": layer.attention}
        handle = places.get(kind, layer.mlp).register_forward_hook(after)
    try:
        yield
    finally:
        handle.remove()


def depth(site: str) -> int:
    """The layer that a site belongs to."""
    return int(site.partition(".")[2] or 0)


@contextmanager
def edit(module: nn.Module, site: str, change: Edit) -> Iterator[None]:
    """Inside the block what stands at a site is what `change` makes of it."""
    with _hook(module, site, change):
        yield


def read(module: nn.Module, ids: Tensor, sites: Sequence[str]) -> dict[str, Tensor]:
    """Hidden states of one batch, in the model's own precision; the forward pass ends at the last
    site that is wanted. Shorter sequences may be filled up on the right with any token, since no
    token sees those behind it.

    Args:
        ids: (batch, T).
    """
    found: dict[str, Tensor] = {}
    last = max(sites, key=lambda s: (depth(s), s.startswith("post")))

    def keep(site: str) -> Edit:
        def see(states: Tensor) -> Tensor:
            found[site] = states.detach()
            return states

        return see

    def stop(*_: Any) -> None:
        raise _Enough

    with ExitStack() as hooks:
        for site in sites:
            hooks.enter_context(_hook(module, site, keep(site)))
        ending = layers(module)[depth(last)].whole.register_forward_hook(stop)
        hooks.callback(ending.remove)
        hooks.enter_context(torch.no_grad())
        try:
            _run(module, ids)
        except _Enough:
            pass
    return found


def logits(module: nn.Module, ids: Tensor) -> Tensor:
    """(batch, T, vocabulary) in float32."""
    with torch.no_grad():
        output = _run(module, ids)
    found: Tensor = output.logits if hasattr(output, "logits") else output
    return found.float()


def _run(module: nn.Module, ids: Tensor) -> Any:
    return module(ids, use_cache=False) if hasattr(module, "generate") else module(ids)


# -- interventions -----------------------------------------------------------------------------


@contextmanager
def ablate(
    module: nn.Module,
    site: str,
    directions: Tensor,
    center: Tensor | None = None,
    where: Tensor | None = None,
) -> Iterator[None]:
    """Inside the block a subspace carries nothing but its mean: x - (x - center) PᵀP.

    Args:
        directions: (k, d), orthonormal; k = 0 changes nothing.
        center: (d,); None is the zero vector.
        where: (batch, T) tokens that are changed; None: all.
    """

    def change(states: Tensor) -> Tensor:
        basis = directions.to(states)
        offset = states if center is None else states - center.to(states)
        gone = (offset @ basis.T) @ basis
        return states - (gone if where is None else gone * where.to(states)[..., None])

    if not len(directions):
        yield
        return
    with edit(module, site, change):
        yield


@contextmanager
def patch(
    module: nn.Module,
    tables: Mapping[str, Tensor],
    source: Tensor,
    target: Tensor,
    where: Tensor,
) -> Iterator[None]:
    """Inside the block tokens look as if their label were another: a - μ_source + μ_target.

    Args:
        tables: site to (bins, d) mean vectors.
        source, target: (batch, T) bins.
        where: (batch, T) tokens that are changed.
    """
    with ExitStack() as hooks:
        for site, table in tables.items():

            def change(states: Tensor, table: Tensor = table) -> Tensor:
                means = table.to(states)
                moved = means[target] - means[source]
                return states + moved * where.to(states)[..., None]

            hooks.enter_context(edit(module, site, change))
        yield


def fingerprint(module: nn.Module) -> str:
    """One hash over all weights, to hold that nothing changed."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        flat = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(name.encode())
        digest.update(memoryview(flat.numpy()))
    return digest.hexdigest()
