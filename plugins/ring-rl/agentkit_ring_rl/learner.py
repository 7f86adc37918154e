"""The trainer's side: log-probabilities of packed batches, and steps of the optimizer.

Rows of a batch hold several sequences behind each other; each sees itself alone. What leaves here
are plain tensors by name, so the same learner is one process or a rank of many (`cluster`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agentkit.capabilities import TrainingDiverged
from agentkit_ring_rl import sft_lora
from agentkit_ring_rl.losses import Mean, PolicyLoss, TokenBatch, policy_loss
from agentkit_ring_rl.masks import GapMask


@dataclass(frozen=True, slots=True)
class Sample:
    """A prompt and its answer, with what the loss needs of it: logp as the engine drew, versions of
    the weights that drew, advantage."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    logp: tuple[float, ...]
    versions: tuple[int, ...]
    advantage: float

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows (R, W). ids; places: of each token in its own sequence; segment: which sequence it is
    of, -1 for padding. sequences: indices of those in here, in the order of `targets`. targets:
    (n, 2) row and column of each answer token; owner: (n,) position of its sequence in `sequences`.
    """

    ids: Tensor
    places: Tensor
    segment: Tensor
    sequences: tuple[int, ...]
    targets: Tensor
    owner: Tensor


def pack(
    sequences: Sequence[Sample], width: int, rows: int, only: Iterable[int] | None = None
) -> list[Packed]:
    """Batches of at most `rows` rows of `width` tokens, filled longest first into the first row
    with room. A sequence that is longer than `width` gets a row as long as it is. only: indices of
    the sequences to take; all by default."""
    order = sorted(
        only if only is not None else range(len(sequences)), key=lambda n: (-len(sequences[n]), n)
    )
    filled: list[list[int]] = []
    used: list[int] = []
    for index in order:
        size = len(sequences[index])
        row = next((r for r, n in enumerate(used) if n + size <= width), None)
        if row is None:
            filled.append([])
            used.append(0)
            row = len(filled) - 1
        filled[row].append(index)
        used[row] += size
    return [
        _packed(sequences, filled[at : at + rows], max(used[at : at + rows]))
        for at in range(0, len(filled), rows)
    ]


def _packed(sequences: Sequence[Sample], rows: Sequence[Sequence[int]], wide: int) -> Packed:
    ids = torch.zeros(len(rows), wide, dtype=torch.long)
    places, segment = torch.zeros_like(ids), torch.full_like(ids, -1)
    names: list[int] = []
    targets: list[tuple[int, int]] = []
    owner: list[int] = []
    for number, row in enumerate(rows):
        at = 0
        for index in row:
            one = sequences[index]
            end = at + len(one)
            ids[number, at:end] = torch.tensor([*one.prompt, *one.answer])
            places[number, at:end] = torch.arange(len(one))
            segment[number, at:end] = len(names)
            targets += [(number, at + n) for n in range(len(one.prompt), len(one))]
            owner += [len(names)] * len(one.answer)
            names.append(index)
            at = end
    shaped = torch.tensor(targets, dtype=torch.long).view(-1, 2)
    owned = torch.tensor(owner, dtype=torch.long)
    return Packed(ids, places, segment, tuple(names), shaped, owned)


class Policy(nn.Module):  # type: ignore[misc]
    """A causal language model of the transformers library, as the trainer runs it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        if hasattr(module, "set_attn_implementation"):
            module.set_attn_implementation("sdpa")  # kits load models with the exact, slow one

    def forward(self, batch: Packed, temperature: float) -> tuple[Tensor, Tensor]:
        """(log-probabilities, entropies) of the targets, both (n,) fp32, of the distribution at
        that temperature. Only the targets' places go through the head."""
        device = next(self.module.parameters()).device
        segment = batch.segment.to(device)
        wide = segment.shape[1]
        seen = segment[:, :, None] == segment[:, None, :]
        seen &= torch.ones(wide, wide, dtype=torch.bool, device=device).tril()
        states = self.module.base_model(
            input_ids=batch.ids.to(device),
            position_ids=batch.places.to(device),
            attention_mask=seen[:, None],
            use_cache=False,
        ).last_hidden_state
        rows, columns = batch.targets.to(device).unbind(1)
        logits = self.module.get_output_embeddings()(states[rows, columns - 1]).float()
        logq = F.log_softmax(logits / temperature, -1)
        wanted = batch.ids.to(device)[rows, columns]
        entropy = -(logq.detach().exp() * logq.detach()).sum(-1)
        return logq.gather(1, wanted[:, None]).sum(1), entropy  # not a view: hooks write to it


def rows_of(flat: Tensor, batch: Packed, fill: float = 0.0) -> tuple[Tensor, Tensor]:
    """A value for each target as (N, T), one row a sequence, and which places are tokens."""
    count = len(batch.sequences)
    lengths = torch.bincount(batch.owner, minlength=count)
    valid = torch.arange(max(1, int(lengths.max()))) < lengths[:, None]
    made = torch.full(valid.shape, fill, dtype=flat.dtype, device=flat.device)
    return made.masked_scatter(valid.to(flat.device), flat), valid.to(flat.device)


@dataclass(frozen=True, slots=True)
class Loss:
    """How the loss is made of a batch; see `losses.policy_loss`."""

    mask: GapMask
    clip: tuple[float, float] = (0.2, 0.2)
    mean: Mean = "sequence"
    temperature: float = 1.0
    grad: float = 1.0  # the gradient's norm is cut here
    kl: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one update saw, all (N, T): for the gap report."""

    old: Tensor
    engine: Tensor
    valid: Tensor
    versions: Tensor
    entropy: Tensor
    kept: Tensor
    factor: Tensor


@dataclass(frozen=True, slots=True)
class Updated:
    """loss, norm of the gradient, clipped and kept shares, of one or several steps on a batch."""

    metrics: Mapping[str, float]
    seen: Seen


class Learner:
    """Steps on one copy of the weights.

    Args:
        policy: what is trained; LoRA is attached already where there is any.
        width, rows: of a packed batch that goes through the model at once.
        updates: steps of the optimizer on one batch of rollouts; each takes a part of it.
        rank, world: of ranks that share the work: each is given all samples, takes its own part,
            and the gradients are averaged by whoever shards the policy (`cluster`).
    """

    def __init__(
        self,
        policy: Policy,
        loss: Loss,
        optimizer: torch.optim.Optimizer,
        *,
        width: int = 512,
        rows: int = 16,
        updates: int = 1,
        reference: Policy | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.policy, self._loss, self.optimizer = policy, loss, optimizer
        self._width, self._rows, self._updates = width, rows, updates
        self._reference, self._rank, self._world = reference, rank, world

    def update(self, samples: Sequence[Sample], step: int, rate: float | None = None) -> Updated:
        """Trains on all of them; one without an answer has no tokens and is left out.

        Raises:
            TrainingDiverged: a loss or gradient is no number; the weights stay as they were.
        """
        if rate is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
        samples = [one for one in samples if one.answer] or list(samples[:1])
        parts = [samples[n :: self._updates] for n in range(self._updates)]
        parts = [part for part in parts if part]
        # With one step on a batch the weights now are those before: no need to ask twice.
        single = len(parts) == 1
        old = None if single else [self._old(part) for part in parts]
        seen: list[Seen] = []
        sums: dict[str, float] = {}
        for number, part in enumerate(parts):
            found = self._step(part, step, None if old is None else old[number], seen)
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + value / len(parts)
        return Updated(sums, joined(seen))

    def _old(self, part: Sequence[Sample]) -> list[Tensor]:
        with torch.no_grad():
            return [self.policy(b, self._loss.temperature)[0] for b in self._packs(part)[0]]

    def _packs(self, part: Sequence[Sample]) -> tuple[list[Packed], int]:
        """This rank's batches, as many on every rank, and how many of them are its own: ranks
        that share a model must run it equally often."""
        shares = [
            pack(part, self._width, self._rows, range(rank, len(part), self._world))
            for rank in range(self._world)
        ]
        own = shares[self._rank] or shares[0][:1]
        count = len(shares[self._rank])
        return own + own[-1:] * (max(map(len, shares)) - len(own)), count

    def _step(
        self,
        part: Sequence[Sample],
        step: int,
        old: list[Tensor] | None,
        seen: list[Seen],
    ) -> dict[str, float]:
        tokens = sum(len(one.answer) for one in part)
        whole = float(len(part) if self._loss.mean == "sequence" else tokens)
        self.optimizer.zero_grad(set_to_none=True)
        found = {"loss": 0.0, "clipped": 0.0, "kl": 0.0}
        packs, own = self._packs(part)
        for number, batch in enumerate(packs):
            flat, entropy = self.policy(batch, self._loss.temperature)
            before = flat.detach() if old is None else old[number]
            made, share = self._batch(part, batch, flat, before)
            result = policy_loss(
                made,
                self._loss.mask,
                clip=self._loss.clip,
                mean=self._loss.mean,
                kl=self._loss.kl,
                of=whole,
            )
            if not bool(torch.isfinite(result.loss)):
                raise TrainingDiverged(step, "loss")
            mine = number < own
            scaled = result.loss * (self._world if mine else 0)  # ranks are averaged afterwards
            scaled.backward()
            if not mine:
                continue
            weight = share / max(1, tokens)
            found["loss"] += float(result.loss.detach())
            found["clipped"] += result.clipped * weight
            found["kl"] += result.kl * weight
            seen.append(self._seen(part, batch, made, entropy, result))
        norm = self._clipped_norm()
        if not math.isfinite(norm):
            self.optimizer.zero_grad(set_to_none=True)
            raise TrainingDiverged(step, "norm")
        self.optimizer.step()
        return {**found, "norm": norm}

    def _clipped_norm(self) -> float:
        found = nn.utils.clip_grad_norm_(
            [p for p in self.policy.parameters() if p.requires_grad], self._loss.grad
        )
        whole = found.full_tensor() if hasattr(found, "full_tensor") else found
        return float(whole)

    def _batch(
        self, part: Sequence[Sample], batch: Packed, flat: Tensor, before: Tensor
    ) -> tuple[TokenBatch, int]:
        current, valid = rows_of(flat, batch)
        known = [part[n] for n in batch.sequences]
        engine = torch.tensor([p for one in known for p in one.logp], device=flat.device)
        reference = None
        if self._reference is not None:
            with torch.no_grad():
                reference = rows_of(self._reference(batch, self._loss.temperature)[0], batch)[0]
        made = TokenBatch(
            current=current,
            old=rows_of(before, batch)[0],
            engine=rows_of(engine.float(), batch)[0],
            advantages=torch.tensor([one.advantage for one in known], device=flat.device),
            valid=valid,
            reference=reference,
        )
        return made, len(flat)

    def _seen(
        self,
        part: Sequence[Sample],
        batch: Packed,
        made: TokenBatch,
        entropy: Tensor,
        result: PolicyLoss,
    ) -> Seen:
        versions = torch.tensor([v for n in batch.sequences for v in part[n].versions])
        return Seen(
            made.old.cpu(),
            made.engine.cpu(),
            made.valid.cpu(),
            rows_of(versions, batch)[0],
            rows_of(entropy.cpu(), batch)[0],
            result.weights.kept.cpu(),
            result.weights.factor.cpu(),
        )

    def tensors(self) -> dict[str, Tensor]:
        """What engines load: the weights by their names in the model, LoRA merged."""
        module = self.policy.module
        merged = dict(sft_lora.merged(module))
        if merged:
            return merged
        return {name: p.detach() for name, p in module.named_parameters() if p.requires_grad}


def joined(seen: Sequence[Seen]) -> Seen:
    """One over the other, padded to the longest."""
    wide = max(one.valid.shape[1] for one in seen)

    def stacked(name: str) -> Tensor:
        parts = [getattr(one, name) for one in seen]
        return torch.cat([F.pad(t, (0, wide - t.shape[1])) for t in parts])

    return Seen(*(stacked(name) for name in Seen.__dataclass_fields__))
