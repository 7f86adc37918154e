"""Hierarchical reflection, its rules (ColorAgent, arXiv 2510.19386; MobileUse, arXiv 2507.16853).

Action: what the last action did, from the two screens around it. Trajectory: loops, standing still,
failure after failure. Global: whether what was asked for can have been done. Each says what it
cannot tell, and a model may be asked then. Nothing here calls one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentkit.agents.acting import element_at
from agentkit_color_agent.screens import (
    Screen,
    digest,
    elements,
    head,
    numbers,
    place,
    quoted,
    shows,
    words,
)
from agentkit_color_agent.state import Taken, Verdict

EXEMPT = ("swipe", "scroll", "wait")
"""May be repeated."""
ENOUGH = 500
"""Letters of a typed text that are looked for; a tree cuts long ones."""
SAME = 3
"""So many equal actions, screens or failures in a row are a fault."""
SAVES = ("save", "done", "send", "send sms", "저장", "완료", "보내기")
"""Labels of what ends a form."""
HARMLESS = (*EXEMPT, "open", "button")
"""Kinds of actions that only look."""
WANTED = (
    (r"(what|which) (is the )?e-?mail\b", r"@", "address"),
    (r"(how (many|much|long)|what time|(what|which) (is the )?(\w+ )?number)\b", r"\d", "number"),
)
"""What an answer has to such a question."""
DELETES = ("delete", "remove", "erase", "discard")
LOOKS = ("open", "launch", "show", "go", "view", "see", "look", "find", "wait")
"""What a goal begins with that such actions can reach."""
SWITCHES = {"on": True, "off": False, "enable": True, "disable": False, "켜": True, "꺼": False}


@dataclass(frozen=True, slots=True)
class Reflection:
    """outcome: see `Verdict`. error: what to tell the operator, "" where nothing is wrong. sure:
    whether a model need not be asked."""

    outcome: Verdict
    error: str = ""
    sure: bool = True


def action_reflection(
    before: Screen, after: Screen, action: Mapping[str, Any], info: Mapping[str, Any]
) -> Reflection:
    """What an action did (sheet: A as meant or partly, B wrong page, C nothing, D unknown).

    info: of the environment's step: `refused`, `in_doubt`.
    """
    kind = str(action.get("kind", ""))
    if refused := info.get("refused"):
        return Reflection("C", f"the phone refused it: {refused}")
    if info.get("in_doubt"):
        return Reflection("D", "it is not known whether it happened: look before doing it again")
    if after.get("lost") and not elements(after):
        return Reflection("D", "the screen cannot be read now: wait, or go back")
    if kind == "wait":
        return Reflection("A")
    same = digest(before) == digest(after)
    if kind == "type":
        return _typed(after, str(action.get("text", "")), same)
    if same and kind in ("scroll", "swipe"):
        return Reflection("C", "nothing moved: this is the end of the page")
    if same and _saves(_touched(before, action)):
        return Reflection("D", sure=False)  # what is saved often looks as before
    if same:
        return Reflection("C", "the screen did not change: touch something else")
    if kind == "open" and place(before) == place(after):
        return Reflection("B", f"{action.get('app')} did not come to the front")
    if kind == "tap":
        return _tapped(before, after, action)
    return Reflection("A", sure=False)


def _typed(after: Screen, text: str, same: bool) -> Reflection:
    fields = [e for e in elements(after) if e.get("editable")]
    wanted = " ".join(text.split())[:ENOUGH]
    if any(wanted in " ".join(str(e.get("text", "")).split()) for e in fields):
        return Reflection("A")
    if any(e.get("password") for e in fields):
        return Reflection("A", sure=False)  # it shows dots
    if not fields and not same:
        return Reflection("A", sure=False)  # it went on by itself
    if not any(e.get("focused") for e in fields):
        return Reflection("C", "no field has the focus: tap the field first")
    return Reflection("B", "the field does not hold what was typed")


def _tapped(before: Screen, after: Screen, action: Mapping[str, Any]) -> Reflection:
    touched = _touched(before, action)
    if touched.get("checked") is None or place(before) != place(after):
        return Reflection("A", sure=False)
    now = [e for e in elements(after) if e.get("label") == touched.get("label")]
    if any(e.get("checked") not in (None, touched["checked"]) for e in now):
        return Reflection("A")
    return Reflection("A", sure=False)


def _touched(screen: Screen, action: Mapping[str, Any]) -> Mapping[str, Any]:
    """The element that an action touches."""
    number = element_at(action.get("x", -1), action.get("y", -1), elements(screen))
    return elements(screen)[number] if number is not None else {}


# -- trajectory -----------------------------------------------------------------------------------


def trajectory_fault(trail: Sequence[Taken]) -> str:
    """What is wrong with the way of the last steps, "" where no rule says anything. trail: the
    steps since the last time that it was looked at."""
    keys = [t["key"] for t in trail]
    last = trail[-1] if trail else None
    if last is None:
        return ""
    if len(keys) >= SAME and last["kind"] not in EXEMPT and keys[-1] and len(set(keys[-SAME:])) < 2:
        return f"the same action was done {SAME} times in a row: do another one"
    for length, times in ((2, 2), (3, 2)):
        part = keys[-length * times :]
        whole = len(part) == length * times and all(part)
        if whole and len(set(part)) == length and part[:length] == part[length:]:
            return f"the last {length * times} actions go in a circle: try another way"
    ends = trail[-SAME:]
    still = len(ends) == SAME and len({t["screen"] for t in ends}) == 1
    if still and not any(t["kind"] in ("wait", "") for t in ends):
        hint = "; this is the end of the page" if last["kind"] in ("scroll", "swipe") else ""
        return f"the screen was the same after {SAME} actions{hint}: go back, and try another way"
    if len(ends) == SAME and all(t["outcome"] in "BC" for t in ends):
        return f"{SAME} actions in a row failed: go back, and try another way"
    return ""


def trajectory_due(steps: int, looked: int, fault: str, *, cold: int, every: int) -> bool:
    """Whether it is looked at now: every so many steps or where a rule says something, but not
    while it is `cold` since the last time. A fault that stays is told when it no longer is."""
    return steps - looked > cold and (bool(fault) or steps % every == 0)


# -- global ---------------------------------------------------------------------------------------

Done = Literal["Success", "Failed", "Uncertain"]


@dataclass(frozen=True, slots=True)
class Judgement:
    done: Done
    reason: str = ""


def finish_judgement(
    goal: str,
    status: str,
    history: Sequence[str],
    screens: Sequence[Screen],
    trail: Sequence[Taken],
    *,
    tried: int = 0,
) -> Judgement:
    """Whether the goal can have been reached, by what is cheap to see. "Failed" only where that is
    plain; "Uncertain" where it is not.

    Args:
        status: success, infeasible or answered. history: lines of what was done. screens: the last
            ones. tried: finishes that were undone before.
    """
    acted = [t for t in trail if t["key"]]
    if status == "infeasible":
        if len(acted) < SAME and not tried:
            return Judgement("Failed", "giving up after so few steps: look in other places first")
        return Judgement("Uncertain", "the agent says that it cannot be done")
    if not screens or (not acted and not history):
        return Judgement("Failed", "nothing was done or looked at yet")
    if acted and acted[-1]["outcome"] in "BC" and status == "success":
        return Judgement("Failed", "the last action did not do what it was meant to")
    switch = _switch(goal, screens[-1], history)
    if switch is not None:
        return switch
    if status == "success" and not _changed(goal, history):
        return Judgement("Failed", "nothing was touched yet")
    if status == "success" and (there := _still_there(goal, screens[-1])):
        return Judgement("Failed", f"“{there}” is still there")
    if status == "success":
        done = " ".join(words(" ".join(history)))
        for text in _spoken_of(goal):
            if " ".join(words(text)) not in done and not shows(screens, text):
                return Judgement("Failed", f"“{text}” was not typed or seen anywhere")
        if any(_unsaved(e, done) for e in elements(screens[-1])) and any(
            _saves(e) for e in elements(screens[-1])
        ):
            return Judgement("Failed", "a form is still open: it has to be saved or sent")
    return Judgement("Uncertain", "nothing speaks against it")


def answer_judgement(goal: str, text: str) -> Judgement:
    """Whether a question can be answered so: what says that a list is empty, or has nothing of the
    kind that is asked for, is no answer. The paper looks at finishes alone."""
    asked = goal.casefold()
    if re.match(r"no\b", text.strip(), re.IGNORECASE) and not re.match(
        r"(is|are|do|does)\b", asked
    ):
        return Judgement("Failed", "that says that nothing is here: look in another app")
    for kinds, pattern, what in WANTED:
        if re.match(kinds, asked) and not re.search(pattern, text):
            return Judgement("Failed", f"the answer has no {what}")
    return Judgement("Uncertain")


def _switch(goal: str, screen: Screen, history: Sequence[str]) -> Judgement | None:
    """Where the goal is a switch, whether it is as it should be, as far as this screen shows it;
    or whether it was at least touched."""
    said = words(goal)
    wanted = next((SWITCHES[w] for w in said if w in SWITCHES), None)
    if wanted is None or quoted(goal) or len(said) > 8:
        return None
    for one in elements(screen):
        label = [w for w in words(str(one.get("label", "")).partition(",")[0]) if w != "use"]
        if label and one.get("checked") is not None and all(w in said for w in label):
            if one["checked"] is wanted:
                return Judgement("Success", f"the switch {' '.join(label)} is as it should be")
            return Judgement("Failed", f"the switch {' '.join(label)} is not as it should be")
    named = [w for w in said if len(w) > 1 and w not in (*SWITCHES, "turn", "switch", "the")]
    touched = " ".join(words(" ".join(line for line in history if line.startswith("tap"))))
    if named and not any(w in touched for w in named):
        return Judgement("Failed", f"nothing that says “{' '.join(named)}” was touched or seen")
    return None


def _first(goal: str) -> str:
    return next(iter(words(goal)), "")


def _spoken_of(goal: str) -> list[str]:
    """What of a goal stands on screens as it is: quotations, and numbers that are no count."""
    return [*quoted(goal), *(n for n in numbers(goal) if len(n) > 3)]


def _changed(goal: str, history: Sequence[str]) -> bool:
    """Whether anything was done that could change something, where the goal is no mere look."""
    first = _first(goal)
    looks = not re.match("[a-z]", first) or first in LOOKS or goal.rstrip().endswith("?")
    return looks or any(line.partition(" ")[0] not in HARMLESS for line in history)


def _still_there(goal: str, screen: Screen) -> str:
    """What was to be deleted and stands on the screen, "" where nothing does."""
    if _first(goal) not in DELETES or " from " in goal:  # which may well stand elsewhere
        return ""
    stands = [e for e in elements(screen) if not e.get("editable")]
    names = [words(head(str(e.get("label", "")))) for e in stands]
    return next((t for t in _spoken_of(goal) if words(t) in names), "")


def _unsaved(element: Mapping[str, Any], done: str) -> bool:
    """Whether a field holds what was typed."""
    held = " ".join(words(str(element.get("text", ""))))
    return bool(element.get("editable") and held and f"type {held}" in done)


def _saves(element: Mapping[str, Any]) -> bool:
    return str(element.get("label", "")).casefold() in SAVES
