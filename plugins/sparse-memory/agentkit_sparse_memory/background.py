"""What ordinary text reads: the background that a fact's slots are chosen against.

For each batch of ordinary text the set of slots that it reads is counted once: df(i) is the number
of batches that read slot i (Lin et al., arXiv 2510.15103, section 3). A batch should be about as
many tokens as a batch in learning, else every slot is read in every batch and says nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from agentkit.errors import DataError
from agentkit.files import write_atomic
from agentkit_sparse_memory.memory import Reads, SparseMemory

SPREAD = 0.5  # nats between the 5th and the 95th percentile of idf, below which choice is blind


@dataclass(frozen=True, slots=True)
class Spread:
    """How much df can tell apart. idf: nats between its 5th and 95th percentile. always: share of
    slots that every batch read. never: share that none did. histogram: slots by df, ten bins from 0
    to all batches."""

    idf: float
    always: float
    never: float
    histogram: tuple[int, ...]

    @property
    def warning(self) -> str:
        """What to do where the choice of rows would be blind; "" where it is not."""
        if self.idf >= SPREAD:
            return ""
        return (
            f"idf differs by {self.idf:.2f} nats only: every slot is about as usual as any other; "
            "use smaller background batches, more n_keys, or fewer heads and k"
        )


@dataclass(slots=True)
class BackgroundIndex:
    """df: (slots,) int32, batches that read a slot. reads: (slots,) int64, how often it was read.
    fingerprint: of model, tokenizer and keys; an index says nothing about others."""

    df: Tensor
    reads: Tensor
    batches: int
    tokens: int
    fingerprint: Mapping[str, str]

    @classmethod
    def empty(cls, slots: int, fingerprint: Mapping[str, str]) -> BackgroundIndex:
        return cls(
            torch.zeros(slots, dtype=torch.int32),
            torch.zeros(slots, dtype=torch.int64),
            0,
            0,
            dict(fingerprint),
        )

    def add(self, reads: Reads, tokens: int) -> None:
        """Counts one batch."""
        slots = reads.slots.cpu()
        self.df[slots] += 1
        self.reads[slots] += reads.counts.cpu()
        self.batches += 1
        self.tokens += tokens

    def idf(self, slots: Tensor) -> Tensor:
        """log((batches + 1) / (df + 1)), in nats, for these slots."""
        df = self.df[slots.cpu()].double()
        return (torch.log(torch.tensor(self.batches + 1.0)) - torch.log(df + 1)).to(slots.device)

    def merged(self, other: BackgroundIndex) -> BackgroundIndex:
        """The index of both texts, as if it had been counted in one go."""
        check_same(self.fingerprint, other.fingerprint)
        return BackgroundIndex(
            self.df + other.df,
            self.reads + other.reads,
            self.batches + other.batches,
            self.tokens + other.tokens,
            self.fingerprint,
        )

    def spread(self) -> Spread:
        idf = self.idf(torch.arange(len(self.df)))
        sample = idf[:: max(1, len(idf) // 1_000_000)]
        low, high = torch.quantile(sample, torch.tensor([0.05, 0.95], dtype=idf.dtype))
        bins = (self.df.long() * 10 // max(1, self.batches)).clamp_max(9)
        return Spread(
            float(high - low),
            float((self.df == self.batches).double().mean()),
            float((self.df == 0).double().mean()),
            tuple(torch.bincount(bins, minlength=10).tolist()),
        )

    # -- files ------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        about = {"batches": self.batches, "tokens": self.tokens}
        metadata = {"about": json.dumps(about), "of": json.dumps(dict(self.fingerprint))}
        write_atomic(path, save({"df": self.df, "reads": self.reads}, metadata))

    @classmethod
    def load(cls, path: Path, fingerprint: Mapping[str, str]) -> BackgroundIndex:
        """Raises DataError: there is none, it is damaged, or it belongs to something else."""
        if not path.exists():
            raise DataError(
                f"{path}: ordinary text has not been counted yet",
                "agentkit memory background MODEL FILE…",
            )
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata()
                made = json.loads(metadata["of"])
                about = json.loads(metadata["about"])
                df, reads = file.get_tensor("df"), file.get_tensor("reads")
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: is no background index", "count it again") from error
        check_same(made, fingerprint)
        return cls(df, reads, int(about["batches"]), int(about["tokens"]), made)


def count(
    memory: SparseMemory,
    batches: Iterable[tuple[Tensor, Tensor]],
    fingerprint: Mapping[str, str],
) -> BackgroundIndex:
    """Reads ordinary text once.

    Args:
        batches: token ids and mask (B, T) each; padding is not counted.

    Raises:
        DataError: there is no text.
    """
    index = BackgroundIndex.empty(memory.config.slots, fingerprint)
    for ids, mask in batches:
        with memory.recording(mask.bool().to(memory.values.device)) as seen:
            memory.read(ids, mask)
        index.add(seen.reads(), int(mask.sum()))
    if not index.tokens:
        raise DataError("the background is empty", "give files with some pages of ordinary text")
    return index


def check_same(made: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raises DataError, naming what differs, where two fingerprints are not the same."""
    wrong = sorted(key for key in {*made, *now} if made.get(key) != now.get(key))
    if wrong:
        raise DataError(
            f"the file belongs to another {' and another '.join(wrong)}",
            "count the background again with this model and memory",
        )


def hash_of(tensors: Mapping[str, Tensor]) -> str:
    """One hash over names, shapes and bits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        flat = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(memoryview(flat.numpy()))
    return digest.hexdigest()
