"""The policy's answers: its words for actions and back, and what may be said on a screen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from agentkit.agents.acting import StepPrompt
from agentkit_phone_policy.words import (
    APPS,
    BUTTONS,
    ELEMENTS,
    END,
    GOAL_WORDS,
    NUMBERS,
    QUOTES,
    WAYS,
    Word,
    place_words,
    words,
)


class Unsayable(ValueError):
    """An action that the policy has no words for."""


class Sayings:
    """What can be said to a prompt.

    Attributes:
        goal: its words.
    """

    def __init__(self, prompt: StepPrompt) -> None:
        self._prompt = prompt
        self._apps = prompt.screen.apps[:APPS]
        self._packages = {package: number for number, (package, _) in enumerate(self._apps)}
        self.goal: list[Word] = []
        self._notes: list[tuple[str, list[Word]]] = []  # that were read: a text, its words

    def say(self, action: dict[str, Any]) -> list[str]:
        """The policy's words for an action, END included.

        Raises:
            Unsayable: it has none.
        """
        kind = action["kind"]
        if kind in ("tap", "long-press", "double-tap") and "element" in action:
            return [kind, self._numbered(action["element"]), END]
        if kind == "type":
            return [kind, *self._span(action["text"]), END]
        if kind == "open":
            return [kind, self._app(action["app"]), END]
        if kind == "scroll":
            return [kind, action["direction"], END]
        if kind == "button" and action["button"] in BUTTONS:
            return [kind, action["button"], END]
        if kind in ("clear-text", "wait"):
            return [kind, END]
        if kind == "finish":
            return [kind, *(["infeasible"] if action.get("status") == "infeasible" else []), END]
        if kind == "answer":
            return [kind, *self._quoted(action["text"]), END]
        raise Unsayable(f"no words for {json.dumps(action)}")

    def mean(self, said: Sequence[str]) -> dict[str, Any]:
        """The action that the policy's words mean.

        Raises:
            Unsayable: they mean none.
        """
        try:
            kind, *rest = said[: list(said).index(END)] if END in said else said
            return self._meant(kind, rest)
        except (ValueError, IndexError) as error:
            raise Unsayable(f"{' '.join(said)!r} is no action") from error

    def _meant(self, kind: str, rest: Sequence[str]) -> dict[str, Any]:
        if kind in ("tap", "long-press", "double-tap"):
            return {"kind": kind, "element": _number(rest[0], "#")}
        if kind == "type":
            first, last = (_number(r, "@") for r in rest)
            return {"kind": kind, "text": self._between(first, last)}
        if kind == "open":
            return {"kind": kind, "app": self._apps[_number(rest[0], "&")][0]}
        if kind == "scroll" and rest[0] in WAYS:
            return {"kind": kind, "direction": rest[0]}
        if kind == "button" and rest[0] in BUTTONS:
            return {"kind": kind, "button": rest[0]}
        if kind in ("clear-text", "wait"):
            return {"kind": kind}
        if kind == "finish":
            return {"kind": kind, "status": "infeasible" if rest else "success"}
        if kind == "answer":
            if rest[0].isdecimal():
                return {"kind": kind, "text": rest[0]}
            element = self._prompt.screen.elements[_number(rest[0], "#")]
            return {"kind": kind, "text": element.text}
        raise ValueError

    def next(self, said: Sequence[str]) -> frozenset[str]:
        """The tokens that may come after these, so that what is said can be done on this screen."""
        screen = self._prompt.screen.elements[:ELEMENTS]
        if not said:
            verbs = {"scroll", "button", "wait", "finish", "answer"}
            verbs |= {"open"} if self._elsewhere else set()
            verbs |= {"tap", "long-press"} if screen else set()
            focused = any(e.role == "field" and "focused" in e.states for e in screen)
            verbs |= {"clear-text"} if focused else set()
            verbs |= {"type"} if focused and (self.goal or self._notes) else set()
            return frozenset(verbs)
        kind, number = said[0], len(said)
        numbers = {f"#{n}" for n, e in enumerate(screen) if e.role != "list"}
        if number == 1:
            second: dict[str, set[str]] = {
                "tap": numbers,
                "long-press": numbers,
                "type": {f"@{n}" for start, _, said in self._texts for n in _range(start, said)},
                "open": set(self._elsewhere),
                "scroll": set(WAYS),
                "button": set(BUTTONS),
                "answer": {f"#{n}" for n, e in enumerate(screen) if e.text}
                | {str(n) for n in range(NUMBERS)},
                "finish": {END, "infeasible"},
            }
            return frozenset(second.get(kind, {END}))
        if kind == "type" and number == 2:
            first = _number(said[1], "@")
            start, text, of = self._text_at(first)
            return frozenset(f"@{start + n}" for n in _on(text, of, first - start))
        return frozenset({END})

    @cached_property
    def _elsewhere(self) -> frozenset[str]:
        """Apps that are not in front: opening one that is changes nothing."""
        front = place_words(self._prompt.screen.place)[0]
        return frozenset(f"&{n}" for package, n in self._packages.items() if package != front)

    def _app(self, app: str) -> str:
        """Its number, by its package or by what its owner calls it."""
        for number, names in enumerate(self._apps):
            if app in names:
                return f"&{number}"
        raise Unsayable(f"this phone lists no app {app!r}")

    def _numbered(self, number: int) -> str:
        if not 0 <= number < ELEMENTS:
            raise Unsayable(f"no word for element {number}")
        return f"#{number}"

    @cached_property
    def _texts(self) -> list[tuple[int, str, list[Word]]]:
        """What can be typed parts of: the number of its first word, a text, its words."""
        made, at = [(0, self._prompt.goal, self.goal)], GOAL_WORDS
        for text, said in self._notes:
            made.append((at, text, said))
            at += len(said)
        return made

    def _text_at(self, number: int) -> tuple[int, str, list[Word]]:
        """Raises ValueError: no text has a word with that number."""
        for start, text, said in self._texts:
            if start <= number < start + len(said):
                return start, text, said
        raise ValueError(number)

    def _between(self, first: int, last: int) -> str:
        start, text, said = self._text_at(first)
        if not first <= last < start + len(said):
            raise ValueError
        return text[said[first - start].start : said[last - start].end]

    def _span(self, wanted: str) -> list[str]:
        """The first and last number of a span of the goal, or else of a note, that is this text."""
        for start, text, said in self._texts:
            starts = {w.start: start + n for n, w in enumerate(said)}
            ends = {w.end: start + n for n, w in enumerate(said)}
            at = text.find(wanted)
            while wanted and at >= 0:
                if at in starts and at + len(wanted) in ends:
                    return [f"@{starts[at]}", f"@{ends[at + len(wanted)]}"]
                at = text.find(wanted, at + 1)
        raise Unsayable(f"{wanted!r} is no part of the goal, nor of what was read")

    def _quoted(self, text: str) -> list[str]:
        """What an answer is: a small number, or what an element says; the shortest one that holds
        it."""
        holds = [
            (len(e.text), n)
            for n, e in enumerate(self._prompt.screen.elements[:ELEMENTS])
            if _holds(e.text, text)
        ]
        if text.isdecimal() and len(text) < 3 and int(text) < NUMBERS:
            exact = [n for length, n in holds if length == len(text)]
            return [f"#{exact[0]}"] if exact else [str(int(text))]
        if not holds:
            raise Unsayable(f"nothing on the screen says {text!r}")
        return [f"#{min(holds)[1]}"]


def _holds(whole: str, part: str) -> bool:
    plain = [f" {' '.join(w.text.casefold() for w in words(t) if w.text[0].isalnum())} "
             for t in (whole, part)]  # fmt: skip
    return bool(part.strip()) and plain[1] in plain[0]


def _on(text: str, said: Sequence[Word], first: int) -> Iterator[int]:
    """From a word of a text on: to the end of the quotation that it stands in, else of the
    sentence, and not into a quotation. The first word is always one of them."""
    yield first
    inside = sum(c in QUOTES for c in text[: said[first].start]) % 2 == 1
    for number in range(first + 1, len(said)):
        between = text[said[number - 1].end : said[number].start]
        ends = said[number - 1].text in ".?!" and bool(between) and said[number].text[0].isupper()
        if any(c in QUOTES for c in between) or (ends and not inside):
            return
        yield number


def _range(start: int, said: Sequence[Word]) -> range:
    return range(start, start + len(said))


def _number(token: str, mark: str) -> int:
    if not token.startswith(mark):
        raise ValueError(token)
    return int(token[1:])
