"""Settings of `use = "color-agent"`."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Literal

from pydantic import Field

from agentkit.settings import PartSettings

Sight = Literal["tree", "screen", "both"]
Dialect = Literal["json", "mobile-use", "ui-tars", "showui"]


def acting_model() -> str:
    """The policy that comes with agentkit where its plugin is installed, else the small model."""
    return "phone-policy" if entry_points(group="agentkit", name="phone-policy") else "small"


class ColorSettings(PartSettings):
    """One switch and one model for each module of the paper; a module whose model is None works by
    its rules alone.

    Attributes:
        environment: the phone. steps: at most so many; 0 leaves it to the task.
        model: the operator, which says each action.
        answerer: says the answer in the end. classifier, orchestrator, extractor, rewriter: take a
            goal over several apps apart. reflector, trajectory, judge: the three levels of
            reflection, asked where rules cannot tell. personaliser: rewrites the goal in a
            person's way. asker: tells whether to ask, where rules cannot.
        embedder: compares goals by meaning; without it by their words.
        maps: whether the way to what a goal names is told, from a map of the phone's apps, where
            no tip tells it.
        orchestration, knowledge, reflect_action, reflect_trajectory, reflect_global, personal,
            asking: switch a module off.
        mode: `paper` has two subtasks, one chance after a wrong finish, and rules as published.
        sight: what a model is shown: the elements as lines, the screenshot, or both.
        dialect: how it says actions: ours, or that of a model family.
        person: whose phone it is; nobody's profile is used where it is empty.
        remote_profile: whether a model on another machine may read the profile.
        questions: the most of one task. patience: seconds after which `agentkit color overdue` may
            answer for the person; 0 never asks: what needs an answer is not done.
        apps: the only apps that may be opened; all where it is empty.
        grammar: holds the operator to what can be done on the screen, where it knows grammars.
        retries: of a reply that is no action. elements: the most that is shown of a screen.
        history: the most lines of it. stuck: steps without any action, and it gives up.
        cold: steps between two looks at the trajectory. every: steps after which there is one.
        finishes: wrong finishes that are undone.
        floor: likeness below which no tip and no habit is used, 0 to 1.
        lost_tries, lost_wait: of looking for a phone that is gone, and seconds between them.
    """

    environment: str = "phone"
    steps: int = Field(0, ge=0)
    model: str = Field(default_factory=acting_model)
    answerer: str | None = None
    classifier: str | None = None
    orchestrator: str | None = None
    extractor: str | None = None
    rewriter: str | None = None
    reflector: str | None = None
    trajectory: str | None = None
    judge: str | None = None
    personaliser: str | None = None
    asker: str | None = None
    embedder: str | None = None
    orchestration: bool = True
    knowledge: bool = True
    maps: bool = True
    reflect_action: bool = True
    reflect_trajectory: bool = True
    reflect_global: bool = True
    personal: bool = True
    asking: bool = True
    mode: Literal["ours", "paper"] = "ours"
    sight: Sight = "tree"
    dialect: Dialect = "json"
    person: str = ""
    remote_profile: Literal["ask", "yes", "no"] = "ask"
    questions: int = Field(3, ge=0)
    patience: float | None = Field(None, ge=0)
    apps: tuple[str, ...] = ()
    grammar: bool = True
    retries: int = Field(3, ge=0)
    elements: int = Field(60, ge=1)
    history: int = Field(30, ge=0)
    stuck: int = Field(3, ge=1)
    cold: int = Field(3, ge=0)
    every: int = Field(5, ge=1)
    finishes: int = Field(2, ge=0)
    floor: float = Field(0.5, ge=0, le=1)
    lost_tries: int = Field(3, ge=1)
    lost_wait: float = Field(2.0, ge=0)


ROLES = {
    "model": "says each action",
    "answerer": "says the answer in the end",
    "classifier": "tells what kind of goal it is",
    "orchestrator": "takes a goal over several apps apart",
    "extractor": "reads what the next part needs",
    "rewriter": "puts that into the next part",
    "reflector": "tells what an action did, where rules cannot",
    "trajectory": "tells whether it is on a wrong path",
    "judge": "tells whether it is done",
    "personaliser": "puts the goal in a person's way",
    "asker": "tells whether to ask",
}
