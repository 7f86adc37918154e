"""The policy's own words, and how texts are cut into words. No I/O, no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass

PAD, END, GOAL, DONE = "<pad>", "<end>", "<goal>", "<done>"
SCREEN, ELEMENT, ACT, APP = "<screen>", "<element>", "<act>", "<app>"
NOTE = "<note>"
NAME, NUM, WORD = "<name>", "<num>", "<word>"
OPENS, QUOTED, CLOSES = "<opens>", "<quoted>", "<closes>"
USED, SHOWN, MOST, FRESH = "<used>", "<shown>", "<most>", "<fresh>"
WHOLE = "<whole>"
GOAL_WORDS, ELEMENTS, NUMBERS, APPS = 64, 60, 60, 40
NOTE_WORDS = 64
PLACES = GOAL_WORDS + NOTE_WORDS
HISTORY, LABEL_WORDS, DONE_WORDS = 10, 10, 10
ROLES = (
    "row", "button", "icon", "text", "field", "switch", "checkbox", "radio", "slider", "list",
    "menu", "page", "progress", "view",
)  # fmt: skip
SILENT = ("text", "list", "page", "progress", "view")
"""Roles of what nothing comes of, however much it shares with the goal."""
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
            NOTE, OPENS, QUOTED, CLOSES, USED, SHOWN, MOST, FRESH, WHOLE,
            *(f"@{n}" for n in range(PLACES)), *(f"#{n}" for n in range(ELEMENTS)),
            *(f"&{n}" for n in range(APPS)), *ROLES, *STATES, *VERBS, *WAYS, *BUTTONS,
            "infeasible", *(str(n) for n in range(NUMBERS)),
        )
    )
)  # fmt: skip
"""The tokens that every vocabulary begins with. Answers are of these alone."""
STOP = frozenset(
    "a an the to of in on off at by for and or is it its my me i as be that this with from what "
    "which who how when where does do did not no one all into say".split()
)
"""Words whose being alike says nothing."""
QUOTES = frozenset('“”"„«»')
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\w\s]")
_CAMEL = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")
_DATES = {
    long: long[:3]
    for long in (
        "january february march april june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday"
    ).split()
}
_ENDINGS = ("ings", "ing", "ers", "er", "ed", "es", "s")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, with where it stands there."""

    text: str
    start: int
    end: int

    @property
    def form(self) -> str:
        """By which words are alike: no case, no ending, numbers by their value."""
        return form(self.text)


def form(text: str) -> str:
    """A rough stem: recording, recorder and records are one, and so are move and moved,
    October and Oct."""
    if text.isdecimal():
        return str(int(text)) if len(text) < 3 else text
    plain = text.casefold().replace("’", "'").removesuffix("'s")
    plain = _DATES.get(plain, plain)
    for ending in _ENDINGS:
        if plain.endswith(ending) and len(plain) - len(ending) >= 3:
            plain = plain.removesuffix(ending)
            break
    return plain[:-1] if len(plain) > 3 and plain.endswith("e") else plain


def words(text: str) -> list[Word]:
    return [Word(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text)]


def place_words(place: str) -> tuple[str, list[str]]:
    """The package and the words of the page of what is in front: ("com.android.settings",
    ["network"])."""
    package, _, page = place.rpartition(".")
    return package.rstrip("."), [w.casefold() for w in _CAMEL.findall(page)]
