"""When to ask (VeriOS, arXiv 2509.07553), by rules: what kind of moment this is, and what to ask.

Also what is sensitive, and what on a screen is an order to the agent. All of it reads the screen as
data; words are in `asking.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from agentkit.agents.acting import element_at
from agentkit_color_agent.screens import Screen, elements, quoted, texts, words
from agentkit_color_agent.state import Scenario

NORMAL: Scenario = "Normal situation"


@dataclass(frozen=True, slots=True)
class Moment:
    """kind: of the five. question: what to ask, "" where it is better to act."""

    kind: Scenario
    question: str = ""
    options: tuple[str, ...] = ()


@cache
def lists() -> dict[str, Any]:
    return tomllib.loads((files("agentkit_color_agent") / "asking.toml").read_text("utf-8"))


# -- what is sensitive ----------------------------------------------------------------------------


def sensitive(action: Mapping[str, Any], screen: Screen) -> str:
    """What an action does that cannot be taken back or goes to others, `send: "Send"`; "" where it
    is harmless as far as its target says."""
    if action.get("kind") not in ("tap", "double-tap", "long-press"):
        return ""
    shown = elements(screen)
    number = element_at(action.get("x", -1), action.get("y", -1), shown)
    if number is None:
        return ""
    return sensitive_element(shown[number], screen)


def sensitive_element(element: Mapping[str, Any], screen: Screen) -> str:
    known = lists()
    if element.get("editable") or element.get("checked") is not None:
        return ""
    if element.get("role") == "row" and len(words(str(element.get("label", "")))) > 4:
        return ""  # an entry of a list, whose words are somebody's
    resource = str(element.get("resource", ""))
    if resource in known["resources"]:
        what = known["resources"][resource]
        return f"{what}: {_about(screen)}"
    for label in (str(element.get("label", "")), str(element.get("description", ""))):
        said = " ".join(words(label))
        if not said or any(said.startswith(h) for h in known["harmless"]["labels"]):
            continue
        for what, starts in known["sensitive"].items():
            if any(said == s or said.startswith(f"{s} ") for s in starts):
                return f"{what}: “{label[:60]}” ({_about(screen)})"
    return ""


def _about(screen: Screen) -> str:
    """What is about to go out: what fields hold, else the first words of the screen."""
    held = [str(e["text"]) for e in elements(screen) if e.get("editable") and e.get("text")]
    shown = held or [t for t in texts(screen)][:3]
    return "; ".join(t[:80] for t in shown[:4])


# -- what kind of moment --------------------------------------------------------------------------


def moment(goal: str, screen: Screen, *, done: Sequence[str] = ()) -> Moment:
    """What rules see at a moment, before anything is done. done: what was asked and settled
    before, so that nothing is asked twice."""
    for rule in (_anomaly, _choices, _missing):
        found = rule(goal, screen)
        if found is not None and found.question not in done:
            return found
    return Moment(NORMAL)


def _anomaly(goal: str, screen: Screen) -> Moment | None:
    kind: Scenario = "Environmental anomalies"
    said = list(texts(screen))
    whole = " ".join(said).casefold()
    known = lists()["anomalies"]
    buttons = tuple(
        str(e["label"]) for e in elements(screen) if e.get("clickable") and e.get("label")
    )
    first = said[0] if said else ""
    if any(re.search(p, whole) for p in known["stopped"]):
        return Moment(kind, f"“{first}”: close the app or wait, and try again?", buttons[:4])
    if len(buttons) <= 4 and any(re.search(p, whole) for p in known["permission"]):
        return Moment(kind, f"“{first}” Shall I allow this access?", buttons)
    if any(re.search(p, whole) for p in known["offline"]):
        return Moment(kind, "The phone is offline, there is no network. What shall I do?")
    if len(said) <= 12 and any(re.search(p, whole) for p in known["gone"]):
        return Moment(kind, f"“{first}”: what you mean does not exist, it is gone. What now?")
    return None


def _choices(goal: str, screen: Screen) -> Moment | None:
    """Several entries of a list have the goal's own word, and none has all that was said."""
    wanted = [w for w in words(goal) if len(w) > 2 and w not in COMMON]
    if quoted(goal):
        wanted = [w for q in quoted(goal) for w in words(q)]
    rows = [
        (str(e["label"]), words(str(e["label"])))
        for e in elements(screen)
        if e.get("clickable") and not e.get("editable") and e.get("label")
    ]
    for word in sorted(set(wanted), key=lambda w: (-len(w), w)):
        having = [(label, said) for label, said in rows if word in said]
        names = list(dict.fromkeys(label.partition(",")[0] for label, _ in having))
        if not 2 <= len(names) <= 8:
            continue
        scores = [sum(w in said for w in set(wanted)) for _, said in having]
        exact = [label for label in names if " ".join(words(label)) in " ".join(words(goal))]
        if exact or scores.count(max(scores)) < 2:
            continue
        options = tuple(names)
        return Moment("Multiple choices", f"Which {word} do you mean: {', '.join(names)}?", options)
    return None


def _missing(goal: str, screen: Screen) -> Moment | None:
    """The focus is in an empty field, and the goal does not say what belongs there."""
    for one in elements(screen):
        if not (one.get("editable") and one.get("focused")):
            continue
        hint = str(one.get("label") or one.get("description") or one.get("resource", ""))
        hint = re.sub(r"[_\d]+", " ", hint).strip()
        resource = str(one.get("resource", "")).casefold()
        if resource in ("query", "search", "url", "address_bar") or "search" in hint.casefold():
            return None
        fields = [e for e in elements(screen) if e.get("editable")]
        held = str(one.get("text", ""))
        if held and held != hint and " ".join(words(held)) not in " ".join(words(hint)):
            return None
        if _told(goal, fields, hint):
            return None
        about = " ".join(words(f"{hint} {resource}".replace("_", " "))) or "this field"
        return Moment(
            "Information missing",
            f"What shall I write into “{hint or resource}” ({about})? {_wish(goal)}",
        )
    return None


def _told(goal: str, fields: Sequence[Mapping[str, Any]], hint: str) -> bool:
    """Whether the goal says anything that no field holds yet."""
    held = " ".join(w for e in fields for w in words(str(e.get("text", ""))))
    given = [q for q in quoted(goal)]
    given += re.findall(r":\s*([^:]{2,})$", goal)
    given += re.findall(r"\d[\d .:+-]{2,}\d", goal)
    left = [g for g in given if " ".join(words(g)) not in held]
    return bool(left)


def _wish(goal: str) -> str:
    return f"You said: {goal[:120]}"


COMMON = frozenset(
    "the and for with that this from into your you are can open show play find call turn make set "
    "put add new note what which where who when how its his her their name number send text write "
    "message please page list one app way want some something take like order choose pick".split()
)  # fmt: skip


def touched(action: Mapping[str, Any], screen: Screen) -> str:
    """What an action touches says."""
    shown = elements(screen)
    number = element_at(action.get("x", -1), action.get("y", -1), shown)
    return str(shown[number].get("label", "")) if number is not None else ""


def made_up(text: str, goal: str, screen: Screen) -> bool:
    """Whether most of a text stands neither in the goal nor on the screen."""
    known = set(words(goal)) | {w for t in texts(screen) for w in words(t)}
    said = words(text)
    return bool(said) and sum(w in known for w in said) * 2 < len(said)


# -- orders on the screen -------------------------------------------------------------------------


def orders(screen: Screen) -> list[str]:
    """Texts on a screen that give orders to an agent."""
    patterns = lists()["orders"]["patterns"]
    return [t for t in texts(screen) if any(re.search(p, t, re.IGNORECASE) for p in patterns)]


def obeys(
    action: Mapping[str, Any], screen: Screen, given: Sequence[str], instruction: str
) -> bool:
    """Whether an action is what an order on a screen asked for and the owner did not: what it
    names stands in the order, and not in the owner's words."""
    if not given:
        return False
    named = [str(action[k]) for k in ("text", "app") if action.get(k)]
    if action.get("kind") in ("tap", "long-press", "double-tap"):
        shown = elements(screen)
        number = element_at(action.get("x", -1), action.get("y", -1), shown)
        if number is not None and len(str(shown[number].get("label", ""))) < 60:
            named.append(str(shown[number].get("label", "")))
    ordered = {_stem(w) for text in given for w in words(text)}
    wanted = {_stem(w) for w in words(instruction)}
    for text in named:
        said = {_stem(w) for w in words(text) if len(w) > 2}
        if said and said <= ordered and not said & wanted:
            return True
    return False


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
