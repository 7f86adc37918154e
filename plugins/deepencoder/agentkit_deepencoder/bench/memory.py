"""Bytes of activations, on any device: alive at once, and kept for a backward pass."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode


class Peak(TorchDispatchMode):  # type: ignore[misc]
    """Within it, `peak` is the most that tensors made there held together. What was there before
    (weights, inputs) does not count."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        for value in (*args, *(kwargs or {}).values()):
            if isinstance(value, Tensor):
                self._known.add(_place(value))
        made = function(*args, **(kwargs or {}))
        for value in made if isinstance(made, tuple | list) else (made,):
            if isinstance(value, Tensor) and _place(value) not in self._known:
                self._watch(value)
        return made

    def _watch(self, value: Tensor) -> None:
        storage = value.untyped_storage()
        place, size = _place(value), storage.nbytes()
        self._known.add(place)
        self.now += size
        self.peak = max(self.peak, self.now)

        def gone() -> None:
            self.now -= size
            self._known.discard(place)

        weakref.finalize(storage, gone)


def _place(value: Tensor) -> int:
    return int(value.untyped_storage()._cdata)


def kept(run: Callable[[Tensor], Tensor], view: Tensor, weights: Iterable[Tensor]) -> int:
    """Bytes that one pass would keep for its gradients, weights aside, as each operation asks for
    them; they are counted and let go at once."""
    still = {_place(value) for value in weights}
    total = 0

    def count(value: Tensor) -> None:
        nonlocal total
        if _place(value) not in still:
            total += value.numel() * value.element_size()

    with torch.enable_grad(), saved_tensors_hooks(count, lambda _: None):
        run(view.clone().requires_grad_(True))
    return total
