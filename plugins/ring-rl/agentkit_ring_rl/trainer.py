"""`use = "ring"`: trains any model in this process by reinforcement, on rewards that parts give.

The model itself stays as it is: what is trained is a copy, and what comes out is a folder.

checkpoint/     weights, optimizer, state.json with the open rollouts: written anew now and then
steps.jsonl     a line a step: metrics, the gap report, and the ids of its examples
rollouts.jsonl  a line a rollout that was trained on: text, tokens, reward, weights versions
curve.png, card.md
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from agentkit.capabilities import (
    Checkpoint,
    Example,
    LanguageModel,
    Message,
    Outcome,
    Plan,
    Progress,
    Request,
    Reward,
    Tokens,
    Weights,
)
from agentkit.errors import DataError, Paused, Unsupported, UsageError
from agentkit.kit import Parts
from agentkit.models.files.loading import locate
from agentkit_ring_rl import sft_lora, sft_state
from agentkit_ring_rl.answers import answer_of, hash_of, line, load, same_training
from agentkit_ring_rl.batched import BatchedEngine
from agentkit_ring_rl.card import card, curves
from agentkit_ring_rl.controller import Controller, plain
from agentkit_ring_rl.engines import TokensEngine, tensors_of
from agentkit_ring_rl.exchange import InProcess
from agentkit_ring_rl.learner import Learner, Loss
from agentkit_ring_rl.plain import PlainEngine, ends_of, is_plain, policy_of
from agentkit_ring_rl.record import Lines
from agentkit_ring_rl.rollouts import Prompt, Rollout, RolloutEngine
from agentkit_ring_rl.scheduler import Budget, Scheduler, endless
from agentkit_ring_rl.served import ServedEngine, by_file, check_server
from agentkit_ring_rl.settings import APART, RingSettings
from agentkit_ring_rl.sft_data import end_token
from agentkit_ring_rl.shown import CURVES, Shown, shown
from agentkit_ring_rl.steps import Steps, opened


class Ring:
    """GRPO with IcePop and C3PO++ over one model of the kit."""

    def __init__(self, settings: RingSettings, parts: Parts) -> None:
        self.settings, self._parts = settings, parts
        self._start = parts.resolve(settings.start, "start") if settings.start else None

    @property
    def model(self) -> LanguageModel:
        model: LanguageModel = self._parts["model"]
        return model

    def plan(self) -> Plan:
        s, size = self.settings, max(1, self.model.info.parameters or 1)
        rollouts = s.steps * s.prompts * s.group
        tokens = rollouts * s.limit // 2
        copies = 2 if s.release or s.server else 3
        notes = (
            f"{rollouts:,} answers of at most {s.limit} tokens, {s.schedule}, {s.mask}",
            f"LoRA of rank {s.lora}" if s.lora else "",
        )
        # A token is drawn once (2 operations a weight) and trained on once (6).
        seconds = 1 + 8 * size * tokens / 2e10
        memory = (4 * copies + (12 if not s.lora else 1)) * size
        return Plan(s.steps, size, memory, seconds, tuple(n for n in notes if n))

    def train(
        self, data: Iterable[Example], out: Path, progress: Progress, resume: bool = False
    ) -> Checkpoint:
        """See `Trainer.train`. An example is {prompt, …} with what its reward needs; `weight`
        multiplies its reward (1)."""
        examples = list(data)
        self._check(examples)
        prompts = self._prompts(examples)
        if self.settings.server is not None:
            field = f"trainers.{self._parts.name}.server"
            check_server(field, self._parts["server"], prompts[0], self.settings.chat)
        about = {
            "kind": "ring",
            "model": self.model.info.fingerprint,
            "data": hash_of(prompts),
            "settings": self.settings.model_dump(mode="json", exclude=APART),
        }
        if self.settings.on == "ray":
            from agentkit_ring_rl.distributed import train_on_ray

            return train_on_ray(self, prompts, about, out, progress, resume)
        with self.model.ability(Weights).borrow("private") as module:
            module.float().train()
            self.begin(module)
            learner = self.learner(module)
            engine = self.engine(module, [one.data for one in examples])
            try:
                return self._run(learner, engine, module, prompts, about, out, progress, resume)
            finally:
                engine.close()

    def steps(
        self, out: Path, examples: Sequence[Example], resume: bool = False
    ) -> AbstractContextManager[Steps]:
        """A training that the caller puts together step by step: see `steps.opened`."""
        self._check(examples)
        return opened(self, out, examples, resume)

    # -- what it is made of -----------------------------------------------------------------------

    def _check(self, examples: Sequence[Example]) -> None:
        """Mistakes are named before any work starts."""
        if not examples:
            raise UsageError("there are no examples to train on", "name a file of JSON lines")
        names = set(self.settings.rewards)
        for one in examples:
            if not isinstance(one.data.get("prompt"), str) or not one.data["prompt"]:
                raise DataError(f"example {one.id!r} has no prompt", 'give {"id", "prompt", …}')
            chosen = one.data.get("reward")
            if len(names) > 1 and chosen not in names:
                raise DataError(
                    f"example {one.id!r} names the reward {chosen!r}",
                    f"with several rewards each example names one of {', '.join(sorted(names))}",
                )

    def _prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        s, tokens = self.settings, self.model.ability(Tokens)
        made = []
        for one in examples:
            asked = one.data["prompt"]
            ids = tokens.render(Request((Message.user(asked),))) if s.chat else tokens.encode(asked)
            if len(ids) + s.limit > (self.model.info.context or 1 << 40):
                raise DataError(
                    f"example {one.id!r}: {len(ids)} tokens of prompt and {s.limit} of answer do "
                    f"not fit a context of {self.model.info.context}",
                    "shorten the prompt, or lower limit",
                )
            made.append(Prompt(one.id, tuple(ids), s.limit, one.data))
        return made

    def begin(self, module: nn.Module) -> None:
        s = self.settings
        if self._start is not None:
            load(module, self._start)
        if s.lora and not sft_lora.attach(module, s.targets, s.lora, s.lora_alpha, s.seed):
            raise UsageError(f"no layer's name ends in {' or '.join(s.targets)}", "name others")

    def learner(self, module: nn.Module) -> Learner:
        s = self.settings
        reference = None
        if s.kl:
            import copy

            reference = policy_of(copy.deepcopy(module).requires_grad_(False).eval())
        optimizer = torch.optim.AdamW(
            [p for p in module.parameters() if p.requires_grad],
            lr=s.rate,
            betas=(0.9, 0.999),
            weight_decay=s.weight_decay,
        )
        return Learner(
            policy_of(module),
            self.loss(),
            optimizer,
            width=1 if is_plain(module) else s.width,
            rows=s.rows,
            updates=s.updates,
            reference=reference,
        )

    def loss(self) -> Loss:
        s = self.settings
        return Loss(s.gap_mask(), s.clip, s.mean, s.temperature, s.grad, s.kl)

    def engine(self, module: nn.Module, examples: Sequence[Mapping[str, Any]]) -> RolloutEngine:
        s = self.settings
        if s.engine == "tokens":
            if s.keep_kv:
                raise Unsupported("the exact engine reads resumed rollouts again", "no keep_kv")
            made: RolloutEngine = TokensEngine.copy_of(
                self.model,
                s.precision,
                slots=s.slots,
                temperature=s.temperature,
                tick=s.tick or 8,
            )
            return made
        if s.engine == "served":
            return ServedEngine(
                self._parts["server"], by_file(plain_of(module)), slots=s.slots, tick=s.tick or 64
            )
        tokens, weights = self.model.ability(Tokens), self.model.ability(Weights)

        def copied() -> nn.Module:
            with weights.borrow("private") as other:
                return other.float()

        if s.engine == "plain":
            return PlainEngine(
                copied,
                ends_of(tokens, examples),
                slots=s.slots,
                temperature=s.temperature,
                precision=s.precision,
            )
        return BatchedEngine(
            copied,
            (end_token(tokens),),
            slots=s.slots,
            temperature=s.temperature,
            precision=s.precision,
        )

    def folder(self) -> Path:
        """The model's folder, for workers that read it themselves.

        Raises:
            Unsupported: it has none.
        """
        values = self._parts.kit.values("model", self.settings.model)
        if values.use != "transformers":
            raise Unsupported(
                f"models.{self.settings.model} is no model folder that workers could read",
                "on ray, train a model with use = 'transformers'",
            )
        given = values.values["model"]
        return locate(str(given.value), given.base)

    def budget(self) -> Budget:
        s = self.settings
        tokens = s.budget or max(1, s.prompts * s.group * s.limit // 2)
        return Budget(
            tokens=tokens,
            group=s.group,
            retention=s.retention,
            counts=s.counts,
            groups=s.prompts if s.schedule == "synchronous" else 1,
            keep=s.keep_kv,
            whole=s.schedule == "synchronous",
        )

    # -- rewards ----------------------------------------------------------------------------------

    def rewards(self) -> dict[str, Reward]:
        parts = self._parts["rewards"]
        return dict(zip(self.settings.rewards, parts))

    def scorer(self) -> Any:
        """Rewards of rollouts, by threads: programs in a sandbox wait for processes."""
        from concurrent.futures import ThreadPoolExecutor

        known = self.rewards()
        only = next(iter(known)) if len(known) == 1 else ""

        def one(rollout: Rollout) -> float:
            text = answer_of(self.model, rollout)
            reward = known[only or rollout.prompt.data["reward"]]
            value = reward.score(Outcome(rollout.prompt.data, text)).value
            return float(value) * float(rollout.prompt.data.get("weight", 1.0))

        def scores(rollouts: Sequence[Rollout]) -> list[float]:
            with ThreadPoolExecutor(max_workers=4) as pool:
                return list(pool.map(one, rollouts))

        return scores

    def best(self) -> float:
        return max(reward.bounds[1] for reward in self.rewards().values())

    # -- the run ----------------------------------------------------------------------------------

    def _run(
        self,
        learner: Learner,
        engine: RolloutEngine,
        module: nn.Module,
        prompts: Sequence[Prompt],
        about: dict[str, Any],
        out: Path,
        progress: Progress,
        resume: bool,
    ) -> Checkpoint:
        s = self.settings
        scheduler = Scheduler(engine, endless(prompts, s.seed), self.budget(), seed=s.seed)
        state: dict[str, Any] = {"step": 0, "metrics": {}, **about}
        if resume:
            state = sft_state.restore(out, module, learner.optimizer)
            same_training(out, state, about)
            scheduler.restore(state["scheduler"])
        controller = Controller(
            scheduler,
            engine,
            learner,
            InProcess(),
            self.scorer(),
            spread=s.spread,
            best=self.best(),
            release=s.release,
            version=state["step"],
        )
        controller.publish()

        def keep(step: int, metrics: dict[str, float]) -> None:
            kept = {**about, "step": step, "metrics": metrics, "scheduler": scheduler.state()}
            trained = learner.tensors()
            final = {**plain_of(module), **trained} if s.lora else trained
            sft_state.save(out, module, learner.optimizer, kept, final)

        return self.loop(controller, state, keep, out, progress)

    def loop(
        self,
        controller: Controller,
        state: dict[str, Any],
        keep: Any,
        out: Path,
        progress: Progress,
    ) -> Checkpoint:
        """Steps until all are done; `keep(step, metrics)` writes a checkpoint."""
        s = self.settings
        if not s.shown:
            return self._loop(controller, state, keep, out, progress, None)
        task = f"{s.stage} of models.{s.model}: {s.mask}, {s.steps} steps"
        kit, name, resumed = self._parts.kit, self._parts.name, state["step"] > 0
        with shown(kit, name, task, out, resumed, progress.cancel) as run:
            return self._loop(controller, state, keep, out, progress, run)

    def _loop(
        self,
        controller: Controller,
        state: dict[str, Any],
        keep: Any,
        out: Path,
        progress: Progress,
        run: Shown | None,
    ) -> Checkpoint:
        s = self.settings
        step: int = state["step"]
        kept, metrics = step, dict(state["metrics"])
        record = sft_state.Steps(out, step)
        rollouts = Lines(out / "rollouts.jsonl", step)
        try:
            while step < s.steps:
                before = controller.scheduler.state()
                try:
                    if progress.cancel:
                        raise Paused
                    rate = s.rate * min(1.0, (step + 1) / max(1, s.warmup))
                    made = controller.step(step + 1, rate, progress.cancel)
                except Paused:
                    if step > kept:  # a phase that was cut short is drawn again, the same
                        controller.scheduler.restore(before)
                        keep(step, metrics)
                    raise
                first = {name: made.metrics[name] for name in CURVES}  # what people look for
                step, metrics = made.number, {**first, **made.metrics, "rate": rate}
                ids = list(dict.fromkeys(one.prompt.id for one in made.rollouts))
                for one, reward, advantage in zip(made.rollouts, made.rewards, made.advantages):
                    rollouts.add(line(step, self.model, one, reward, advantage))
                rollouts.flush()
                record.add(step, {**metrics, "gaps": plain(made)}, ids)  # type: ignore[dict-item]
                progress.examples(step, ids)
                if step % s.keep == 0 or step == s.steps:
                    keep(step, metrics)
                    kept = step
                progress.update(step, s.steps, metrics)
                if run is not None:
                    run.step(step, metrics)
        finally:
            record.close()
            rollouts.close()
        curves(out)
        card(out, self.model.info.name, s, state, metrics)
        return Checkpoint(out, step, {k: v for k, v in metrics.items() if math.isfinite(v)})


def plain_of(module: nn.Module) -> dict[str, Tensor]:
    """A module's own parameters by name, without those of LoRA and what it stands for."""
    known = tensors_of(module)
    return {n: t for n, t in known.items() if "lora_" not in n and ".base." not in n}
