"""What the experiments share: a model with a memory, facts in three sets of phrasings, and how
everything is measured."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from agentkit.bench import Bench
from agentkit.seeds import derive
from agentkit_sparse_memory.batches import Batch, Score, Trunk, measure
from agentkit_sparse_memory.facts import PHRASINGS, UNSEEN, Fact, mixed, said
from agentkit_sparse_memory.invented import common, invented
from agentkit_sparse_memory.model import SparseMemoryModel
from agentkit_sparse_memory.texts import ordinary, split

SMALL = {"layers": [2], "n_keys": 64, "heads": 2, "k": 8, "d_k": 64, "fit_tokens": 4096}


@dataclass(frozen=True, slots=True)
class Scores:
    """seen, unseen: phrasings that were learned, and others. held_out: nats a token on ordinary
    text. cloze: share of common knowledge that was right before and still is."""

    seen: Score
    unseen: Score
    held_out: float
    cloze: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def scores_from(plain: dict[str, Any]) -> Scores:
    return Scores(
        Score(**plain["seen"]), Score(**plain["unseen"]), plain["held_out"], plain["cloze"]
    )


class Bed:
    """A model with a prepared memory.

    Args:
        name: "smollm2-135m" or another model name, or "small": a model trained here on the
            reference of the Python language, byte by byte.
    """

    def __init__(self, bench: Bench, name: str, **shape: Any) -> None:
        part, base = f"memory-bench-{name}", f"memory-bench-base-{name}"
        if base not in bench.kit.names("model"):
            folder = str(trained(bench.out / "small", bench)) if name == "small" else name
            # One thread a token less: bf16 is twice as fast where the model is not tiny.
            dtype = "fp32" if name == "small" else bench.options.get("dtype", "bf16")
            bench.kit.define("model", base, use="transformers", model=folder, dtype=dtype)
        own = SMALL if name == "small" else {}
        quick = {"batches": 4, "held_out": 6} if bench.scale == "quick" else {}
        settings = {**own, **quick, **shape}
        tag = "-".join(f"{k}={v}" for k, v in sorted(shape.items()))
        part = f"{part}-{len(tag)}-{abs(derive(0, tag))}" if tag else part
        if part not in bench.kit.names("model"):
            folder = str(bench.out / part)
            bench.kit.define(
                "model", part, use="sparse-memory", base=base, folder=folder, **settings
            )
        model = bench.kit.model(part)
        assert isinstance(model, SparseMemoryModel)
        if not model.prepared:
            model.prepare()
        self.model, self.memory = model, model.memory
        self.index, self.held_out = model.background(), model.ordinary()
        self.encoder = model.encoder()
        self.unit = model.unit()
        self.first = min(self.memory.config.layers)
        probes = self.encoder.batches(common(), 40)
        hits = right(self.trunk(), probes)
        known = [one for one, hit in zip(common(), hits) if hit]
        self.cloze = self.encoder.batches(known, 40) if known else []
        self.known = len(known)

    def trunk(self) -> Trunk:
        return Trunk(self.memory.module, self.first)

    def lesson(self, count: int, seed: int) -> Lesson:
        return Lesson(self, invented(count, seed))

    @contextmanager
    def copied(self) -> Iterator[Any]:
        """A copy of the module without a memory, whose weights may be trained."""
        module = copy.deepcopy(self.memory.module)
        for layer in module.get_decoder().layers:
            if hasattr(layer.mlp, "original"):
                layer.mlp = layer.mlp.inner
        del module.memory_values
        yield module.float()


class Lesson:
    """Facts, encoded once: to be learned, and to be asked for in either way."""

    def __init__(self, bed: Bed, facts: Sequence[Fact], size: int = 24) -> None:
        self.bed, self.facts = bed, list(facts)
        self.batches = bed.encoder.batches(mixed(said(facts), seed=1), size)
        some = [p for fact in facts for p in fact.phrasings(PHRASINGS[::5])]
        self.seen = bed.encoder.batches(some, 32)
        self.unseen = bed.encoder.batches(said(facts, UNSEEN), 32)

    def scores(self, trunk: Trunk | None = None) -> Scores:
        bed = self.bed
        trunk = trunk or bed.trunk()
        cloze = measure(trunk, bed.cloze).right if bed.cloze else 1.0
        held_out = measure(trunk, bed.held_out).nll
        return Scores(measure(trunk, self.seen), measure(trunk, self.unseen), held_out, cloze)


def right(trunk: Trunk, batches: Sequence[Batch]) -> list[bool]:
    """Whether each learned text is the greedy one to the last token."""
    found: list[bool] = []
    with torch.no_grad():
        for batch in batches:
            _, hits, rows = trunk.losses(batch)
            wrong = {int(row) for row, hit in zip(rows, hits) if not hit}
            found += [row not in wrong for row in range(len(batch))]
    return found


def trained(folder: Path, bench: Bench) -> Path:
    """A byte-level Llama of four layers, trained on ordinary text for some minutes."""
    from agentkit.files import folder_atomic
    from agentkit.models.files.loading import load
    from agentkit.testing.tiny import tiny_model_folder

    if (folder / "trained").exists():
        return folder
    start = tiny_model_folder(folder.with_name("small-start"), layers=4)
    loaded = load(start, "fp32", "cpu")
    module, tokenizer = loaded.model, loaded.tokenizer
    text = "\n".join(split(ordinary([]))[0])
    ids = torch.tensor(tokenizer.encode(text, add_special_tokens=False))
    steps = 30 if bench.scale == "quick" else 1500
    module.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    noise = torch.Generator().manual_seed(0)
    for step in range(steps):
        starts = torch.randint(0, len(ids) - 129, (16,), generator=noise)
        batch = torch.stack([ids[n : n + 128] for n in starts.tolist()])
        loss = module(batch, labels=batch, use_cache=False).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        bench.progress.update(step + 1, steps, {"loss": float(loss.detach())})
    module.eval()
    with folder_atomic(folder) as made:
        module.save_pretrained(made)
        tokenizer.save_pretrained(made)
        (made / "generation_config.json").write_text((start / "generation_config.json").read_text())
        (made / "trained").write_text(f"{steps} steps\n")
    return folder
