"""`use = "sft"`: supervised fine-tuning, the first stage of training by reinforcement.

It trains any model whose weights are in this process, on examples `{id, prompt, answer}`. The model
itself stays as it is: what is trained is a copy, and what comes out is a folder.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from agentkit.capabilities import (
    Checkpoint,
    Example,
    LanguageModel,
    Plan,
    Progress,
    Tokens,
    TrainingDiverged,
    Weights,
)
from agentkit.errors import DataError, Paused, UsageError
from agentkit.kit import Parts
from agentkit.settings import PartSettings
from agentkit_ring_rl import sft_lora, sft_state
from agentkit_ring_rl.sft_data import Batch, Lesson, batches, collate, split, taught

MOST_HELD = 256  # held-out examples that are measured


class SftSettings(PartSettings):
    """Attributes:
    model: which to train. steps: of the optimizer. batch: examples a step.
    rate: of learning, at its highest; it rises over the share `warmup` of the steps, and falls to
        nothing over the share `cooldown` at the end, by a line or a cosine.
    prompt_weight: of the loss of predicting the prompt; that of the answer is 1.
    chat: whether a prompt goes through the chat template.
    longest: tokens; longer examples are left out.
    lora: rank of LoRA; 0 trains all weights. targets: ends of the names of its layers.
    held_out: share of the examples that is measured and never trained on.
    keep: steps between two checkpoints. seed: of the order, and of LoRA's beginning.
    start: a model.safetensors to begin with instead of the model's own weights.
    """

    model: str = "small"
    steps: int = Field(default=1000, ge=1)
    batch: int = Field(default=32, ge=1)
    rate: float = Field(default=1e-3, gt=0)
    warmup: float = Field(default=0.05, ge=0, le=1)
    cooldown: float = Field(default=0.5, ge=0, le=1)
    decay: Literal["linear", "cosine"] = "linear"
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    prompt_weight: float = Field(default=0.0, ge=0)
    chat: bool = True
    longest: int = Field(default=1024, ge=2)
    lora: int = Field(default=0, ge=0)
    lora_alpha: float = Field(default=16.0, gt=0)
    targets: tuple[str, ...] = ("q_proj", "v_proj", "o_proj", "up_proj", "down_proj")
    held_out: float = Field(default=0.02, ge=0, lt=1)
    keep: int = Field(default=200, ge=1)
    seed: int = 0
    start: Path | None = None


class Sft:
    """AdamW on the negative log-likelihood of the answers."""

    def __init__(self, settings: SftSettings, parts: Parts) -> None:
        self._settings, self._parts = settings, parts
        self._start = parts.resolve(settings.start, "start") if settings.start else None

    @property
    def _model(self) -> LanguageModel:
        model: LanguageModel = self._parts["model"]
        return model

    def plan(self) -> Plan:
        s, size = self._settings, max(1, self._model.info.parameters or 1)
        tokens = s.steps * s.batch * min(s.longest, 200)
        notes = (f"{s.steps * s.batch:,} examples seen", f"LoRA of rank {s.lora}" if s.lora else "")
        # Six operations a weight and token (forward 2, backward 4), at what one core does.
        return Plan(
            s.steps, size, 16 * size, 1 + 6 * size * tokens / 2e10, tuple(n for n in notes if n)
        )

    def train(
        self, data: Iterable[Example], out: Path, progress: Progress, resume: bool = False
    ) -> Checkpoint:
        s = self._settings
        tokens = self._model.ability(Tokens)
        weights = self._model.ability(Weights)
        known = taught(data, tokens, chat=s.chat, longest=s.longest)
        train, held = split(known, s.held_out, s.seed)
        with weights.borrow("private") as module:
            module.float().train()
            if hasattr(module, "set_attn_implementation"):
                module.set_attn_implementation("sdpa")  # kits load models with the exact, slow one
            self._begin(module)
            optimizer = torch.optim.AdamW(
                [p for p in module.parameters() if p.requires_grad],
                lr=s.rate,
                betas=(0.9, 0.98),
                weight_decay=s.weight_decay,
            )
            about = {"data": known.hash, "settings": s.model_dump(mode="json", exclude={"keep"})}
            counts = {"lessons": len(train), "held_out": len(held), "unsayable": known.unsayable,
                      "long": known.long}  # fmt: skip
            state: dict[str, Any] = {"step": 0, "measured": [], **about, "counts": counts}
            if resume:
                state = sft_state.restore(out, module, optimizer)
                _same(out, state, about)
            return self._run(module, optimizer, train, held, state, out, progress)

    def _run(
        self,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        train: Sequence[Lesson],
        held: Sequence[Lesson],
        state: dict[str, Any],
        out: Path,
        progress: Progress,
    ) -> Checkpoint:
        s = self._settings
        step: int = state["step"]
        made = batches(train, s.batch, s.seed)
        for _ in range(step):
            next(made)
        record: sft_state.Steps | None = None
        metrics: dict[str, float] = dict(state.get("metrics", {}))
        kept = step
        try:
            while step < s.steps:
                if progress.cancel:
                    if step > kept:
                        self._keep(out, module, optimizer, {**state, "step": step}, metrics)
                    raise Paused
                lessons = next(made)
                rate = s.rate * schedule(step, s.steps, s.warmup, s.cooldown, s.decay)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                step += 1
                found = self._step(module, optimizer, lessons, step)
                metrics = {**metrics, **found, "rate": rate}
                record = record or sft_state.Steps(out, step - 1)
                record.add(step, {**found, "rate": rate}, [one.id for one in lessons])
                progress.examples(step, [one.id for one in lessons])
                if step % s.keep == 0 or step == s.steps:
                    if held:
                        metrics |= measure(module, held[:MOST_HELD], s.batch)
                        state["measured"].append([step, metrics["held_out_loss"]])
                    self._keep(out, module, optimizer, {**state, "step": step}, metrics)
                    kept = step
                progress.update(step, s.steps, metrics)
        finally:
            if record is not None:
                record.close()
        sft_state.plot(out, [(a, b) for a, b in state["measured"]])
        return Checkpoint(out, step, metrics)

    def _step(
        self,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        lessons: Sequence[Lesson],
        step: int,
    ) -> dict[str, float]:
        """One step; `loss` is the mean over the answers' tokens, `norm` that of the gradient.

        Raises:
            TrainingDiverged: the loss or the gradient is no number; the weights are as before.
        """
        s = self._settings
        batch = collate(lessons, s.prompt_weight, next(module.parameters()).device)
        losses, weights, answers = token_losses(module, batch)
        loss = (losses * weights).sum() / weights.sum().clamp(min=1e-9)
        if not torch.isfinite(loss):
            raise TrainingDiverged(step, "loss")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(module.parameters(), s.clip))
        if not math.isfinite(norm):
            raise TrainingDiverged(step, "norm")
        optimizer.step()
        return {"loss": float(losses.detach()[answers].mean()), "norm": norm}

    def _begin(self, module: nn.Module) -> None:
        """Other weights to start with, and LoRA."""
        s = self._settings
        if self._start is not None:
            from safetensors import SafetensorError
            from safetensors.torch import load_file

            try:
                given = load_file(str(self._start))
            except (OSError, ValueError, SafetensorError) as error:
                raise DataError(f"{self._start}: cannot be read: {error}", "") from error
            own = dict(module.named_parameters())
            if strange := [n for n, t in given.items() if n not in own or own[n].shape != t.shape]:
                raise DataError(f"{self._start} is of another model: {strange[0]}", "")
            with torch.no_grad():
                for name, tensor in given.items():
                    own[name].copy_(tensor)
        if s.lora and not sft_lora.attach(module, s.targets, s.lora, s.lora_alpha, s.seed):
            raise UsageError(f"no layer's name ends in {' or '.join(s.targets)}", "name others")

    def _keep(
        self,
        out: Path,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        state: dict[str, Any],
        metrics: dict[str, float],
    ) -> None:
        final = dict(sft_lora.merged(module)) if self._settings.lora else sft_state.tensors(module)
        sft_state.save(out, module, optimizer, {**state, "metrics": metrics}, final)


def schedule(step: int, steps: int, warmup: float, cooldown: float, decay: str) -> float:
    """The share of the highest rate at a step, counted from 0."""
    rise, fall = warmup * steps, cooldown * steps
    share = min(1.0, (step + 1) / rise) if rise >= 1 else 1.0
    left = (steps - step) / fall if fall >= 1 else 1.0
    if left < 1:
        share *= left if decay == "linear" else 0.5 - 0.5 * math.cos(math.pi * left)
    return share


def token_losses(module: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """(N,) of the tokens that have a weight: nats from those before it, the weight, and whether it
    is of an answer."""
    wanted = batch.weights[:, 1:] != 0
    logits = module(input_ids=batch.ids).logits[:, :-1][wanted]
    losses = F.cross_entropy(logits.float(), batch.ids[:, 1:][wanted], reduction="none")
    return losses, batch.weights[:, 1:][wanted], batch.answers[:, 1:][wanted]


@torch.no_grad()  # type: ignore[untyped-decorator]
def measure(module: nn.Module, lessons: Sequence[Lesson], size: int) -> dict[str, float]:
    """held_out_loss: of an answer's token. held_out_right: share of answers whose every token is
    the likeliest."""
    module.eval()
    loss = count = right = 0.0
    for start in range(0, len(lessons), size):
        batch = collate(lessons[start : start + size], 0.0, next(module.parameters()).device)
        answers = batch.answers[:, 1:]
        logits = module(input_ids=batch.ids).logits[:, :-1][answers].float()
        targets = batch.ids[:, 1:][answers]
        loss += float(F.cross_entropy(logits, targets, reduction="sum"))
        count += len(targets)
        same = torch.ones_like(answers).masked_scatter(answers, logits.argmax(-1) == targets)
        right += float(same.all(1).sum())
    module.train()
    return {"held_out_loss": loss / count, "held_out_right": right / len(lessons)}


def _same(out: Path, state: dict[str, Any], about: dict[str, Any]) -> None:
    """A training goes on only with the data and settings that it began with."""
    for name, what in (("data", "other data"), ("settings", "other settings")):
        if state.get(name) != about[name]:
            raise UsageError(f"{out} was begun with {what}", "use those, or another --out")
