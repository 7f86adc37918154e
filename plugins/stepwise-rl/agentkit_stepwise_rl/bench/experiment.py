"""`agentkit bench stepwise`: what each stage of the training gives on tasks that it never saw.

Start, + step-wise RL, + each self-evolving round, and online RL over whole episodes beside them on
the budget of step-wise training; ablations; what the discriminators are worth.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentkit.bench import Bench, Experiment, Needs, Result
from agentkit_stepwise_rl.bench.result import ONLINE, STEPWISE, Seen, result
from agentkit_stepwise_rl.bench.sizes import SPLITS
from agentkit_stepwise_rl.bench.stages import ABLATIONS, MAIN, Stages

ABLATED = ("unseen-params", "unseen-templates")
"""Splits that ablations are measured on."""


def run(bench: Bench) -> Result:
    seeds = bench.seeds if bench.scale != "quick" else bench.seeds[:1]
    with Stages(bench) as work:
        seen = Seen(work.sizes, seeds, work.framework)
        total = len(seeds) * (5 + bool(work.framework) + len(ABLATIONS))
        for number, name in enumerate(_units(work, seeds, seen), 1):
            bench.progress.update(number, total, {name: 1.0})
        return result(seen, work.kit.model(work.model).info.parameters or 0)


def _units(work: Stages, seeds: tuple[int, ...], seen: Seen) -> Iterator[str]:
    """All that is measured, the stages of every seed first; names what is done."""
    for seed in seeds:
        _measure(work, seen, "start", seed, "")
        yield "start"
        seen.rolled[seed] = work.rollouts(seed)
        made = seen.add(STEPWISE, seed, work.stepwise(seed))
        _measure(work, seen, STEPWISE, seed, made["weights"])
        yield "stepwise"
        for human, said in (("none", ""), ("expert", ", corrected by the expert")):
            rounds = seen.add(f"+ rounds{said}", seed, work.evolved(seed, made["weights"], human))
            for number, weights in enumerate(rounds["weights"], 1):
                _measure(work, seen, f"+ round {number}{said}", seed, weights)
            yield f"evolved, {human}"
        online = seen.add(ONLINE, seed, work.online(seed))
        _measure(work, seen, ONLINE, seed, online["weights"])
        yield "online"
    for seed in seeds if work.framework else ():
        for stage, weights in _ends(seen, seed):
            for split in SPLITS:
                found = work.framed(seed, stage, weights, split)
                seen.measured(f"{stage}, under {work.framework}", split, seed, found)
        yield work.framework
    for seed in seeds:
        seen.add(f"step-wise: {MAIN.name}", seed, work.stepwise(seed))
        for arm in ABLATIONS:
            made = seen.add(f"step-wise: {arm.name}", seed, work.stepwise(seed, arm))
            for split in ABLATED:
                found = work.measured(seed, arm.name, made["weights"], split)
                seen.measured(f"step-wise: {arm.name}", split, seed, found)
            yield arm.name


def _measure(work: Stages, seen: Seen, stage: str, seed: int, weights: str) -> None:
    for split in SPLITS:
        seen.measured(stage, split, seed, work.measured(seed, stage, weights, split))


def _ends(seen: Seen, seed: int) -> Iterator[tuple[str, str]]:
    """The stages that are measured under a framework too, with their weights: of the rounds the
    last one, without corrections."""
    yield "start", ""
    yield STEPWISE, seen.made[STEPWISE][seed]["weights"]
    rounds = seen.made["+ rounds"][seed]["weights"]
    if rounds:
        yield f"+ round {len(rounds)}", rounds[-1]
    yield ONLINE, seen.made[ONLINE][seed]["weights"]


EXPERIMENT = Experiment(
    "stepwise",
    "What do step-wise RL, self-evolving rounds and whole-episode RL give a phone policy?",
    run,
    claim="AndroidWorld, 32B: 54.3 % at the start, 63.0 % after step-wise RL, 65.1 % after "
    "self-evolving training (arXiv 2510.19386, on 64 A800).",
    seeds=(0, 1, 2),
    needs={"quick": Needs(hours=0.05), "normal": Needs(hours=2.0)},
    options={
        "model": "another model whose weights can be trained",
        "framework": "an agent kind under which stages are measured too, such as color-agent",
        "tasks": "of a split, at most",
        "rollouts": "episodes whose steps are learned from",
        "budget": "replies that a training may draw",
        "queries": "of self-evolving training",
    },
)
