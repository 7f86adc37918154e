"""The forward pass of the Llama family, over a store of keys and values that we hold ourselves.

It reads the weights of an ordinary transformers module and leaves that module as it is. Against
the module's own forward pass it does the same sums with fewer and larger operations: one product
for queries, keys and values, activation and residual fused into the products, rotation as one
complex multiplication.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from agentkit.models.engine.kernels import (
    HEAD_ROWS,
    Linear,
    Shapes,
    attend,
    causal_mask,
    linear,
)
from agentkit.models.engine.probes import probe_attention, probe_linears, remembered

FAMILY = ("llama", "qwen2", "qwen3", "mistral")
ROPES = ("default", "linear", "llama3", "yarn")  # those whose frequencies do not move


def obstacle(module: Any) -> str:
    """Why this module is not one of the family, in a few words; "" where it is."""
    config = module.config
    kind = getattr(config, "model_type", "?")
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    rope = getattr(config, "rope_parameters", None) or {}
    if kind not in FAMILY:
        return f"no forward pass for model type {kind!r}"
    if layers != {"full_attention"} or (
        kind == "mistral" and getattr(config, "sliding_window", None)
    ):
        return "sliding-window or linear attention, whose cache cannot be cut back"
    if rope.get("rope_type", "default") not in ROPES:
        return f"rotary embedding {rope.get('rope_type')!r} changes with the length"
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        return "rotary embedding on a part of each head"
    if getattr(config, "hidden_act", "silu") not in ("silu", "swish"):
        return f"activation {config.hidden_act!r}"
    return ""


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Tensor
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        # The same operations as F.rms_norm, which takes ten times as long on a row.
        wide = x.float()
        size = (wide * wide).sum(-1, keepdim=True).mul_(1 / x.shape[-1]).add_(self.eps).rsqrt_()
        return (wide * size).to(x.dtype).mul_(self.weight)


@dataclass(frozen=True, slots=True)
class _Layer:
    before: _Norm
    qkv: Linear
    q_norm: _Norm | None
    k_norm: _Norm | None
    out: Linear
    between: _Norm
    gate_up: Linear | None  # None where something stands in the feed-forward half's place
    down: Linear | None
    beside: Extra | None


class Extra(Protocol):
    """What is added to the residual stream for normalised states (rows, hidden).

    products: its matrix products, whose shapes are probed like the family's own; all of them are
    made with the `linear` that it was given.
    """

    products: Sequence[Linear]

    def __call__(self, x: Tensor) -> Tensor: ...


class Beside(Protocol):
    """A module that stands where a layer's feed-forward half was.

    inner: the family's own half, or None where it is replaced. extra: makes what is added to it.
    """

    inner: Any

    def extra(self, linear: Callable[..., Linear]) -> Extra: ...


class Decoder:
    """Token ids and positions in, hidden states out, keys and values written on the way.

    A store is a tensor (layers, rows, width, 2, KV, D): for every token the keys of all heads, then
    the values.
    """

    def __init__(self, module: Any) -> None:
        config = module.config
        self.heads = int(config.num_attention_heads)
        self.kv_heads = int(config.num_key_value_heads)
        self.size = int(getattr(config, "head_dim", None) or config.hidden_size // self.heads)
        self.vocabulary = int(module.lm_head.weight.shape[0])
        self.embedding: Tensor = module.model.embed_tokens.weight.detach()
        self.dtype, self.device = self.embedding.dtype, self.embedding.device
        self._rope = module.model.rotary_emb
        self._turns = torch.empty(0, self.size // 2, dtype=torch.complex64, device=self.device)
        with torch.inference_mode():
            self._layers = [self._read(layer) for layer in module.model.layers]
            self._norm = _norm(module.model.norm)
            self._head = linear(module.lm_head.weight, module.lm_head.bias)
            self.shapes = self._probe()

    @property
    def layers(self) -> int:
        return len(self._layers)

    @property
    def token_bytes(self) -> int:
        """Bytes of keys and values that one token takes."""
        return self.layers * 2 * self.kv_heads * self.size * int(self.embedding.element_size())

    def store(self, rows: int, width: int) -> Tensor:
        """An empty store; zeros, since a masked key must still be a number."""
        shape = (self.layers, rows, width, 2, self.kv_heads, self.size)
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    # -- the two ways to go forward ---------------------------------------------------------------

    def read(self, ids: Tensor, store: Tensor, row: int, start: int) -> Tensor:
        """Reads tokens of one sequence, from position `start`, into a row of the store.

        Args:
            ids: (n,) with n <= shapes.chunk.

        Returns:
            (n, hidden): normalised states, ready for the head.
        """
        n, per = len(ids), self.heads // self.kv_heads
        end, width = start + n, self.shapes.width(start + n)
        x = self._embed(ids)
        places = torch.arange(start, start + len(x), device=self.device)
        turns, ends = self._turning(places), places + 1
        mask = causal_mask(ends, width, per, self.dtype)
        for number, layer in enumerate(self._layers):
            qkv = self._project(layer, x, turns)
            kept = store[number, row]
            kept[start:end].view(n, 2 * self.kv_heads, self.size).copy_(qkv[:n, self.heads :])
            keys, values = kept[:width].permute(1, 2, 0, 3)[:, None].unbind(0)
            q = qkv[:, : self.heads].reshape(len(x), self.kv_heads, per, self.size)
            q = q.transpose(0, 1).reshape(1, self.kv_heads, len(x) * per, self.size)
            seen = attend(q, keys, values, mask, self.shapes.group)[0]
            seen = seen.view(self.kv_heads, len(x), per, self.size).transpose(0, 1)
            x = self._finish(layer, x, seen.reshape(len(x), -1))
        return self._norm(x)[:n]

    def step(self, ids: Tensor, store: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
        """One more token for each of the first len(ids) rows of the store.

        Args:
            ids: (n,), the last token of each row.
            lengths: (n,), how many tokens each row of the store holds: where to write.
            mask: (n, 1, 1, width), which keys each row sees, its own new one among them.

        Returns:
            (padded, hidden): normalised states; rows from n on are padding.
        """
        n, width = len(ids), mask.shape[-1]
        x = self._embed(ids)
        places = F.pad(lengths, (0, len(x) - n)) if len(x) > n else lengths
        turns = self._turning(places)
        rows = torch.arange(n, device=self.device)
        for number, layer in enumerate(self._layers):
            qkv = self._project(layer, x, turns)
            kept = store[number]
            new = qkv[:n, self.heads :].view(n, 2, self.kv_heads, self.size)
            kept.index_put_((rows, lengths), new)
            keys, values = kept[:n, :width].permute(2, 0, 3, 1, 4).unbind(0)
            q = qkv[:n, : self.heads].view(n, self.kv_heads, -1, self.size)
            seen = attend(q, keys, values, mask, self.shapes.group)
            x = self._finish(layer, x, seen.reshape(n, -1))
        return self._norm(x)

    def head(self, hidden: Tensor) -> Tensor:
        """Logits in fp32, (n, vocabulary), for n <= HEAD_ROWS normalised states."""
        n = len(hidden)
        return self._head(self._padded(hidden)).float()[:n]

    # -- parts of a layer -------------------------------------------------------------------------

    def _embed(self, ids: Tensor) -> Tensor:
        return self._padded(F.embedding(ids, self.embedding))

    def _padded(self, x: Tensor) -> Tensor:
        missing = self.shapes.padded(len(x)) - len(x)
        return F.pad(x, (0, 0, 0, missing)) if missing else x

    def _project(self, layer: _Layer, x: Tensor, turns: Tensor) -> Tensor:
        """Queries, keys and values, rotated: (rows, heads + 2 KV, D)."""
        qkv = layer.qkv(layer.before(x)).view(len(x), -1, self.size)
        turned = qkv[:, : self.heads + self.kv_heads]
        if layer.q_norm and layer.k_norm:
            turned[:, : self.heads] = layer.q_norm(turned[:, : self.heads])
            turned[:, self.heads :] = layer.k_norm(turned[:, self.heads :])
        if self.dtype == torch.float32:
            torch.view_as_complex(turned.unflatten(-1, (-1, 2))).mul_(turns)
        else:  # complex numbers have no short form: rotate in fp32
            pairs = torch.view_as_complex(turned.float().unflatten(-1, (-1, 2)))
            turned.copy_(torch.view_as_real(pairs * turns).flatten(-2))
        return qkv

    def _finish(self, layer: _Layer, x: Tensor, seen: Tensor) -> Tensor:
        x = layer.out.plus(self._padded(seen), x)
        states = layer.between(x)
        added = layer.beside(states) if layer.beside else None
        if layer.gate_up and layer.down:
            gate, up = layer.gate_up(states).chunk(2, dim=-1)
            x = layer.down.plus(F.silu(gate).mul_(up), x)
        return x if added is None else x + added

    def _turning(self, positions: Tensor) -> Tensor:
        """(n, 1, D/2): the rotations at these positions as complex numbers."""
        need = int(positions.max()) + 1
        if need > len(self._turns):
            places = torch.arange(2 ** max(10, need.bit_length()), device=self.device)
            angles = places[:, None].float() * self._rope.inv_freq.to(self.device).float()
            size = torch.full_like(angles, float(self._rope.attention_scaling))
            self._turns = torch.polar(size, angles)
        return self._turns[positions][:, None]

    # -- reading the module -----------------------------------------------------------------------

    def _read(self, layer: Any) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        beside = None
        if hasattr(mlp, "extra"):
            beside, mlp = mlp.extra(linear), mlp.inner
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        turned = (self._pairs(parts[0], self.heads), self._pairs(parts[1], self.kv_heads))
        weight = torch.cat([*(w for w, _ in turned), parts[2].weight])
        bias = None
        if parts[0].bias is not None:
            bias = torch.cat([*(b for _, b in turned if b is not None), parts[2].bias])
        q_norm, k_norm = getattr(attention, "q_norm", None), getattr(attention, "k_norm", None)
        return _Layer(
            _norm(layer.input_layernorm),
            linear(weight, bias),
            self._pair_norm(q_norm) if q_norm is not None else None,
            self._pair_norm(k_norm) if k_norm is not None else None,
            linear(attention.o_proj.weight, attention.o_proj.bias),
            _norm(layer.post_attention_layernorm),
            None if mlp is None else _joined(mlp.gate_proj, mlp.up_proj),
            None if mlp is None else linear(mlp.down_proj.weight, mlp.down_proj.bias),
            beside,
        )

    def _pairs(self, projection: Any, heads: int) -> tuple[Tensor, Tensor | None]:
        """A projection whose outputs i and i + D/2 of each head lie side by side, so that the pair
        is one complex number. Scores are sums over the pairs in any order."""
        order = torch.arange(heads * self.size).view(heads, 2, -1).transpose(1, 2).flatten()
        bias = projection.bias
        return projection.weight[order], None if bias is None else bias[order]

    def _pair_norm(self, norm: Any) -> _Norm:
        order = torch.arange(self.size).view(2, -1).T.flatten()
        plain = _norm(norm)
        return _Norm(plain.weight[order], plain.eps)

    # -- which shapes are exact -------------------------------------------------------------------

    def _probe(self) -> Shapes:
        if self.device.type != "cpu":
            return Shapes(exact=False)
        kind = [(type(part).__name__, part.columns) for part in (*self._body(), self._head)]
        sizes = (self.heads, self.kv_heads, self.size, self.vocabulary, self.layers)
        beside = [n for n, layer in enumerate(self._layers) if layer.beside]
        return remembered(f"{self.dtype} {kind} {sizes}{beside or ''}", self._found)

    def _body(self) -> list[Linear]:
        """The products of a layer, with those of the first one that has something beside it."""
        own = [layer for layer in self._layers if layer.gate_up and layer.down][:1]
        found = [self._layers[0].qkv, self._layers[0].out]
        found += [p for layer in own for p in (layer.gate_up, layer.down) if p]
        extras = [layer.beside for layer in self._layers if layer.beside][:1]
        return [*found, *(product for extra in extras for product in extra.products)]

    def _found(self) -> Shapes:
        like = self.embedding[:1]
        rows, steady = probe_linears(self._body(), self._head, like)
        rows, group, tails, agreed = probe_attention(
            self.heads, self.kv_heads, self.size, rows, like
        )
        shapes = Shapes(rows, group, tails, exact=False)
        if not (steady and agreed):
            return shapes
        self.shapes = shapes
        return replace(shapes, exact=self._agrees())

    def _agrees(self) -> bool:
        """Whether whole forward passes agree to the bit: read at once, in pieces, and step by
        step in batches of one and three; head and log-softmax included."""
        ids = torch.randint(0, self.vocabulary, (72,), generator=torch.Generator().manual_seed(5))
        ids = ids.to(self.device)
        stores = [self.store(3, self.shapes.width(80)) for _ in range(2)]
        chunk = self.shapes.chunk

        def read(store: Tensor, cuts: tuple[int, ...]) -> Tensor:
            states, start = [], 0
            for end in cuts:
                for at in range(start, end, chunk):
                    states.append(self.read(ids[at : min(end, at + chunk)], store, 0, at))
                start = end
            return self._logp(torch.cat(states)[-9:])

        whole = read(stores[0], (72,))
        if not torch.equal(read(stores[1], (1, 40, 70, 72)), whole):
            return False
        for rows in (1, 3):
            store = self.store(rows, self.shapes.width(80))
            store[:, :, :63] = stores[0][:, :1, :63]
            for place in range(63, 72):
                lengths = torch.full((rows,), place, device=self.device)
                ends = lengths[:, None, None, None] + 1
                width = self.shapes.width(place + 1)
                mask = torch.zeros(rows, 1, 1, width, dtype=self.dtype)
                mask.masked_fill_(torch.arange(width) >= ends, float("-inf"))
                state = self.step(ids[place].repeat(rows), store, lengths, mask)
                if not torch.equal(self._logp(state)[rows - 1], whole[place - 63]):
                    return False
        return True

    def _logp(self, states: Tensor) -> Tensor:
        return torch.log_softmax(
            torch.cat([self.head(part) for part in states.split(HEAD_ROWS)]), -1
        )


def _joined(*projections: Any) -> Linear:
    biases = [p.bias for p in projections]
    return linear(
        torch.cat([p.weight for p in projections]),
        None if biases[0] is None else torch.cat(biases),
    )


def _norm(module: Any) -> _Norm:
    return _Norm(module.weight.detach(), float(module.variance_epsilon))
