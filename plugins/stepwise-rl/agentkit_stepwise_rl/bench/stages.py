"""The units of work of the experiment: rollouts, trainings, measurements. Each is done once, and a
training that was killed goes on from its own checkpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from agentkit.bench import Bench
from agentkit.capabilities import Cancel, Environment, LanguageModel, Task
from agentkit.errors import AgentkitError
from agentkit.files import write_atomic
from agentkit.kit import Kit
from agentkit.seeds import derive
from agentkit_stepwise_rl.bench.online import Online
from agentkit_stepwise_rl.bench.sizes import (
    FILTER,
    GROUP,
    PHONE,
    WARM,
    kit_of,
    model_name,
    sizes_of,
)
from agentkit_stepwise_rl.episodes import play
from agentkit_stepwise_rl.evolving.discriminators import Judged, calibration, judged
from agentkit_stepwise_rl.evolving.players import model_of
from agentkit_stepwise_rl.multipath import augmented
from agentkit_stepwise_rl.reading import trajectory
from agentkit_stepwise_rl.record import read_lines
from agentkit_stepwise_rl.rollout import task_of
from agentkit_stepwise_rl.runs import samples_of_runs
from agentkit_stepwise_rl.samples import Sample, read, write
from agentkit_stepwise_rl.settings import StepwiseSettings

Found = dict[str, Any]
CHUNK = 20  # episodes of a unit of work
LIMIT = 300.0  # seconds of an episode under a framework, after which something is wrong


@dataclass(frozen=True, slots=True)
class Arm:
    """A variant of step-wise training. paths: whether proven alternatives count. hard: whether
    there is the difficulty filter. learn: what is accepted: the expert's action (`best`), or what
    the policy did itself where it succeeded (`taken`)."""

    name: str
    paths: bool = True
    hard: bool = True
    alpha: float = 0.2
    learn: str = "best"


MAIN = Arm("step-wise")
ABLATIONS = (
    Arm("one accepted action", paths=False),
    Arm("no difficulty filter", hard=False),
    Arm("alpha 0", alpha=0.0),
    Arm("alpha 1", alpha=1.0),
    Arm("own successes alone", learn="taken"),
)


class Quiet:
    """A training's progress, of which the experiment shows nothing but passes its stop on."""

    def __init__(self, cancel: Cancel) -> None:
        self.cancel = cancel

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Units are what is counted."""

    def examples(self, step: int, ids: Any) -> None:
        """The trainers' own files tell them."""


class Stages:
    """Close it, or use it in a `with` block."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.sizes = bench, sizes_of(bench)
        self.kit: Kit = kit_of(bench)
        self.model: str = model_name(bench)
        self.framework = bench.options.get("framework", "")
        self._quiet = Quiet(bench.progress.cancel)
        info = self.kit.model(self.model).info
        self._key = f"{info.fingerprint} {self.sizes.key()}"

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self.kit.close()

    @property
    def phone(self) -> Environment:
        return self.kit.environment(PHONE)

    def _once(self, what: str, do: Callable[[], Any]) -> Any:
        return self.bench.once(f"{what} {self._key}", do)

    def _folder(self, seed: int, name: str) -> Path:
        made = self.bench.out / f"seed-{seed}" / name.replace(" ", "-")
        made.mkdir(parents=True, exist_ok=True)
        return made

    # -- rollouts, and samples of them -------------------------------------------------------------

    def rollouts(self, seed: int) -> Found:
        """Of the policy as it ships, on the train split, with the expert's advice at each step."""
        tasks = _some(self.phone, "train", self.sizes.rollouts, seed)
        made: Found = {"runs": [], "won": 0, "replies": 0, "seconds": 0.0}
        for start in range(0, len(tasks), CHUNK):
            some = tasks[start : start + CHUNK]
            found = self._once(f"rollouts {seed} {start}", partial(self._rolled, some, seed))
            for name, value in found.items():
                made[name] = made[name] + value
        return made

    def _rolled(self, tasks: Sequence[Task], seed: int) -> Found:
        began, made = time.process_time(), list[str]()
        won = replies = 0
        for task in tasks:
            run = self.kit.agent(WARM).run(
                task.goal, seed=derive(seed, f"rollout {task.id}") % (1 << 31), task_id=task.id,
                split="train", state=seed,
            )  # fmt: skip
            if run.wait(LIMIT) != "done":
                raise AgentkitError(f"a rollout of {task.id} is {run.status}", run.row.note)
            won += bool(run.result.success)
            replies += run.result.steps
            made.append(run.id)
        return {"runs": made, "won": won, "replies": replies,
                "seconds": time.process_time() - began}  # fmt: skip

    def samples(self, seed: int, learn: str) -> tuple[list[Sample], list[Found]]:
        """With every proven alternative, and the counts of each treatment."""
        file = self._folder(seed, "samples") / f"{learn}.jsonl"

        def make() -> Found:
            phone: Any = self.phone

            def change(one: Any, report: Any) -> Any:
                task = task_of(phone, one.task, one.split)
                return augmented(phone, task, one, report=report)[0]

            actions = phone.info.actions
            made, reports = samples_of_runs(
                self.kit.runs, self.rollouts(seed)["runs"], actions, learn=learn, change=change
            )
            write_atomic(file, write(made))
            return {"reports": [one.to_json() for one in reports]}

        reports = self._once(f"samples {seed} {learn}", make)["reports"]
        return list(read(file)), reports

    # -- trainings ---------------------------------------------------------------------------------

    def _stepwise(self, seed: int, arm: Arm, count: int, rolled: int) -> StepwiseSettings:
        """The steps are what the budget leaves; they are the same for all arms."""
        z = self.sizes
        left = z.budget - rolled - FILTER * count
        steps = max(z.looks, left // (z.samples * GROUP))
        return StepwiseSettings(
            model=self.model, environment=PHONE, learn="best", alpha=arm.alpha, steps=steps,
            samples=z.samples, group=GROUP, filter=FILTER if arm.hard else 0, rate=z.rate,
            temperature=z.temperature, held_out=0.0, every=-(-steps // z.looks), tasks=z.held,
            patience=z.looks + 1, keep=10, seed=seed,
        )  # fmt: skip

    def stepwise(self, seed: int, arm: Arm = MAIN) -> Found:
        """What a step-wise training was; `weights` of its best look."""
        rolled = self.rollouts(seed)["replies"]
        samples, reports = self.samples(seed, arm.learn)
        count = len(self.samples(seed, MAIN.learn)[0])
        if not arm.paths:
            samples = [one.model_copy(update={"accepted": one.accepted[:1]}) for one in samples]
        settings = self._stepwise(seed, arm, count, rolled)
        out = self._folder(seed, arm.name)

        def do() -> Found:
            trainer = self._trainer(settings)
            resumed, began = (out / "checkpoint").exists(), time.process_time()
            trainer.train([one.example() for one in samples], out, self._quiet, resumed)
            return {"looks": _looks(out), "resumed": resumed,
                    "seconds": time.process_time() - began}  # fmt: skip

        found: Found = self._once(f"trained {arm} {seed}", do)
        steps = read_lines(out / "steps.jsonl")
        drawn = sum(len(one["examples"]) for one in steps) * GROUP
        report = json.loads((out / "report.json").read_text())["reports"] if arm.hard else []
        return {
            **found,
            "weights": str(out / "best.safetensors"),
            "replies": rolled + drawn + (FILTER * len(samples) if arm.hard else 0),
            "acted": rolled,
            "learned": round(sum((1 - s["frac_zero_std"]) * len(s["examples"]) for s in steps))
            * GROUP,
            "frac_zero_std": _mean([one["frac_zero_std"] for one in steps]),
            "kept": report[0]["out"] if report else len(samples),
            "of": len(samples),
            "several": sum(len(one.accepted) > 1 for one in samples),
            "reports": reports,
        }

    def _trainer(self, settings: StepwiseSettings) -> Any:
        name = f"bench-{sum(n.startswith('bench-') for n in self.kit.names('trainer'))}"
        plain = settings.model_dump(exclude_none=True)
        self.kit.define("trainer", name, use="stepwise", **plain)
        return self.kit.part("trainer", name)

    def online(self, seed: int) -> Found:
        """Whole episodes on the budget of step-wise training, from the same start."""
        z, out = self.sizes, self._folder(seed, "episodes")
        like = self._stepwise(seed, MAIN, 0, 0)
        a_step = z.goals * z.episodes * 8  # replies, roughly
        every = max(1, round(z.budget / a_step / z.looks))
        settings = like.model_copy(update={"group": z.episodes, "every": every})
        samples, _ = self.samples(seed, MAIN.learn)

        def do() -> Found:
            looked = self._trainer(like).success
            work = Online(self.kit, settings, z.goals, z.budget, looked, self._quiet)
            return work.train([one.example() for one in samples[:1]], out)

        found: Found = self._once(f"online {seed}", do)
        steps = found["steps"]
        return {
            **found,
            "weights": str(out / "best.safetensors"),
            "acted": found["replies"],
            "learned": sum(one["learned"] for one in steps),
            "frac_zero_std": _mean([one["frac_zero_std"] for one in steps]),
            "looks": _beside(found["looks"], steps),
        }

    # -- self-evolving -----------------------------------------------------------------------------

    def evolved(self, seed: int, start: str, human: str) -> Found:
        """Rounds from a start: rows, weights of each, and what discriminators were worth."""
        z, out = self.sizes, self._folder(seed, f"evolved {human}")

        def do() -> Found:
            name = f"bench-evolve-{seed}-{human}"
            self.kit.define(
                "trainer", name, use="evolve", model=self.model, environment=PHONE, human=human,
                start=start, iterations=z.rounds, patience=z.rounds, queries=z.queries,
                repeats=z.repeats, tasks=z.held, seed=seed,
                sft={"steps": z.sft, "batch": 24, "rate": 1e-4, "longest": 400},
            )  # fmt: skip
            resumed, began = (out / "run.json").exists(), time.process_time()
            self.kit.part("trainer", name).train([], out, self._quiet, resumed)
            took = time.process_time() - began
            return {**self._rounds(out), "resumed": resumed, "seconds": took}

        found: Found = self._once(f"evolved {human} {seed} from {Path(start).parent.name}", do)
        made = [str(out / one / "sft/checkpoint/model.safetensors") for one in found["folders"]]
        return {**found, "weights": made}

    def _rounds(self, out: Path) -> Found:
        run = json.loads((out / "run.json").read_text())["run"]
        told = json.loads((out / "report.json").read_text())
        events = self.kit.runs.tail(run)
        built = [one.data for one in events if one.kind == "evolve.data"]
        kept = [c.result["ok"] for c in self.kit.runs.ledger(run) if c.kind == "data" and c.result]
        verdicts = [one.data["rows"] for one in events if one.kind == "judge.done"]
        blind = {"completion": self.kit.part("reward", "bench-completion")}
        worth, acted = [], 0
        for rows in verdicts:
            by_state = [Judged(r["run"], r["success"], r["passed"], r["why"]) for r in rows]
            by_sight = []
            for one in by_state:
                row = self.kit.runs.get(one.run)
                made = trajectory(row, self.kit.runs.tail(row.id), self.phone.info.actions)
                assert made is not None
                acted += len(made.steps)
                seen = judged(made, blind)
                by_sight.append(replace(one, passed={**one.passed, **seen.passed}))
            worth.append({"state": [w.to_json() for w in calibration(by_state)],
                          "sight": [w.to_json() for w in calibration(by_sight)]})  # fmt: skip
        rows = told["rows"]
        return {
            "rows": rows, "best": told["best"]["iteration"], "report": told["report"],
            "folders": [one["folder"] for one in kept][: len(rows) - 1],
            "built": built, "worth": worth, "acted": acted, "replies": acted,
            "learned": 24 * self.sizes.sft * (len(rows) - 1),
        }  # fmt: skip

    # -- measuring ---------------------------------------------------------------------------------

    def measured(self, seed: int, stage: str, weights: str, split: str) -> Found:
        """{won, played, steps, seconds} of a split, alone: one look, one reply, one action."""
        tasks = _some(self.phone, split, self.sizes.tasks)

        def do() -> Found:
            model = self._model(weights)
            began = time.process_time()
            made = [play(model, self.phone, task, seed) for task in tasks]
            return {
                "won": sum(bool(one.success) for one in made), "played": len(made),
                "steps": sum(len(one.steps) for one in made),
                "seconds": time.process_time() - began,
            }  # fmt: skip

        return dict(self._once(f"measured {stage} {seed} {split} {len(tasks)}", do))

    def framed(self, seed: int, stage: str, weights: str, split: str) -> Found:
        """The same under a framework: an agent kind that takes a model and an environment."""
        tasks = _some(self.phone, split, self.sizes.framed)
        model = self.model if not weights else model_of(self.kit, self.model, weights)
        name = f"bench-{self.framework}-{model}".lower()
        if name not in self.kit.names("agent"):
            self.kit.define("agent", name, use=self.framework, model=model, environment=PHONE)

        def do() -> Found:
            won = [self._under(name, task, seed) for task in tasks]
            return {"won": sum(won), "played": len(won)}

        what = f"{self.framework} {stage} {seed} {split} {len(tasks)}"
        return dict(self._once(what, do))

    def _under(self, agent: str, task: Task, seed: int) -> bool:
        run = self.kit.agent(agent).run(task.goal, seed=seed, task_id=task.id)
        status = run.wait(LIMIT)
        while status == "waiting":  # an owner who allows what the goal asked for
            asked = run.questions[0]
            run.answer("yes" if "yes" in asked.question.options else "Just go on.", asked.number)
            status = run.wait(LIMIT)
        success = status == "done" and bool(run.result.success)
        if status == "running":
            run.cancel()
        return success

    def _model(self, weights: str) -> LanguageModel:
        return self.kit.model(model_of(self.kit, self.model, weights))


def _some(phone: Environment, split: str, most: int, seed: int = 0) -> list[Task]:
    made = list(phone.tasks(split))
    Random(derive(seed, split)).shuffle(made)
    return made[:most]


def _looks(out: Path) -> list[Found]:
    state = json.loads((out / "checkpoint" / "state.json").read_text())["extra"]
    return _beside(state["looks"], read_lines(out / "steps.jsonl"))


def _beside(looks: Sequence[Found], steps: Sequence[Found]) -> list[Found]:
    """Each look with the mean of what the training saw since the one before it."""
    made, last = [], 0
    for look in looks:
        some = [one for one in steps if last < one["step"] <= look["step"]]
        mean = {n: _mean([one[n] for one in some]) for n in ("reward", "frac_zero_std") if some}
        made.append({**look, **mean})
        last = look["step"]
    return made


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
