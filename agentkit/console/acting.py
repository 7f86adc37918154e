"""Carrying out commands: each once, each on the item that the person saw, each in the journal."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from agentkit.console import commands as said
from agentkit.console import faults
from agentkit.console.desk import Desk
from agentkit.console.entry import Person
from agentkit.console.faults import Conflict, Refusal, missing
from agentkit.console.fold import status_of
from agentkit.console.starting import budget_of
from agentkit.errors import UsageError
from agentkit.runs.store import ENDED, RunRow

EDIT_OF = {
    "task.add": "add",
    "task.edit": "edit",
    "task.cancel": "cancel",
    "task.retry": "retry",
    "task.reorder": "order",
}
MARK_OF = {
    "evidence.pin": ("pin", True),
    "evidence.unpin": ("pin", False),
    "evidence.ban": ("ban", True),
    "evidence.unban": ("ban", False),
}
Done = dict[str, Any]


class Actor:
    """Carries out commands of people. One at a time: what is checked is what is changed."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.store = desk, desk.store
        self._lock = threading.RLock()

    # -- once -------------------------------------------------------------------------------------

    def start(self, start: said.Start, person: Person) -> tuple[int, Done]:
        """A new run; its status and the answer."""
        upload = self.desk.uploads.folder(start.upload) if start.upload else None
        plain = start.model_dump(mode="json", exclude={"client_id"})

        def do() -> Done:
            row = self.desk.starter.create(start, upload)
            self.desk.starter.spawn(row.id)
            return {"run": self.desk.lists.row(row), "seq": self.store.last(row.id)}

        return self._once(start.client_id, person, "", "start", plain, 201, do)

    def act(self, run: str, command: said.Command, person: Person) -> tuple[int, Done]:
        """One command on a run."""
        row = self.store.get(run)
        args = said.arguments(command)

        def do() -> Done:
            if command.expected_version is not None:
                self._check_version(row, command, args)
            made = self._do(row, command.kind, args, person, command.client_id)
            if command.kind == "delete":
                return {"seq": 0, "message": None, "question": None, "run": None, "result": {}}
            return {
                "seq": self.store.last(row.id),
                "message": made.get("message"),
                "question": made.get("question"),
                "run": self.desk.lists.row(self.store.get(row.id)),
                "result": made.get("result", {}),
            }

        plain = {"args": command.args, "expected_version": command.expected_version}
        return self._once(command.client_id, person, row.id, command.kind, plain, 202, do)

    def _once(
        self,
        client: str,
        person: Person,
        run: str,
        kind: str,
        args: Mapping[str, Any],
        status: int,
        do: Any,
    ) -> tuple[int, Done]:
        journal = self.desk.journal
        with self._lock:
            known = journal.begin(client, person.name, person.role, run, kind, args)
            if known is not None:
                if (known.run, known.kind) != (run, kind):
                    raise Conflict(
                        f"the client_id {client} belongs to another command", "make a new one"
                    )
                if known.status:
                    return known.status, known.answer
                found = self._found(run, client)
                if found is None:
                    raise Conflict(
                        "this command was begun when the server stopped, and may have been done",
                        "look at the run, and send it with a new client_id if it was not",
                    )
                journal.end(client, status, found)
                return status, found
            try:
                made = do()
            except Exception as error:
                journal.refuse(client, faults.document(error)[0])
                raise
            journal.end(client, status, made)
            return status, made

    def _found(self, run: str, client: str) -> Done | None:
        """What a message with that client_id became, where it was sent before the server died."""
        if not run:
            return None
        for message in self.store.messages(run):
            if message.directive.data.get("client") == client:
                row = self.desk.lists.row(self.store.get(run))
                return {
                    "seq": self.store.last(run),
                    "message": message.directive.id,
                    "question": None,
                    "run": row,
                    "result": {},
                }
        return None

    def _check_version(self, row: RunRow, command: said.Command, args: said.Strict) -> None:
        tree = self.desk.folds.get(row.id).tree
        for name, place in (("task", "tasks"), ("directive", "rules"), ("evidence", "evidence")):
            item = getattr(args, name, None)
            if item is None:
                continue
            current = tree.get(place, item)
            if current is None:
                raise missing(f"there is no {name} {item!r}")
            if current.get("version", current.get("seq")) != command.expected_version:
                raise Conflict(f"{item} was changed meanwhile", "look at it again", current)
            return
        if isinstance(args, said.OrderArgs):
            tasks = [tree.get("tasks", id) for id in args.tasks]
            newest = max((t["version"] for t in tasks if t), default=0)
            if newest > command.expected_version:  # type: ignore[operator]
                order = tree.get("order")
                raise Conflict("the tasks were changed meanwhile", "look at them again", order)

    # -- what each does ---------------------------------------------------------------------------

    def _do(
        self, row: RunRow, kind: str, args: said.Strict, person: Person, client: str
    ) -> dict[str, Any]:
        if kind in EDIT_OF:
            edit = {"op": EDIT_OF[kind], **args.model_dump(mode="json", exclude_none=True)}
            return self._edit(row, edit, person, client)
        if kind in MARK_OF:
            return self._mark(row, kind, args, person, client)
        match args:
            case said.Text() if kind in ("steer", "directive.add"):
                return self._send(row, args.text, person, client)
            case said.Text():  # revise
                return self._revise(row, args.text)
            case said.MessageOf():
                try:
                    self.store.withdraw(row.id, args.message)
                except UsageError as error:
                    current = self.desk.folds.get(row.id).tree.get("messages", args.message)
                    raise Conflict(error.message, error.hint, current) from error
                return {}
            case said.RuleOf():
                rule = self.desk.folds.get(row.id).tree.get("rules", args.directive)
                if rule is None:
                    raise missing(f"there is no directive {args.directive!r}")
                if rule["ended"]:
                    told = f"{args.directive} does not stand any more: {rule['ended']}"
                    raise Conflict(told, "", rule)
                return self._send(row, f"remove {args.directive}", person, client)
            case said.Approve():
                number = self._plan(row)
                if args.edits:
                    self._send(row, "", person, client, edits=said.plain(args.edits))
                return self._answer(row, number, "approve", person)
            case said.PlanEdit():
                return self._revise_plan(row, args, person)
            case said.Answer():
                return self._answer(row, args.question, args.answer, person)
            case said.Fork():
                return self._fork(row, args, person)
            case said.Limits():
                self.store.limit(row.id, budget_of(row.budget, args))
                return {}
            case said.Resume():
                return self._resume(row, kind, args)
        return self._control(row, kind, person)

    def _control(self, row: RunRow, kind: str, person: Person) -> dict[str, Any]:
        match kind:
            case "plan.reject":
                return self._answer(row, self._plan(row), "stop", person)
            case "pause":
                if row.status == "waiting":
                    raise Conflict("the run stands still already: it waits for an answer")
                self.store.request(row.id, "pause")
            case "stop":
                self.store.request(row.id, "cancel")
            case "delete":
                self.store.delete(row.id)
                self.desk.folds.forget(row.id)
                self.desk.lists.forget(row.id)
        return {}

    def _send(
        self, row: RunRow, text: str, person: Person, client: str, **data: Any
    ) -> dict[str, Any]:
        if text and not text.strip():
            raise Refusal(422, "invalid", "the message is empty")
        author = "user" if person.name == "operator" else person.name
        try:
            sent = self.store.send(row.id, text, author=author, client=client, **data)
        except UsageError as error:
            raise Conflict(error.message, error.hint) from error
        return {"message": sent.id}

    def _edit(
        self, row: RunRow, edit: dict[str, Any], person: Person, client: str
    ) -> dict[str, Any]:
        """An edit of the todo list: part of the answer while the plan is asked about, else a
        message."""
        tree = self.desk.folds.get(row.id).tree
        for id in [edit["task"]] if "task" in edit else edit.get("tasks", ()):
            if tree.get("tasks", id) is None:
                raise missing(f"there is no task {id!r}")
        plan = tree.get("plan")
        if plan is not None and plan["question"] is not None:
            question = tree.get("questions", str(plan["question"]))
            if not question["options"]:
                return self._answer(row, plan["question"], _as_answer([edit]), person)
        return self._send(row, "", person, client, edits=[edit])

    def _mark(
        self, row: RunRow, kind: str, args: said.Strict, person: Person, client: str
    ) -> dict[str, Any]:
        assert isinstance(args, said.EvidenceArgs)
        span = self.desk.folds.get(row.id).tree.get("evidence", args.evidence)
        if span is None:
            raise missing(f"there is no evidence {args.evidence!r}")
        op, on = MARK_OF[kind]
        edit = {"op": op, "span": span["id"], "on": on, "reason": args.reason}
        return self._send(row, "", person, client, edits=[edit])

    # -- questions --------------------------------------------------------------------------------

    def _plan(self, row: RunRow) -> int:
        plan = self.desk.folds.get(row.id).tree.get("plan")
        if plan is None or plan["question"] is None:
            raise Conflict("no plan waits to be approved", "", plan)
        return int(plan["question"])

    def _revise_plan(self, row: RunRow, args: said.PlanEdit, person: Person) -> dict[str, Any]:
        number = self._plan(row)
        if bool(args.edits) == bool(args.text.strip()):
            raise Refusal(422, "invalid", "say edits or a text, one of them")
        answer = _as_answer(said.plain(args.edits)) if args.edits else args.text
        words = " ".join(answer.lower().split()).strip(".! ")
        if not args.edits and len(words) < 12:
            # The agent takes a bare "yes" or "stop" for approval or refusal; only buttons approve.
            answer = f"{args.text.strip()}\n"
            if words in APPROVES:
                raise Refusal(
                    422,
                    "invalid",
                    f"{words!r} changes nothing in the plan",
                    "approve it, or reject",
                )
        return self._answer(row, number, answer, person)

    def _answer(self, row: RunRow, number: int, answer: str, person: Person) -> dict[str, Any]:
        question = self.desk.folds.get(row.id).tree.get("questions", str(number))
        if question is None:
            raise missing(f"there is no question {number}")
        if not question["open"]:
            raise Conflict("this question was answered already", "", question)
        if question["options"] and answer not in question["options"]:
            known = ", ".join(question["options"])
            raise Refusal(422, "invalid", f"{answer!r} is none of its answers", f"one of: {known}")
        author = "user" if person.name == "operator" else person.name
        try:
            self.store.answer(row.id, answer, number, author=author)
        except UsageError as error:
            current = self.desk.folds.get(row.id).tree.get("questions", str(number))
            raise Conflict(error.message, error.hint, current) from error
        self.desk.starter.ensure(row.id)
        return {"question": number}

    # -- going on ---------------------------------------------------------------------------------

    def _resume(self, row: RunRow, kind: str, args: said.Resume) -> dict[str, Any]:
        now = status_of(row)
        if now in ENDED:
            raise Conflict(f"the run is {now}", "fork it, or start another")
        if now == "running":
            raise Conflict("the run is at work already")
        if now == "waiting" and self.store.questions(row.id):
            raise Conflict("the run waits for an answer", "answer its question, and it goes on")
        if kind == "retry" and now not in ("failed", "interrupted"):
            raise Conflict(f"the run is {now}: it did not fail")
        if args.budget is not None:
            self.store.limit(row.id, budget_of(row.budget, args.budget))
        self.desk.starter.spawn(row.id)
        return {}

    def _fork(self, row: RunRow, args: said.Fork, person: Person) -> dict[str, Any]:
        steps = self.desk.folds.get(row.id).tree.children("steps")
        most = max((int(step) for step in steps), default=0)
        if args.step > most:
            raise Refusal(422, "invalid", f"there is no step {args.step}", f"the last is {most}")
        made = self.store.fork(row.id, args.step)
        if args.budget is not None:
            self.store.limit(made.id, budget_of(row.budget, args.budget))
        if args.text.strip() or args.edits:
            data = {"edits": said.plain(args.edits)} if args.edits else {}
            author = "user" if person.name == "operator" else person.name
            self.store.send(made.id, args.text, author=author, **data)
        self.desk.starter.spawn(made.id)
        return {"result": {"run": self.desk.lists.row(self.store.get(made.id))}}

    def _revise(self, row: RunRow, text: str) -> dict[str, Any]:
        run = self.desk.views.revise(row.id, text)
        if run is None:
            raise Refusal(400, "usage", "nothing here can write this run's report again")
        self.desk.starter.spawn(run)
        return {"result": {"run": self.desk.lists.row(self.store.get(run))}}


APPROVES = frozenset(
    "approve approved yes y ok okay go start run no n stop cancel reject refuse".split()
) | {"looks good", "go ahead"}


def _as_answer(edits: list[dict[str, Any]]) -> str:
    """Edits as the answer to a plan; see `Question.kind == "plan"`."""
    return json.dumps({"edits": edits}, ensure_ascii=False)
