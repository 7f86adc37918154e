"""`use = "evolve"`: the loop of self-evolving training (arXiv 2510.19386, section 3.2), a graph.

    pool > rollout > judge > correct > build > train > evaluate > … > finish
              ^                          |                  |
              '--------------------------|------------------'
                                         '-- nothing passed: finish

It is a run like any other: it can be watched, asks people in the console, and goes on after a kill
at the node and the batch of rollouts that it was in. Rollouts are stored runs of their own; the
state holds their ids alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypedDict, cast

from pydantic import BaseModel, Field

from agentkit.capabilities import AgentInfo, Environment, Reward, Runtime, TrainingDiverged
from agentkit.errors import AgentkitError, UsageError
from agentkit.files import write_atomic
from agentkit.runs import node
from agentkit.seeds import derive
from agentkit.unicode import split_lines
from agentkit_stepwise_rl.episodes import play
from agentkit_stepwise_rl.evolving import correcting, data
from agentkit_stepwise_rl.evolving.correcting import Correction
from agentkit_stepwise_rl.evolving.discriminators import Judged, calibration, judged
from agentkit_stepwise_rl.evolving.players import Players, model_of
from agentkit_stepwise_rl.evolving.pool import Query, pool
from agentkit_stepwise_rl.evolving.settings import EvolveSettings
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.reading import trajectory
from agentkit_stepwise_rl.retrained import private
from agentkit_stepwise_rl.trajectories import Trajectory

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agentkit.kit import Parts

BATCH = 4  # rollouts a phone and record: what a kill can cost


class Goal(BaseModel):
    """what: for people. replay: a file of older examples, JSON lines {id, prompt, answer}."""

    what: str = "self-evolving training"
    replay: str = ""


class Outcome(BaseModel):
    """report: for people. weights: of the best iteration, "" where none was better than the start.
    rows: what each iteration was."""

    report: str
    weights: str
    rows: list[dict[str, Any]] = Field(default_factory=list)


class State(TypedDict, total=False):
    what: str
    replay: str
    iteration: int
    weights: str
    best: dict[str, Any]
    waited: int
    rollouts: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
    corrections: list[dict[str, Any]]
    built: dict[str, Any]
    folders: list[str]
    stopped: str
    rows: list[dict[str, Any]]
    report: str


class Evolve:
    """See the module."""

    input, output = Goal, Outcome

    def __init__(self, settings: EvolveSettings, parts: Parts) -> None:
        self._s, self._parts = settings, parts
        self._out = parts.resolve(settings.out, "out")
        self._players: Players | None = None
        roles = {"model": "gets better"} | (
            {"expander": "says goals in other words"} if settings.expander else {}
        )
        self.info = AgentInfo(parts.name, "trains a policy on its own filtered runs", roles)

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
        for name in ("pool", "rollout", "judge", "correct", "build_data", "train", "evaluate"):
            graph.add_node(name, node(getattr(self, f"_{name}")))
        graph.add_node("finish", node(self._finish))
        graph.add_edge(START, "pool")
        graph.add_edge("pool", "rollout")
        graph.add_edge("rollout", "judge")
        graph.add_edge("judge", "correct")
        graph.add_edge("correct", "build_data")
        graph.add_conditional_edges(
            "build_data", lambda s: "finish" if s["stopped"] else "train", ["finish", "train"]
        )
        graph.add_edge("train", "evaluate")
        graph.add_conditional_edges(
            "evaluate", lambda s: "finish" if s["stopped"] else "rollout", ["finish", "rollout"]
        )
        graph.add_edge("finish", END)
        return graph

    # -- nodes ------------------------------------------------------------------------------------

    def _pool(self, state: State, rt: Runtime) -> State:
        s = self._s

        def make() -> dict[str, Any]:
            expander = self._parts["expander"] if s.expander else None
            made = pool(
                self._environment.tasks(s.split),
                size=s.queries,
                seed=s.seed,
                starts=s.starts or ("",),
                expander=expander,
            )
            text = json.dumps([one.to_json() for one in made], ensure_ascii=False, indent=1)
            write_atomic(self._made("pool.json"), text)
            return {"queries": len(made)}

        rt.record("pool", {"seed": s.seed, "queries": s.queries}, make)
        start = str(self._parts.resolve(s.start, "start")) if s.start else ""
        measured = self._measured(rt, 0, start)
        rt.emit("evolve.start", measured)
        row = {"iteration": 0, **measured}
        best = {"iteration": 0, "weights": start, "success": measured["success"]}
        return {
            "iteration": 1, "weights": start, "best": best, "waited": 0, "stopped": "",
            "rows": [row], "folders": [],
        }  # fmt: skip

    def _rollout(self, state: State, rt: Runtime) -> State:
        s, iteration = self._s, state["iteration"]
        queries = self._queries()
        units = [
            (query, derive(s.seed, f"rollout {iteration} {query.id}", repeat) % (1 << 31))
            for query in queries
            for repeat in range(s.repeats)
        ]
        size, made = BATCH * s.phones, list[dict[str, Any]]()
        for start in range(0, len(units), size):
            some = units[start : start + size]
            args = {"iteration": iteration, "units": [[q.id, seed] for q, seed in some]}

            def do(some: Any = some) -> list[dict[str, Any]]:
                return self._phones().play(some, self._path(state["weights"]), iteration)

            made += rt.record("rollouts", args, do)
            done = len(made) / len(units)
            won = sum(bool(one["success"]) for one in made)
            rt.progress(f"iteration {iteration}: {len(made)} rollouts, {won} succeeded", done)
        lost = [one for one in made if one["lost"]]
        if lost:
            rt.emit("evolve.lost", {"count": len(lost), "first": lost[0]["lost"]})
        return {"rollouts": made}

    def _judge(self, state: State, rt: Runtime) -> State:
        iteration = state["iteration"]

        def do() -> dict[str, Any]:
            parts = {n: self._discriminator(n) for n in self._s.discriminators}
            rows = [judged(one, parts) for one in self._trajectories(state).values()]
            return {"rows": [one.to_json() for one in rows],
                    "worth": [w.to_json() for w in calibration(rows)]}  # fmt: skip

        found = rt.record("judge", {"iteration": iteration}, do)
        warnings = [one["warning"] for one in found["worth"] if one["warning"]]
        rt.emit("evolve.filter", {
            "iteration": iteration, "worth": found["worth"], "warnings": warnings,
        })  # fmt: skip
        for text in warnings:
            rt.progress(text)
        return {"verdicts": found["rows"]}

    def _correct(self, state: State, rt: Runtime) -> State:
        """A person, the expert, or nobody looks at what did not pass."""
        s, known = self._s, self._trajectories(state)
        failed = [v for v in map(_verdict, state["verdicts"]) if not v.all]
        made: list[Correction] = []
        if s.human == "expert":
            made = [correcting.of_expert(known[v.run]) for v in failed]
        elif s.human == "ask":
            order = list(failed)
            Random(derive(s.seed, "asked", state["iteration"])).shuffle(order)
            for verdict in order[: s.questions]:
                made.append(self._asked(rt, known[verdict.run], verdict))
        elif failed:
            rt.progress(f"human = none: {len(failed)} trajectories that did not pass are left out")
        for one in made:
            if one.by == "person":
                rt.emit("evolve.corrected", one.to_json())
        return {"corrections": [one.to_json() for one in made]}

    def _asked(self, rt: Runtime, one: Trajectory, verdict: Judged) -> Correction:
        wrong = ""
        while True:
            said = rt.ask(correcting.question(one, verdict, wrong))
            try:
                return correcting.read_answer(said, one, self._environment.info.actions)
            except UsageError as error:
                wrong = error.message

    def _build_data(self, state: State, rt: Runtime) -> State:
        s, iteration = self._s, state["iteration"]

        def do() -> dict[str, Any]:
            known = self._trajectories(state)
            runs = {one["run"]: one["query"] for one in state["rollouts"] if one["run"]}
            tasks = {query.id: query.task for query in self._queries()}
            passed = [known[v.run] for v in map(_verdict, state["verdicts"]) if v.all]
            cap, split, mixed = Report("cap"), Report("split"), Report("replay")
            seed = derive(s.seed, "data", iteration)
            kept = data.chosen(passed, {r: tasks[q] for r, q in runs.items()}, s.cap, seed, cap)
            how = [Correction.from_json(one) for one in state["corrections"]]
            samples = data.fresh(kept, known, how, split)
            lines = data.lines(samples, self._older(state), s.replay, seed, mixed)
            text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines)
            # A folder by what is in it: a fork of this run has rollouts of its own.
            digest = hashlib.sha256(text.encode()).hexdigest()[:12]
            folder = f"iteration-{iteration}/{digest}"
            write_atomic(self._made(f"{folder}/data.jsonl"), text)
            kinds, entropy = data.kinds(lines)
            return {
                "folder": folder,
                "rollouts": len(known), "passed": len(passed),
                "corrected": sum(one.verdict != "skip" for one in how),
                "fresh": len(samples), "lines": len(lines), "hash": data.content_hash(lines),
                "kinds": kinds, "entropy": entropy,
                "reports": [one.to_json() for one in (cap, split, mixed)],
            }  # fmt: skip

        built = rt.record("data", {"iteration": iteration}, do)
        rt.emit("evolve.data", {k: v for k, v in built.items() if k != "folder"})
        stopped = ""
        if not built["fresh"]:
            stopped = (
                f"iteration {iteration}: none of {built['rollouts']} rollouts passed and none was "
                "corrected, so there is nothing to train on"
            )
        return {"built": built, "stopped": stopped}

    def _train(self, state: State, rt: Runtime) -> State:
        iteration, s = state["iteration"], self._s
        folder = self._out / state["built"]["folder"]

        def do() -> dict[str, Any]:
            own, _ = private(self._parts.kit, s.model)
            with own:
                given = {
                    "held_out": 0.0,  # drawn by ids, which hold those of runs
                    **s.sft,
                    "seed": s.seed,
                    "model": s.model,
                    "start": self._path(state["weights"]) or None,
                }
                own.define("trainer", "supervised", use="sft", **given)
                trainer = own.part("trainer", "supervised")
                examples = data.examples(_read(folder / "data.jsonl"))
                out = folder / "sft"
                resume = (out / "checkpoint" / "state.json").exists()
                try:
                    made = trainer.train(examples, out, _Watched(rt), resume)
                except TrainingDiverged as error:
                    raise AgentkitError(
                        f"iteration {iteration}: {error}", "learn slower: sft.rate"
                    ) from error
            weights = (out / "checkpoint" / "model.safetensors").relative_to(self._out)
            return {"weights": str(weights), "metrics": dict(made.metrics)}

        made = rt.record("sft", {"iteration": iteration, "data": state["built"]["hash"]}, do)
        folders = [*state["folders"], state["built"]["folder"]]
        return {"weights": made["weights"], "folders": folders}

    def _evaluate(self, state: State, rt: Runtime) -> State:
        """Held-out tasks decide: on, or back to the best and out."""
        s, iteration = self._s, state["iteration"]
        measured = self._measured(rt, iteration, self._path(state["weights"]))
        row = {"iteration": iteration, **measured, **{
            k: state["built"][k] for k in ("rollouts", "passed", "corrected", "fresh", "entropy")
        }}  # fmt: skip
        rt.emit("evolve.iteration", row)
        best, waited = state["best"], state["waited"] + 1
        if measured["success"] > best["success"]:
            best = {"iteration": iteration, "weights": state["weights"], **measured}
            waited = 0
        stopped = ""
        if waited >= s.patience:
            stopped = f"iteration {iteration} was not better than iteration {best['iteration']}"
        elif iteration >= s.iterations:
            stopped = f"all {s.iterations} iterations are done"
        return {
            "best": best, "waited": waited, "stopped": stopped, "rows": [*state["rows"], row],
            "iteration": iteration + 1,
        }  # fmt: skip

    def _finish(self, state: State, rt: Runtime) -> State:
        best = state["best"]
        told = (
            f"Stopped: {state['stopped']}. Best: iteration {best['iteration']} with "
            f"{best['success']:.1%} of the held-out tasks"
        )
        text = json.dumps({"report": told, "best": best, "rows": state["rows"]}, indent=2)
        write_atomic(self._made("report.json"), text)
        return {"report": told, "weights": self._path(best["weights"]), "rows": state["rows"]}

    # -- what they share --------------------------------------------------------------------------

    @property
    def _environment(self) -> Environment:
        made: Environment = self._parts["environment"]
        return made

    def _phones(self) -> Players:
        self._players = self._players or Players(self._parts.kit, self._s)
        return self._players

    def _made(self, name: str) -> Path:
        path = self._out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _path(self, weights: str) -> str:
        """The state holds those of an iteration by where they lie in the folder."""
        return str(self._out / weights) if weights else ""

    def _queries(self) -> list[Query]:
        return [Query(**one) for one in json.loads((self._out / "pool.json").read_text("utf-8"))]

    def _trajectories(self, state: State) -> dict[str, Trajectory]:
        """Of this iteration's rollouts, read from their runs, by run."""
        store, found = self._parts.kit.runs, dict[str, Trajectory]()
        for one in state["rollouts"]:
            if one["run"]:
                row = store.get(one["run"])
                made = trajectory(row, store.tail(row.id), self._environment.info.actions)
                if made is not None:
                    found[row.id] = made
        return found

    def _discriminator(self, name: str) -> Reward:
        made: Reward = self._parts.kit.part("reward", name)
        return made

    def _older(self, state: State) -> list[dict[str, Any]]:
        files = [Path(state["replay"])] if state["replay"] else []
        files += [self._out / folder / "data.jsonl" for folder in state["folders"]]
        return [line for file in files for line in _read(file)]

    def _measured(self, rt: Runtime, iteration: int, weights: str) -> dict[str, Any]:
        """Success on held-out tasks, greedily."""
        s = self._s

        def do() -> dict[str, Any]:
            tasks = list(self._environment.tasks(s.held_out))
            Random(derive(0, f"held out {s.held_out}")).shuffle(tasks)
            kit = self._parts.kit
            model = kit.model(model_of(kit, s.model, weights))
            done = [
                bool(play(model, self._environment, task, s.seed).success)
                for task in tasks[: s.tasks]
            ]
            return {"done": sum(done), "tasks": len(done), "success": sum(done) / len(done)}

        found: dict[str, Any] = rt.record("evaluate", {"iteration": iteration}, do)
        return found


class _Watched:
    """A training's progress, as the run shows it."""

    def __init__(self, rt: Runtime) -> None:
        self._rt, self.cancel = rt, rt.cancel

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        self._rt.progress(f"training, step {step} of {total}", step / max(1, total))

    def examples(self, step: int, ids: Any) -> None:
        """The trainer's own record names them."""


def _verdict(plain: Mapping[str, Any]) -> Judged:
    return Judged(plain["run"], plain["success"], plain["passed"], plain["why"])


def _read(path: Path) -> list[dict[str, Any]]:
    return [
        cast("dict[str, Any]", json.loads(line))
        for line in split_lines(path.read_text(encoding="utf-8"))
        if line.strip()
    ]
