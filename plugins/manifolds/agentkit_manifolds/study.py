"""The study by stages. Each one's result is a JSON file in the study's folder, made once.

A stage is made anew where settings, texts or the model's weights are others than it was made with.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from agentkit.capabilities import LanguageModel, Progress, Tokens, Weights
from agentkit.errors import Cancelled, DataError, UsageError
from agentkit.files import write_atomic
from agentkit_manifolds import corpus, kept, stages
from agentkit_manifolds.settings import Settings
from agentkit_manifolds.sites import fingerprint, layers
from agentkit_manifolds.stream import Binning, by_value, collect, shuffled
from agentkit_manifolds.task import Example, ScalarTask, Text, line_task
from agentkit_manifolds.tokens import Placer

STAGES = (
    *("data", "behaviour", "probe", "geometry", "heads", "decision", "features", "patch"),
    "illusion",
)
CHARACTERS = 4  # of a token, about
FIRST = 8  # characters; a bin of the first ones would show that no line begins with a space


def plain(value: Any) -> Any:
    """What JSON can hold; a number that is none becomes null."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.generic, torch.Tensor)):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Study:
    """One model, one set of texts.

    Args:
        out: the study's folder. texts: files and folders to read instead of the machine's own.

    Raises:
        Unsupported: the model has no weights in this process.
    """

    def __init__(
        self,
        settings: Settings,
        model: LanguageModel,
        out: Path,
        progress: Progress,
        texts: Sequence[Path] = (),
    ) -> None:
        self.settings, self.out, self.progress = settings, out, progress
        self.model, self._paths = model, tuple(texts) or settings.read
        self._weights = model.ability(Weights)
        self.placer = Placer(model.ability(Tokens))

    # -- what stages stand on ----------------------------------------------------------------------

    @contextmanager
    def module(self) -> Iterator[nn.Module]:
        """The model's own module, whose weights are the same afterwards."""
        with self._weights.borrow("read") as module:
            yield module

    @cached_property
    def texts(self) -> list[Text]:
        s = self.settings
        wanted = {"count": s.texts, "characters": s.tokens * CHARACTERS}
        if self._paths:
            return corpus.files(self._paths, **wanted)
        return corpus.texts(s.kind, **wanted)

    @cached_property
    def task(self) -> ScalarTask:
        return line_task(self.texts, self.settings.widths, self.placer, limit=self.settings.tokens)

    @cached_property
    def newlines(self) -> frozenset[int]:
        with self.module() as module:
            rows = int(module.get_output_embeddings().weight.shape[0])
        return self.placer.newline_ids(rows)

    @property
    def width(self) -> int:
        """The width of interventions."""
        return self.settings.widths[min(1, len(self.settings.widths) - 2)]

    @cached_property
    def depth(self) -> int:
        """The deepest layer that is looked into."""
        with self.module() as module:
            return max(0, round(self.settings.layers * len(layers(module))) - 1)

    @cached_property
    def sites(self) -> tuple[str, ...]:
        """Residual streams, ten at most, and the heads of the first two layers."""
        step = max(1, -(-(self.depth + 1) // 9))
        chosen = sorted({*range(self.depth, -1, -step), 0})
        heads = [f"heads.{n}" for n in range(min(2, self.depth + 1)) if self._mixes(n)]
        return ("embed", *(f"post.{n}" for n in chosen), *heads)

    def _mixes(self, layer: int) -> bool:
        with self.module() as module:
            return hasattr(layers(module)[layer].mix, "weight")

    @property
    def bins(self) -> tuple[int, int, int]:
        """(low, high, step) of counts."""
        return FIRST, self.settings.widths[-1] + 1, self.settings.step

    def binnings(self) -> list[Binning]:
        low, high, step = self.bins
        counts = [
            by_value(f"count {k}", "count", low, high, step, width=k) for k in self.settings.widths
        ]
        lines = by_value("line", "count", low, high, step, newline=True)
        return [*counts, *map(shuffled, counts), lines]

    @cached_property
    def kept(self) -> kept.Kept:
        """The sums of one pass, from the study's folder where they are there."""
        path = self.out / f"sums-{self.key}.npz"
        if path.exists():
            return kept.load(path)
        names = ("count", "left", "next", "end", "break", "width")
        middle = stages.early(self.sites)
        samples = [kept.Sample(site, names) for site in dict.fromkeys((middle, self.deepest))]
        every = max(1, self.task.tokens // kept.MOST)

        def watch(example: Example, states: dict[str, Any]) -> None:
            for sample in samples:
                sample.add(example, states, every)

        with self.module() as module:
            sums = collect(
                module,
                self.task,
                self.sites,
                self.binnings(),
                self.progress,
                seed=self.settings.seed,
                watch=watch,
            )
        kept.save(path, sums, samples)
        return kept.load(path)

    @property
    def deepest(self) -> str:
        return f"post.{self.depth}"

    @cached_property
    def key(self) -> str:
        """Of settings, texts and weights."""
        told = {
            "settings": self.settings.model_dump(mode="json", exclude={"model", "read"}),
            "texts": [hashlib.sha256(t.text.encode()).hexdigest() for t in self.texts],
            "weights": self.model.info.fingerprint or self._hashed(),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    def _hashed(self) -> str:
        with self.module() as module:
            return fingerprint(module)

    # -- stages -----------------------------------------------------------------------------------

    def stage(self, name: str) -> dict[str, Any]:
        """A stage's result, made now or before.

        Raises:
            UsageError: there is no such stage. Cancelled: somebody asked to stop.
            DataError: a result that is there cannot be read.
        """
        if name not in STAGES:
            raise UsageError(f"there is no stage {name!r}", f"one of: {', '.join(STAGES)}")
        path = self.out / f"{name}.json"
        if path.exists():
            try:
                found: dict[str, Any] = json.loads(path.read_text())
            except ValueError as error:
                raise DataError(f"{path}: is no JSON: {error}", "delete it") from error
            if found.get("key") == self.key:
                return found
        if self.progress.cancel:
            raise Cancelled
        make: Callable[[Study], dict[str, Any]] = getattr(stages, name)
        made: dict[str, Any] = plain(make(self))
        write_atomic(path, json.dumps({"key": self.key, **made}, indent=1))
        return {"key": self.key, **made}

    def all(self, names: Sequence[str] = STAGES) -> dict[str, dict[str, Any]]:
        """Several stages, in their order. A stage that a small text cannot carry says why."""
        made = {}
        for name in names:
            try:
                made[name] = self.stage(name)
            except DataError as error:
                if name in ("data", "probe"):
                    raise
                made[name] = {"fault": str(error.message)}
        return made
