"""Episodes as data, and their splitting into step samples.

A trajectory holds what was seen and done; a sample is made of each of its steps with the writer
that agents use themselves (`StepPrompt`, `history_line`), from what was known at that step alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from agentkit.agents.acting import ElementLine, Reading, Screen, StepPrompt
from agentkit.agents.acting import element_at as element_at_point
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.samples import Sample, Size, accepted_of
from agentkit_stepwise_rl.spaces import SPACE, OtherSpace

MOST = 60  # elements of a screen that a policy is shown
POINTS = {"element": ("x", "y"), "to_element": ("to_x", "to_y")}


@dataclass(frozen=True, slots=True)
class Seen:
    """A screen. place: app and page. elements: with `role`, `label`, `bounds` …; size: of the
    image that the bounds are in, None where it is not known. apps: as in `Screen`."""

    place: str
    time: str
    elements: tuple[Mapping[str, Any], ...]
    size: Size | None = None
    apps: tuple[tuple[str, str], ...] = ()

    def screen(self) -> Screen:
        shown = tuple(ElementLine.of(e) for e in self.elements[:MOST])
        more = max(0, len(self.elements) - MOST)
        return Screen(self.place, self.time, shown, more, self.apps)


def listed(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The apps of an observation's data."""
    return tuple((str(k), str(v)) for k, v in dict(data.get("apps", {})).items())


@dataclass(frozen=True, slots=True)
class Did:
    """A step. action: as JSON, with points. line: of the history. best: what an expert would have
    done there, where one was asked. refused: why the device did not do it. right: what people
    or proofs accept beside `best`, as actions. at: of the run's log, to find it again."""

    seen: Seen
    action: Mapping[str, Any]
    line: str
    best: Mapping[str, Any] | None = None
    refused: str = ""
    also: tuple[Mapping[str, Any], ...] = ()
    at: int = 0


@dataclass(frozen=True, slots=True)
class Trajectory:
    """An episode.

    Attributes:
        id: of the run. task: its id, "" for a goal that nobody wrote a check for. seed: of the
            phone's state. start: the page that it began at, "" for the home screen.
        steps: in order. last: the screen after the last of them.
        claim: what the agent said: success, infeasible, answered, gave up, out of steps; "" where
            it was cut short. success: what the state says; None where nobody can tell.
        space: the actions that it is told in.
    """

    id: str
    goal: str
    task: str
    template: str
    split: str
    seed: int
    steps: tuple[Did, ...]
    last: Seen | None = None
    start: str = ""
    claim: str = ""
    answer: str = ""
    success: bool | None = None
    reasons: tuple[str, ...] = ()
    space: str = SPACE
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Trajectory:
        def seen(one: Mapping[str, Any]) -> Seen:
            size = tuple(one["size"]) if one["size"] else None
            apps = tuple((name, said) for name, said in one.get("apps", ()))
            return Seen(one["place"], one["time"], tuple(one["elements"]), size, apps)

        steps = tuple(
            Did(**{**one, "seen": seen(one["seen"]), "also": tuple(one["also"])})
            for one in plain["steps"]
        )
        last = seen(plain["last"]) if plain["last"] else None
        return cls(**{**plain, "steps": steps, "last": last, "reasons": tuple(plain["reasons"])})


def split_trajectory(
    one: Trajectory, report: Report | None = None, *, learn: str = "taken"
) -> list[Sample]:
    """A sample for each step: T steps give T samples, and the t-th knows t - 1 lines of history.

    Args:
        report: is told how many went in and came out, and why not.
        learn: what is accepted: the action that was "taken", or the expert's "best"; steps without
            one are left out.
    """
    report = report or Report("split")
    made: list[Sample] = []
    history: list[str] = []
    reading = Reading()
    off = False
    for number, did in enumerate(one.steps):
        report.came()
        screen = did.seen.screen()
        prompt = StepPrompt(one.goal, screen, reading.see(screen), tuple(history))
        history.append(did.line)
        target = did.action if learn == "taken" else did.best
        if target is None:
            report.dropped("no expert was asked")
            continue
        try:
            sample = _sample(one, number, did, prompt, target, off)
        except OtherSpace as error:
            report.dropped(f"another action space: {error.message}"[:90])
            continue
        finally:
            off |= did.best is not None and did.best != did.action
        made.append(sample)
        report.kept()
    return made


def _sample(
    one: Trajectory, number: int, did: Did, prompt: StepPrompt, target: Mapping[str, Any], off: bool
) -> Sample:
    seen = did.seen
    accepted = [accepted_of(plain, seen.elements, seen.size) for plain in ({**target}, *did.also)]
    return Sample(
        id=f"{one.id}.{number}",
        source=one.id,
        step=number,
        prompt=prompt.write(),
        answer=said(target, seen.elements),
        accepted=tuple(dict.fromkeys(accepted)),
        elements=tuple(dict(e) for e in seen.elements[:MOST]),
        size=seen.size,
        task=one.task,
        template=one.template,
        seed=one.seed,
        split=one.split,
        off=off,
        space=one.space,
    )


def said(plain: Mapping[str, Any], elements: Sequence[Mapping[str, Any]]) -> str:
    """An action, as JSON with points, as policies say it: elements by their numbers."""
    made = dict(plain)
    for name, (x, y) in POINTS.items():
        if x in made and y in made:
            number = element_at_point(made[x], made[y], elements)
            if number is not None:
                made = {(name if k == x else k): v for k, v in made.items() if k != y}
                made[name] = number
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def cut(one: Trajectory, steps: int) -> Trajectory:
    """Its first steps."""
    return replace(one, steps=one.steps[:steps], last=None, claim="", answer="", success=None)
