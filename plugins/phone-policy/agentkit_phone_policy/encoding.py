"""Between step prompts and the few hundred words that the policy knows. No I/O, no torch.

    goal     <goal> text @0 <goal> <name> @1 <goal> <name> @2 …   each word with its number
    history  <done> tap row @1 @2
    screen   <screen> com.android.messages thread
    element  <element> row @1 @2 #3 <element> field text message #4 focused … <act>
    answer   tap #3 <end>      type @3 @5 <end>      open com.android.messages <end>

Three things make a step easy to learn. An element's number stands right behind its words: who has
found the words goes on with the number. What is typed is a span of the goal, its first and last
number: nothing can be misspelt, and no name must be known. And a word of the screen that the goal
has too is followed by its number there: the encoder says what is alike, the policy learns what
follows from it. Words that it does not know are <name>, <num> or <word>.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agentkit.agents.acting import ElementLine, StepPrompt
from agentkit.errors import ContextOverflow

PAD, END, GOAL, DONE = "<pad>", "<end>", "<goal>", "<done>"
SCREEN, ELEMENT, ACT = "<screen>", "<element>", "<act>"
NAME, NUM, WORD, APP = "<name>", "<num>", "<word>", "<app>"
GOAL_WORDS, ELEMENTS, NUMBERS = 64, 60, 60
HISTORY, LABEL_WORDS, DONE_WORDS = 6, 10, 6
ROLES = (
    "row", "button", "icon", "text", "field", "switch", "checkbox", "radio", "slider", "list",
    "menu", "page", "progress", "view",
)  # fmt: skip
STATES = ("on", "off", "disabled", "focused", "selected", "scrolls")
VERBS = (
    "tap", "long-press", "double-tap", "type", "clear-text", "open", "scroll", "button", "wait",
    "answer", "finish", "swipe", "drag", "press-key",
)  # fmt: skip
WAYS = ("down", "up", "left", "right")
BUTTONS = ("back", "home", "recents")
FIXED: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            PAD, END, GOAL, DONE, SCREEN, ELEMENT, ACT, NAME, NUM, WORD, APP,
            *(f"@{n}" for n in range(GOAL_WORDS)), *(f"#{n}" for n in range(ELEMENTS)),
            *ROLES, *STATES, *VERBS, *WAYS, *BUTTONS, "infeasible",
            *(str(n) for n in range(NUMBERS)),
        )
    )
)  # fmt: skip
"""The tokens that every vocabulary begins with."""
STOP = frozenset(
    "a an the to of in on off at by for and or is it its my me i as be that this with from what "
    "which who how when where does do did not no one all into say".split()
)
"""Words whose being alike says nothing."""
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\w\s]")
_QUOTES = frozenset('“”"„«»')
_CAMEL = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, with where it stands there."""

    text: str
    start: int
    end: int

    @property
    def form(self) -> str:
        """By which words are alike: no case, no plural, numbers by their value."""
        return form(self.text)


def form(text: str) -> str:
    if text.isdecimal():
        return str(int(text)) if len(text) < 3 else text
    plain = text.casefold().replace("’", "'").removesuffix("'s")
    return plain[:-1] if len(plain) > 3 and plain.endswith("s") else plain


def words(text: str) -> list[Word]:
    return [Word(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text)]


def place_words(place: str) -> tuple[str, list[str]]:
    """The package and the words of the page of what is in front: ("com.android.settings",
    ["network"])."""
    package, _, page = place.rpartition(".")
    return package.rstrip("."), [w.casefold() for w in _CAMEL.findall(page)]


class Unsayable(ValueError):
    """An action that the policy has no words for."""


@dataclass(frozen=True)
class Encoder:
    """known: the words of the vocabulary behind FIXED. apps: packages that it can open, which are
    among them."""

    known: frozenset[str]
    apps: frozenset[str]

    def prompt(self, prompt: StepPrompt) -> Encoded:
        return Encoded(self, prompt)

    def named(self, word: Word) -> str:
        """The token for a word."""
        plain = word.text.casefold()
        if plain.isdecimal():
            return str(int(plain)) if len(plain) < 3 and int(plain) < NUMBERS else NUM
        if plain in self.known:
            return plain
        return NAME if word.text[:1].isupper() else WORD


class Encoded:
    """A step prompt in the policy's words, and the way between its answers and actions."""

    def __init__(self, encoder: Encoder, prompt: StepPrompt) -> None:
        self._encoder, self._prompt = encoder, prompt
        self.goal: Sequence[Word] = [w for w in words(prompt.goal) if w.text not in _QUOTES]
        if len(self.goal) > GOAL_WORDS:
            raise ContextOverflow(
                f"the goal has {len(self.goal)} words, the policy has numbers for {GOAL_WORDS}",
                "say it in fewer words, or part by part",
            )
        self._at: dict[str, list[int]] = {}
        for number, word in enumerate(self.goal):
            if word.text[0].isalnum() and word.text.casefold() not in STOP:
                self._at.setdefault(word.form, []).append(number)

    @cached_property
    def tokens(self) -> list[str]:
        prompt = self._prompt
        made = [] if self.goal else [GOAL]
        for number, word in enumerate(self.goal):
            made += [GOAL, self._encoder.named(word), f"@{number}"]
        for line in prompt.history[-HISTORY:]:
            made += [DONE, *self._done(line)]
        package, page = place_words(prompt.screen.place)
        made += [SCREEN, package if package in self._encoder.apps else APP]
        made += [w if w in self._encoder.known else WORD for w in page]
        for number, element in enumerate(prompt.screen.elements[:ELEMENTS]):
            made += [ELEMENT, *self._element(element), f"#{number}", *element.states]
        return [*made, ACT]

    def _element(self, element: ElementLine) -> Iterator[str]:
        yield element.role if element.role in ROLES else "view"
        yield from self._said(element.text, LABEL_WORDS)

    def _done(self, line: str) -> Iterator[str]:
        kind, _, rest = line.partition(" ")
        yield kind if kind in VERBS else WORD
        if kind == "open":
            app = rest.strip('"')
            yield app if app in self._encoder.apps else APP
            return
        role, _, said = rest.partition(" ")
        if role in ROLES or role in WAYS or role in BUTTONS:
            yield role
            rest = said
        yield from self._said(rest, DONE_WORDS)

    def _said(self, text: str, most: int) -> list[str]:
        """The words of a text, each with its number where the goal has it too. Of words that are
        not known and stand together, one is said."""
        made: list[str] = []
        before, count = -2, 0
        for word in words(text):
            if not word.text[0].isalnum():
                continue
            number = self._alike(word, before)
            token = self._encoder.named(word)
            unknown = token in (NAME, NUM, WORD)
            if number is not None:
                made += [f"@{number}"] if unknown else [token, f"@{number}"]
                before = number
            elif not unknown or not made or made[-1] != token:
                made.append(token)
                before = -2
            count += 1
            if count >= most:
                break
        return made

    def _alike(self, word: Word, before: int) -> int | None:
        """The number of the word in the goal: the one behind the last found, else the first."""
        if word.text.casefold() in STOP:
            return None
        found = self._at.get(word.form)
        if not found:
            return None
        return next((n for n in found if n > before), found[0]) if before >= 0 else found[0]

    # Answers.

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
            if action["app"] not in self._encoder.apps:
                raise Unsayable(f"no word for the app {action['app']!r}")
            return [kind, action["app"], END]
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
            return {"kind": kind, "text": self._text(first, last)}
        if kind == "open":
            if rest[0] not in self._encoder.apps:
                raise ValueError
            return {"kind": kind, "app": rest[0]}
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
            verbs |= {"type"} if focused and self.goal else set()
            return frozenset(verbs)
        kind, number = said[0], len(said)
        numbers = {f"#{n}" for n, e in enumerate(screen) if e.role != "list"}
        if number == 1:
            second: dict[str, set[str]] = {
                "tap": numbers,
                "long-press": numbers,
                "type": {f"@{n}" for n in range(len(self.goal))},
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
            return frozenset(f"@{n}" for n in range(first, len(self.goal)))
        return frozenset({END})

    @cached_property
    def _elsewhere(self) -> frozenset[str]:
        """Apps that are not in front: opening one that is changes nothing."""
        return self._encoder.apps - {place_words(self._prompt.screen.place)[0]}

    def _numbered(self, number: int) -> str:
        if not 0 <= number < ELEMENTS:
            raise Unsayable(f"no word for element {number}")
        return f"#{number}"

    def _text(self, first: int, last: int) -> str:
        if not 0 <= first <= last < len(self.goal):
            raise ValueError
        return self._prompt.goal[self.goal[first].start : self.goal[last].end]

    def _span(self, text: str) -> list[str]:
        """The first and last number of a span of the goal that is this text."""
        starts = {w.start: n for n, w in enumerate(self.goal)}
        ends = {w.end: n for n, w in enumerate(self.goal)}
        at = self._prompt.goal.find(text)
        while text and at >= 0:
            if at in starts and at + len(text) in ends:
                return [f"@{starts[at]}", f"@{ends[at + len(text)]}"]
            at = self._prompt.goal.find(text, at + 1)
        raise Unsayable(f"{text!r} is no part of the goal")

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


def _number(token: str, mark: str) -> int:
    if not token.startswith(mark):
        raise ValueError(token)
    return int(token[1:])
