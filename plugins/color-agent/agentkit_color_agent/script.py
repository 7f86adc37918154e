"""A script: what was done once, in a form that can be done again with other words.

Each step finds its element by what it is and says (selectors), and only where nothing says enough
by where it was. What the goal named is a parameter. A step that no longer fits is not forced: the
agent takes over there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentkit.agents.acting import POINTS, element_at
from agentkit.errors import DataError, UsageError
from agentkit_color_agent.screens import (
    Screen,
    elements,
    named,
    numbers,
    place,
    quoted,
    size,
)

VERSION = 1
NEVER = ("answer", "finish", "ask", "remember")
"""Belongs to the run, not to what is done on the phone."""


class Selector(BaseModel):
    """How an element is found again. count: which of several alike ones, from the top."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str = ""
    label: str = ""
    resource: str = ""
    description: str = ""
    count: int = Field(0, ge=0)


class ScriptStep(BaseModel):
    """place: the screen that it was done on. action: as JSON, without its points; texts may hold
    `{parameter}`. targets: for each point its selector. points: where they were, as shares of the
    screen, for elements that nothing tells apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: str = Field("", max_length=500)
    action: dict[str, Any]
    targets: dict[str, Selector] = Field(default_factory=dict)
    points: dict[str, tuple[float, float]] = Field(default_factory=dict)


class Script(BaseModel):
    """goal: with `{parameter}` where it named something. parameters: what it named then."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(VERSION, ge=1, le=VERSION)
    goal: str = Field(max_length=20_000)
    parameters: dict[str, str] = Field(default_factory=dict, max_length=100)
    steps: tuple[ScriptStep, ...] = Field(max_length=1000)
    source: str = Field("", max_length=500)

    @classmethod
    def read(cls, text: str, where: str = "the script") -> Script:
        """Raises:
        DataError: it is none.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            at = ".".join(map(str, first["loc"]))
            raise DataError(
                f"{where} is no script: {at}: {first['msg']}", "record it again"
            ) from None

    def filled(self, given: Mapping[str, str]) -> Script:
        """With these values in place of the recorded ones.

        Raises:
            UsageError: there is no such parameter.
        """
        unknown = sorted(set(given) - set(self.parameters))
        if unknown:
            known = ", ".join(self.parameters) or "none"
            raise UsageError(f"the script has no parameter {unknown[0]!r}", f"it has: {known}")
        values = {**self.parameters, **given}
        return self.model_copy(update={"parameters": values})

    @property
    def words(self) -> str:
        """The goal with its values."""
        return fill(self.goal, self.parameters)


def compile_script(
    goal: str, steps: Iterable[tuple[Screen, Mapping[str, Any]]], source: str = ""
) -> Script:
    """A script of what was done: (screen before, action as JSON) in order.

    Raises:
        UsageError: nothing was done.
    """
    done = [(s, dict(a)) for s, a in steps if a.get("kind") not in NEVER]
    if not done:
        raise UsageError("nothing was done on the phone there", "record a run that acted")
    typed = " ".join(str(a.get("text", "")) for _, a in done)
    parameters = _parameters(goal, typed)
    made = []
    for screen, action in done:
        targets, points = {}, {}
        action.pop("sensitive", None)
        for name, fields in POINTS.items():
            if all(f in action for f in fields):
                x, y = (action.pop(f) for f in fields)
                number = element_at(x, y, elements(screen))
                if number is not None:
                    targets[name] = _selector(elements(screen), number, parameters)
                extent = size(screen)
                if extent:
                    points[name] = (round(x / extent[0], 5), round(y / extent[1], 5))
        for field in ("text", "app"):
            if isinstance(action.get(field), str):
                action[field] = _template(action[field], parameters)
        made.append(ScriptStep(place=place(screen), action=action, targets=targets, points=points))
    return Script(
        version=VERSION,
        goal=_template(goal, parameters),
        parameters=parameters,
        steps=tuple(made),
        source=source,
    )


def _parameters(goal: str, typed: str) -> dict[str, str]:
    """What the goal names and could be something else: quotations, numbers and names, and what
    was typed of it."""
    found = [*quoted(goal), *numbers(goal), *named(goal)]
    kept: list[str] = []
    for text in sorted(dict.fromkeys(found), key=len, reverse=True):
        if len(text) > 1 and not any(text in k for k in kept):
            kept.append(text)
    in_order = sorted(kept, key=goal.find)
    made = {}
    for number, text in enumerate(in_order, 1):
        usual = "text" if text in typed else "value"
        made[f"{usual}{number}"] = text
    return made


def _template(text: str, parameters: Mapping[str, str]) -> str:
    """With `{name}` for each value; braces of its own are doubled."""
    if not parameters:
        return _braced(text)
    pattern = "|".join(re.escape(v) for v in sorted(parameters.values(), key=len, reverse=True))
    names = {v: k for k, v in parameters.items()}
    pieces = re.split(f"({pattern})", text)
    return "".join(f"{{{names[p]}}}" if p in names else _braced(p) for p in pieces)


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def fill(template: str, parameters: Mapping[str, str]) -> str:
    """Raises:
    DataError: it names a parameter that there is not.
    """

    def value(match: re.Match[str]) -> str:
        if match.group() in ("{{", "}}"):
            return match.group()[0]
        try:
            return parameters[match.group(1)]
        except KeyError:
            raise DataError(f"the script names a parameter {match.group(1)!r}", "add it") from None

    return re.sub(r"\{\{|\}\}|\{(\w+)\}", value, template)


def _selector(
    shown: Sequence[Mapping[str, Any]], number: int, parameters: Mapping[str, str]
) -> Selector:
    """By its resource where that is its alone, else by role and label; `count` among equals."""
    element = shown[number]
    label = _template(_label(element), parameters)
    made = Selector(
        role=str(element.get("role", "")),
        label="" if element.get("editable") and element.get("resource") else label,
        resource=str(element.get("resource", "")),
        description=_template(str(element.get("description", "")), parameters),
        count=0,
    )
    alike = matches(made, shown, parameters)
    return made.model_copy(update={"count": alike.index(number) if number in alike else 0})


def _label(element: Mapping[str, Any]) -> str:
    return " ".join(str(element.get("label", "")).split())


def matches(
    selector: Selector, shown: Sequence[Mapping[str, Any]], parameters: Mapping[str, str]
) -> list[int]:
    """Numbers of the elements that it fits."""
    label, description = (fill(t, parameters) for t in (selector.label, selector.description))
    if not (label or description or selector.resource):
        return []
    return [
        n
        for n, e in enumerate(shown)
        if e.get("role", "") == selector.role
        and (not selector.resource or e.get("resource", "") == selector.resource)
        and (not label or _label(e) == label or _begins(_label(e), label))
        and (not description or e.get("description", "") == description)
    ]


def _begins(shown: str, recorded: str) -> bool:
    """A row says more than its name: `Mia, +1 555…` is still Mia's."""
    return shown.partition(",")[0] == recorded.partition(",")[0] != ""


def next_action(step: ScriptStep, screen: Screen, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The action of a step on this screen.

    Raises:
        LookupError: it does not fit: another screen, or its element is not there.
    """
    if step.place and place(screen) != step.place and step.action.get("kind") != "open":
        raise LookupError(f"the screen is {place(screen)}, not {step.place}")
    made = {
        k: fill(v, parameters) if k in ("text", "app") and isinstance(v, str) else v
        for k, v in step.action.items()
    }
    shown = elements(screen)
    for name in {*step.targets, *step.points}:
        fields = POINTS[name]
        selector = step.targets.get(name)
        if selector and (selector.label or selector.resource or selector.description):
            found = matches(selector, shown, parameters)
            if len(found) <= selector.count:
                said = fill(selector.label or selector.description, parameters)
                raise LookupError(f"{selector.role} {said or selector.resource!r} is not there")
            left, top, right, bottom = shown[found[selector.count]]["bounds"]
            made |= dict(zip(fields, ((left + right) // 2, (top + bottom) // 2), strict=True))
            continue
        extent = size(screen)
        if name not in step.points or extent is None:
            raise LookupError("nothing tells where to touch")
        x, y = step.points[name]
        made |= dict(zip(fields, (round(x * extent[0]), round(y * extent[1])), strict=True))
    return made
