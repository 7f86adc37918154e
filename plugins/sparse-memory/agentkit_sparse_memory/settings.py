"""What a memory is made of, how it learns, and where it is kept. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agentkit.settings import PartSettings

Mode = Literal["parallel", "replace"]
Keys = Literal["random", "data", "kmeans"]
Init = Literal["values-zero", "out-zero", "official"]
Policy = Literal["tfidf", "kl", "tf", "random", "oracle"]
Normalise = Literal["scaled", "rows", "plain"]


class MemoryConfig(PartSettings):
    """The shape of the memory, with the names of "Memory Layers at Scale" (arXiv 2412.09764).

    layers: decoder layers that get one; they share one table of values. n_keys: half-keys in each
    of the two tables, so n_keys² slots. heads, k: every token reads k slots with each head. d_k:
    numbers in a query. d_v: numbers in a value; None is as many as the model's hidden states have.
    gate: "silu" is W2 (y * silu(W1 x)), the paper's; "none" adds y itself.

    mode: "parallel" stands beside the feed-forward layer, "replace" in its place. init: what is
    zero at first: the values (then nothing changes, yet values can be learned), the output W2 (then
    nothing can be learned before W2 moves), or nothing, as when a model is trained from scratch.

    whiten: queries are made from hidden states whose coordinates are independent and equally wide.
    components: keep only so many of the widest directions; None: all. key_init: "random" half-keys,
    or fitted to hidden states: "data" takes some as they are, "kmeans" centres of clusters.
    spread: the share of its k slots that a head effectively uses (the exponential of the entropy of
    its weights, by k); None leaves the scores as they are.
    """

    layers: tuple[int, ...] = (20,)
    n_keys: int = Field(default=128, ge=1)
    heads: int = Field(default=4, ge=1)
    k: int = Field(default=16, ge=1)
    d_k: int = Field(default=128, ge=2)
    d_v: int | None = Field(default=None, ge=1)
    gate: Literal["silu", "none"] = "none"
    mode: Mode = "parallel"
    init: Init = "values-zero"
    whiten: bool = True
    components: int | None = Field(default=None, ge=1)
    key_init: Keys = "random"
    spread: float | None = Field(default=0.5, gt=0, lt=1)
    seed: int = 0

    @model_validator(mode="after")
    def _fits(self) -> MemoryConfig:
        if not self.layers or len(set(self.layers)) < len(self.layers) or min(self.layers) < 0:
            raise ValueError(f"layers {list(self.layers)}: name each layer once, from 0 on")
        if self.d_k % 2:
            raise ValueError(f"d_k is {self.d_k}: a query has two halves, so it must be even")
        if self.k > self.n_keys:
            raise ValueError(f"k is {self.k}, more than the {self.n_keys} half-keys of n_keys")
        if self.gate == "none" and (self.d_v is not None or self.init == "out-zero"):
            raise ValueError("d_v and init = 'out-zero' need the gate: gate = 'silu'")
        return self

    @property
    def slots(self) -> int:
        return self.n_keys**2


class LearnSettings(PartSettings):
    """How facts are learned.

    t: rows that a step may change. policy: how they are chosen. optimizer, normalise, momentum,
    rate: see agentkit_sparse_memory.update. batch: phrasings a step; mix: phrasings of all facts
    stand in a batch; else a batch has one fact, as in the paper. steps: at most. target_nll: enough
    when the mean loss of a pass over all phrasings is below it, in nats a token. max_forget: the
    most by which the loss on ordinary text may rise, as a share of it. probe: steps between two
    looks at it. exclusive: leave rows of earlier patches alone, so that each can be taken back by
    itself.
    """

    t: int = Field(default=512, ge=1)
    policy: Policy = "tfidf"
    optimizer: Literal["sgd", "adam"] = "sgd"
    normalise: Normalise = "rows"
    momentum: float = Field(default=0.0, ge=0, lt=1)
    rate: float = Field(default=0.13, gt=0, allow_inf_nan=False)
    batch: int = Field(default=24, ge=1)
    mix: bool = True
    steps: int = Field(default=130, ge=1)
    target_nll: float = Field(default=0.05, ge=0)
    max_forget: float = Field(default=0.03, ge=0)
    probe: int = Field(default=20, ge=1)
    exclusive: bool = False
    seed: int = 0


class Settings(MemoryConfig):
    """The memory's shape, and:

    base: a model with use = "transformers". folder: where the memory is kept; the user's data
    folder, under the part's name, where it is not given. background: files and folders of ordinary
    text; the reference of the Python language where there are none. fit_tokens: of them for fitting
    keys. batches, batch: how many batches of how many pieces of 64 tokens are counted. held_out:
    pieces for measuring what is forgotten. match, heal: steps of training the memory on ordinary
    text where it replaces layers, see agentkit_sparse_memory.healing. system: what the assistant is
    told first where facts are said in conversation. learning: how facts are learned.
    """

    base: str
    folder: Path | None = None
    background: tuple[Path, ...] = ()
    fit_tokens: int = Field(default=4096, ge=1)
    batches: int = Field(default=40, ge=1)
    batch: int = Field(default=8, ge=1)
    held_out: int = Field(default=24, ge=1)
    match: int = Field(default=200, ge=0)
    heal: int = Field(default=200, ge=0)
    system: str = "You answer."
    learning: LearnSettings = LearnSettings()

    def config(self) -> MemoryConfig:
        return MemoryConfig(**{name: getattr(self, name) for name in MemoryConfig.model_fields})
