"""`agentkit bench rl-power`: what GRPO gives beside power sampling of its own base.

In the domain that was trained on and in another one: pass@k, and how likely the base finds what
each of them says. The power-sampled model is a part of the kit, as any user declares it.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities import CallContext, Draw, LanguageModel, Message, Request, Tokens
from agentkit.capabilities.analyzer import Table
from agentkit.seeds import derive
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.bench.bed import examples
from agentkit_ring_rl.bench.runs import SHARED, number, policy
from agentkit_ring_rl.rewards import same
from agentkit_ring_rl.sft_data import end_token

IN, OUT = "ordered", "running"  # the second is warmed up too, and never reinforced
KS = (1, 2, 4, 8, 16, 32)
ALPHA = 4.0


def rl_power(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    steps = number(bench, "steps", 30 if quick else 150)
    prompts, draws = (6, 4) if quick else (50, 32)
    seeds = bench.seeds[:1] if quick else bench.seeds
    found: dict[str, list[dict[str, Any]]] = {"base": [], "power": [], "grpo": []}
    for done, seed in enumerate(seeds):
        bench.progress.update(done, len(seeds))
        base = policy(bench, [IN, OUT], seed)
        kept = bench.out / f"grpo-{seed}"
        _grpo(bench, seed, steps, kept)
        for name in found:
            work = partial(_asked, bench, name, base, kept, seed, prompts, draws)
            found[name].append(bench.once(f"{name} {seed} {steps} {prompts} {draws}", work))
    known = {name: figures(made, draws) for name, made in found.items()}
    rows = [(name, *(round(m.value, 3) for m in made.values())) for name, made in known.items()]
    return Result(
        known["grpo"],
        _verdict(known),
        baselines={name: made for name, made in known.items() if name != "grpo"},
        tables=[Table("By policy", ("policy", *known["grpo"]), tuple(rows))],
        figures=[
            Figure("How likely the base finds the answers", partial(_histogram, found)),
            Figure("pass@k, in and out of domain", partial(_passes, known)),
        ],
    )


def _grpo(bench: Bench, seed: int, steps: int, kept: Path) -> None:
    """Trains on one of the two tasks that the base was warmed up on."""
    if kept.exists():
        return
    folder = policy(bench, [IN, OUT], seed)
    base, name = f"bench-power-base-{seed}", f"bench-power-ring-{seed}"
    bench.kit.define("model", base, use="transformers", model=str(folder), dtype="fp32", threads=1)
    settings = {**SHARED, "mask": "none", "steps": steps, "seed": seed}
    bench.kit.define("trainer", name, use="ring", model=base, **settings)
    out = bench.out / name
    shutil.rmtree(out, ignore_errors=True)
    progress = Recorder()
    progress.cancel = bench.progress.cancel
    bench.kit.part("trainer", name).train(examples(IN, 400, seed), out, progress)
    made = kept.with_name(f".{kept.name}")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(folder, made)
    shutil.copy(out / "checkpoint" / "model.safetensors", made / "model.safetensors")
    made.rename(kept)


def _asked(
    bench: Bench, name: str, base: Path, grpo: Path, seed: int, prompts: int, draws: int
) -> dict[str, Any]:
    """Right or not for each prompt and draw, and the base's log-likelihood of each answer."""
    kit, count = bench.kit, len(bench.kit.names("model"))
    plain = f"bench-power-plain-{count}"
    kit.define("model", plain, use="transformers", model=str(base), dtype="fp32", threads=1)
    asked = plain
    if name == "grpo":
        asked = f"bench-power-grpo-{count}"
        kit.define("model", asked, use="transformers", model=str(grpo), dtype="fp32", threads=1)
    elif name == "power":
        asked = f"bench-power-sharp-{count}"
        kit.define("model", asked, use="power-sampling", base=plain, alpha=ALPHA)
    model, tokens = kit.model(asked), kit.model(plain).ability(Tokens)
    made: dict[str, Any] = {}
    for task in (IN, OUT):
        right, logp = [], []
        for one in examples(task, prompts, seed, "held"):
            texts = answers(model, one.data["prompt"], draws, derive(seed, one.id))
            right.append([same(text.strip(), one.data["answer"]) for text in texts])
            logp += likelihoods(tokens, one.data["prompt"], texts)
        made[task] = {"right": right, "logp": logp}
    return made


def answers(model: LanguageModel, prompt: str, draws: int, seed: int) -> list[str]:
    requests = [
        Request.of(
            Message.user(prompt),
            max_tokens=8,
            temperature=1.0,
            context=CallContext(seed=derive(seed, "draw", n)),
        )
        for n in range(draws)
    ]
    return [made.text for made in model.generate(requests)]


def likelihoods(tokens: Tokens, prompt: str, texts: Sequence[str]) -> list[float]:
    """Mean log-probability of a token, by the base, of each answer with its end."""
    ids, end = tokens.encode(prompt), end_token(tokens)
    targets = [(*tokens.encode(text), end) for text in texts]
    spans = tokens.score([ids] * len(targets), targets, [Draw()] * len(targets))
    return [float(span.logp.mean()) for span in spans]


def pass_at(right: Sequence[bool], k: int) -> float:
    """The chance that one of k of these draws, taken without putting back, is right."""
    n, c = len(right), sum(right)
    return 1.0 - math.comb(n - c, k) / math.comb(n, k) if k <= n else float("nan")


def figures(made: Sequence[Mapping[str, Any]], draws: int) -> dict[str, Metric]:
    found = {}
    for task, place in ((IN, "in domain"), (OUT, "out of domain")):
        for k in (k for k in KS if k <= draws):
            values = [
                sum(pass_at(r, k) for r in one[task]["right"]) / len(one[task]["right"])
                for one in made
            ]
            found[f"{place}: pass@{k}"] = interval(values, center="mean")
        logp = [sum(one[task]["logp"]) / len(one[task]["logp"]) for one in made]
        found[f"{place}: log-likelihood by the base"] = interval(logp, "nats", center="mean")
    return found


def _histogram(found: Mapping[str, Sequence[Mapping[str, Any]]], axes: Any) -> None:
    for name, made in found.items():
        values = [max(-5.0, p) for one in made for p in one[IN]["logp"]]
        axes.hist(values, bins=40, range=(-5, 0), histtype="step", density=True, label=name)
    axes.set_xlabel("mean log-probability of a token by the base, in domain (nats)")
    axes.legend(fontsize="x-small")


def _passes(known: Mapping[str, Mapping[str, Metric]], axes: Any) -> None:
    for number_, (name, made) in enumerate(known.items()):
        for place, style in (("in domain", "-"), ("out of domain", ":")):
            ks = [k for k in KS if f"{place}: pass@{k}" in made]
            values = [made[f"{place}: pass@{k}"].value for k in ks]
            axes.plot(ks, values, style, color=f"C{number_}", label=f"{name}, {place}")
    axes.set(xscale="log", xlabel="k", ylabel="pass@k")
    axes.legend(fontsize="x-small")


def _verdict(known: Mapping[str, Mapping[str, Metric]]) -> str:
    def told(place: str) -> str:
        last = max(int(key.rpartition("@")[2]) for key in known["base"] if "pass@" in key)
        return ", ".join(
            f"{name} {made[f'{place}: pass@1'].value:.2f} (pass@{last} "
            f"{made[f'{place}: pass@{last}'].value:.2f})"
            for name, made in known.items()
        )

    return (
        f"pass@1 in domain: {told('in domain')}. Out of domain: {told('out of domain')}. The paper "
        "on power sampling reports that sampling from the base's own p^alpha comes near to GRPO in "
        "its domain, beats it outside, and keeps more at large k. Here the base is a policy of two "
        "layers, and the second task was never reinforced."
    )


RL_POWER = Experiment(
    name="rl-power",
    question="What does GRPO give that power sampling of its own base does not?",
    run=rl_power,
    claim="power sampling nears GRPO in domain and beats it outside, with better pass@k",
    seeds=(0, 1, 2),
    needs={"quick": Needs(hours=0.05), "normal": Needs(hours=1.0)},
    options={"steps": "of the training"},
)
