"""Agents as people may start them from the console, and the processes that their runs work in.

A browser may choose among what agentkit.toml declares, and set numbers, switches and choices.
Paths, addresses, commands and other free words are for the owner's files alone.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from agentkit.capabilities import NOUNS
from agentkit.console.commands import Limits, Start
from agentkit.console.faults import Refusal
from agentkit.console.nursery import Nursery
from agentkit.console.worker import alone
from agentkit.errors import AgentkitError, UsageError
from agentkit.kit import Kit, load
from agentkit.names import nearest
from agentkit.runs.store import Budget, RunRow

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

UPLOADED = "path"  # the setting of agents that search a folder


class Starter:
    """Makes runs and starts their processes. config, options: as the server itself was started."""

    def __init__(
        self, kit: Kit, folder: Path, config: str | None = None, options: Sequence[str] = ()
    ) -> None:
        self.kit, self.folder = kit, folder
        self.config, self.options = config, tuple(options)
        self.nursery = Nursery()

    # -- what there is ----------------------------------------------------------------------------

    def agents(self) -> list[dict[str, Any]]:
        made = []
        for name in self.kit.names("agent"):
            one = {"name": name, "use": "", "summary": "", "plugin": "", "error": ""}
            try:
                entry = self.kit.registration("agent", name)
                one |= {"use": entry.name, "summary": entry.summary, "plugin": entry.plugin}
                self.kit.check("agent", name)
            except AgentkitError as error:
                one["error"] = str(error)
            made.append(one)
        return made

    def agent(self, name: str) -> dict[str, Any]:
        """What can be said and set when a run of the agent is started."""
        part = self.kit.agent(name).part
        fields = list(part.input.model_fields.items())
        return {
            "name": name,
            "summary": self.kit.registration("agent", name).summary,
            "description": part.info.description,
            "roles": dict(part.info.roles),
            "input": [_described(key, f, f.default) for key, f in fields],
            "settings": self._settings(name),
            "uploads": UPLOADED in self._model(name).model_fields,
        }

    def _model(self, agent: str) -> type[BaseModel]:
        found = self.kit.registration("agent", agent).load_settings()
        return found if found is not None else BaseModel

    def _settings(self, agent: str) -> list[dict[str, Any]]:
        entry, now = self.kit.registration("agent", agent), self.kit.validated("agent", agent)
        made = []
        for key, field in self._model(agent).model_fields.items():
            value = getattr(now, key)
            need = entry.needs.get(key)
            if need is not None:
                names = self.kit.names(need if need in NOUNS else "model")
                many = isinstance(value, list | tuple)
                one = _described(key, field, list(value) if many else value)
                made.append({**one, "kind": "parts" if many else "part", "choices": names})
            elif (one := _described(key, field, value))["kind"] not in ("text", "other"):
                made.append(one)
        return made

    def check(self, agent: str, settings: Mapping[str, Any]) -> None:
        """Raises Refusal where a setting may not be set from here, or names no declared part."""
        known = {one["name"]: one for one in self._settings(agent)}
        faults = []
        for key, value in settings.items():
            one = known.get(key)
            if one is None:
                hint = nearest(key, known)
                faults.append((f"settings.{key}", f"may not be set from here{hint}"))
            elif one["kind"] in ("part", "parts"):
                names = value if isinstance(value, list) else [value]
                wrong = [n for n in names if n not in (None, "") and n not in one["choices"]]
                if wrong:
                    faults.append((f"settings.{key}", f"{wrong[0]!r} is not declared"))
            elif not isinstance(value, str | int | float | bool | None):
                faults.append((f"settings.{key}", "is not of the right kind"))
        if faults:
            told = "; ".join(f"{field} {words}" for field, words in faults)
            fields = [{"field": f, "message": words} for f, words in faults]
            raise Refusal(422, "invalid", told, "GET /api/agents/NAME lists them", fields=fields)

    # -- a new run --------------------------------------------------------------------------------

    def create(self, start: Start, upload: Path | None) -> RunRow:
        """The run, made and not started yet.

        Raises:
            AgentkitError: the agent cannot be built, or its input does not fit.
        """
        if start.agent not in self.kit.names("agent"):
            known = ", ".join(self.kit.names("agent"))
            raise UsageError(f"there is no agent {start.agent!r}", f"there are: {known}")
        if not start.task.strip():
            raise Refusal(
                422, "invalid", "the task is empty", fields=[{"field": "task", "message": "empty"}]
            )
        self.check(start.agent, start.settings)
        chosen = [f"agents.{start.agent}.{k}={_toml(v)}" for k, v in start.settings.items()]
        if upload is not None:
            if UPLOADED not in self._model(start.agent).model_fields:
                raise UsageError(f"the agent {start.agent!r} searches no files")
            chosen.append(f"agents.{start.agent}.{UPLOADED}={json.dumps(str(upload))}")
        if not chosen:
            return self._create(self.kit, start)
        with load(self.config, overrides=[*self.options, *chosen]) as kit:
            return self._create(kit, start)

    @staticmethod
    def _create(kit: Kit, start: Start) -> RunRow:
        limits = budget_of(Budget(**kit.settings.host.budget.model_dump()), start.budget)
        return kit.agent(start.agent).create(
            start.task, seed=start.seed, budget=limits, **start.input
        )

    # -- processes --------------------------------------------------------------------------------

    def ensure(self, run: str) -> None:
        """A process for a run that waits for none: where one is there already, it takes care."""
        with alone(self.folder, run, 0.0) as free:
            pass
        if free:
            self.spawn(run)

    def spawn(self, run: str) -> None:
        """A process that drives the run, once any other of it has left."""
        told = {"run": run, "folder": str(self.folder), "config": self.config}
        self.nursery.spawn({**told, "options": list(self.options)})


def budget_of(now: Budget, said: Limits | None) -> Budget:
    """The limits, with those that were named in their place."""
    if said is None:
        return now
    values = {name: getattr(now, name) for name in ("tokens", "seconds", "steps")}
    return Budget(**{**values, **said.model_dump(include=said.model_fields_set)})


def _toml(value: Any) -> str:
    """As `-o` reads it: JSON is TOML for what may come here."""
    return json.dumps("" if value is None else value)


def _described(name: str, field: FieldInfo, now: Any) -> dict[str, Any]:
    kinds = _kinds(field.annotation)
    made: dict[str, Any] = {
        "name": name,
        "title": name.replace("_", " "),
        "help": field.description or "",
        "kind": "other",
        "choices": [],
        "default": now if isinstance(now, str | int | float | bool | list) else None,
        "required": field.is_required(),
        "least": None,
        "most": None,
    }
    for rule in field.metadata:
        for word, key in (("ge", "least"), ("gt", "least"), ("le", "most"), ("lt", "most")):
            if getattr(rule, word, None) is not None:
                made[key] = getattr(rule, word)
    choices = [c for kind in kinds if typing.get_origin(kind) is Literal for c in kind.__args__]
    plain = [kind for kind in kinds if typing.get_origin(kind) is not Literal]
    if choices and not plain:
        return {**made, "kind": "choice", "choices": choices}
    by_type = {bool: "switch", int: "integer", float: "number", str: "text"}
    if len(plain) == 1 and plain[0] in by_type:
        return {**made, "kind": by_type[plain[0]]}
    return made


def _kinds(annotation: Any) -> list[Any]:
    """The types of a field, without None."""
    if typing.get_origin(annotation) in (typing.Union, UnionType):
        return [k for k in typing.get_args(annotation) if k is not type(None)]
    return [annotation]
