"""Task orchestration: classifier, orchestrator, extractor, rewriter, their rules.

A goal of kind A moves information between two apps: it becomes a part that finds it and a part that
uses it, with what was found written in by value, so that the second part need not know where it
came from. Kind E, ours, is several things one after the other, in whatever number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from agentkit_color_agent.screens import Screen, place, texts, words
from agentkit_color_agent.state import Subtask

Label = Literal["A", "B", "C", "D", "E"]
"""A: information moves between two apps. B: a question. C: several items, one operation. D: other.
E: several different things, which the paper leaves whole."""
LABELS: tuple[Label, ...] = ("A", "B", "C", "D", "E")
FOUND = "{found}"

_VERBS = (
    "add|answer|call|change|clear|close|create|delete|dial|disable|empty|enable|find|give|go|"
    "install|let|look|make|mark|mute|note|open|order|pause|pick|play|put|read|record|remind|remove|"
    "rename|reply|save|search|see|send|set|share|show|start|stop|switch|take|tell|text|tick|turn|"
    "write"
)
_SPLIT = re.compile(
    rf"(?:[,;.]?\s+(?:and then|then|and also|and)|[;.])\s+(?=(?:{_VERBS})\b)", re.IGNORECASE
)
_QUESTION = re.compile(r"^(?:what|which|who|whose|when|where|how|tell me (?!to))\b", re.IGNORECASE)
_WHAT = (
    r"(?:phone )?number|e-?mail(?: address)?|address|code|name|date|time|place|price|total|amount"
)
_MOVE = (
    # write the number of X into the note Y
    re.compile(
        rf"^(?P<verb>write|note|copy|put|save|add)(?: down)? the (?P<what>{_WHAT}) of (?P<who>.+?) "
        r"(?P<to>(?:into|in|to|as|on) .+)$",
        re.IGNORECASE,
    ),
    # send the number of X to Y
    re.compile(
        rf"^(?P<verb>send|text|forward|tell) the (?P<what>{_WHAT}) of (?P<who>.+?) "
        r"(?P<to>to .+)$",
        re.IGNORECASE,
    ),
)
_HAS = re.compile(
    rf"^the (?P<app>note|message|contact|event|entry|task) (?P<where>.+?) has the "
    rf"(?P<what>{_WHAT}) of (?P<who>.+?)\. (?P<then>.+ with it.*)$",
    re.IGNORECASE,
)
_IS = re.compile(
    rf"^(?P<where>.+?)'?s? (?P<what>{_WHAT}) is in (?P<app>(?:the )?[\w ]+?)[:,.;] "
    r"(?P<then>.+)$",
    re.IGNORECASE,
)


def classify(goal: str, mode: str = "ours") -> tuple[Label, bool]:
    """The kind of a goal, and whether that is sure enough not to ask a model."""
    if any(pattern.match(goal.strip()) for pattern in (*_MOVE, _HAS, _IS)):
        return "A", True
    if goal.strip().endswith("?") or _QUESTION.match(goal.strip()):
        return "B", True
    parts = pieces(goal)
    if len(parts) > 1 and mode != "paper":
        return "E", True
    return ("C" if len(re.findall(r"[“\"]", goal)) > 2 else "D"), False


def pieces(goal: str) -> list[str]:
    """A goal cut where one order ends and another begins; never inside quotation marks."""
    hidden: list[str] = []

    def hide(match: re.Match[str]) -> str:
        hidden.append(match.group())
        return f"\x00{len(hidden) - 1}\x00"

    masked = re.sub(r"“[^”]*”|\"[^\"]*\"", hide, goal.strip())
    parts = [p.strip(" ,;") for p in _SPLIT.split(masked) if p.strip(" ,;")]
    shown = [re.sub(r"\x00(\d+)\x00", lambda m: hidden[int(m.group(1))], p) for p in parts]
    whole = all(re.match(rf"(?:please )?(?:{_VERBS})\b", p, re.IGNORECASE) for p in shown)
    leads = len(shown) > 1 and whole and not any(re.search(r"\b(it|them|that)\b", p) for p in shown)
    return [p[:1].upper() + p[1:] for p in shown] if leads else [goal.strip()]


def orchestrate(goal: str, label: Label, mode: str = "ours") -> list[Subtask]:
    """The parts of a goal, in order; one where it is not taken apart."""
    goal = goal.strip()
    if label == "A":
        for pattern in _MOVE:
            if match := pattern.match(goal):
                what, who = match["what"], match["who"]
                find = f"What is the {what} of {who}?"
                use = f"{match['verb'].capitalize()} {FOUND} {match['to']}"
                return [part(find, wants=f"{what} of {who}"), part(use)]
        if match := _HAS.match(goal):
            app, where, what, who = (match[k] for k in ("app", "where", "what", "who"))
            find = f"What is the {what} of {who}? The {app} {where} has it."
            use = re.sub(r"\bwith it\b", f"with the {what} {FOUND}", match["then"])
            return [part(find, app, f"{what} of {who}"), part(use)]
        if match := _IS.match(goal):
            find = f"What is the {match['what']} of {match['where']}, in {match['app']}?"
            wants = f"{match['what']} of {match['where']}"
            return [part(find, match["app"], wants), part(f"{match['then']} ({FOUND})")]
    if label == "E" and mode != "paper":
        return [part(p) for p in pieces(goal)]
    return [part(goal)]


def part(goal: str, app: str = "", wants: str = "") -> Subtask:
    """A part of a goal; see `Subtask`."""
    return {"goal": goal, "app": app, "wants": wants}


_KINDS: Mapping[str, str] = {
    "number": r"\+?\d[\d ()/-]{4,}\d",
    "mail": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "code": r"\b\d{4,8}\b",
    "time": r"\b\d{1,2}:\d{2}\b",
    "price": r"(?:[$€£]\s?)?\d+(?:[.,]\d{2})?",
    "total": r"(?:[$€£]\s?)?\d+(?:[.,]\d{2})?",
    "amount": r"(?:[$€£]\s?)?\d+(?:[.,]\d{2})?",
}


def _pattern(what: str) -> str | None:
    """How something of that kind is written; None where it may be anything."""
    return next((p for kind, p in _KINDS.items() if kind in what.replace("-", "")), None)


def extract(wants: str, seen: Sequence[Screen]) -> tuple[str, str]:
    """What is wanted, as it stands on one of the screens, and that screen's place; "" where rules
    find nothing. The line that also says whose it is goes before others, later screens before
    earlier ones.

    wants: "phone number of Dana Berg".
    """
    what, _, who = wants.casefold().partition(" of ")
    pattern = _pattern(what)
    whose = [w for w in words(who) if len(w) > 1]
    best: tuple[int, int, str, str] | None = None
    for age, screen in enumerate(reversed(list(seen))):
        page = words(" ".join(texts(screen)))
        for text in texts(screen):
            for line in text.splitlines():
                found = re.search(pattern, line) if pattern else None
                value = found.group() if found else "" if pattern else line
                if not value or (not pattern and (not whose or value.casefold() == who)):
                    continue
                near = sum(w in words(line) for w in whose)
                around = sum(w in page for w in whose)
                if not around and whose:
                    continue
                rank = (2 * near + around, -age)
                if best is None or rank > best[:2]:
                    best = (*rank, value.strip(), place(screen))
    return (best[2], best[3]) if best else ("", "")


def answered(wants: str, answer: str) -> str:
    """What is wanted, in an answer that says more."""
    pattern = _pattern(wants.partition(" of ")[0].casefold())
    match = re.search(pattern, answer) if pattern else None
    return match.group().strip() if match else answer


def rewrite(goal: str, found: str, app: str, wants: str = "") -> str:
    """The next part with the data itself in it, and without the app that it came from; where
    nothing was found, with what was wanted."""
    if not found:
        return goal.replace(FOUND, f"the {wants}".strip())
    text = goal.replace(FOUND, f"“{found}”") if FOUND in goal else f"{goal} (“{found}”)"
    if app:
        text = re.sub(rf"\b(?:from|in|of) (?:the )?{re.escape(app)}\b", "", text, flags=re.I)
    return re.sub(r"\s{2,}", " ", text).strip()


def schema(label: str) -> dict[str, Any]:
    """The JSON that a model in the role `orchestrator` gives."""
    one = {
        "type": "object",
        "properties": {
            "goal": {"type": "string", "maxLength": 300},
            "app": {"type": "string", "maxLength": 60},
            "wants": {"type": "string", "maxLength": 120},
        },
        "required": ["goal", "app", "wants"],
        "additionalProperties": False,
    }
    most = 2 if label == "A" else 6
    return {
        "type": "object",
        "properties": {"parts": {"type": "array", "minItems": 2, "maxItems": most, "items": one}},
        "required": ["parts"],
        "additionalProperties": False,
    }
