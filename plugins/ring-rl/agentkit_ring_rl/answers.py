"""What a training by reinforcement writes down of its answers, and how it knows itself again."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from agentkit.capabilities import LanguageModel, Tokens
from agentkit.errors import DataError, UsageError
from agentkit_ring_rl.plain import said
from agentkit_ring_rl.record import read
from agentkit_ring_rl.rollouts import Prompt, Rollout
from agentkit_ring_rl.sft_data import Lessons


def answer_of(model: LanguageModel, rollout: Rollout) -> str:
    """The text of an answer without its end token; of a model whose words are its own, what it
    means."""
    tokens = model.ability(Tokens)
    if isinstance(tokens, Lessons):
        return said(model, str(rollout.prompt.data["prompt"]), rollout.ids)
    ids = rollout.ids[:-1] if rollout.end == "stop" else rollout.ids
    return tokens.decode(ids) if ids else ""


def same_training(out: Path, state: dict[str, Any], about: dict[str, Any]) -> None:
    """A training goes on only with the model, data and settings that it began with.

    Raises:
        DataError: the checkpoint is of another model, or of no training by reinforcement.
        UsageError: other data or settings.
    """
    if state.get("kind") != "ring" or state.get("model") != about["model"]:
        raise DataError(
            f"{out} holds a checkpoint of another model or trainer", "name another --out"
        )
    for name, what in (("data", "other data"), ("settings", "other settings")):
        if state.get(name) != about[name]:
            raise UsageError(f"{out} was begun with {what}", "use those, or another --out")


def line(
    step: int, model: LanguageModel, one: Rollout, reward: float, advantage: float
) -> dict[str, Any]:
    return {
        "step": step,
        "example": one.prompt.id,
        "group": one.group,
        "member": one.member,
        "prompt": one.prompt.data["prompt"],
        "text": answer_of(model, one),
        "ids": one.ids,
        "logp": [round(p, 5) for p in one.logp],
        "versions": one.versions,
        "end": one.end,
        "retention": one.retention,
        "reward": reward if math.isfinite(reward) else None,
        "advantage": round(advantage, 5),
    }


def load(module: nn.Module, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        given = load_file(str(path))
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be read: {error}", "name a model.safetensors") from error
    own = dict(module.named_parameters())
    strange = [n for n, t in given.items() if n not in own or own[n].shape != t.shape]
    if strange:
        raise DataError(f"{path} is of another model: {strange[0]}", "")
    with torch.no_grad():
        for name, tensor in given.items():
            own[name].copy_(tensor)


def hash_of(prompts: Sequence[Prompt]) -> str:
    digest = hashlib.sha256()
    for one in prompts:
        digest.update(json.dumps([one.id, one.ids, dict(one.data)], default=str).encode())
    return digest.hexdigest()


def reinforced(out: Path) -> list[dict[str, Any]]:
    """Of each example of a training the answer that it learned most to give, {id, prompt, answer,
    reward}: the one with the largest sum of advantages over all steps. Examples whose answers had
    none, or an empty text, are left out.

    Raises:
        DataError: the folder holds no answers of a training.
    """
    sums: dict[tuple[str, str], float] = {}
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for one in read(out / "rollouts.jsonl"):
        key = one["example"], one["text"]
        sums[key] = sums.get(key, 0.0) + one["advantage"]
        known[key] = one
    if not known:
        raise DataError(f"{out} holds no answers of a training", "name its --out")
    best: dict[str, tuple[str, str]] = {}
    for key, value in sums.items():
        other = best.get(key[0])
        if value > 0 and key[1].strip() and (other is None or value > sums[other]):
            best[key[0]] = key
    return [
        {"id": id, "prompt": one["prompt"], "answer": one["text"], "reward": one["reward"]}
        for id, one in ((id, known[key]) for id, key in best.items())
    ]
