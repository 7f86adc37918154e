"""Engines that are not quite the trainer: lower precisions of the same weights, as rollout engines
use them for speed. Each gives the gap that the masks are for.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

Precision = Literal["fp32", "bf16", "int8", "int6", "int5", "int4", "int3"]
BITS = {"int8": 8, "int6": 6, "int5": 5, "int4": 4, "int3": 3}


def quantised(tensor: Tensor, bits: int) -> Tensor:
    """Rounded to 2^bits - 1 levels, symmetric, with one scale an output row; same shape and type.

    A tensor of fewer than two dimensions (norms, biases) stays as it is.
    """
    if tensor.ndim < 2:
        return tensor
    most = 2 ** (bits - 1) - 1
    scale = tensor.abs().amax(-1, keepdim=True).clamp(min=1e-12) / most
    return (tensor / scale).round().clamp(-most, most) * scale


def rounded(name: str, tensor: Tensor, precision: Precision) -> Tensor:
    """A weight as an engine of that precision holds it."""
    if precision in BITS:
        return quantised(tensor, BITS[precision])
    return tensor.to(torch.bfloat16) if precision == "bf16" else tensor


def cast(module: Any, precision: Precision) -> None:
    """Changes a module in place to that precision."""
    if precision == "bf16":
        module.to(torch.bfloat16)
    elif precision in BITS:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(quantised(parameter, BITS[precision]))
