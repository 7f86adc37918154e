"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.trainer(
        "ring",
        "agentkit_ring_rl.trainer:Ring",
        settings="agentkit_ring_rl.settings:RingSettings",
        needs={"model": "tokens+weights", "server": "continuations", "rewards": "reward"},
        summary="reinforcement learning of a model in this process: IcePop, C3PO++",
    )
    registry.default_part("trainer", "ring", use="ring")
    registry.trainer(
        "sft",
        "agentkit_ring_rl.sft:Sft",
        settings="agentkit_ring_rl.sft:SftSettings",
        needs={"model": "tokens+weights"},
        summary="supervised fine-tuning of a model in this process, whole or by LoRA",
    )
    registry.default_part("trainer", "sft", use="sft")
    for name, use, target, settings, summary in (
        ("answer", "exact-answer", "ExactAnswer", "NoSettings", "1 for the right answer"),
        ("puzzle", "puzzles", "Puzzles", "NoSettings", "the verdict of a puzzle's own verifier"),
        ("rules", "rules", "Rules", "NoSettings", "the share of a task's rules that are kept"),
        ("programs", "programs", "Programs", "ProgramSettings", "programs that pass their tests"),
    ):
        registry.reward(
            use,
            f"agentkit_ring_rl.rewards:{target}",
            settings=f"agentkit_ring_rl.rewards:{settings}",
            needs={"sandbox": "sandbox"} if use == "programs" else {},
            summary=summary,
        )
        registry.default_part("reward", name, use=use)
    for name, target, summary in (
        ("rl", "demo:RL", "the reward rises, on two tasks, with five losses"),
        ("rl-mismatch", "mismatch:RL_MISMATCH", "engines that are not the trainer, five losses"),
        ("rl-c3po", "c3po:RL_C3PO", "phases that end by a budget of tokens: speed and bias"),
        ("rl-weights", "weights:RL_WEIGHTS", "handing weights over, giving memory back"),
        ("rl-sandbox", "sandboxed:RL_SANDBOX", "how soon and how many programs run apart"),
        ("rl-trl", "peers:RL_TRL", "beside TRL's GRPOTrainer, in one run"),
        ("rl-stages", "stages:RL_STAGES", "one recipe through all three stages"),
        ("rl-power", "power:RL_POWER", "GRPO beside power sampling of its own base"),
    ):
        registry.experiment(name, f"agentkit_ring_rl.bench.{target}", summary=summary)
    registry.command(
        "ring",
        "agentkit_ring_rl.command:app",
        summary="reinforcement learning: tasks to train on, other trainers' options",
    )
