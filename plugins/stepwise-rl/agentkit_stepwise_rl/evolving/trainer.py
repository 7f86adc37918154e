"""`agentkit train evolve`: the run of the agent `evolve`, started, watched, and gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Checkpoint, Example, Plan, Progress
from agentkit.errors import AgentkitError, DataError, Paused
from agentkit.files import write_atomic
from agentkit.unicode import split_lines
from agentkit_stepwise_rl.evolving.settings import EvolveSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts

RUN = "run.json"
HUMAN = {
    "ask": "people are asked about failures; --set human=none asks nobody",
    "none": "nobody is asked: failures are left out (human = none)",
    "expert": "the environment's expert corrects failures in place of people (human = expert)",
}


class Waits(AgentkitError):
    """A person has to look at trajectories first."""

    code = "waits"
    exit_code = 3


class EvolveTrainer:
    """Examples that it is given are kept as replay data."""

    def __init__(self, settings: EvolveSettings, parts: Parts) -> None:
        self.settings, self._parts = settings, parts

    def plan(self) -> Plan:
        s, model = self.settings, self._parts["model"]
        size = max(1, model.info.parameters or 1)
        rollouts = s.iterations * s.queries * s.repeats
        steps = int(s.sft.get("steps", 1000))
        # A step of an episode takes some 20 ms, one of the optimizer on a small policy 100.
        seconds = rollouts * 8 * 0.02 + s.iterations * (steps * 0.1 + s.tasks * 8 * 0.02)
        notes = (
            f"{rollouts} rollouts on {s.phones} phones, {s.tasks} held-out tasks an iteration",
            HUMAN[s.human],
        )
        return Plan(s.iterations, size, 16 * size, seconds, notes)

    def train(
        self, data: Iterable[Example], out: Path, progress: Progress, resume: bool = False
    ) -> Checkpoint:
        """Raises:
        Waits: failed trajectories wait for a person; `resume` goes on afterwards.
        """
        kit, out = self._parts.kit, out.resolve()
        known = out / RUN
        if resume and not known.exists():
            raise DataError(f"{out} holds no evolution", "leave --resume out to begin")
        iteration = 0
        if resume:
            id = str(json.loads(known.read_text())["run"])
            iteration = sum(e.kind == "evolve.iteration" for e in kit.runs.tail(id))
            run = kit.resume(id)
        else:
            run = self._begun(data, out)
            write_atomic(known, json.dumps({"run": run.id}))
        for event in run:
            if progress.cancel and run.driving:
                run.pause()
                raise Paused
            if event.kind == "evolve.iteration":
                iteration = int(event.data["iteration"])
            if event.kind in ("evolve.iteration", "evolve.start"):
                numbers = {
                    k: float(v) for k, v in event.data.items() if k in SHOWN and v is not None
                }
                progress.update(iteration, self.settings.iterations, numbers)
            if event.kind == "evolve.data":
                made = [c.result for c in kit.runs.ledger(run.id) if c.kind == "data" and c.result]
                path = out / made[-1]["ok"]["folder"] / "data.jsonl"
                ids = [json.loads(line)["id"] for line in split_lines(path.read_text("utf-8"))]
                progress.examples(iteration + 1, ids)
        if run.status == "waiting":
            raise Waits(
                f"{len(run.questions)} failed trajectories of run {run.id} wait for a person",
                f"`agentkit console`, or `agentkit runs answer {run.id} …`; then --resume "
                "(begun with --set human=none, it asks nobody and leaves failures out)",
            )
        if progress.cancel and run.status == "paused":
            raise Paused
        made = run.result
        best = max((row["success"] for row in made.rows), default=0.0)
        metrics = {"success_before": made.rows[0]["success"], "success": best}
        (out / "report.txt").write_text(made.report + "\n", encoding="utf-8")
        return Checkpoint(out, len(made.rows) - 1, metrics)

    def _begun(self, data: Iterable[Example], out: Path) -> Any:
        kit, replay = self._parts.kit, ""
        older = [{"id": one.id, **one.data} for one in data]
        out.mkdir(parents=True, exist_ok=True)
        if older:
            wrong = next((o["id"] for o in older if not {"prompt", "answer"} <= o.keys()), None)
            if wrong is not None:
                raise DataError(
                    f"the example {wrong!r} has no prompt or no answer",
                    "give samples, or lines of `agentkit phone demos`",
                )
            text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in older)
            replay = str(write_atomic(out / "replay.jsonl", text))
        plain = self.settings.model_dump(mode="json", exclude={"out"})
        start = self.settings.start
        plain["start"] = str(self._parts.resolve(start, "start")) if start else None
        name = f"{self._parts.name}-loop"
        if name not in kit.names("agent"):
            kit.define("agent", name, use="evolve", out=str(out), **plain)
        return kit.agent(name).run("self-evolving training", seed=self.settings.seed, replay=replay)


SHOWN = ("success", "done", "passed", "fresh")
