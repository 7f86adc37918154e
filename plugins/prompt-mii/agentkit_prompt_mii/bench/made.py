"""`agentkit bench induce-families`: a tiny generator on made tasks of families it never saw."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities import Table
from agentkit.errors import UsageError
from agentkit.testing.progress import Recorder
from agentkit_prompt_mii.accepting import break_even
from agentkit_prompt_mii.bench.cases import BEST, PLAIN, SEARCH, best_of, cases, written
from agentkit_prompt_mii.made import bed
from agentkit_prompt_mii.made.families import KINDS, Family, families, follow, split

SIZES = (5, 10, 20, 50)
FAMILIES, UNSEEN = 500, 100
GOAL = 0.10
# GRPO as the paper sets it, but for sizes and the rate, which are a tiny model's.
GRPO: Mapping[str, Any] = {
    "mask": "none",
    "schedule": "synchronous",
    "clip": [0.2, 0.4],
    "kl": 0.0,
    "mean": "sequence",
    "updates": 2,
    "group": 6,
    "prompts": 16,
    "rate": 1e-3,
    "warmup": 5,
    "engine": "batched",
    "slots": 96,
    "limit": bed.LIMIT,
    "chat": False,
    "width": bed.CONTEXT,
    "keep": 100_000,
}
ABLATIONS: Mapping[str, Mapping[str, Any]] = {
    "no clip-higher": {"clip": [0.2, 0.2]},
    "group of 2": {"group": 2, "prompts": 48},
    "20 fixed test rows": {"fixed": True, "rows": 20},
}


# -- training --------------------------------------------------------------------------------------


def warm(bench: Bench, train: Sequence[Family], steps: int, passes: int) -> Path:
    """The warm start, made once: what a model knows that was never told whether it was right."""
    folder = bench.out / f"warm-{steps}"
    if (folder / "config.json").exists():
        return folder
    zero = bed.write_generator(bench.out / "zero", 0, layers=2)
    bench.kit.define("model", "induce-zero", **_model(zero))
    bench.kit.define(
        "trainer",
        "induce-warm",
        use="sft",
        model="induce-zero",
        chat=False,
        steps=steps,
        batch=32,
        rate=3e-3,
        longest=bed.CONTEXT,
        held_out=0.0,
        keep=100_000,
    )
    out = bench.out / "sft"
    _train(bench, "induce-warm", bed.lessons(train, 0, passes), out)
    made = bed.with_weights(zero, out / "checkpoint" / "model.safetensors", folder)
    shutil.rmtree(out)
    return made


def reinforced(
    bench: Bench, base: Path, train: Sequence[Family], seed: int, name: str, steps: int
) -> tuple[Path, dict[str, Any]]:
    """(model folder, curves) of one GRPO training by the trainer `ring`."""
    label = f"{name.replace(' ', '-')}-{seed}-{steps}"
    folder = bench.out / f"trained-{label}"
    changed = dict(ABLATIONS.get(name, {}))
    fixed, rows = bool(changed.pop("fixed", False)), int(changed.pop("rows", 60))
    small = {"prompts": 4} if bench.scale == "quick" else {}
    settings = {**GRPO, **small, **changed, "steps": steps, "seed": seed}

    def measure() -> dict[str, Any]:
        reward, trainer = f"induce-made-{label}", f"induce-ring-{label}"
        bench.kit.define("model", f"induce-base-{label}", **_model(base))
        bench.kit.define("reward", reward, use="prompt-mii-made")
        bench.kit.define(
            "trainer",
            trainer,
            use="ring",
            model=f"induce-base-{label}",
            rewards=[reward],
            **settings,
        )
        out = bench.out / f"ring-{label}"
        passes = steps * settings["prompts"] // (len(train) * 3 // 2) + 1
        data = bed.tasks(train, seed, passes, rows=rows, fixed=fixed)
        seen = _train(bench, trainer, data, out)
        bed.with_weights(base, out / "checkpoint" / "model.safetensors", folder)
        shutil.rmtree(out)
        groups = settings["prompts"]
        return {
            "reward": [m["reward"] for _, m in seen.updates],
            "length": [m["length"] for _, m in seen.updates],
            "flat": [m["flat_groups"] / groups for _, m in seen.updates],
        }

    return folder, bench.once(f"ring {label} {sorted(settings.items(), key=str)}", measure)


def _train(bench: Bench, name: str, data: Sequence[Any], out: Path) -> Recorder:
    shutil.rmtree(out, ignore_errors=True)
    progress = _Told(bench)
    bench.kit.part("trainer", name).train(data, out, progress)
    return progress


class _Told(Recorder):
    """Keeps what it is told, and stops where the experiment is to stop."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.cancel, self._bench = bench.progress.cancel, bench

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        super().update(step, total, metrics)
        shown = {k: v for k, v in (metrics or {}).items() if k in ("loss", "reward")}
        self._bench.progress.update(step, total, shown)


def _model(folder: Path) -> dict[str, Any]:
    return {"use": "transformers", "model": str(folder), "dtype": "fp32", "threads": 1}


# -- judging ---------------------------------------------------------------------------------------


def judged(
    bench: Bench, folder: Path, unseen: Sequence[Family], sizes: Sequence[int], rows: int
) -> Any:
    """{n: {"greedy": F1 a family, "best": of best-of-m, "tokens": …, "invalid": …}}."""

    def measure() -> dict[str, Any]:
        name = f"judged-{folder.name}"
        bench.kit.define("model", name, **_model(folder))
        model, made = bench.kit.model(name), {}
        for size in sizes:
            known = cases(unseen, size, rows)
            texts = written(model, known)
            many = written(model, known, n=BEST)
            made[str(size)] = {
                "greedy": [c.of(t) for c, t in zip(known, texts)],
                "best": [c.of(best_of(c, drawn)) for c, drawn in zip(known, many)],
                "tokens": statistics.fmean(len(t.split()) for t in texts),
                "invalid": statistics.fmean(
                    follow(t, [known[0].rows[0][0]], c.family.labels)[0] == "<invalid>"
                    for c, t in zip(known, texts)
                ),
            }
        return made

    return bench.once(f"judged {folder.name} {sizes} {rows} {len(unseen)}", measure)


def induce_families(bench: Bench) -> Result:
    """One warm start, a GRPO training a seed, all judged on the same unseen families."""
    quick = bench.scale == "quick"
    steps = _number(bench, "steps", 6 if quick else 150)
    lessons = _number(bench, "warm", 20 if quick else 600)
    unseen_count, rows = (12, 60) if quick else (UNSEEN, 100)
    sizes = SIZES[:1] if quick else SIZES
    train, unseen = split(families(FAMILIES), UNSEEN)
    unseen = unseen[:unseen_count]
    train = train[:40] if quick else train
    base = warm(bench, train, lessons, 1 if quick else 12)
    before = judged(bench, base, unseen, sizes, rows)
    after, curves = [], []
    for seed in bench.seeds[:1] if quick else bench.seeds:
        folder, curve = reinforced(bench, base, train, seed, "GRPO", steps)
        after.append(judged(bench, folder, unseen, sizes, rows))
        curves.append(curve)
    ablated = {}
    if not quick and bench.options.get("ablations", "1") != "0":
        for name in ABLATIONS:
            folder, curve = reinforced(bench, base, train, bench.seeds[0], name, steps)
            ablated[name] = (judged(bench, folder, unseen, sizes, rows), curve)
    plain = {
        name: {str(n): [how(c) for c in cases(unseen, n, rows)] for n in sizes}
        for name, how in PLAIN.items()
    }
    return _result(bench, unseen, sizes, before, after, curves, ablated, plain)


def _result(
    bench: Bench,
    unseen: Sequence[Family],
    sizes: Sequence[int],
    before: Any,
    after: Sequence[Any],
    curves: Sequence[Mapping[str, Any]],
    ablated: Mapping[str, Any],
    plain: Mapping[str, Any],
) -> Result:
    def gains(one: Any, size: int) -> list[float]:
        pairs = zip(one[str(size)]["greedy"], before[str(size)]["greedy"])
        return [a - b for a, b in pairs]

    metrics: dict[str, Metric] = {}
    for size in sizes:
        key = str(size)
        mean = [statistics.fmean(v) for v in zip(*(one[key]["greedy"] for one in after))]
        metrics[f"macro-F1, n={size}"] = interval(mean, center="mean")
        gain = [statistics.fmean(v) for v in zip(*(gains(one, size) for one in after))]
        metrics[f"gain over the warm start, n={size}"] = interval(gain, center="mean")
        metrics[f"best of {BEST}, n={size}"] = interval(
            [statistics.fmean(v) for v in zip(*(one[key]["best"] for one in after))], center="mean"
        )
        metrics[f"instruction, n={size}"] = Metric(
            statistics.fmean(one[key]["tokens"] for one in after), unit="tokens"
        )
    first = {f"macro-F1, n={n}": interval(before[str(n)]["greedy"], center="mean") for n in sizes}
    for n in sizes:
        first[f"best of {BEST}, n={n}"] = interval(before[str(n)]["best"], center="mean")
    baselines = {"warm start": first}
    for name, found in plain.items():
        baselines[name] = {
            f"macro-F1, n={n}": interval(found[str(n)], center="mean") for n in sizes
        }
    baselines["oracle"] = {f"macro-F1, n={n}": Metric(1.0, n=len(unseen)) for n in sizes}
    for name, (found, _) in ablated.items():
        baselines[name] = {
            f"macro-F1, n={n}": interval(found[str(n)]["greedy"], center="mean") for n in sizes
        }
    tables = [_by_kind(unseen, sizes, before, after), _costs(sizes, after), _noise(curves, ablated)]
    return Result(
        metrics,
        _verdict(sizes, before, after, gains, plain),
        baselines=baselines,
        tables=tables,
        figures=[Figure("Reward of each step", partial(_plot, curves, ablated))],
    )


def _by_kind(unseen: Sequence[Family], sizes: Sequence[int], before: Any, after: Any) -> Table:
    rows = []
    for kind in KINDS:
        own = [n for n, one in enumerate(unseen) if one.kind == kind]
        for size in sizes:
            key = str(size)
            was = statistics.fmean(before[key]["greedy"][n] for n in own)
            now = statistics.fmean(one[key]["greedy"][n] for one in after for n in own)
            rows.append((kind, size, len(own), round(was, 3), round(now, 3)))
    return Table(
        "Unseen families by kind of rule",
        ("kind", "n", "families", "warm start", "trained"),
        tuple(rows),
    )


def _costs(sizes: Sequence[int], after: Any) -> Table:
    rows = []
    for size in sizes:
        asked = 6 * size  # tokens of an example, about: label, colon, four words, a bar
        own = statistics.fmean(one[str(size)]["tokens"] for one in after)
        even = break_even(round(asked + own), asked, round(own))
        rows.append((size, 1, BEST, SEARCH, asked, round(own, 1), even))
    columns = (
        "n",
        "calls: induced",
        f"best of {BEST}",
        "search",
        "tokens: examples",
        "instruction",
        "break-even calls",
    )
    return Table("What each costs", columns, tuple(rows))


def _noise(curves: Sequence[Mapping[str, Any]], ablated: Mapping[str, Any]) -> Table:
    named = [(f"GRPO, seed {n}", c) for n, c in enumerate(curves)]
    named += [(name, curve) for name, (_, curve) in ablated.items()]
    rows = []
    for name, curve in named:
        series, tenth = curve["reward"], max(1, len(curve["reward"]) // 10)
        steps = [b - a for a, b in pairwise(series)]
        rows.append(
            (
                name,
                round(statistics.fmean(series[:tenth]), 3),
                round(statistics.fmean(series[-tenth:]), 3),
                round(statistics.pstdev(steps) / 2**0.5, 3) if len(steps) > 1 else "",
                round(statistics.fmean(curve["flat"]), 3),
            )
        )
    return Table(
        "Reward while training",
        ("training", "first tenth", "last tenth", "noise of a step", "groups without variance"),
        tuple(rows),
    )


def _plot(curves: Sequence[Mapping[str, Any]], ablated: Mapping[str, Any], axes: Any) -> None:
    named = [(f"seed {n}", c["reward"]) for n, c in enumerate(curves)]
    named += [(name, curve["reward"]) for name, (_, curve) in ablated.items()]
    for name, series in named:
        smooth = [statistics.fmean(series[max(0, n - 9) : n + 1]) for n in range(len(series))]
        axes.plot(range(1, len(series) + 1), smooth, label=name, lw=1.0)
    axes.set_xlabel("step")
    axes.set_ylabel("reward (mean of 10 steps)")
    axes.legend(fontsize="x-small")


def _verdict(sizes: Sequence[int], before: Any, after: Any, gains: Any, plain: Any) -> str:
    told = []
    for size in sizes:
        was = statistics.fmean(before[str(size)]["greedy"])
        now = [statistics.fmean(one[str(size)]["greedy"]) for one in after]
        told.append(f"n={size}: {was:.2f} to {statistics.fmean(now):.2f}")
    each = [statistics.fmean(statistics.fmean(gains(one, n)) for n in sizes) for one in after]
    met = sum(gain >= GOAL for gain in each)
    found = statistics.fmean(statistics.fmean(plain["search"][str(n)]) for n in sizes)
    return (
        "The paper gains 4 to 9 points of macro-F1 over its untrained generator on 90 unseen sets, "
        f"with 8B models. Here a transformer of two layers goes, on families that it never saw, "
        f"from its warm start ({'; '.join(told)}). The goal set before any run, 10 points, was met "
        f"by {met} of {len(each)} seeds (gains of {', '.join(f'{100 * g:+.1f}' for g in each)}). "
        f"A search over {SEARCH} guesses on the same examples reaches {found:.2f}. The follower is "
        "an interpreter that errs in nothing and the warm start never saw a right instruction, so "
        "this is about the method's mechanism: that a reward alone teaches which rule the examples "
        "speak for. It says nothing about real texts, and is never averaged with them. Seeds share "
        "one warm start."
    )


def _number(bench: Bench, name: str, otherwise: int) -> int:
    text = bench.options.get(name, str(otherwise))
    if not text.isdigit() or not int(text):
        raise UsageError(f"--{name} {text}: give a number above 0", "")
    return int(text)


INDUCE_FAMILIES = Experiment(
    name="induce-families",
    question="Does a reward teach a tiny generator to write instructions for unseen task families?",
    run=induce_families,
    claim="+4 to +9 points of macro-F1 over the untrained generator on 90 unseen sets (8B models)",
    seeds=(0, 1, 2),
    needs={"quick": Needs(hours=0.02), "normal": Needs(hours=0.5)},
    options={
        "steps": "of each training by reinforcement",
        "warm": "steps of the warm start",
        "ablations": "0 leaves them out",
    },
)
