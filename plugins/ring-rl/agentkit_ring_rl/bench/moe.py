"""A policy with experts, and an engine that routes some tokens to others than the trainer does: the
paper names that as a source of its gap, as a router's choice is a step, so that a small difference
in its logits can change a whole layer.

The kit's engines read models without experts, so a training here is put together from the parts
that `use = "ring"` is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agentkit.bench import Bench
from agentkit.seeds import derive
from agentkit_ring_rl.batched import BatchedEngine
from agentkit_ring_rl.bench import runs
from agentkit_ring_rl.bench.bed import END, examples, experts, greedy, right
from agentkit_ring_rl.cluster import load_module
from agentkit_ring_rl.controller import Controller, plain
from agentkit_ring_rl.exchange import InProcess
from agentkit_ring_rl.learner import Learner, Loss, Policy
from agentkit_ring_rl.rollouts import Prompt, Rollout
from agentkit_ring_rl.scheduler import Budget, Scheduler, endless
from agentkit_ring_rl.settings import RingSettings

ROUTER = "router-"  # an engine's name: router-0.1 has noise of that size


def noisy(module: Any, scale: float, seed: int) -> Any:
    """The module with normal noise on its routers' logits, of `scale` (their own spread is some
    1.5): tokens near a border go to other experts, and each expert weighs a little more or less."""
    noise = torch.Generator().manual_seed(derive(seed, "router") % (1 << 62))

    def moved(router: Any, _: Any, out: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        logits = out[0] + scale * torch.randn(out[0].shape, generator=noise)
        weights, chosen = logits.softmax(-1).topk(router.top_k, dim=-1)
        return logits, weights / weights.sum(-1, keepdim=True), chosen

    for layer in module.model.layers:
        layer.mlp.gate.register_forward_hook(moved)
    return module


def trained(bench: Bench, tasks: Sequence[str], seed: int, engine: str, **given: Any) -> runs.Run:
    """As `runs.trained`, for the policy with experts. engine: "router-0.1", or a precision."""
    folder = runs.policy(bench, tasks, seed, made=experts)
    settings = {**runs.SHARED, "seed": seed, **given}
    if not engine.startswith(ROUTER):
        settings["precision"] = engine
    key = f"experts {engine} {seed} {tasks} {sorted(settings.items())}"
    return bench.once(key, partial(_train, bench, tasks, folder, engine, settings))


def _train(
    bench: Bench, tasks: Sequence[str], folder: Path, engine: str, settings: dict[str, Any]
) -> runs.Run:
    s = RingSettings(**settings)
    data = [one for task in tasks for one in examples(task, 400, s.seed)]
    prompts = [
        Prompt(one.id, tuple(one.data["prompt"].encode()), s.limit, one.data) for one in data
    ]
    module = load_module(folder).train()
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=s.rate, betas=(0.9, 0.999), weight_decay=s.weight_decay
    )
    loss = Loss(s.gap_mask(), s.clip, s.mean, s.temperature, s.grad)
    learner = Learner(Policy(module), loss, optimizer, width=s.width, rows=s.rows)

    def drawing() -> Any:
        other = load_module(folder)
        routed = engine.startswith(ROUTER)
        return noisy(other, float(engine[len(ROUTER) :]), s.seed) if routed else other

    drawn = BatchedEngine(drawing, (END,), slots=s.slots, precision=s.precision)
    budget = Budget(1, group=s.group, groups=s.prompts, whole=True)
    scheduler = Scheduler(drawn, endless(prompts, s.seed), budget, seed=s.seed)
    controller = Controller(scheduler, drawn, learner, InProcess(), scores, spread=s.spread)
    controller.publish()
    made = [controller.step(n + 1, s.rate, bench.progress.cancel) for n in range(s.steps)]
    drawn.close()
    found: runs.Run = {name: [one.metrics[name] for one in made] for name in runs.SERIES}
    found["would_mask"] = [plain(one)["would_mask"] for one in made]
    for when, policy in (("before", load_module(folder)), ("after", module)):
        for task in tasks:
            held = examples(task, 200, s.seed, "held")
            found[f"{task} {when}"] = right(policy, held)
            found[f"{task} greedy {when}"] = greedy(policy, held)
    return found


def scores(rollouts: Sequence[Rollout]) -> list[float]:
    """1 for the very answer."""
    return [
        float(one.end == "stop" and bytes(t for t in one.ids[:-1] if t < 256).decode("latin-1")
              == one.prompt.data["answer"])
        for one in rollouts
    ]  # fmt: skip
