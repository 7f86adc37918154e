"""What is asked of a person: whether the plan may run, and what an unclear message means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agentkit.capabilities import Directive, Question
from agentkit_deep_research import roles
from agentkit_deep_research.desk import look
from agentkit_deep_research.grammar import Rejected, said
from agentkit_deep_research.inbox import Inbox
from agentkit_deep_research.planning import Planner, refuse
from agentkit_deep_research.todo import render

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime

REVISIONS = 5  # of a plan in words; then it is approved as it is, or not at all
BY_HAND = 500  # revisions at most, those by hand included
YES = frozenset("approve approved yes y ok okay go start run".split()) | {"looks good", "go ahead"}
NO = frozenset("no n stop cancel reject refuse".split())


def approve(rt: Runtime, inbox: Inbox, planner: Planner) -> None:
    """Shows the plan until a person approves or refuses it, after REVISIONS changes in words at
    most.

    An answer is approval or refusal only where it is nothing else: "not enough" is no "no". All
    others are steering: lines of the grammar, the whole todo.md, edited, or changes made by hand as
    JSON, {"edits": […]}.
    """
    told, words = "", 0
    for revision in range(BY_HAND + 1):
        last = words == REVISIONS or revision == BY_HAND
        plan = render(look(rt).todo)
        how = (
            "Approve it as it is, or stop?"
            if last
            else 'Answer "approve", "stop", or what to change: "add: …", "stop T2", "T3 first", '
            '"exclude X", or this list, edited.'
        )
        options = ("approve", "stop") if last else ()
        data = {"todo": plan, "revision": revision}
        text = "\n\n".join(part for part in (told, plan.strip(), how) if part)
        answer = rt.ask(Question(text, options, kind="plan", default="approve", data=data))
        plain = " ".join(answer.lower().split()).strip(".! ")
        if plain in YES:
            rt.emit("plan.approved", {"revision": revision})
            return
        if plain in NO:
            rt.emit("plan.refused", {"revision": revision})
            rt.emit("research.finish", {"reason": "the plan was refused"})
            return
        rt.emit("plan.revised", {"revision": revision, "text": answer})
        message = _told(f"plan-{revision}", answer)
        words += "edits" not in message.data
        outcomes = inbox.follow(rt, message)
        planner.asked_for(look(rt))
        ended = look(rt).messages.get(message.id, ("", ""))
        told = "\n".join(f"{o.state}: {o.told}" for o in outcomes)
        if ended[0] == "rejected" and all(o.state != "rejected" for o in outcomes):
            told += f"\nrejected: {ended[1]}"


def _told(id: str, answer: str) -> Directive:
    """An answer that is neither yes nor no, as a message."""
    if answer.lstrip().startswith("{"):
        try:
            edits = json.loads(answer)["edits"]
        except (ValueError, KeyError, TypeError):
            edits = None
        if isinstance(edits, list) and all(isinstance(edit, dict) for edit in edits):
            return Directive(id, "", data={"edits": edits})
    if "- [" in answer:
        return Directive(id, "", data={"todo": answer})
    return Directive(id, answer)


def explain(rt: Runtime, inbox: Inbox, planner: Planner) -> None:
    """Messages that the grammar cannot read are read by a model, and followed where a person says
    that this is what was meant."""
    for asked in look(rt).unsettled:
        desk = look(rt)
        able = roles.available(desk, planner.parts, "steerer", planner.settings.tokens)
        read = roles.instruction(rt, asked.text) if able else None
        rt.emit("directive.heard", {"unclear": asked.text})
        if read is None:
            refuse(rt, asked, asked.text, "neither the rules nor a model could read it")
            continue
        meant = said(read[0], read[1], asked.text, inbox.known(desk))
        if isinstance(meant, Rejected):
            refuse(rt, asked, asked.text, f"a model read it as {' '.join(read)!r}; {meant.reason}")
            continue
        question = f"{asked.author} said {asked.text!r}. Read as: {meant.meaning}. Is that meant?"
        if rt.ask(question, "yes", "no") == "no":
            refuse(rt, asked, asked.text, f"it was not meant as: {meant.meaning}")
            continue
        outcome = inbox.obey(rt, Directive(asked.message, asked.text, asked.author), meant)
        ended = {"message": asked.message, "state": outcome.state, "reason": outcome.told}
        rt.emit("message.ended", {**ended, "parts": []})
