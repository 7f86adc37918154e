"""Rollouts on several phones at once, each a stored run."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agentkit.capabilities import Environment
from agentkit.errors import AgentkitError
from agentkit.kit import Kit
from agentkit_stepwise_rl.evolving.pool import Query
from agentkit_stepwise_rl.evolving.settings import EvolveSettings

LIMIT = 600.0  # seconds of one episode, after which it is given up
YES = ("yes", "go on", "allow")


class Players:
    """The phones of one process, and the agents on them.

    A phone that dies in the midst of an episode is replaced, and the episode is played once more;
    where that one dies too the rollout counts as lost.
    """

    def __init__(self, kit: Kit, settings: EvolveSettings) -> None:
        self._kit, self._settings = kit, settings
        self._lock = threading.Lock()
        self._phones: list[str] = []
        self._made = 0

    def play(
        self, units: Sequence[tuple[Query, int]], weights: str, iteration: int
    ) -> list[dict[str, Any]]:
        """One rollout for each (query, seed), as many at once as there are phones; what became of
        each, in their order: `run`, `query`, `success`, and `lost`, why there is none."""
        while len(self._phones) < self._settings.phones:
            self._phones.append(self._phone())
        size = len(self._phones)
        with ThreadPoolExecutor(size) as workers:
            rows = [
                workers.submit(self._worked, phone, units[phone::size], weights)
                for phone in range(size)
            ]
            found = [row.result() for row in rows]
        return [found[n % size][n // size] for n in range(len(units))]

    def _worked(
        self, place: int, units: Sequence[tuple[Query, int]], weights: str
    ) -> list[dict[str, Any]]:
        return [self._rollout(place, query, seed, weights) for query, seed in units]

    def _rollout(self, place: int, query: Query, seed: int, weights: str) -> dict[str, Any]:
        lost = ""
        for _ in range(2):
            agent = self._agent(self._phones[place], weights)
            try:
                run = self._kit.agent(agent).run(query.goal, seed=seed, **self._input(query))
            except AgentkitError as error:
                lost = error.message
                continue
            status = run.wait(LIMIT)
            while status == "waiting":  # an owner who lets it go on
                asked = run.questions[0]
                options = asked.question.options
                yes = next((o for o in options if o.casefold() in YES), None)
                run.answer(yes or (options[0] if options else "Just go on."), asked.number)
                status = run.wait(LIMIT)
            if status == "done":
                result = run.row.result or {}
                return {
                    "run": run.id, "query": query.id, "success": result.get("success"), "lost": "",
                }  # fmt: skip
            if status == "running":
                run.cancel()
            lost = f"the run is {run.status}: {run.row.note}"
            with self._lock:
                self._phones[place] = self._phone()
        return {"run": "", "query": query.id, "success": None, "lost": lost}

    def _input(self, query: Query) -> dict[str, Any]:
        if not self._settings.agent:
            return {
                "task_id": query.task, "split": query.split, "start": query.start,
                "state": query.state,
            }  # fmt: skip
        return {"task_id": query.task}

    # -- parts ------------------------------------------------------------------------------------

    def _phone(self) -> str:
        """Another phone, declared under a name of its own."""
        base: Environment = self._kit.environment(self._settings.environment)
        (made,) = base.pool(1)
        while True:
            self._made += 1
            name = f"{self._settings.environment}-evolving-{self._made}"
            if name not in self._kit.names("environment"):
                self._kit.add("environment", name, made)
                return name

    def model(self, weights: str) -> str:
        """The name of the model with these weights, declared where it is not yet."""
        return model_of(self._kit, self._settings.model, weights)

    def _agent(self, phone: str, weights: str) -> str:
        s = self._settings
        with self._lock:
            model = self.model(weights)
            name = f"rollout-{model}-{phone}".lower()
            if name in self._kit.names("agent"):
                return name
            if not s.agent:
                self._kit.define(
                    "agent", name, use="rollout", model=model, environment=phone,
                    temperature=s.temperature, expert=True,
                )  # fmt: skip
            else:
                own = self._kit.values("agent", s.agent)
                plain: Mapping[str, Any] = {k: v for k, v in own.plain().items() if k != "use"}
                self._kit.define(
                    "agent", name, **{"use": own.use, **plain, "model": model, "environment": phone}
                )
            return name


def model_of(kit: Kit, base: str, weights: str) -> str:
    """A model part with these weights; the base itself where there are none."""
    if not weights:
        return base
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()[:10]
    name = f"{base}-{digest}"
    if name not in kit.names("model"):
        kit.define("model", name, use="retrained", base=base, weights=str(Path(weights).resolve()))
    return name
