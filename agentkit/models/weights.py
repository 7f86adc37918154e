"""The Weights ability: the module itself, lent or changed."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor

from agentkit.errors import UsageError


class ModuleWeights:
    """`Weights` on any torch module. Whoever generates reads the weights anew when they
    changed, and refuses sequences that were opened before.

    One borrower at a time has the shared module ("read" and "train"): hooks and gradients of one
    must not meet those of another. "private" copies the whole module, once per borrowing, and
    nothing done to the copy is seen by anyone else.

    Args:
        exclusive: keeps generation still inside the block.
        renew: has the changed weights read under a new version.
        version: the version of now.
    """

    def __init__(
        self,
        module: Any,
        *,
        exclusive: Callable[[], AbstractContextManager[None]],
        renew: Callable[[int], None],
        version: Callable[[], int],
    ) -> None:
        self._module, self._lock = module, threading.RLock()
        self._exclusive, self._renew, self._version = exclusive, renew, version

    @contextmanager
    def borrow(self, mode: Literal["read", "train", "private"]) -> Iterator[Any]:
        if mode == "private":
            with self._lock:
                made = copy.deepcopy(self._module)
            yield made.requires_grad_(True)
        elif mode == "read":
            with self._lock:
                self._module.requires_grad_(False).eval()
                yield self._module
        elif mode == "train":
            with self._lock, self._exclusive():
                self._module.requires_grad_(True).train()
                try:
                    yield self._module
                finally:
                    self._module.requires_grad_(False).eval()
                    self._module.zero_grad(set_to_none=True)
                    self._renew(self._version() + 1)
        else:
            raise UsageError(f"no mode {mode!r} of borrowing", 'use "read", "train" or "private"')

    def load(self, tensors: Mapping[str, Tensor], *, version: int) -> None:
        if version <= self._version():
            raise UsageError(
                f"weights version {version} is not newer than {self._version()}",
                "count versions upward",
            )
        own = dict(self._module.named_parameters(remove_duplicate=False))
        for name, tensor in tensors.items():
            if name not in own:
                raise UsageError(f"the model has no tensor {name!r}", f"e.g. {next(iter(own))}")
            if own[name].shape != tensor.shape:
                raise UsageError(
                    f"{name} has shape {tuple(own[name].shape)}, not {tuple(tensor.shape)}",
                    "these weights are of another model",
                )
        with self._lock, self._exclusive():
            with torch.no_grad():
                for name, tensor in tensors.items():
                    own[name].copy_(tensor)
            self._renew(version)
