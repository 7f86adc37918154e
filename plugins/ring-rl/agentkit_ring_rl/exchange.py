"""AState: weights go from the trainer to the engines through memory, never through a file.

In one process a tensor is copied into place. Between processes of a machine they lie in shared
memory, in two halves that are written in turns: a reader copies from the half that is complete, and
looks before and after at which one that is, so that it never takes parts of two versions.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from typing import Literal, Protocol

import torch
from torch import Tensor

from agentkit.errors import DataError

Form = Literal["full", "bf16", "int8"]
# magic; version and half; bytes of a half; layout. Version and half are one number of eight bytes,
# (version + 1) * 2 + half, so that readers see both change at once.
HEAD = struct.Struct("<8sQQ16s")
MAGIC = b"AKSTATE1"
ALIGN = 64


@dataclass(frozen=True, slots=True)
class Moved:
    """What an exchange cost: bytes that were written, seconds."""

    bytes: int
    seconds: float


class Exchange(Protocol):
    """One writer, any number of readers."""

    def publish(self, tensors: Mapping[str, Tensor], version: int) -> Moved:
        """Makes a newer version known.

        Raises:
            DataError: the version is not newer, or the tensors are others than before.
        """
        ...

    def pull(self, have: int) -> tuple[dict[str, Tensor], int] | None:
        """The newest tensors with their version; None where `have` is the newest."""
        ...


class InProcess:
    """References: whoever pulls copies into its own tensors. What was pulled changes when the
    trainer steps, so an engine loads it before the next step, as the controller sees to."""

    def __init__(self) -> None:
        self._tensors: dict[str, Tensor] = {}
        self._version = -1

    def publish(self, tensors: Mapping[str, Tensor], version: int) -> Moved:
        begun = time.perf_counter()
        _newer(version, self._version)
        if self._tensors and layout(tensors) != layout(self._tensors):
            raise DataError("these weights are of another model than those before", "")
        self._tensors, self._version = dict(tensors), version
        size = sum(t.numel() * t.element_size() for t in tensors.values())
        return Moved(size, time.perf_counter() - begun)

    def pull(self, have: int) -> tuple[dict[str, Tensor], int] | None:
        return None if have >= self._version else (self._tensors, self._version)


class Shared:
    """Shared memory between processes. The writer makes it (`create`), readers `attach` by name.

    form: "full" keeps fp32; "bf16" and "int8" are lossy and smaller; see `packed`.
    """

    def __init__(self, memory: SharedMemory, shapes: Mapping[str, Sequence[int]], form: Form):
        self._memory, self._form = memory, form
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._half = _aligned(sum(_aligned(n) for n in self._sizes().values()))
        self._layout = hashlib.blake2b(
            json.dumps([form, [[n, list(s)] for n, s in self._shapes.items()]]).encode(),
            digest_size=16,
        ).digest()

    @classmethod
    def create(cls, tensors: Mapping[str, Tensor], form: Form = "full") -> Shared:
        shapes = {name: tuple(t.shape) for name, t in tensors.items()}
        probe = cls(None, shapes, form)  # type: ignore[arg-type]
        memory = SharedMemory(create=True, size=ALIGN + 2 * probe._half)
        made = cls(memory, shapes, form)
        HEAD.pack_into(made._bytes, 0, MAGIC, 0, made._half, made._layout)
        return made

    @classmethod
    def attach(cls, name: str, shapes: Mapping[str, Sequence[int]], form: Form = "full") -> Shared:
        """A reader's view.

        Raises:
            DataError: there is none of that name, or it holds another model.
        """
        try:
            memory = SharedMemory(name=name)
        except FileNotFoundError as error:
            raise DataError(f"no weights are shared as {name}", "is the trainer alive?") from error
        # Else this process would remove the writer's memory when it ends.
        resource_tracker.unregister(f"/{memory.name}", "shared_memory")
        made = cls(memory, shapes, form)
        magic, _, half, known = HEAD.unpack_from(made._bytes, 0)
        if (magic, half, known) != (MAGIC, made._half, made._layout):
            memory.close()
            raise DataError(f"the weights shared as {name} are of another model", "")
        return made

    @property
    def name(self) -> str:
        return self._memory.name

    @property
    def bytes(self) -> int:
        """Of one version."""
        return self._half

    @property
    def version(self) -> int:
        """The newest complete one; -1 before the first."""
        return self._stamp() // 2 - 1

    def publish(self, tensors: Mapping[str, Tensor], version: int) -> Moved:
        begun = time.perf_counter()
        _newer(version, self.version)
        if {n: tuple(t.shape) for n, t in tensors.items()} != self._shapes:
            raise DataError("these weights are of another model than those before", "")
        half = 1 - self._stamp() % 2  # the one that readers are not told of
        for name, at in self._places(half).items():
            data = packed(tensors[name], self._form)
            view = torch.frombuffer(self._bytes, dtype=torch.uint8, count=len(data), offset=at)
            view.copy_(data)
        struct.pack_into("<Q", self._bytes, 8, 2 * (version + 1) + half)
        return Moved(self._half, time.perf_counter() - begun)

    def pull(self, have: int) -> tuple[dict[str, Tensor], int] | None:
        for _ in range(100):
            stamp = self._stamp()
            version = stamp // 2 - 1
            if version <= have:
                return None
            sizes, made = self._sizes(), {}
            for name, at in self._places(stamp % 2).items():
                raw = torch.frombuffer(
                    self._bytes, dtype=torch.uint8, count=sizes[name], offset=at
                ).clone()
                made[name] = unpacked(raw, self._shapes[name], self._form)
            # Nothing was published meanwhile, so at most the other half was written to.
            if self._stamp() == stamp:
                return made, version
        raise DataError("the weights changed faster than they could be read", "")

    def close(self, unlink: bool = False) -> None:
        self._memory.close()
        if unlink:
            self._memory.unlink()

    @property
    def _bytes(self) -> memoryview:
        buffer = self._memory.buf
        if buffer is None:
            raise DataError("the shared memory is closed", "")
        return buffer

    def _stamp(self) -> int:
        return int(HEAD.unpack_from(self._bytes, 0)[1])

    def _sizes(self) -> dict[str, int]:
        return {name: packed_size(shape, self._form) for name, shape in self._shapes.items()}

    def _places(self, half: int) -> dict[str, int]:
        at, found = ALIGN + half * self._half, {}
        for name, size in self._sizes().items():
            found[name] = at
            at += _aligned(size)
        return found


# -- forms ----------------------------------------------------------------------------------------


def packed(tensor: Tensor, form: Form) -> Tensor:
    """A tensor as bytes (uint8): "full" fp32; "bf16"; "int8" with one fp32 scale an output row
    (vectors stay fp32)."""
    plain = tensor.detach().float().cpu().contiguous()
    if form == "bf16":
        return plain.bfloat16().view(torch.uint8).flatten()
    if form == "int8" and plain.ndim >= 2:
        rows = plain.flatten(0, -2)
        scale = rows.abs().amax(-1, keepdim=True).clamp(min=1e-12) / 127
        levels = (rows / scale).round().to(torch.int8)
        return torch.cat([scale.view(torch.uint8).flatten(), levels.view(torch.uint8).flatten()])
    return plain.view(torch.uint8).flatten()


def unpacked(data: Tensor, shape: Sequence[int], form: Form) -> Tensor:
    """The fp32 tensor of `packed` bytes."""
    if form == "bf16":
        return data.view(torch.bfloat16).float().view(*shape)
    if form == "int8" and len(shape) >= 2:
        rows = packed_size(shape[:-1], "full") // 4
        scale = data[: 4 * rows].clone().view(torch.float32)[:, None]
        return (data[4 * rows :].view(torch.int8).view(rows, -1).float() * scale).view(*shape)
    return data.view(torch.float32).view(*shape)


def packed_size(shape: Sequence[int], form: Form) -> int:
    """Bytes of a tensor in that form."""
    count = 1
    for one in shape:
        count *= one
    if form == "bf16":
        return 2 * count
    if form == "int8" and len(shape) >= 2:
        return count + 4 * (count // shape[-1])
    return 4 * count


def changed(old: Mapping[str, Tensor], new: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that are not the same to the bit: a delta by tensors, which pays where much is
    frozen. `load` of an engine takes it as it is."""
    return {name: t for name, t in new.items() if not torch.equal(old[name], t)}


def layout(tensors: Mapping[str, Tensor]) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(t.shape)) for name, t in tensors.items()]


def _newer(version: int, than: int) -> None:
    if version <= than:
        raise DataError(f"weights version {version} is not newer than {than}", "count upward")


def _aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN
