"""`agentkit bench power-paper --scale full`: the paper's own row, given its weights and a GPU.

Qwen2.5-Math-7B on MATH500 with the paper's settings, by the exact rule, beside SMC, low temperature
and plain draws. `--model` may be any configured model, a vLLM endpoint with token_ids among them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit.errors import DataError, ModelFileError, UsageError
from agentkit_power_sampling.bench.solve import (
    Ask,
    Try,
    average,
    groups,
    mean,
    model_for,
    sharpened,
    solve,
)
from agentkit_power_sampling.bench.user import CARRIED, number
from agentkit_power_sampling.tasks import files

MODEL = "Qwen/Qwen2.5-Math-7B"
ALPHA, LENGTH, BLOCK, STEPS = 4.0, 3072, 192, 10
COST = 8.84  # tokens generated for one of an answer, by the paper's formula at 679 tokens
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "mh": {"block": BLOCK, "steps": STEPS},
    "smc": {"method": "smc", "alpha": ALPHA, "particles": 64, "every": 64, "ramp": 400},
    "low temperature": {"method": "low_temp"},
    "one draw": {"method": "best_of_n", "n": 1},
}
REPORTED = {"mh": 0.748, "low temperature": 0.690, "one draw": 0.496}
# What its config.json says of the shape, and how many parameters that makes.
CONFIG: Mapping[str, Any] = {
    "vocab_size": 152_064,
    "hidden_size": 3584,
    "intermediate_size": 18_944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": False,
}
PARAMETERS = 7_615_616_512
OPTIONS = {
    "data": "MATH500 as JSON lines: problem, answer",
    "model": f"a configured model or a folder, in place of {MODEL}",
    "limit": "the first so many problems",
    "tokens": f"the most of an answer ({LENGTH})",
}


def power_paper(bench: Bench) -> Result:
    """Every method on every problem, one answer each."""
    if "data" not in bench.options:
        raise UsageError("which problems?", "--data FILE: MATH500 as JSON lines")
    tasks = files.maths(Path(bench.options["data"]).expanduser())
    tasks = tasks[: number(bench, "limit", len(tasks))]
    length = number(bench, "tokens", LENGTH)
    base = model_for(bench, MODEL)
    sharp = sharpened(bench.kit, base)
    total, done = len(SETTINGS) * groups(tasks, 1), 0

    def step() -> None:
        nonlocal done
        done += 1
        bench.progress.update(done, total)

    found = {
        name: solve(
            bench, f"{base} {name}", sharp, tasks, Ask(length, 1, {"alpha": ALPHA, **own}), step
        )
        for name, own in SETTINGS.items()
    }
    figures = {name: _figures(tries) for name, tries in found.items()}
    rows = [
        (name, *(round(metric.value, 3) for metric in known.values()), REPORTED.get(name, ""))
        for name, known in figures.items()
    ]
    return Result(
        figures["mh"],
        _verdict(base, len(tasks), figures),
        baselines={name: known for name, known in figures.items() if name != "mh"},
        tables=[Table("MATH500", ("method", *figures["mh"], "the paper"), tuple(rows))],
    )


def _figures(found: Mapping[str, list[Try]]) -> dict[str, Metric]:
    return {
        "right answers": average(found),
        "tokens spent": Metric(mean(found, lambda one: one.spent), unit="tokens"),
        "tokens an answer": Metric(mean(found, lambda one: one.length), unit="tokens"),
    }


def _verdict(base: str, count: int, figures: Mapping[str, Mapping[str, Metric]]) -> str:
    told = "; ".join(f"{n} {known['right answers'].value:.1%}" for n, known in figures.items())
    mh = figures["mh"]
    cost = mh["tokens spent"].value / max(1.0, mh["tokens an answer"].value)
    return (
        f"{base} on {count} problems: {told}. The paper has 74.8 % for power sampling of "
        f"Qwen2.5-Math-7B, 69.0 % for low temperature, 49.6 % for plain draws. An answer's token "
        f"cost {cost:.1f} generated ones here, {COST} by the paper's formula. Its code cuts a "
        "longer answer's sums at the proposal's end, which this rule does not."
    )


def dry_run(bench: Bench) -> list[str]:
    """Builds the model without weights, checks its names and shapes, and reads five rows in the
    data's form.

    Raises:
        ModelFileError, DataError: something is not as it must be.
    """
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from agentkit.models.engine.decoder import obstacle

    with torch.device("meta"):
        module = Qwen2ForCausalLM(Qwen2Config(**CONFIG))
    parameters = sum(one.numel() for one in module.parameters())
    if parameters != PARAMETERS:
        raise ModelFileError(f"{MODEL} has {PARAMETERS:,} parameters, this shape {parameters:,}")
    if why := obstacle(module):
        raise ModelFileError(f"this engine does not read the family of {MODEL}: {why}")
    names = set(module.state_dict())
    for name in ("model.embed_tokens.weight", "model.layers.27.mlp.down_proj.weight"):
        if name not in names:
            raise ModelFileError(f"{MODEL}: there is no tensor {name}")
    head = CONFIG["hidden_size"] // CONFIG["num_attention_heads"]
    kept = CONFIG["num_hidden_layers"] * 2 * CONFIG["num_key_value_heads"] * head * 2
    rows = files.maths(CARRIED / "math500-form.jsonl")
    if len(rows) != 5:
        raise DataError(f"{len(rows)} rows in the data's form, not five")
    ends = range(BLOCK, LENGTH + 1, BLOCK)
    most = LENGTH + STEPS / 2 * sum(end + 1 for end in ends)
    return [
        f"{MODEL}: {parameters:,} parameters, {parameters * 2 / 2**30:.1f} GiB in bf16; its "
        "family is read by the engine",
        f"keys and values: {kept:,} bytes a token, {16 * kept * LENGTH / 2**30:.1f} GiB for 16 "
        f"answers of {LENGTH}",
        f"MATH500's form: {len(rows)} rows read, fields problem and answer",
        f"tokens an answer: {COST} times its length by the paper's formula, at most "
        f"{math.ceil(most):,} where none ends early",
    ]


POWER_PAPER = Experiment(
    name="power-paper",
    question="Does power sampling of Qwen2.5-Math-7B reach the paper's MATH500 row?",
    run=power_paper,
    claim="MATH500 74.8 % (GRPO 78.5 %, low temperature 69.0 %, base 49.6 %)",
    needs={
        "full": Needs((MODEL,), ("MATH500 as JSON lines",), "cuda", memory=40 << 30, hours=30.0)
    },
    dry_run=dry_run,
    options=OPTIONS,
)
