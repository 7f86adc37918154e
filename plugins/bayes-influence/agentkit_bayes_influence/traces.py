"""Sampled losses on disk: one file a chain, whole or absent, so that a run goes on after a kill.

about.json           what was sampled: settings, ids, and their hash; written first
train-mask.npy …     which tokens count
chain-0003.npz       train (T, n, S), query (T, q, S) losses in fp32; distance (T,) from w*
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from agentkit.capabilities import Progress
from agentkit.errors import Cancelled, DataError, UsageError
from agentkit.files import write_atomic
from agentkit_bayes_influence.posterior import Items, Posterior
from agentkit_bayes_influence.sampling import Resolved, Sampling, draws, resolve

Array = NDArray[np.floating]
MEMORY = 2 << 30  # bytes of traces that a run may make, unless it is told otherwise


@dataclass(frozen=True)
class Traces:
    """train: (C, T, n, S). query: (C, T, q, S'). distance: (C, T) lengths of w - w*. accepted:
    share of steps taken, 1 without MALA. used: what `Resolved` says. about: as it was given."""

    train: Array
    query: Array
    distance: Array
    accepted: float
    train_mask: NDArray[np.bool_]
    query_mask: NDArray[np.bool_]
    train_ids: tuple[str, ...]
    query_ids: tuple[str, ...]
    used: Mapping[str, Any]
    about: Mapping[str, Any]

    def sequences(self) -> tuple[Array, Array]:
        """Sums over tokens: (C, T, n) and (C, T, q)."""
        return self.train.sum(3), self.query.sum(3)

    def tokens(self) -> tuple[Array, Array]:
        """The tokens that count, item after item: (C, T, N) and (C, T, M)."""
        return self.train[:, :, self.train_mask], self.query[:, :, self.query_mask]


@dataclass(frozen=True)
class Prediction:
    """bytes of traces; forward and gradient passes over single items; seconds, from the time that
    one look at all items took just now."""

    bytes: int
    forwards: int
    gradients: int
    seconds: float

    def told(self) -> str:
        return (
            f"{self.bytes / 2**20:.1f} MiB of traces, {self.forwards:,} forward and "
            f"{self.gradients:,} gradient passes over single items, about {self.seconds:.0f} s"
        )


def predict(
    n: int, q: int, widths: tuple[int, int], wanted: Sampling, use: Resolved, look: float
) -> Prediction:
    """What a run takes. widths: tokens kept of each training item and query. look: seconds of a
    forward pass over all of them."""
    kept = wanted.chains * wanted.draws
    steps = wanted.chains * (use.burn_in + wanted.draws * wanted.thin)
    size = 4 * kept * (n * widths[0] + q * widths[1])
    forwards, gradients = kept * (n + q) + (steps * n if wanted.mala else 0), steps * use.batch
    # A backward pass costs twice a forward one.
    return Prediction(size, forwards, gradients, (forwards + 3 * gradients) * look / (n + q))


class TraceStore:
    """A folder of traces.

    Args:
        by_token: False keeps the sum over tokens of each item alone.
        limit: bytes; a run that would make more is refused.
        together: chains side by side in one call.
    """

    def __init__(
        self, folder: Path, *, by_token: bool = True, limit: int = MEMORY, together: int = 64
    ) -> None:
        self.folder, self._by_token, self._limit = folder, by_token, limit
        self._together = together

    def prepare(
        self, posterior: Posterior, queries: Items, wanted: Sampling
    ) -> tuple[Resolved, Prediction]:
        """Says what a run will take, and refuses what cannot be; writes nothing.

        Raises:
            UsageError: settings that exclude one another, or too much memory.
            DataError: a loss at w* is not finite, or the folder holds traces of something else.
        """
        began = time.perf_counter()
        posterior.losses(posterior.centre[None], queries)
        posterior.losses(posterior.centre[None], posterior.items)
        look = time.perf_counter() - began
        if self._about_path.exists():
            self._check(posterior, queries, wanted)
            use = Resolved(**self._about()["used"])
        else:
            use = resolve(posterior, wanted)
        widths = (posterior.items.width, queries.width) if self._by_token else (1, 1)
        told = predict(len(posterior.items), len(queries), widths, wanted, use, look)
        if told.bytes > self._limit:
            raise UsageError(
                f"the traces would take {told.bytes / 2**30:.1f} GiB, the limit is "
                f"{self._limit / 2**30:.1f}",
                "take fewer draws or chains, keep sums over tokens (tokens = false), or raise the "
                "limit",
            )
        return use, told

    def sample(
        self,
        posterior: Posterior,
        queries: Items,
        wanted: Sampling,
        progress: Progress,
        about: Mapping[str, Any] | None = None,
        use: Resolved | None = None,
    ) -> Traces:
        """Runs the chains that are not there yet, and gives all. use: what `prepare` gave, if it
        was called before.

        Raises:
            Cancelled: somebody asked to stop; chains that ended are kept.
            DataError: a chain ran away, or the folder holds traces of something else.
        """
        if use is None:
            use, _ = self.prepare(posterior, queries, wanted)
        self._begin(posterior, queries, wanted, use, about or {})
        groups = [
            range(start, min(start + self._together, wanted.chains))
            for start in range(0, wanted.chains, self._together)
        ]
        steps = use.burn_in + wanted.draws * wanted.thin
        for number, group in enumerate(groups):
            if all(self._path(chain).exists() for chain in group):
                continue
            done = number * steps

            def on_step(step: int, total: int, done: int = done) -> None:
                if progress.cancel:
                    raise Cancelled
                if step % 10 == 0 or step == total:
                    progress.update(done + step, steps * len(groups))

            kept: list[tuple[Array, Array, Array]] = []
            accepted = 1.0
            for draw in draws(posterior, wanted, use, group, on_step):
                train = posterior.losses(draw.weights, posterior.items)
                query = posterior.losses(draw.weights, queries)
                if not self._by_token:
                    train, query = train.sum(2, keepdim=True), query.sum(2, keepdim=True)
                far = (draw.weights - posterior.centre).norm(dim=1)
                kept.append((train.numpy(), query.numpy(), far.numpy()))
                accepted = draw.accepted
            for place, chain in enumerate(group):
                train, query, far = (np.stack([one[k][place] for one in kept]) for k in range(3))
                held = io.BytesIO()
                np.savez(
                    held,
                    train=train,
                    query=query,
                    distance=far,
                    accepted=np.array(accepted),
                    hash=np.array(self._hash()),
                )
                write_atomic(self._path(chain), held.getvalue())
        return self.read()

    def read(self) -> Traces:
        """Everything.

        Raises:
            DataError: nothing was sampled here, or not all of it, or a file is damaged.
        """
        plain = self._about()
        missing = [c for c in range(plain["chains"]) if not self._path(c).exists()]
        if missing:
            raise DataError(
                f"{self.folder}: {len(missing)} of {plain['chains']} chains are missing",
                "the same run again goes on where it stopped",
            )
        try:
            chains = []
            for number in range(plain["chains"]):
                with np.load(self._path(number), allow_pickle=False) as file:
                    chains.append({key: file[key] for key in file.files})
            masks = [np.load(self.folder / f"{k}-mask.npy", allow_pickle=False) for k in KINDS]
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(f"{self.folder}: cannot be read: {error}", "sample anew") from error
        if any(str(chain["hash"]) != plain["hash"] for chain in chains):
            raise DataError(f"{self.folder}: holds chains of another run", "sample anew")
        train, query, distance = (
            np.stack([chain[key] for chain in chains]) for key in (*KINDS, "distance")
        )
        return Traces(
            train,
            query,
            distance,
            float(np.mean([chain["accepted"] for chain in chains])),
            masks[0],
            masks[1],
            tuple(plain["train_ids"]),
            tuple(plain["query_ids"]),
            plain["used"],
            plain["about"],
        )

    def _begin(
        self,
        posterior: Posterior,
        queries: Items,
        wanted: Sampling,
        use: Resolved,
        about: Mapping[str, Any],
    ) -> None:
        if self._about_path.exists():
            self._check(posterior, queries, wanted)
            return
        plain = self._described(posterior, queries, wanted)
        masks = [items.mask.numpy() for items in (posterior.items, queries)]
        for kind, mask in zip(KINDS, masks):
            held = io.BytesIO()
            np.save(held, mask if self._by_token else mask.any(1, keepdims=True))
            write_atomic(self.folder / f"{kind}-mask.npy", held.getvalue())
        plain |= {"used": asdict(use), "about": dict(about)}
        write_atomic(self._about_path, json.dumps(plain, indent=1))

    def _check(self, posterior: Posterior, queries: Items, wanted: Sampling) -> None:
        if self._hash() != self._described(posterior, queries, wanted)["hash"]:
            raise DataError(
                f"{self.folder} holds traces of another model, data or settings",
                "name another folder, or delete this one",
            )

    def _described(self, posterior: Posterior, queries: Items, wanted: Sampling) -> dict[str, Any]:
        """What decides the traces, and its hash."""
        plain: dict[str, Any] = {
            "sampling": wanted.model_dump(),
            "by_token": self._by_token,
            "together": self._together,
            "chains": wanted.chains,
            "names": posterior.names,
            "train_ids": posterior.items.ids,
            "query_ids": queries.ids,
        }
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
        for items in (posterior.items, queries):
            for tensor in (*items.inputs, items.mask):
                digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        digest.update(posterior.centre.numpy().tobytes())
        return plain | {"hash": digest.hexdigest()}

    @property
    def _about_path(self) -> Path:
        return self.folder / "about.json"

    def _about(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._about_path.read_text())
            return found
        except (OSError, ValueError) as error:
            raise DataError(f"{self.folder} holds no traces: {error}", "sample first") from error

    def _hash(self) -> str:
        return str(self._about()["hash"])

    def _path(self, chain: int) -> Path:
        return self.folder / f"chain-{chain:04d}.npz"


KINDS = ("train", "query")
