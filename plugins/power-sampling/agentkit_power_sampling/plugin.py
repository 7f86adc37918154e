"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.model(
        "power-sampling",
        "agentkit_power_sampling.model:PowerSampled",
        settings="agentkit_power_sampling.settings:PowerSettings",
        needs={"base": "tokens|continuations"},
        gives=("grammar",),
        summary="draws from p^alpha of its base, without training",
    )
    registry.experiment(
        "power-table",
        "agentkit_power_sampling.bench.table:POWER_TABLE",
        summary="how far each method is from p^alpha, where that can be counted",
    )
    registry.experiment(
        "power-tiny",
        "agentkit_power_sampling.bench.tiny:POWER_TINY",
        summary="a small transformer trained here: distance to p^alpha, and a trap for greed",
    )
    registry.experiment(
        "power-speed",
        "agentkit_power_sampling.bench.speed:POWER_SPEED",
        summary="seconds and tokens beside the paper's algorithm written plainly",
    )
    registry.experiment(
        "power-tasks",
        "agentkit_power_sampling.bench.accuracy:POWER_TASKS",
        summary="right answers at one budget of tokens: generated tasks and tool calls",
    )
    registry.experiment(
        "power-humaneval",
        "agentkit_power_sampling.bench.humaneval:POWER_HUMANEVAL",
        summary="HumanEval's problems solved, by tokens spent; takes hours",
    )
    registry.experiment(
        "power-paper",
        "agentkit_power_sampling.bench.paper:POWER_PAPER",
        summary="the paper's MATH500 row with Qwen2.5-Math-7B; needs its weights and a GPU",
    )
    registry.experiment(
        "maths",
        "agentkit_power_sampling.bench.user:MATHS",
        summary="any model on a file of questions with answers, as AIME or MATH; avg@k and pass@k",
    )
    registry.experiment(
        "code",
        "agentkit_power_sampling.bench.user:CODE",
        summary="any model on a file of programs with tests, as LiveCodeBench; run in the sandbox",
    )
