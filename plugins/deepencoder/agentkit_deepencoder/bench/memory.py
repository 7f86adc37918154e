"""Bytes of all tensors that are alive at once, on any device."""

from __future__ import annotations

import weakref
from typing import Any

from torch import Tensor
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
