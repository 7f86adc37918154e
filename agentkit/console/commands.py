"""What people may do to a run, as messages: closed, checked, and each done once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")]
Words = Annotated[str, Field(min_length=1, max_length=100_000)]
Title = Annotated[str, Field(min_length=1, max_length=2_000)]
Priority = Annotated[int, Field(ge=-1000, le=1000)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# -- edits of the todo list -----------------------------------------------------------------------


class Add(Strict):
    op: Literal["add"] = "add"
    title: Title
    priority: Priority | None = None
    after: Id | None = None


class Edit(Strict):
    op: Literal["edit"] = "edit"
    task: Id
    title: Title | None = None
    query: Title | None = None
    priority: Priority | None = None
    depends_on: Annotated[list[Id], Field(max_length=200)] | None = None


class Cancel(Strict):
    op: Literal["cancel"] = "cancel"
    task: Id
    reason: Annotated[str, Field(max_length=2_000)] = ""


class Retry(Strict):
    op: Literal["retry"] = "retry"
    task: Id
    reason: Annotated[str, Field(max_length=2_000)] = ""


class Order(Strict):
    op: Literal["order"] = "order"
    tasks: Annotated[list[Id], Field(min_length=1, max_length=10_000)]


AnyEdit = Annotated[Add | Edit | Cancel | Retry | Order, Field(discriminator="op")]
Edits = Annotated[list[AnyEdit], Field(max_length=1_000)]


# -- arguments of commands ------------------------------------------------------------------------


class Nothing(Strict):
    pass


class Text(Strict):
    text: Words


class MessageOf(Strict):
    message: Id


class AddArgs(Strict):
    title: Title
    priority: Priority | None = None
    after: Id | None = None


class EditArgs(Strict):
    task: Id
    title: Title | None = None
    query: Title | None = None
    priority: Priority | None = None
    depends_on: Annotated[list[Id], Field(max_length=200)] | None = None


class TaskArgs(Strict):
    task: Id
    reason: Annotated[str, Field(max_length=2_000)] = ""


class OrderArgs(Strict):
    tasks: Annotated[list[Id], Field(min_length=1, max_length=10_000)]


class RuleOf(Strict):
    directive: Id


class EvidenceArgs(Strict):
    evidence: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(max_length=2_000)] = ""


class Approve(Strict):
    edits: Edits = []


class PlanEdit(Strict):
    edits: Edits = []
    text: Annotated[str, Field(max_length=100_000)] = ""


class Answer(Strict):
    question: int
    answer: Annotated[str, Field(max_length=100_000)]


class Limits(Strict):
    """None: no limit. A limit that is not named stays as it is."""

    tokens: Annotated[int, Field(ge=0)] | None = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    steps: Annotated[int, Field(ge=0)] | None = None


class Resume(Strict):
    budget: Limits | None = None


class Fork(Strict):
    step: Annotated[int, Field(ge=0, le=1_000_000)]
    budget: Limits | None = None
    text: Annotated[str, Field(max_length=100_000)] = ""
    edits: Edits = []


ARGS: dict[str, type[Strict]] = {
    "steer": Text,
    "message.withdraw": MessageOf,
    "task.add": AddArgs,
    "task.edit": EditArgs,
    "task.cancel": TaskArgs,
    "task.retry": TaskArgs,
    "task.reorder": OrderArgs,
    "directive.add": Text,
    "directive.remove": RuleOf,
    "evidence.pin": EvidenceArgs,
    "evidence.unpin": EvidenceArgs,
    "evidence.ban": EvidenceArgs,
    "evidence.unban": EvidenceArgs,
    "plan.approve": Approve,
    "plan.reject": Nothing,
    "plan.edit": PlanEdit,
    "answer": Answer,
    "pause": Nothing,
    "resume": Resume,
    "retry": Resume,
    "stop": Nothing,
    "fork": Fork,
    "revise": Text,
    "budget.set": Limits,
    "delete": Nothing,
}
Kind = Literal[
    "steer",
    "message.withdraw",
    "task.add",
    "task.edit",
    "task.cancel",
    "task.retry",
    "task.reorder",
    "directive.add",
    "directive.remove",
    "evidence.pin",
    "evidence.unpin",
    "evidence.ban",
    "evidence.unban",
    "plan.approve",
    "plan.reject",
    "plan.edit",
    "answer",
    "pause",
    "resume",
    "retry",
    "stop",
    "fork",
    "revise",
    "budget.set",
    "delete",
]
ClientId = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]


class Command(Strict):
    """One command, as it comes in. args: checked by `arguments`."""

    client_id: ClientId
    kind: Kind
    args: dict[str, Any] = {}
    expected_version: int | None = None


class Start(Strict):
    """A new run, as it comes in."""

    client_id: ClientId
    agent: Annotated[str, Field(min_length=1, max_length=64)]
    task: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    input: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    budget: Limits | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    upload: Annotated[str, Field(pattern=r"^u-[0-9a-f]{16}$")] | None = None


def arguments(command: Command) -> Strict:
    """Raises ValidationError where they do not fit the kind."""
    return ARGS[command.kind].model_validate(command.args)


EDITS: TypeAdapter[list[Any]] = TypeAdapter(Edits)


def plain(edits: list[Any]) -> list[dict[str, Any]]:
    """Edits as they stand in messages: what is not said is left out."""
    return [one.model_dump(mode="json", exclude_none=True) for one in edits]
