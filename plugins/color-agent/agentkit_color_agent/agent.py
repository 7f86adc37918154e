"""ColorAgent (arXiv 2510.19386) as a graph, to be read beside its section 4.

    begin > classify > orchestrate > personalise > observe > operate > act > reflect_action
                                                   ^  ^       |  ^       |         |
                                                   |  |   ask_user      |   reflect_trajectory
                                                   |  '-----------------|---------'
                         rewrite < extract < finish_check <-------------'  (it says: finished)
                            '----> observe         '--> answer > end

Execution: operate, act, answer. Task orchestration: classify, orchestrate, extract, rewrite.
Hierarchical reflection: reflect_action, reflect_trajectory, finish_check. Knowledge and the
person's way: `personalise`. Each module has a switch; the rules of each are in a file of its own,
free of calls. The state holds what the next step needs, the rest is in the run's events.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from agentkit.agents.acting import Reading, history_line, kind_of
from agentkit.capabilities import Action, AgentInfo, Question
from agentkit.errors import ToolDenied, UsageError
from agentkit_color_agent import acts, asking, execution, orchestration, reflection
from agentkit_color_agent.device import Device
from agentkit_color_agent.execution import Calls
from agentkit_color_agent.modules import Modules
from agentkit_color_agent.screens import digest, elements, kept, place
from agentkit_color_agent.script import Script, next_action
from agentkit_color_agent.settings import ROLES, ColorSettings
from agentkit_color_agent.state import Ask, Fact, Goal, Outcome, Remember, State, Taken

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agentkit.capabilities import Runtime
    from agentkit.kit import Parts

SEEN = 3
"""Screens that the answer agent, the extractor and the judge look back on (paper: 1 to 3)."""
TRAIL = 24
"""Steps that the rules of the trajectory keep."""


class ColorAgent:
    """See the module."""

    input, output = Goal, Outcome

    def __init__(self, settings: ColorSettings, parts: Parts) -> None:
        self.settings, self.parts = settings, parts
        self.info = AgentInfo(
            parts.name, "does a goal on a phone as its owner would, and asks when it should", ROLES
        )
        self.modules = Modules(settings, parts)

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        from agentkit.runs import node

        graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
        for name in NODES:
            graph.add_node(name, node(getattr(self, name)))
        graph.add_edge(START, "begin")
        for one, other in pairwise(FIRST):
            graph.add_edge(one, other)
        graph.add_conditional_edges("observe", _from_observe, ["operate", "ask_user", "end"])
        graph.add_conditional_edges("operate", _from_operate, ["ask_user", "act", "answer"])
        graph.add_conditional_edges("ask_user", _from_ask, ["operate", "end"])
        graph.add_conditional_edges("act", _from_act, ["reflect_action", "finish_check", "answer"])
        graph.add_edge("reflect_action", "reflect_trajectory")
        graph.add_conditional_edges("reflect_trajectory", _from_trail, ["observe", "answer"])
        graph.add_conditional_edges("finish_check", _from_check, ["observe", "extract", "answer"])
        graph.add_edge("extract", "rewrite")
        graph.add_edge("rewrite", "observe")
        graph.add_edge("answer", "end")
        graph.add_edge("end", END)
        return graph

    def _device(self, rt: Runtime) -> Device:
        return Device(rt, self.settings)

    def _actions(self, device: Device) -> tuple[type[Action], ...]:
        own = acts.OWN if self.settings.asking else (Remember,)
        return (*device.phone.info.actions, *own)

    # -- before the first step --------------------------------------------------------------------

    def begin(self, state: State, rt: Runtime) -> State:
        """The phone, prepared for a known task or as it is."""
        if not state["goal"].strip() and not state["task_id"] and not state["script"]:
            raise UsageError("the goal is empty", 'agentkit run color "Turn on airplane mode"')
        script = Script.read(state["script"]) if state["script"] else None
        if script is not None and not state["goal"].strip():
            state = cast(State, {**state, "goal": script.words})
        begun = self._device(rt).begin(state)
        if self.settings.steps:
            begun["limit"] = min(self.settings.steps, begun["limit"] or self.settings.steps)
        fresh: State = {
            "at": 0, "picture": "", "taken": 0, "action": None, "refused": "",
            "outcome": "A", "error": "", "skip": False, "notes": [], "tips": [], "aim": None,
            "way": "", "history": [], "facts": [], "reading": {}, "read": [], "feedback": {},
            "replies": [], "trail": [], "tried": {}, "looked": 0, "told": 0, "turn": 0, "idle": 0,
            "typed": [], "finishes": 0, "seen": [], "script_at": 0, "orders": [],
            "over": "", "answer": "", "claim": "", "sure": False, "reasons": [], "steps": 0,
            "calls": {}, "tokens": 0, "questions": 0, "warnings": [], "subtasks": [], "label": "D",
        }  # fmt: skip
        person = state["person"] or self.settings.person
        return cast(
            State, {**fresh, **begun, "instruction": begun["goal"], "person": person, "before": {}}
        )

    def classify(self, state: State, rt: Runtime) -> State:
        """A: between two apps, B: a question, C: several items, D: other, E: several things."""
        if not self.settings.orchestration or state["script"]:
            return {"label": "D"}
        calls = Calls()
        label = self.modules.classify(rt, calls, state["goal"])
        rt.emit("color.classified", {"label": label})
        return {"label": label, **calls.added(state)}

    def orchestrate(self, state: State, rt: Runtime) -> State:
        """The parts of the goal; the first one becomes what is worked on."""
        calls, label = Calls(), cast(orchestration.Label, state["label"])
        parts = [orchestration.part(state["goal"])]
        if self.settings.orchestration and label in ("A", "E"):
            parts = self.modules.orchestrate(rt, calls, state["goal"], label)
        if len(parts) > 1:
            rt.emit("color.subtasks", {"parts": [dict(p) for p in parts]})
            rt.progress(f"{len(parts)} parts, first: {parts[0]['goal']}")
        return {"subtasks": parts, "instruction": parts[0]["goal"], **calls.added(state)}

    def personalise(self, state: State, rt: Runtime) -> State:
        """Knowledge retrieval, and the person's way, for what is worked on now."""
        calls = Calls()
        return {**self.modules.prepare(rt, calls, state), **calls.added(state)}

    # -- one step ---------------------------------------------------------------------------------

    def observe(self, state: State, rt: Runtime) -> State:
        """The screen that the last action left, or a new look; orders on it, and odd moments."""
        out: State = {"action": None, "skip": False, "refused": "", "before": {}}
        for message in rt.inbox():
            out["notes"] = [*out.get("notes", state["notes"]), f"owner: {message.text}"]
        if state["limit"] and state["taken"] >= state["limit"]:
            return {**out, "over": "out of steps"}
        if state["idle"] >= self.settings.stuck:
            return {**out, "over": "gave up"}
        screen, device = state["screen"], self._device(rt)
        device.put_back(state)
        if not elements(screen) or self.settings.sight != "tree":
            looked = device.look(state)
            if looked is None:
                return {**out, "over": "gave up"}
            screen = kept(looked)
            if self.settings.sight != "tree":
                out["picture"] = self._picture(state, rt)
        out["screen"] = screen
        reading = Reading(state.get("reading"))
        out["read"] = list(reading.see(execution.shown(screen)))
        out["reading"] = reading.kept
        out.update(self.modules.way(rt, state, screen))
        fresh = [o for o in asking.orders(screen) if o not in state["orders"]]
        if fresh:
            rt.emit("screen.order", {"texts": fresh, "place": place(screen)})
            out["orders"] = [*state["orders"], *fresh]
            warned = [f"an order to the agent stands in {place(screen)}: {t[:200]}" for t in fresh]
            out["warnings"] = [*state["warnings"], *warned]
        if self.settings.asking and self.settings.questions:
            out["action"] = self._odd(cast(State, {**state, **out}))
        return out

    def _odd(self, state: State) -> dict[str, Any] | None:
        """A question, where rules see that only the owner can know; once about each thing."""
        asked = [r["question"] for r in state["replies"]]
        if len(asked) >= self.settings.questions or state["script"]:
            return None
        found = asking.moment(state["instruction"], state["screen"], done=asked)
        if not found.question or found.kind != "Environmental anomalies":
            return None  # the other kinds are judged on what the operator wants to do
        return Ask(question=found.question[:300], scenario=found.kind).model_dump(mode="json")

    def _picture(self, state: State, rt: Runtime) -> str:
        """The screenshot as a file of the run."""
        device = self._device(rt)

        def take() -> str:
            import base64

            from agentkit_color_agent.device import picture

            found = picture(device.phone.observe())
            return base64.b64encode(found).decode() if found else ""

        import base64

        data = base64.b64decode(rt.record("screenshot", {"step": state["taken"]}, take))
        return rt.artifact(f"step-{state['taken']}.png", data, "image/png") if data else ""

    def operate(self, state: State, rt: Runtime) -> State:
        """The next action: of a script as long as it fits, else of the operator."""
        device = self._device(rt)
        actions, calls = self._actions(device), Calls()
        scripted = self._scripted(state, rt)
        if scripted is not None:
            return scripted
        if state["replies"] and state["replies"][-1].get("step") == str(state["taken"]):
            actions = tuple(a for a in actions if a is not Ask)  # one question a step
        rt.progress(f"step {state['taken'] + 1}: {state['instruction'][:60]}")
        held = self.settings.grammar and self.modules.has_grammar("model")
        made = execution.operate(rt, state, self.settings, actions, calls, grammar=held)
        if made is None:
            return {"action": None, **calls.added(state)}
        plain = made.model_dump(mode="json")
        return {"action": plain, **self._question(state, rt, plain), **calls.added(state)}

    def _scripted(self, state: State, rt: Runtime) -> State | None:
        """The script's next step; None where there is none, or it does not fit any more."""
        if not state["script"] or state["script_at"] < 0:
            return None
        script, at = Script.read(state["script"]), state["script_at"]
        if at >= len(script.steps):
            return {"action": {"kind": "finish", "status": "success"}}
        try:
            action = next_action(script.steps[at], state["screen"], script.parameters)
        except LookupError as error:
            reason = str(error.args[0]) if error.args else "it does not fit"
            rt.emit("script.left", {"step": at + 1, "of": len(script.steps), "reason": reason})
            rt.progress(f"step {at + 1} of the script no longer fits: {reason}")
            return None
        return {"action": action, "script_at": at + 1}

    def _question(self, state: State, rt: Runtime, plain: dict[str, Any]) -> State:
        """Turns an action into a question, where the rules of asking see that it is a guess."""
        settings = self.settings
        asked = [r["question"] for r in state["replies"]]
        if not settings.asking or len(asked) >= settings.questions or plain["kind"] == "ask":
            return {}
        if state["replies"] and state["replies"][-1].get("step") == str(state["taken"]):
            return {}
        found = self.modules.guess(rt, state, plain)
        if found is None or found.question in asked:
            return {}
        ask = Ask(question=found.question[:300], scenario=found.kind)
        return {"action": ask.model_dump(mode="json")}

    def ask_user(self, state: State, rt: Runtime) -> State:
        """One question to the owner; where there may be none, the agent goes on without."""
        ask = cast("dict[str, Any]", state["action"])
        settings = self.settings
        reply = {"question": str(ask["question"]), "step": str(state["taken"])}
        if len(state["replies"]) >= settings.questions or settings.patience == 0:
            rt.emit("question.kept", {"question": reply["question"], "reason": "nobody is asked"})
            reply["answer"] = "(nobody can be asked)"
            return {"replies": [*state["replies"], reply], "action": None}
        question = Question(
            f"{ask['question']}",
            kind="question",
            data={
                "scenario": ask["scenario"],
                "goal": state["goal"],
                **({"patience": settings.patience} if settings.patience else {}),
            },
        )
        reply["answer"] = rt.ask(question).strip() or "(no answer)"
        rt.emit("color.asked", {**reply, "scenario": ask["scenario"]})
        more: State = {"replies": [*state["replies"], reply], "questions": state["questions"] + 1}
        if reply["answer"].casefold() in ("stop", "그만"):
            more["over"] = "refused"
        return {**more, "action": None}

    def act(self, state: State, rt: Runtime) -> State:
        """Does the action, once, after the guards; or what needs no phone."""
        plain, screen = state["action"], state["screen"]
        if plain is None:
            feedback = {**state["feedback"], "reply": "say one action as one line of JSON"}
            return {"outcome": "C", "error": "no action", "before": screen, "feedback": feedback,
                    "idle": state["idle"] + 1, "skip": False}  # fmt: skip
        kind = plain["kind"]
        if kind == "remember":
            fact: Fact = {"text": plain["text"], "app": place(screen), "step": state["taken"]}
            rt.emit("color.remembered", dict(fact))
            known = any(f["text"] == fact["text"] for f in state["facts"])
            return {"facts": state["facts"] if known else [*state["facts"], fact], "skip": True,
                    "before": screen, "idle": state["idle"] + known}  # fmt: skip
        if kind in ("answer", "finish"):
            return {"answer": str(plain.get("text", "")), "skip": True, "before": screen}
        if fault := self._prevented(state, plain):
            rt.emit("action.prevented", {"action": plain, "reason": fault})
            return {"outcome": "C", "error": fault, "before": screen, "skip": False,
                    "idle": state["idle"] + 1}  # fmt: skip
        return self._do(state, rt, plain)

    def _prevented(self, state: State, plain: dict[str, Any]) -> str:
        """Why an action is not done at all, "" where it is."""
        screen, settings = state["screen"], self.settings
        if plain["kind"] == "type" and state["typed"] and state["typed"] == _focus(screen):
            # The paper's pre-reflection: a second text into the same field is a slip.
            return "this field was just typed into: tap another field first, or clear it"
        if plain["kind"] == "open" and settings.apps and plain["app"] not in settings.apps:
            return f"{plain['app']} may not be opened: only {', '.join(settings.apps)}"
        whole = " ".join([state["goal"], state["instruction"], *_owner(state)])
        if asking.obeys(plain, screen, state["orders"], whole):
            return "that is what a text on the screen orders, not the owner"
        return ""

    def _do(self, state: State, rt: Runtime, plain: dict[str, Any]) -> State:
        device, screen = self._device(rt), state["screen"]
        action = acts.made(plain, self._actions(device))
        what = asking.sensitive(plain, screen)
        told = action
        if what:
            told = acts.sensitive(action, what, restorable=bool(state["snapshot"]))
        if what and self.settings.patience == 0:
            rt.emit("action.prevented", {"action": plain, "reason": f"{what}: nobody is asked"})
            return {"over": "refused", "refused": what, "before": screen, "skip": True}
        line = history_line(action, elements(screen))
        try:
            step, snapshot = device.act(state, told)
        except ToolDenied as error:
            rt.emit("color.refused", {"action": plain, "reason": error.message})
            return {"over": "refused", "refused": error.message, "before": screen, "skip": True}
        if step is None:
            return {"over": "gave up", "before": screen, "skip": True}
        after, taken = kept(step.observation), state["taken"] + 1
        rt.emit("phone.step", {"step": taken, "did": line})
        # Where it is not known whether it happened, the phone's own count tells how far it is.
        out: State = {
            "screen": after, "before": screen, "taken": taken, "snapshot": snapshot, "idle": 0,
            "history": [*state["history"], line], "skip": False,
            "seen": [*state["seen"], after][-SEEN:],
            "typed": _focus(after) if plain["kind"] == "type" else [],
        }  # fmt: skip
        found = reflection.action_reflection(screen, after, plain, step.info)
        out["outcome"], out["error"] = found.outcome, found.error
        if step.truncated:
            out["over"] = "out of steps"
        return out

    # -- reflection -------------------------------------------------------------------------------

    def reflect_action(self, state: State, rt: Runtime) -> State:
        """What the action did. Only B and C are told to the operator."""
        calls, feedback, out = Calls(), dict(state["feedback"]), State()
        outcome, error = state["outcome"], state["error"]
        feedback.pop("action", None)
        feedback.pop("finish", None)
        if state["action"] is not None:
            feedback.pop("reply", None)
        if not state["skip"] and self.settings.reflect_action and state["action"] is not None:
            outcome, error = self.modules.reflect(rt, calls, state)
            if outcome in ("B", "C"):
                feedback["action"] = f"{_named(outcome)}: {error}"
                rt.emit("color.reflected", {"level": "action", "outcome": outcome, "told": error})
                out["tried"] = self._useless(state, state["before"], error)
        out = {**out, "feedback": feedback, "outcome": outcome, **calls.added(state)}
        if not state["skip"]:
            out["trail"] = [*state["trail"], self._taken(state, outcome)][-TRAIL:]
            out["turn"] = state["turn"] + 1
        return out

    def _taken(self, state: State, outcome: Any) -> Taken:
        plain = state["action"]
        kind = str(plain["kind"]) if plain else ""
        return {"key": acts.key(plain), "kind": kind, "screen": digest(state["screen"]),
                "outcome": outcome}  # fmt: skip

    def reflect_trajectory(self, state: State, rt: Runtime) -> State:
        """Loops, standing still, failures in a row."""
        settings, calls, feedback = self.settings, Calls(), dict(state["feedback"])
        steps, out = state["turn"], State()
        told = state.get("told", 0)
        feedback.pop("trajectory", None)
        if not settings.reflect_trajectory or state["skip"]:
            return {"feedback": feedback}
        # A circle of six steps is longer than the way between two looks: the rules see all since
        # the last fault.
        fault = reflection.trajectory_fault(state["trail"][-(steps - told) :])
        looked = state["looked"]
        due = reflection.trajectory_due(
            steps, looked, fault, cold=settings.cold, every=settings.every
        )
        if due:
            looked = steps
            fault = fault or self.modules.trajectory(rt, calls, state)
            if fault:
                feedback["trajectory"] = fault
                told = steps
                rt.emit("color.reflected", {"level": "trajectory", "told": fault})
                out["tried"] = self._useless(state, state["before"], fault)
        return {**out, "feedback": feedback, "looked": looked, "told": told, **calls.added(state)}

    def _useless(self, state: State, screen: dict[str, Any], why: str) -> dict[str, dict[str, str]]:
        """What was tried, with the last action on that screen: it is not taken there again, unless
        nothing else comes. The paper only tells the operator."""
        tried = state.get("tried", {})
        if self.settings.mode == "paper" or state["action"] is None:
            return tried
        at, plain = digest(screen), acts.key(state["action"])
        return {**tried, at: {**tried.get(at, {}), plain: why}}

    def finish_check(self, state: State, rt: Runtime) -> State:
        """Whether it is done: a wrong finish is undone, as often as the settings say."""
        plain = cast("dict[str, Any]", state["action"])
        kind, calls = plain["kind"], Calls()
        status = str(plain.get("status", "answered"))
        out: State = {"claim": status, "sure": False, "skip": False}
        undone, paper = state["finishes"], self.settings.mode == "paper"
        if self.settings.reflect_global and not (paper and kind == "answer"):
            found = reflection.Judgement("Uncertain")
            if undone < (1 if paper else self.settings.finishes):
                if kind == "finish":
                    found = self.modules.judge(rt, calls, state, status, undone)
                else:
                    found = reflection.answer_judgement(state["instruction"], plain["text"])
                told = {"level": "global", "outcome": found.done, "told": found.reason}
                rt.emit("color.reflected", told)
            out["finishes"] = undone + 1
            out["sure"] = found.done == "Success"
            if found.done == "Failed":
                feedback = {**state["feedback"], "finish": f"not done: {found.reason}"}
                tried = self._useless(state, state["screen"], found.reason)
                return {**out, "feedback": feedback, "tried": tried, "claim": "", "answer": "",
                        **calls.added(state)}  # fmt: skip
        more = state["at"] + 1 < len(state["subtasks"]) and status != "infeasible"
        return {**out, "over": "" if more else status, **calls.added(state)}

    # -- the next part of a goal ------------------------------------------------------------------

    def extract(self, state: State, rt: Runtime) -> State:
        """What the next part needs, as it stands on the last screens; with where it stood."""
        part, calls = state["subtasks"][state["at"]], Calls()
        if not part["wants"]:
            return {}
        said = orchestration.answered(part["wants"], state["answer"])
        found = (said, place(state["screen"]))
        if not said:
            seen = [*state["seen"], state["screen"]]
            found = self.modules.extract(rt, calls, part["wants"], seen, state["facts"])
        text, where = found
        rt.emit("color.extracted", {"wants": part["wants"], "found": text, "place": where})
        fact: list[Fact] = [{"text": text, "app": where, "step": state["taken"]}] if text else []
        return {"facts": fact, "answer": "", **calls.added(state)}

    def rewrite(self, state: State, rt: Runtime) -> State:
        """The next part, with what was found in it; memory and history begin anew."""
        at, calls = state["at"] + 1, Calls()
        part, before = state["subtasks"][at], state["subtasks"][at - 1]
        found = state["facts"][-1]["text"] if before["wants"] and state["facts"] else ""
        goal = self.modules.rewrite(rt, calls, part["goal"], found, before["app"], before["wants"])
        rt.emit("color.part", {"number": at + 1, "of": len(state["subtasks"]), "goal": goal})
        rt.progress(f"part {at + 1}: {goal}")
        fresh: State = {
            "at": at, "instruction": goal, "history": [], "facts": [], "feedback": {}, "trail": [],
            "tried": {}, "reading": {}, "read": [], "looked": 0, "told": 0, "turn": 0, "idle": 0,
            "typed": [], "finishes": 0, "seen": [], "action": None, "claim": "", "answer": "",
        }  # fmt: skip
        prepared = self.modules.prepare(rt, calls, cast(State, {**state, **fresh}))
        return {**fresh, **prepared, **calls.added(state)}

    # -- the end ----------------------------------------------------------------------------------

    def answer(self, state: State, rt: Runtime) -> State:
        """What the owner is told. A question that is still open gets its answer here."""
        if state["answer"]:
            return {"claim": "answered", "over": "answered"}
        calls, claim = Calls(), state["over"] or state["claim"] or "gave up"
        asked = orchestration.classify(state["instruction"])[0] == "B"
        if asked and claim in ("success", "answered"):
            text = self.modules.answer(rt, calls, state)
            if text:
                return {"answer": text, "claim": "answered", **calls.added(state)}
        return {"claim": claim, **calls.added(state)}

    def end(self, state: State, rt: Runtime) -> State:
        """Ends the episode, asks the phone's state, and says what came of it."""
        device = self._device(rt)
        actions = {kind_of(a): a for a in device.phone.info.actions}
        claim = state["claim"] or state["over"]
        steps = state["taken"]
        ended = claim == "out of steps"
        if not ended and claim in ("answered", "success", "infeasible", "refused"):
            last: dict[str, Any] = {"kind": "finish", "status": "success"}
            if claim == "answered":
                last = {"kind": "answer", "text": state["answer"]}
            elif claim != "success":
                last["status"] = "infeasible"
            device.act(state, actions[last["kind"]].model_validate(last))
        judged = device.judge(state)
        made = cast(State, {**state, **judged, "claim": claim, "steps": steps})
        return cast(State, {**judged, "claim": claim, "steps": steps, "report": report(made)})


FIRST = ("begin", "classify", "orchestrate", "personalise", "observe")
NODES = (
    *FIRST, "operate", "ask_user", "act", "reflect_action", "reflect_trajectory", "finish_check",
    "extract", "rewrite", "answer", "end",
)  # fmt: skip


def _from_observe(state: State) -> str:
    if state["over"]:
        return "end"
    return "ask_user" if state["action"] else "operate"


def _from_operate(state: State) -> str:
    return "ask_user" if (state["action"] or {}).get("kind") == "ask" else "act"


def _from_ask(state: State) -> str:
    return "end" if state["over"] else "operate"


def _from_act(state: State) -> str:
    if state["over"] in ("refused", "gave up"):
        return "answer"
    ends = (state["action"] or {}).get("kind") in ("finish", "answer")
    return "finish_check" if ends else "reflect_action"


def _from_trail(state: State) -> str:
    return "answer" if state["over"] else "observe"


def _from_check(state: State) -> str:
    if state["over"]:
        return "answer"
    return "extract" if state["claim"] else "observe"


def _named(outcome: str) -> str:
    return {"B": "wrong page", "C": "no effect"}.get(outcome, "")


def _focus(screen: dict[str, Any]) -> list[int]:
    """Where the field is that has the focus."""
    return next((list(e["bounds"]) for e in elements(screen) if _has_focus(e)), [])


def _has_focus(element: dict[str, Any]) -> bool:
    return bool(element.get("editable") and element.get("focused"))


def _owner(state: State) -> list[str]:
    """What the owner said since: answers, and messages."""
    told = [n for n in state["notes"] if n.startswith("owner: ")]
    return [*(r["answer"] for r in state["replies"]), *told]


def report(state: State) -> str:
    """What came of it, in a few lines."""
    claims = {
        "success": "I believe that it is done", "answered": "I have the answer",
        "infeasible": "I believe that it cannot be done", "gave up": "I gave up",
        "out of steps": "I ran out of steps", "refused": "I stopped: you did not allow it",
    }  # fmt: skip
    said = claims.get(state["claim"], state["claim"])
    reasons = "; ".join(state["reasons"])
    judged = {
        True: f"The phone's state says that it is done ({reasons}).",
        False: f"The phone's state says that it is not done ({reasons}).",
        None: f"Whether it is done is not checked: {reasons}.",
    }[state["success"]]
    lines = [f"{said}, after {state['steps']} steps. {judged}"]
    if state["answer"]:
        lines.append(f"Answer: {state['answer']}")
    if done := execution.did(state["history"]):
        lines.append(f"What I did: {done}.")
    if state["refused"]:
        lines.append(f"Not done: {state['refused']}")
    lines += [f"Warning, not obeyed: {w}" for w in dict.fromkeys(state["warnings"])]
    return "\n".join(lines)
