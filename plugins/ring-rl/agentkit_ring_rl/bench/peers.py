"""`agentkit bench rl-trl`: our trainer beside TRL's GRPOTrainer, in turns, in one run.

The same model folder, prompts, group, batch, length, learning rate and loss (GRPO: TRL corrects for
engines only where vLLM draws). Each side's first steps are warm-up and not counted.
"""

from __future__ import annotations

import contextlib
import io
import time
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit.errors import ConfigError
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.bench.bed import examples
from agentkit_ring_rl.bench.runs import number, policy, smooth
from agentkit_ring_rl.export import export
from agentkit_ring_rl.rewards import same
from agentkit_ring_rl.settings import RingSettings

TASK, WARM = "ordered", 3  # steps of warm-up
SETTINGS: dict[str, Any] = {
    "mask": "none",
    "schedule": "synchronous",
    "rate": 3e-4,
    "prompts": 16,
    "group": 8,
    "limit": 8,
    "engine": "batched",
    "slots": 128,
    "weight_decay": 0.0,
    "keep": 10_000,
    "shown": False,
}


def trl_options(settings: RingSettings) -> dict[str, Any]:
    """TRL's configuration: our exporter's options, and what makes both do the same work."""
    return {
        **export(settings, "trl"),
        "per_device_train_batch_size": settings.prompts * settings.group,
        "gradient_accumulation_steps": 1,
        "num_iterations": 1,
        "max_grad_norm": settings.grad,
        "weight_decay": 0.0,
        "lr_scheduler_type": "constant",
        "adam_beta2": 0.999,
        "max_steps": settings.steps,
        "scale_rewards": "group",
        "bf16": False,
        "use_cpu": True,
        "report_to": "none",
        "logging_steps": 1,
        "save_strategy": "no",
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
    }


def ours(bench: Bench, folder: Path, seed: int, steps: int) -> dict[str, Any]:
    """Rewards and tokens by step, seconds since the start by step."""
    count = len(bench.kit.names("trainer"))
    base, name = f"bench-trl-policy-{count}", f"bench-trl-ring-{count}"
    bench.kit.define("model", base, use="transformers", model=str(folder), dtype="fp32", threads=1)
    bench.kit.define("trainer", name, use="ring", model=base, steps=steps, seed=seed, **SETTINGS)
    times: list[float] = []

    class Clocked(Recorder):
        def update(self, step: int, total: int, metrics: Any = None) -> None:
            super().update(step, total, metrics)
            times.append(time.perf_counter())

    progress = Clocked()
    trainer, data = bench.kit.part("trainer", name), examples(TASK, 400, seed)
    begun = time.perf_counter()
    trainer.train(data, bench.out / name, progress)
    rewards = [metrics["reward"] for _, metrics in progress.updates]
    size = SETTINGS["prompts"] * SETTINGS["group"]
    tokens = [metrics["length"] * size for _, metrics in progress.updates]
    return {"rewards": rewards, "tokens": tokens, "times": [t - begun for t in times]}


def theirs(bench: Bench, folder: Path, seed: int, steps: int) -> dict[str, Any]:
    """The same by TRL, with its own sampling, batching and logging."""
    try:
        from datasets import Dataset
        from transformers import AutoTokenizer, TrainerCallback
        from trl import GRPOConfig, GRPOTrainer
    except ImportError as error:
        raise ConfigError(
            f"this experiment needs the package trl: {error}",
            "python -m pip install 'agentkit-ring-rl[bench]'",
        ) from error
    known = {one.data["prompt"]: one.data["answer"] for one in examples(TASK, 400, seed)}
    rewards: list[float] = []
    lengths: list[float] = []
    times: list[float] = []

    def score(prompts: list[str], completions: list[str], **rest: Any) -> list[float]:
        made = [float(same(c.strip(), known[p])) for p, c in zip(prompts, completions)]
        rewards.append(sum(made) / len(made))
        lengths.append(float(sum(len(ids) for ids in rest["completion_ids"])))
        return made

    class Clocked(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *args: Any, **rest: Any) -> None:
            times.append(time.perf_counter())

    settings = RingSettings(steps=steps, **SETTINGS)
    tokenizer = AutoTokenizer.from_pretrained(str(folder), padding_side="left")
    with contextlib.redirect_stdout(io.StringIO()):
        config = GRPOConfig(
            output_dir=str(bench.out / "trl"),
            seed=seed,
            model_init_kwargs={"dtype": "float32"},
            **trl_options(settings),
        )
        trainer = GRPOTrainer(
            model=str(folder),
            reward_funcs=score,
            args=config,
            train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in known]),
            processing_class=tokenizer,
            callbacks=[Clocked()],
        )
        begun = time.perf_counter()
        trainer.train()
    return {"rewards": rewards, "tokens": lengths, "times": [t - begun for t in times]}


def rl_trl(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    steps = number(bench, "steps", 8 if quick else 80)
    seeds = bench.seeds[:1] if quick else bench.seeds
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], "TRL": []}
    for done, seed in enumerate(seeds):
        bench.progress.update(done, len(seeds))
        folder = policy(bench, [TASK], seed)
        pairs = [("ours", ours), ("TRL", theirs)]
        for name, work in pairs if seed % 2 else pairs[::-1]:
            made = bench.once(f"{name} {seed} {steps}", partial(work, bench, folder, seed, steps))
            runs[name].append(made)
    known = {name: figures(made) for name, made in runs.items()}
    ratio = interval(
        [speed(a) / speed(b) for a, b in zip(runs["ours"], runs["TRL"])], center="mean"
    )
    gap = interval([end(a) - end(b) for a, b in zip(runs["ours"], runs["TRL"])], center="mean")
    metrics = {
        **known["ours"],
        "tokens a second, ours to TRL's": ratio,
        "reward at the end, ours less TRL's": gap,
    }
    rows = [(name, *(round(m.value, 3) for m in found.values())) for name, found in known.items()]
    return Result(
        metrics,
        f"Tokens drawn and trained on a second, ours to TRL's: {ratio.value:.2f}"
        + (f" ({ratio.low:.2f} to {ratio.high:.2f})" if ratio.low is not None else "")
        + f"; reward at the end {known['ours']['reward at the end'].value:.2f} beside "
        f"{known['TRL']['reward at the end'].value:.2f}. The goal is a lower end of 0.97 at the "
        "same or a better reward. A policy this small measures what the trainers add around the "
        "model; TRL's own strengths (vLLM, DeepSpeed, large models) are not in it.",
        baselines={"TRL": known["TRL"]},
        tables=[Table("Side by side", ("trainer", *known["ours"]), tuple(rows))],
        figures=[Figure("Reward by seconds", partial(_plot, runs))],
    )


def speed(run: dict[str, Any]) -> float:
    """Tokens a second after warm-up."""
    seconds = run["times"][-1] - run["times"][WARM - 1]
    return float(sum(run["tokens"][WARM : len(run["times"])]) / seconds)


def end(run: dict[str, Any]) -> float:
    last = run["rewards"][-max(1, len(run["rewards"]) // 10) :]
    return float(sum(last) / len(last))


def figures(runs: list[dict[str, Any]]) -> dict[str, Metric]:
    return {
        "tokens a second": interval([speed(r) for r in runs], "1/s", center="mean"),
        "seconds a step": interval(
            [(r["times"][-1] - r["times"][WARM - 1]) / (len(r["times"]) - WARM) for r in runs],
            "s",
            center="mean",
        ),
        "reward at the end": interval([end(r) for r in runs], center="mean"),
    }


def _plot(runs: dict[str, list[dict[str, Any]]], axes: Any) -> None:
    for number_, (name, made) in enumerate(runs.items()):
        for place, run in enumerate(made):
            count = min(len(run["times"]), len(run["rewards"]))
            axes.plot(
                run["times"][:count],
                smooth(run["rewards"][:count]),
                color=f"C{number_}",
                lw=0.9,
                label=None if place else name,
            )
    axes.set_xlabel("seconds")
    axes.set_ylabel("reward (mean of 5 steps)")
    axes.legend(fontsize="x-small")


RL_TRL = Experiment(
    name="rl-trl",
    question="Is our trainer as quick as TRL's, on the same model, task and batch?",
    run=rl_trl,
    claim="the paper compares with no public trainer",
    seeds=(0, 1, 2, 3, 4),
    needs={"quick": Needs(hours=0.03), "normal": Needs(hours=0.5)},
    options={"steps": "of each training"},
)
