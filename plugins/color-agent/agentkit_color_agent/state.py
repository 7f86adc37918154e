"""What goes in, what comes out, and what the graph keeps between its nodes."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from pydantic import BaseModel, Field

from agentkit.capabilities import Action
from agentkit_color_agent.maps.guide import Aim

Scenario = Literal[
    "Normal situation", "Multiple choices", "Environmental anomalies", "Information missing",
    "Sensitive actions",
]  # fmt: skip
"""VeriOS' five kinds of moments (arXiv 2509.07553)."""
Verdict = Literal["A", "B", "C", "D"]
"""What an action did: as meant, a wrong page, nothing, cannot be told (MobileUse's action
reflector)."""


class Goal(BaseModel):
    """goal: in words. task_id: of a task that the environment knows, which the phone is prepared
    for; without one the agent works on the phone as it is. seed: of that preparation. script: a
    recorded one, as JSON, that is followed as far as it fits. person: whose phone it is, in place
    of the setting."""

    goal: str = Field(max_length=20_000)
    task_id: str = ""
    seed: int = 0
    script: str = Field("", max_length=2_000_000)
    person: str = ""


class Outcome(BaseModel):
    """report: what came of it, for people. claim: what the agent says: success, infeasible,
    answered, gave up, out of steps, refused. success: what the phone's state says; None where
    nobody wrote a check for that goal. sure: whether it could tell itself that it was done.
    calls: of models, by role. warnings: what people should know: orders on the screen."""

    report: str
    goal: str
    claim: str
    answer: str = ""
    success: bool | None = None
    sure: bool = False
    reasons: list[str] = Field(default_factory=list)
    steps: int = 0
    calls: dict[str, int] = Field(default_factory=dict)
    tokens: int = 0
    questions: int = 0
    warnings: list[str] = Field(default_factory=list)


class Subtask(TypedDict):
    """goal: in words, `{found}` where what the one before found is filled in. app: the one that it
    reads from, which the next one's words must not name. wants: what is to be found, in words."""

    goal: str
    app: str
    wants: str


class Fact(TypedDict):
    """Something remembered, with where it stood."""

    text: str
    app: str
    step: int


class Taken(TypedDict):
    """One step as the rules of reflection see it. key: the action as text, "" where there was
    none. kind: of the action. screen: what the screen was after it, hashed."""

    key: str
    kind: str
    screen: str
    outcome: Verdict


class State(TypedDict, total=False):
    # the goal
    goal: str
    task_id: str
    seed: int
    script: str
    person: str
    instruction: str
    label: str
    subtasks: list[Subtask]
    at: int
    # the phone
    phone: str
    snapshot: str
    screen: dict[str, Any]
    before: dict[str, Any]
    picture: str
    taken: int
    limit: int
    # this step
    action: dict[str, Any] | None
    refused: str
    outcome: Verdict
    error: str
    skip: bool
    # what the operator is told
    notes: list[str]
    tips: list[str]
    aim: Aim | None
    way: str
    history: list[str]
    facts: list[Fact]
    reading: dict[str, list[str]]
    read: list[str]
    feedback: dict[str, str]
    replies: list[dict[str, str]]
    # what the rules keep
    trail: list[Taken]
    tried: dict[str, dict[str, str]]  # screen, action: why it was of no use there
    looked: int
    told: int
    turn: int
    idle: int
    typed: list[int]
    finishes: int
    seen: list[dict[str, Any]]
    script_at: int
    orders: list[str]
    # the end
    over: str
    answer: str
    claim: str
    sure: bool
    success: bool | None
    reasons: list[str]
    report: str
    steps: int
    calls: dict[str, int]
    tokens: int
    questions: int
    warnings: list[str]


class Remember(Action):
    """Notes down what a later step needs to know."""

    kind: Literal["remember"] = "remember"
    text: str = Field(min_length=1, max_length=2000)


class Ask(Action):
    """Asks the owner, where only they can know; once at a time."""

    kind: Literal["ask"] = "ask"
    question: str = Field(min_length=3, max_length=300)
    scenario: Scenario = "Information missing"
