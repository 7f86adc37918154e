"""Tables and verdict out of what was measured, without any model: what is kept can be counted
again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentkit.bench import Figure, Metric, Result, interval, proportion
from agentkit.capabilities.analyzer import Table
from agentkit_stepwise_rl.bench.sizes import FILTER, GROUP, SPLITS, Sizes

Found = dict[str, Any]
STEPWISE, ONLINE = "+ step-wise RL", "online RL, whole episodes"
ARM = "step-wise: "
GOALS: Mapping[str, float] = {"unseen-params": 0.85, "unseen-templates": 0.6}
"""What was hoped for under a framework."""


@dataclass(slots=True)
class Seen:
    """All that was measured. scores: (stage, split) to (won, played) a seed; made: what each
    training was, by stage and seed; rolled: the rollouts that were learned from."""

    sizes: Sizes
    seeds: tuple[int, ...]
    framework: str = ""
    scores: dict[tuple[str, str], dict[int, Found]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    made: dict[str, dict[int, Found]] = field(default_factory=lambda: defaultdict(dict))
    rolled: dict[int, Found] = field(default_factory=dict)

    def measured(self, stage: str, split: str, seed: int, found: Found) -> None:
        self.scores[stage, split][seed] = found

    def add(self, stage: str, seed: int, found: Found) -> Found:
        self.made[stage][seed] = found
        return found

    def stages(self) -> list[str]:
        named = dict.fromkeys(stage for stage, _ in self.scores)
        return [one for one in named if not one.startswith(ARM)]

    def share(self, stage: str, split: str) -> Metric | None:
        known = self.scores.get((stage, split), {}).values()
        played = sum(one["played"] for one in known)
        return proportion(sum(one["won"] for one in known), played) if played else None

    def mean(self, stage: str, name: str) -> float | None:
        known = [float(one[name]) for one in self.made[stage].values() if name in one]
        return sum(known) / len(known) if known else None


def result(seen: Seen, parameters: int) -> Result:
    metrics: dict[str, Metric] = {}
    for stage in seen.stages():
        for split in SPLITS:
            share = seen.share(stage, split)
            if share is not None:
                metrics[f"success, {stage}, {split}"] = share
    for stage in (STEPWISE, ONLINE):
        flat = [one["frac_zero_std"] for one in seen.made[stage].values()]
        metrics[f"useless groups, {stage}"] = interval(flat, center="mean")
    metrics |= _throughput(seen)
    tables = [_stages(seen), _by_seed(seen), _budget(seen), _rounds(seen), _filters(seen),
              _looks(seen), _ablations(seen)]  # fmt: skip
    figure = Figure("reward in training, success on held-out tasks", _drawn(seen))
    return Result(metrics, _verdict(seen, parameters), tables=tables, figures=[figure])


# -- tables ----------------------------------------------------------------------------------------


def _stages(seen: Seen) -> Table:
    rows = tuple(
        (stage, *(_said(seen.share(stage, split)) for split in SPLITS)) for stage in seen.stages()
    )
    title = f"Tasks done, seeds {', '.join(map(str, seen.seeds))} together, Wilson 95 %"
    return Table(title, ("stage", *SPLITS), rows)


def _by_seed(seen: Seen) -> Table:
    rows = []
    for stage in seen.stages():
        cells = []
        for seed in seen.seeds:
            some = [seen.scores[stage, split].get(seed) for split in SPLITS]
            known = [one for one in some if one]
            won, played = (sum(one[k] for one in known) for k in ("won", "played"))
            cells.append(f"{won} of {played}" if known else "-")
        rows.append((stage, *cells))
    return Table("Tasks done of all four splits, by seed",
                 ("stage", *(f"seed {s}" for s in seen.seeds)), tuple(rows))  # fmt: skip


def _budget(seen: Seen) -> Table:
    z, rows = seen.sizes, []
    for stage in seen.made:
        if not stage.startswith(ARM):
            cells = [_whole(seen.mean(stage, n)) for n in ("replies", "acted", "learned")]
            rows.append((stage, *cells, _whole(_spent(seen, stage))))
    return Table(
        f"What a training takes, mean of a seed; the budget is {z.budget:,} replies drawn",
        ("stage", "replies drawn", "of them acted on a phone", "learned from", "CPU-seconds"),
        tuple(rows),
    )


def _spent(seen: Seen, stage: str) -> float | None:
    """Of trainings that nothing interrupted: the others' clocks began anew."""
    known: list[float] = []
    for seed, one in seen.made[stage].items():
        took = one.get("seconds", 0.0)
        if isinstance(took, Mapping):
            known.append(sum(took.values()))
        elif not one["resumed"]:
            known.append(took + (seen.rolled[seed]["seconds"] if stage == STEPWISE else 0.0))
    return sum(known) / len(known) if known else None


def _evolved(seen: Seen) -> list[str]:
    return [stage for stage in seen.made if stage.startswith("+ rounds")]


def _rounds(seen: Seen) -> Table:
    rows = []
    for stage in _evolved(seen):
        for n in range(seen.sizes.rounds + 1):
            some = [one["rows"][n] for one in seen.made[stage].values() if len(one["rows"]) > n]
            if some:
                cells = [_mean_of(some, k) for k in ("rollouts", "passed", "corrected", "fresh")]
                rows.append((stage, n, *cells, _share_of(some, "success"),
                             _mean_of(some, "entropy", 2)))  # fmt: skip
    return Table(
        "Self-evolving rounds, mean of a seed; round 0 is where they begin",
        ("variant", "round", "rollouts", "passed", "corrected", "samples",
         "validation tasks done", "entropy of action kinds, nats"),
        tuple(rows),
    )  # fmt: skip


def _filters(seen: Seen) -> Table:
    """Discriminators against the state, over all seeds; `completion` once with the state's word,
    which is right by definition, and once by the screens alone."""
    rows = []
    for stage in _evolved(seen):
        for n in range(seen.sizes.rounds):
            some = [one["worth"][n] for one in seen.made[stage].values() if len(one["worth"]) > n]
            for how in ("sight", "state"):
                for at, worth in enumerate(some[0][how] if some else ()):
                    name = worth["name"]
                    if how == "state" and name not in ("completion", "all"):
                        continue
                    whole = {k: sum(one[how][at][k] for one in some)
                             for k in ("n", "passed", "right", "of")}  # fmt: skip
                    label = name + (" (by the state)" if how == "state" else "")
                    rows.append((stage, n + 1, label, f"{whole['passed']} of {whole['n']}",
                                 _part(whole["right"], whole["passed"]),
                                 _part(whole["right"], whole["of"])))  # fmt: skip
    return Table(
        "Discriminators against true success; all but those by the state see the screens alone",
        ("variant", "round", "discriminator", "passed", "precision", "recall"),
        tuple(rows),
    )


def _looks(seen: Seen) -> Table:
    rows = []
    for stage in (STEPWISE, ONLINE):
        for place, some in enumerate(_series(seen, stage)):
            rows.append((stage, place, _mean_of(some, "step"), _mean_of(some, "reward", 3),
                         _share_of(some, "frac_zero_std"),
                         _share_of(some, "held_out_success")))  # fmt: skip
    return Table(
        f"Training reward beside success on {seen.sizes.held} validation tasks, mean of the seeds",
        ("training", "look", "step", "reward since the last", "useless groups",
         "validation tasks done"),
        tuple(rows),
    )  # fmt: skip


def _series(seen: Seen, stage: str) -> list[list[Found]]:
    """Looks in their order, each with what the seeds that got there saw."""
    every = [one["looks"] for one in seen.made[stage].values()]
    most = max(map(len, every), default=0)
    return [[looks[n] for looks in every if len(looks) > n] for n in range(most)]


def _ablations(seen: Seen) -> Table:
    rows = []
    for stage in (one for one in seen.made if one.startswith(ARM)):
        some = list(seen.made[stage].values())
        measured = STEPWISE if stage == f"{ARM}step-wise" else stage
        last = [one["looks"][-1] for one in some]
        name = "as it is" if measured == STEPWISE else stage.removeprefix(ARM)
        rows.append((name, _said(seen.share(measured, "unseen-params")),
                     _said(seen.share(measured, "unseen-templates")),
                     _share_of(some, "frac_zero_std"), _mean_of(last, "reward", 3),
                     f"{_mean_of(some, 'kept')} of {_mean_of(some, 'of')}",
                     _mean_of(some, "several")))  # fmt: skip
    return Table(
        f"Step-wise RL with one thing changed; {FILTER} runs a sample filter, {GROUP} make a group",
        ("variant", "unseen-params", "unseen-templates", "useless groups", "last reward",
         "samples kept", "with several actions"),
        tuple(rows),
    )  # fmt: skip


def _throughput(seen: Seen) -> dict[str, Metric]:
    """A CPU-second, of whole-episode training, which does the three apart, and of rollouts."""
    made: dict[str, Metric] = {}
    runs = list(seen.made[ONLINE].values())
    for name, what, count in (
        ("replies drawn", "draw", "replies"), ("environment steps", "act", "acted"),
        ("samples learned", "learn", "learned"),
    ):  # fmt: skip
        rates = [one[count] / one["seconds"][what] for one in runs if one["seconds"][what]]
        if rates:
            made[f"{name} a CPU-second"] = interval(rates, "1/s", center="mean")
    rates = [one["replies"] / one["seconds"] for one in seen.rolled.values()]
    made["rollout steps, stored, a CPU-second"] = interval(rates, "1/s", center="mean")
    return made


# -- words -----------------------------------------------------------------------------------------


def _verdict(seen: Seen, parameters: int) -> str:
    z = seen.sizes
    told = [
        f"{stage}: " + ", ".join(f"{_short(seen.share(stage, s))} {s}" for s in SPLITS)
        for stage in seen.stages()
    ]
    kept = [
        f"seed {seed}: step-wise {_kept(seen.made[STEPWISE][seed])}, whole episodes "
        f"{_kept(seen.made[ONLINE][seed])}"
        for seed in seen.seeds
    ]
    under = f", under {seen.framework}" if seen.framework else ", alone"
    last = [s for s in seen.stages() if bool(seen.framework) == s.endswith(under)]
    reached = []
    for split, goal in GOALS.items():
        shares = [m for s in last if (m := seen.share(s, split)) is not None]
        best = max(shares, key=lambda m: m.value)
        reached.append(f"{best.value:.0%} of {split} (goal {goal:.0%})")
    return (
        f"A policy of {parameters:,} weights, {len(seen.seeds)} seeds, at most {z.tasks} tasks a "
        f"split. {'. '.join(told)}. The best stage{under}: {' and '.join(reached)}. Weights kept "
        f"by success on {z.held} validation tasks: {'; '.join(kept)}. One budget of {z.budget:,} "
        "replies a training; rollouts, the difficulty filter and groups all count. The expert's "
        "action on the train split is what step-wise rewards accept, beside proven alternatives; "
        "whole episodes are rewarded by the state alone. Seeds share their tasks, so that the "
        "intervals are somewhat too narrow. All is of a simulated phone; the paper's figures are "
        "of AndroidWorld with 32 and 72 billion weights on 64 A800 and cannot be compared."
    )


def _kept(one: Found) -> str:
    looks = one["looks"]
    best = max(looks, key=lambda look: (look["held_out_success"], -look["step"]))
    return f"step {best['step']} of {looks[-1]['step']}"


def _short(share: Metric | None) -> str:
    return f"{share.value:.0%}" if share else "-"


def _said(share: Metric | None) -> str:
    if share is None:
        return "-"
    return f"{share.value:.2f} ({share.low:.2f} to {share.high:.2f}, n {share.n})"


def _part(of: int, whole: int) -> str:
    return f"{of / whole:.2f}" if whole else "-"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _mean_of(some: Sequence[Found], name: str, digits: int = 0) -> str:
    known = [float(one[name]) for one in some if name in one]
    return f"{sum(known) / len(known):,.{digits}f}" if known else "-"


def _share_of(some: Sequence[Found], name: str) -> str:
    return _mean_of(some, name, 3)


def _drawn(seen: Seen) -> Callable[[Any], None]:
    lines: list[tuple[str, str, list[float], list[float]]] = []
    for stage, style in ((STEPWISE, "-"), (ONLINE, "--")):
        for name in ("reward", "held_out_success"):
            values = [
                (n, [one[name] for one in some if name in one])
                for n, some in enumerate(_series(seen, stage))
            ]
            known = [(float(n), sum(v) / len(v)) for n, v in values if v]
            label = f"{stage}: {'reward' if name == 'reward' else 'held-out success'}"
            lines.append((label, style, [x for x, _ in known], [y for _, y in known]))

    def draw(axes: Any) -> None:
        for label, style, xs, ys in lines:
            axes.plot(xs, ys, style, marker="o", label=label)
        axes.set_xlabel("look")
        axes.set_ylim(0, 1.25)
        axes.legend(fontsize=7)

    return draw
