"""`agentkit bench memory-sequential`: fact after fact, each learned alone, what stays of the first?

Every fact is learned by itself, never again, with what came before left as it is. Three rules: rows
may be shared, rows of earlier facts are left alone, and LoRA for comparison.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit.errors import Cancelled
from agentkit.files import write_atomic
from agentkit_sparse_memory.batches import Batch, Trunk, measure
from agentkit_sparse_memory.bench.bed import Bed, right
from agentkit_sparse_memory.bench.methods import forgotten
from agentkit_sparse_memory.facts import UNSEEN, Fact
from agentkit_sparse_memory.invented import invented
from agentkit_sparse_memory.learning import learn
from agentkit_sparse_memory.settings import LearnSettings

KEPT = 5  # facts from one state kept on disk to the next
RULES = ("memory, rows shared", "memory, rows apart", "lora")
Curve = list[dict[str, float]]  # after n facts: n, all, first, last, rose


def sequential(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    name = bench.options.get("model", "small" if quick else "smollm2-135m")
    count = int(bench.options.get("facts", 4 if quick else 100))
    steps = int(bench.options.get("steps", 3 if quick else 8))
    shape = {} if quick else {"n_keys": 256}  # rows of their own for every fact
    bed = Bed(bench, name, **shape)
    seeds = bench.seeds[: 1 if quick else None]
    curves: dict[str, list[Curve]] = {}
    for number, seed in enumerate(seeds):
        facts = invented(count, seed)
        for rule in RULES:
            key = f"{name} {rule} {count} {steps} {seed}"
            kept = bench.path(key, ".safetensors")
            work = partial(curve_of, bed, facts, rule, steps, bench, kept)
            curves.setdefault(rule, []).append(bench.once(key, work))
            kept.unlink(missing_ok=True)
        bench.progress.update(number + 1, len(seeds))
    figures = {rule: _metrics(runs) for rule, runs in curves.items()}
    return Result(
        figures[RULES[1]],
        _verdict(figures, name, count, steps),
        baselines={rule: found for rule, found in figures.items() if rule != RULES[1]},
        tables=[_table(curves)],
        figures=[Figure("Facts known after n were learned", _plot(curves))],
    )


def curve_of(
    bed: Bed, facts: Sequence[Fact], rule: str, steps: int, bench: Bench, kept: Path
) -> Curve:
    """What is known after n facts, by one of RULES. kept: where it stands, so that an interrupted
    call goes on from there."""
    if rule == "lora":
        with bed.copied() as module:
            return _walk(bed, facts, _Lora(bed, module, steps), bench, kept)
    memory = _Memory(bed, steps, apart="apart" in rule)
    try:
        return _walk(bed, facts, memory, bench, kept)
    finally:
        with torch.no_grad():
            bed.memory.values.copy_(memory.start)


class _Memory:
    def __init__(self, bed: Bed, steps: int, *, apart: bool) -> None:
        self.bed, self.apart, self.trunk = bed, apart, bed.trunk()
        self.start = bed.memory.values.detach().clone()
        self.taken = torch.zeros(0, dtype=torch.long)
        self.settings = LearnSettings(
            t=256, steps=steps, target_nll=0.0, max_forget=1e9, probe=10**6, rate=0.3
        )

    def learn(self, batches: list[Batch]) -> None:
        bed = self.bed
        barred = self.taken if self.apart else None
        made = learn(
            bed.memory,
            self.trunk,
            batches,
            bed.index,
            [],
            self.settings,
            unit=bed.unit,
            barred=barred,
        )
        self.taken = torch.cat([self.taken, made.rows]).unique()

    def state(self) -> dict[str, Tensor]:
        return {"values": self.bed.memory.values.detach(), "taken": self.taken}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.taken = state["taken"]
        with torch.no_grad():
            self.bed.memory.values.copy_(state["values"])


class _Lora:
    def __init__(self, bed: Bed, module: Any, steps: int) -> None:
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(0)  # peft draws its matrices from the global state
        linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        peft = get_peft_model(module, LoraConfig(r=8, lora_alpha=16, target_modules=linears))
        self.steps, self.trunk = steps, Trunk(module, 0)
        self.trained = [p for p in peft.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=3e-4, weight_decay=0.0)

    def learn(self, batches: list[Batch]) -> None:
        for number in range(self.steps):
            loss = self.trunk.loss(batches[number % len(batches)])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def state(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for number, weight in enumerate(self.trained):
            found[f"{number}.weight"] = weight.detach()
            found |= {f"{number}.{k}": v for k, v in self.optimizer.state[weight].items()}
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for name, value in state.items():
            number, _, what = name.partition(".")
            weight = self.trained[int(number)]
            if what == "weight":
                with torch.no_grad():
                    weight.copy_(value)
            else:
                self.optimizer.state[weight][what] = value


def _keep(path: Path, learner: _Memory | _Lora, n: int, curve: Curve) -> None:
    """After n facts."""
    from safetensors.torch import save

    write_atomic(path, save(learner.state(), {"n": str(n), "curve": json.dumps(curve)}))


def _kept(path: Path, learner: _Memory | _Lora) -> tuple[int, Curve]:
    """How many facts were learned in a call that was interrupted, and the curve up to there."""
    from safetensors import safe_open

    if not path.exists():
        return 0, []
    with safe_open(path, framework="pt") as file:
        names = file.keys()
        learner.restore({name: file.get_tensor(name) for name in names})
        about = file.metadata()
    return int(about["n"]), json.loads(about["curve"])


def _walk(
    bed: Bed, facts: Sequence[Fact], learner: _Memory | _Lora, bench: Bench, kept: Path
) -> Curve:
    asked = [UNSEEN[0], UNSEEN[2]]
    held_out = [Batch(b.ids, b.mask, b.labels) for b in bed.held_out]
    before = measure(learner.trunk, held_out).nll
    looks = {1, len(facts) // 10, len(facts) // 4, len(facts) // 2, len(facts)}
    done, curve = _kept(kept, learner)
    for n, fact in enumerate(facts[done:], done + 1):
        if bench.progress.cancel:
            raise Cancelled
        learner.learn(bed.encoder.batches(fact.phrasings(), 24))
        if n in looks:
            questions = [one for f in facts[:n] for one in f.phrasings(asked)]
            hits = right(learner.trunk, bed.encoder.batches(questions, 32))
            few = max(2, len(asked) * min(n, max(1, len(facts) // 10)))
            held = measure(learner.trunk, held_out).nll
            curve.append(
                {
                    "n": n,
                    "all": sum(hits) / len(hits),
                    "first": sum(hits[:few]) / len(hits[:few]),
                    "last": sum(hits[-few:]) / len(hits[-few:]),
                    "rose": forgotten(before, held),
                }
            )
        if n % KEPT == 0:
            _keep(kept, learner, n, curve)
        bench.progress.update(n, len(facts))
    return curve


def _metrics(runs: list[Curve]) -> dict[str, Metric]:
    last = [run[-1] for run in runs]
    names = {
        "all": "all facts, at the end",
        "first": "the first tenth, at the end",
        "last": "the last tenth, at the end",
        "rose": "loss on ordinary text rose by",
    }
    return {
        text: interval([one[key] for one in last], center="mean") for key, text in names.items()
    }


def _table(curves: Mapping[str, list[Curve]]) -> Table:
    rows = []
    for rule, runs in curves.items():
        for place, point in enumerate(runs[0]):
            mean = {key: sum(run[place][key] for run in runs) / len(runs) for key in point}
            shares = (f"{mean[key]:.0%}" for key in ("all", "first", "last"))
            rows.append((rule, int(mean["n"]), *shares, f"{mean['rose']:+.2%}"))
    columns = ("method", "facts", "all right", "first tenth", "last tenth", "ordinary text")
    return Table("Unseen phrasings right after n facts", columns, tuple(rows))


def _plot(curves: Mapping[str, list[Curve]]) -> Callable[[Any], None]:
    def plot(axes: Any) -> None:
        for rule, runs in curves.items():
            x = [point["n"] for point in runs[0]]
            for key, style in (("all", "-"), ("first", ":")):
                y = [sum(r[n][key] for r in runs) / len(runs) for n in range(len(x))]
                axes.plot(x, y, style, marker="o", label=f"{rule}: {key}")
        axes.set_xlabel("facts learned")
        axes.set_ylabel("unseen phrasings right")
        axes.set_ylim(0, 1)
        axes.legend(fontsize="small")

    return plot


def _verdict(figures: Mapping[str, Mapping[str, Metric]], name: str, count: int, steps: int) -> str:
    told = "; ".join(
        f"{rule}: {m['all facts, at the end'].value:.0%} of all, "
        f"{m['the first tenth, at the end'].value:.0%} of the first tenth, ordinary text "
        f"{m['loss on ordinary text rose by'].value:+.1%}"
        for rule, m in figures.items()
    )
    return (
        f"{name} learned {count} invented facts one after another, {steps} steps each, and none "
        f"again. Right in unseen phrasings at the end: {told}. Rows apart means that no fact "
        "changes a row of an earlier one; what is still lost is lost by reading, since a phrasing "
        "reads rows of many facts. The paper learns 1,000 facts one a step and asks at the end."
    )


SEQUENTIAL = Experiment(
    name="memory-sequential",
    question="What stays of the first facts after a hundred were learned one by one?",
    run=sequential,
    seeds=(0,),
    needs={
        "normal": Needs(weights=("smollm2-135m",), memory=6 << 30, hours=2.5),
        "quick": Needs(memory=2 << 30, hours=0.02),
    },
)
