"""The folder of a memory: what it is, its fitted keys, its background, and its patches.

    memory.json               shape, model, tokenizer
    layers.safetensors        queries, keys, gates
    values.safetensors        the table before any patch, where it is not zero
    background.safetensors    what ordinary text reads
    ordinary.safetensors      held-out ordinary text, as ids (n, T)
    stack.json, patches/      what was learned

Each file appears whole. Nothing in the folder is ever run or unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from agentkit.errors import DataError
from agentkit.files import write_atomic
from agentkit_sparse_memory.background import BackgroundIndex, hash_of
from agentkit_sparse_memory.batches import Batch, Encoder
from agentkit_sparse_memory.memory import SparseMemory
from agentkit_sparse_memory.patches import PatchStack
from agentkit_sparse_memory.settings import MemoryConfig

ABOUT, LAYERS, VALUES = "memory.json", "layers.safetensors", "values.safetensors"
BACKGROUND, ORDINARY = "background.safetensors", "ordinary.safetensors"


class MemoryStore:
    """One memory on disk, for one model.

    Args:
        model: fingerprint of the model that it belongs to.
        tokenizer: fingerprint of that model's tokenizer.
    """

    def __init__(self, folder: Path, model: str, tokenizer: str) -> None:
        self.folder, self._model, self._tokenizer = folder, model, tokenizer

    @property
    def prepared(self) -> bool:
        return (self.folder / ABOUT).exists()

    def check(self, config: MemoryConfig) -> None:
        """Raises DataError where the folder's memory is of another shape or model."""
        path = self.folder / ABOUT
        try:
            about = json.loads(path.read_text())
            made = MemoryConfig.model_validate(about["config"])
            model, tokenizer = about["model"], about["tokenizer"]
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise DataError(f"{path}: is no memory: {error}", "attach a new one") from error
        if (model, tokenizer) != (self._model, self._tokenizer):
            raise DataError(
                f"{self.folder}: this memory belongs to another model or tokenizer",
                "name the model that it was attached to, or another folder",
            )
        if made != config:
            differ = [k for k, v in made if v != getattr(config, k)]
            raise DataError(
                f"{self.folder}: this memory has other settings: {', '.join(differ)}",
                "use its settings (memory.json), or another folder",
            )

    def save(
        self, memory: SparseMemory, index: BackgroundIndex, ordinary: Tensor, *, values: bool
    ) -> None:
        """Writes everything but patches; memory.json last, since it says that the rest is there.

        values: whether the table is not zero.
        """
        layers = {name: p.detach().cpu().contiguous() for name, p in memory.parameters()}
        write_atomic(self.folder / LAYERS, save(layers))
        if values:
            write_atomic(self.folder / VALUES, save({"values": memory.values.detach().cpu()}))
        index.save(self.folder / BACKGROUND)
        write_atomic(self.folder / ORDINARY, save({"ids": ordinary}))
        about = {
            "config": memory.config.model_dump(mode="json"),
            "model": self._model,
            "tokenizer": self._tokenizer,
        }
        write_atomic(self.folder / ABOUT, json.dumps(about, indent=1))

    def load(self, memory: SparseMemory) -> None:
        """Keys, gates and values into a memory of that shape; nothing changes if one is damaged."""
        layers = self._tensors(self.folder / LAYERS)
        own = dict(memory.parameters())
        if {k: v.shape for k, v in layers.items()} != {k: p.shape for k, p in own.items()}:
            raise DataError(f"{self.folder / LAYERS}: belongs to another memory", "restore it")
        values = self.folder / VALUES
        start = self._tensors(values)["values"] if values.exists() else None
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(layers[name])
            if start is None:
                memory.values.zero_()
            else:
                memory.values.copy_(start)

    def stack(self, memory: SparseMemory) -> PatchStack:
        """The patches, over a memory whose values are those of before any."""

        def start(rows: Tensor) -> Tensor:
            path = self.folder / VALUES
            if not path.exists():
                return torch.zeros(len(rows), memory.values.shape[1])
            with safe_open(path, "pt") as file:
                found: Tensor = file.get_tensor("values")[rows.cpu()]
            return found

        return PatchStack(self.folder, memory.values.data, start)

    def fingerprint(self, memory: SparseMemory) -> Mapping[str, str]:
        keys = hash_of({name: p for name, p in memory.parameters() if ".find." in name})
        return {"model": self._model, "tokenizer": self._tokenizer, "keys": keys}

    def background(self, memory: SparseMemory) -> BackgroundIndex:
        return BackgroundIndex.load(self.folder / BACKGROUND, self.fingerprint(memory))

    def ordinary(self, size: int = 8) -> list[Batch]:
        """Held-out ordinary text."""
        ids = self._tensors(self.folder / ORDINARY)["ids"].tolist()
        return Encoder.pieces(ids, size)

    def _tensors(self, path: Path) -> dict[str, Tensor]:
        try:
            found: dict[str, Tensor] = load_file(path)
        except (OSError, SafetensorError) as error:
            raise DataError(f"{path}: cannot be read: {error}", "restore the file") from error
        return found
