"""Memory layers: product keys, a gated output, one table of values for all layers.

Lample et al., arXiv 1907.05242 (product keys); Berges et al., arXiv 2412.09764, section 2 (several
layers with shared values, the gate). Per token x of d numbers, with H heads:

    q = Wq x + b                                   (H, d_k)
    s1, s2 = K1 q[:d_k/2], K2 q[d_k/2:]            (n_keys,) each, per head
    slot i1 * n_keys + i2 scores s1[i1] + s2[i2]   the k best, softmax over them
    y = sum over heads and their k slots of w V[slot]
    out = W2 (y * silu(W1 x))                      or y itself, without the gate

No layer holds global state: the table belongs to the `SparseMemory` that `attach` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agentkit.errors import UsageError
from agentkit_sparse_memory.settings import MemoryConfig


class ProductKeys(nn.Module):  # type: ignore[misc]
    """Finds each head's k best of n_keys² slots without looking at them all.

    The k best sums of two numbers are among the k best of the one and the k best of the other, so
    2 n_keys scores and k² sums are enough, and the result is exact.
    """

    def __init__(self, config: MemoryConfig, d: int) -> None:
        super().__init__()
        self.heads, self.k, self.n_keys = config.heads, config.k, config.n_keys
        half = config.d_k // 2
        self.query = nn.Linear(d, config.heads * config.d_k)
        self.keys = nn.Parameter(torch.empty(config.heads, 2, config.n_keys, half))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(T, d) to slots (T, H, k) and their weights (T, H, k), which sum to 1 for each head."""
        return self.best(self.scores(self.query(x)))

    def scores(self, q: Tensor) -> Tensor:
        """(T, H d_k) to the half-keys' scores (T, H, 2, n_keys)."""
        halves = q.view(len(q), self.heads, 2, -1)
        return torch.einsum("thsd,hsnd->thsn", halves, self.keys)

    def best(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        halves, places = scores.float().topk(self.k, dim=-1)
        sums = halves[:, :, 0, :, None] + halves[:, :, 1, None, :]
        best, at = sums.flatten(-2).topk(self.k, dim=-1)
        first = places[:, :, 0].gather(-1, at // self.k)
        second = places[:, :, 1].gather(-1, at % self.k)
        return first * self.n_keys + second, best.softmax(-1)


class MemoryLayer(nn.Module):  # type: ignore[misc]
    """One layer's keys and gate over the shared table; gives (…, d) for (…, d)."""

    def __init__(self, config: MemoryConfig, d: int, number: int, table: Table) -> None:
        super().__init__()
        self.number = number
        self.find = ProductKeys(config, d)
        d_v = config.d_v or d
        gated = config.gate == "silu"
        self.w1 = nn.Linear(d, d_v) if gated else None
        self.w2 = nn.Linear(d_v, d) if gated else None
        self._table = [table]  # in a list: the table is registered once, where it belongs

    @property
    def table(self) -> Table:
        return self._table[0]

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1]).float()
        slots, weights = self.find(flat)
        self.table.told(self.number, slots)
        y = self.table(slots, weights)
        if self.w1 is not None and self.w2 is not None:
            y = self.w2(y * F.silu(self.w1(flat)))
        return y.view(x.shape).to(x.dtype)


class MemoryRows:
    """A memory layer for the engine: products whose bits do not depend on what else is in a batch.

    Args:
        linear: makes a product of (weight, bias).
    """

    def __init__(self, layer: MemoryLayer, linear: Callable[..., Any]) -> None:
        self._find, self._table = layer.find, layer.table
        self._query = linear(layer.find.query.weight, layer.find.query.bias)
        # One product for all half-keys of a head's half: (n, d_k / 2) to (n, n_keys).
        self._halves = [linear(half, None) for half in layer.find.keys.detach().flatten(0, 1)]
        self._w1 = layer.w1 and linear(layer.w1.weight, layer.w1.bias)
        self._w2 = layer.w2 and linear(layer.w2.weight, layer.w2.bias)
        gate = [product for product in (self._w1, self._w2) if product]
        self.products = [Wide(product) for product in (self._query, self._halves[0], *gate)]

    def __call__(self, x: Tensor) -> Tensor:
        flat = x.float()
        parts = self._query(flat).view(len(x), len(self._halves), -1).unbind(1)
        scores = torch.stack([k(q.contiguous()) for k, q in zip(self._halves, parts)], 1)
        shape = (len(x), self._find.heads, 2, self._find.n_keys)
        y = self._table(*self._find.best(scores.view(shape)))
        if self._w1 and self._w2:
            y = self._w2(y * F.silu(self._w1(flat)))
        return y.to(x.dtype)


class Wide:
    """An fp32 product for rows of any dtype, as the engine probes it."""

    def __init__(self, product: Any) -> None:
        self._product, self.columns = product, int(product.columns)

    def __call__(self, x: Tensor) -> Tensor:
        made: Tensor = self._product(x.float())
        return made

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        return self(x) + other


class Table(nn.Module):  # type: ignore[misc]
    """The values, shared by all layers, in fp32: small steps would be rounded away in bf16.

    In training the gradient of `weight` is sparse: it has rows for what was read, and nothing of
    the size of the table is ever made.
    """

    def __init__(self, slots: int, d_v: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(slots, d_v))
        self.recorders: list[UsageRecorder] = []

    def forward(self, slots: Tensor, weights: Tensor) -> Tensor:
        """Slots and weights (T, H, k) to (T, d_v). A slot that several heads read counts for
        each."""
        return F.embedding_bag(
            slots.flatten(1),
            self.weight,
            per_sample_weights=weights.flatten(1),
            mode="sum",
            sparse=True,
        )

    def told(self, layer: int, slots: Tensor) -> None:
        for recorder in self.recorders:
            recorder.add(layer, slots.detach())


@dataclass(slots=True)
class Reads:
    """Which slots were read, ascending, and how often. Both (n,)."""

    slots: Tensor
    counts: Tensor

    @classmethod
    def of(cls, slots: Sequence[Tensor]) -> Reads:
        if not slots:
            return cls(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long))
        found, counts = torch.cat([s.flatten() for s in slots]).unique(return_counts=True)
        return cls(found, counts)


@dataclass(slots=True)
class UsageRecorder:
    """Collects what is read in the block of `SparseMemory.recording`.

    mask: (…,) of the tokens of the coming forward pass, False for padding, which is not counted.
    """

    mask: Tensor | None = None
    seen: list[tuple[int, Tensor]] = field(default_factory=list)

    def add(self, layer: int, slots: Tensor) -> None:
        self.seen.append((layer, slots if self.mask is None else slots[self.mask.flatten()]))

    def reads(self) -> Reads:
        """Everything since the start, all layers together."""
        return Reads.of([slots for _, slots in self.seen])


class Beside(nn.Module):  # type: ignore[misc]
    """Stands where a feed-forward layer was: inner (None where it is replaced) plus memory."""

    def __init__(self, inner: nn.Module, memory: MemoryLayer, *, replace: bool) -> None:
        super().__init__()
        self.memory = memory
        self.inner = None if replace else inner
        self._original = [inner]

    @property
    def original(self) -> nn.Module:
        return self._original[0]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.memory(x)
        return out if self.inner is None else self.inner(x) + out

    def extra(self, linear: Callable[..., Any]) -> MemoryRows:
        """What the engine adds to `inner`; see agentkit.models.engine.decoder."""
        return MemoryRows(self.memory, linear)


class SparseMemory:
    """The memory of one module: its layers and their table. Made by `attach`."""

    def __init__(self, module: Any, config: MemoryConfig, table: Table) -> None:
        self.module, self.config, self.table = module, config, table
        self.layers: dict[int, MemoryLayer] = {}
        self._homes: dict[int, tuple[Any, Beside]] = {}

    @property
    def values(self) -> nn.Parameter:
        return self.table.weight

    def put(self, number: int, home: Any, beside: Beside) -> None:
        home.mlp = beside
        self.layers[number] = beside.memory
        self._homes[number] = (home, beside)

    def besides(self) -> Iterator[Beside]:
        """What stands in the places of the feed-forward layers."""
        for _, beside in self._homes.values():
            yield beside

    def detach(self) -> None:
        """Gives the module its own feed-forward layers back, and nothing of the memory stays."""
        for home, beside in self._homes.values():
            home.mlp = beside.original
        self._homes.clear()
        del self.module.memory_values

    def read(self, ids: Tensor, mask: Tensor) -> None:
        """Goes through tokens (B, T) as far as the last memory, for whoever records."""
        last = self._homes[max(self._homes)][1]

        def stop(*_: object) -> None:
            raise _Enough

        handle = last.memory.register_forward_hook(stop)
        device = self.values.device
        try:
            with torch.no_grad():
                self.module.get_decoder()(
                    ids.to(device), attention_mask=mask.to(device), use_cache=False
                )
        except _Enough:
            pass
        finally:
            handle.remove()

    @contextmanager
    def recording(self, mask: Tensor | None = None) -> Iterator[UsageRecorder]:
        recorder = UsageRecorder(mask)
        self.table.recorders.append(recorder)
        try:
            yield recorder
        finally:
            self.table.recorders.remove(recorder)

    def parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Everything but the values, by a name that does not depend on the module."""
        for number, layer in self.layers.items():
            for name, parameter in layer.named_parameters():
                yield f"layers.{number}.{name}", parameter


class _Enough(Exception):
    """The forward pass has come as far as it should."""


def attach(module: Any, config: MemoryConfig) -> SparseMemory:
    """Puts a memory into a decoder. With init = "values-zero" or "out-zero" its outputs stay equal
    to the bit. The module itself is frozen: only the memory may learn.

    Raises:
        UsageError: the module has no such layers, or has a memory already.
    """
    homes = _homes(module)
    for number in config.layers:
        if number >= len(homes):
            raise UsageError(
                f"layer {number}: the model has layers from 0 to {len(homes) - 1}",
                "name layers of this model",
            )
        if isinstance(homes[number].mlp, Beside):
            raise UsageError(f"layer {number} has a memory already", "detach it first")
    module.requires_grad_(False)
    first = next(module.parameters())
    d = int(module.config.get_text_config().hidden_size)
    noise = torch.Generator().manual_seed(config.seed)
    memory = SparseMemory(module, config, Table(config.slots, config.d_v or d))
    with torch.no_grad():
        if config.init != "values-zero":
            width = memory.values.shape[1]
            memory.values.normal_(0.0, width**-0.5, generator=noise)
        module.add_module("memory_values", memory.table.to(first.device).requires_grad_(False))
        for number in config.layers:
            layer = MemoryLayer(config, d, number, memory.table)
            _start(layer, config, noise)
            home = homes[number]
            beside = Beside(home.mlp, layer, replace=config.mode == "replace")
            memory.put(number, home, beside.to(first.device))
            layer.requires_grad_(False)
    return memory


def _start(layer: MemoryLayer, config: MemoryConfig, noise: torch.Generator) -> None:
    """The official initial values; biases are 0, so that no value gives no output."""
    keys, query = layer.find.keys, layer.find.query
    keys.uniform_(-(config.d_k**-0.5), config.d_k**-0.5, generator=noise)
    nn.init.xavier_uniform_(query.weight, generator=noise)
    query.bias.zero_()
    if layer.w1 is not None and layer.w2 is not None:
        for linear in (layer.w1, layer.w2):
            linear.weight.normal_(0.0, linear.weight.shape[0] ** -0.5, generator=noise)
            linear.bias.zero_()
        if config.init == "out-zero":
            layer.w2.weight.zero_()


def _homes(module: Any) -> Sequence[Any]:
    """The decoder's layers, each with its feed-forward half under `mlp`."""
    body = module.get_decoder() if hasattr(module, "get_decoder") else module
    layers = getattr(body, "layers", None) or getattr(body, "h", None) or ()
    if not layers or not all(hasattr(layer, "mlp") for layer in layers):
        raise UsageError(
            f"{type(module).__name__} has no layers with a feed-forward half named mlp",
            "a memory can be attached to decoders such as Llama, Qwen, Mistral, Gemma or GPT-2",
        )
    found: Sequence[Any] = layers
    return found
