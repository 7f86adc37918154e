"""One trainer for both variants: the loss (equation 5), the schedule, and going on after a stop."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from agentkit.capabilities import Progress
from agentkit.capabilities.trainer import TrainingDiverged
from agentkit.errors import Cancelled, DataError
from agentkit.files import folder_atomic
from agentkit.seeds import derive
from agentkit_lookahead import backbones, labels, logged
from agentkit_lookahead.masking import rates
from agentkit_lookahead.rows import Table
from agentkit_lookahead.settings import TrainSettings

SAVE_EVERY = 200  # steps


@dataclass(frozen=True)
class Lesson:
    """Training rows as numbers. prompts: ids. answers: ids for each candidate; empty where aux
    is 0. targets, weights: (n, K)."""

    ids: list[str]
    prompts: list[list[int]]
    answers: list[list[list[int]]]
    targets: np.ndarray
    weights: np.ndarray


def lesson(
    settings: TrainSettings, table: Table, words: Any, bounds: tuple[float, float]
) -> Lesson:
    """Raises DataError where the table does not hold what `feedback` needs, or nothing to learn."""
    table.informative()
    if settings.feedback == "full":
        goals, weights = labels.targets(table.scores, settings.threshold, settings.equal, bounds)
        if not weights.any():
            raise DataError(
                "on every query all candidates score the same",
                "collect queries on which they differ, or use equal = 'absolute'",
            )
    elif settings.feedback == "ips":
        goals, weights = logged.ips(table, bounds)
    else:
        goals, weights = logged.dr(table, bounds, settings.seed)
    kept = [n for n in range(len(table.rows)) if weights[n].any()]
    seen = settings.weight > 0
    return Lesson(
        [table.rows[n].id for n in kept],
        [words.prompt(table.rows[n].text, settings.prompt) for n in kept],
        [[words.response(r, settings.block) for r in table.responses(n)] for n in kept]
        if seen
        else [],
        goals[kept],
        weights[kept],
    )


def steps_of(settings: TrainSettings, rows: int) -> int:
    """Steps of a training on so many rows."""
    return max(settings.epochs * math.ceil(rows / settings.batch), settings.steps, 1)


def batch_of(settings: TrainSettings, rows: int, step: int) -> list[int]:
    """Rows of a step: a new order every epoch, by (seed, epoch) alone."""
    each = math.ceil(rows / settings.batch)
    epoch, place = divmod(step, each)
    order = np.random.default_rng(derive(settings.seed, "order", epoch)).permutation(rows)
    found: list[int] = order[place * settings.batch : (place + 1) * settings.batch].tolist()
    return found


def train(
    settings: TrainSettings,
    router: backbones.Router,
    work: Lesson,
    progress: Progress,
    state: Path | None = None,
    *,
    resume: bool = False,
    open_answers: bool = False,
) -> dict[str, float]:
    """Trains the router in place, and returns the last losses.

    Args:
        state: a folder to go on from; written when told to stop, and now and then.
        open_answers: show all answers and foresee none: the upper bound of section 4.

    Raises:
        Cancelled: somebody asked to stop; `state` holds how far it was.
        TrainingDiverged: a loss is not finite.
    """
    total = steps_of(settings, len(work.prompts))
    optimizer = torch.optim.AdamW(router.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    begin, losses = 0, {}
    if resume and state is not None and (state / "state.json").exists():
        begin = _restore(state, router, optimizer, schedule, work)
    router.train()
    for step in range(begin, total):
        if progress.cancel:
            if state is not None:
                _save(state, router, optimizer, schedule, step, work)
            raise Cancelled
        rows = batch_of(settings, len(work.prompts), step)
        masked = rates(
            settings.schedule, step, total, len(rows), settings.start, settings.warm, settings.seed
        )
        with _chance(derive(settings.seed, "step", step)):
            losses = _step(
                settings, router, work, rows, [0.0] * len(rows) if open_answers else masked
            )
            if open_answers:
                losses = {**losses, "loss": losses["routing"]}
        loss = losses["loss"]
        if not torch.isfinite(loss):
            raise TrainingDiverged(step + 1, "loss")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(router.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress.examples(step + 1, [work.ids[n] for n in rows])
        progress.update(step + 1, total, {k: float(v.detach()) for k, v in losses.items()})
        if state is not None and (step + 1) % SAVE_EVERY == 0:
            _save(state, router, optimizer, schedule, step + 1, work)
    router.eval()
    return {name: float(value.detach()) for name, value in losses.items()}


def _step(
    settings: TrainSettings,
    router: backbones.Router,
    work: Lesson,
    rows: list[int],
    masked: list[float],
) -> dict[str, torch.Tensor]:
    """L = mean of BCE(r_i, y_i) + lambda L_response."""
    answers = [work.answers[n] for n in rows] if work.answers else None
    logits, response = router([work.prompts[n] for n in rows], answers, masked)
    goals = torch.from_numpy(work.targets[rows]).to(logits.device)
    weights = torch.from_numpy(work.weights[rows]).to(logits.device)
    each = F.binary_cross_entropy_with_logits(logits.float(), goals, reduction="none")
    routing = (each * weights).sum() / weights.sum()
    return {
        "loss": routing + settings.weight * response,
        "routing": routing,
        "response": response,
    }


@contextmanager
def _chance(seed: int) -> Iterator[None]:
    """Dropout by the step's own seed, so that a resumed training drops the same."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _save(state: Path, router: Any, optimizer: Any, schedule: Any, step: int, work: Lesson) -> None:
    from safetensors.torch import save_file

    tensors = {f"router.{k}": v.contiguous() for k, v in _own(router).items()}
    for number, one in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{k}": v for k, v in one.items()}
    about = {"step": step, "rows": len(work.ids), "schedule": schedule.state_dict()}
    with folder_atomic(state) as folder:
        save_file(tensors, folder / "state.tensors")
        (folder / "state.json").write_text(json.dumps(about))


def _restore(state: Path, router: Any, optimizer: Any, schedule: Any, work: Lesson) -> int:
    from safetensors.torch import load_file

    about = json.loads((state / "state.json").read_text())
    if about["rows"] != len(work.ids):
        raise DataError(
            f"{state}: was trained on {about['rows']} rows, and there are {len(work.ids)} now",
            "go on with the same rows, or begin anew",
        )
    tensors = load_file(state / "state.tensors")
    router.load_state_dict(
        {k.removeprefix("router."): v for k, v in tensors.items() if k.startswith("router.")},
        strict=False,
    )
    kept: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, number, name = key.split(".")
            kept.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    schedule.load_state_dict(about["schedule"])
    for group in groups:
        group["lr"] = schedule.get_last_lr()[0]
    optimizer.load_state_dict({"state": kept, "param_groups": groups})
    return int(about["step"])


def _own(router: Any) -> dict[str, torch.Tensor]:
    """Tensors by name, those that are shared only once."""
    seen: set[int] = set()
    found = {}
    for name, tensor in router.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            found[name] = tensor
    return found
