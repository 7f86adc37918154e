"""The way to what a goal asks for, over a map of the phone's apps.

A goal names a control more often than not: *make an empty playlist* is `New playlist` of Music. The
map knows where that stands and how to come there; the agent's operator is told the next touch and
may do something else. Once the control was touched, what is to be done there is the operator's own.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TypedDict

from agentkit.agents.acting import ElementLine
from agentkit_color_agent.maps.map import AppMap, Label, lines, load, own_path, shipped
from agentkit_color_agent.screens import Screen, head, named, quoted, words

# What words are worth was set on 13 templates of the train split, left out of a training.
NAMED = 1.5
"""How many times more a word counts that is in an app's name."""
SHARED, EXTRA = 0.3, 0.4
"""What a word more is worth that goal and label share, and one that the label has alone."""
CONTEXT = 0.4
"""Of what a word of the page, or of the page before it, counts of what one of the control does."""
MISSED = 0.7
"""What a control is worth less that does not name what is to be done."""
ENOUGH = 1.5
"""What an app, or a control, has to be worth to be told."""
AHEAD = 1.25
"""How many times as much as the next best app."""
BACK = ("navigate up", "cancel", "back", "close", "ok")
"""Controls that lead back, and are on no way."""
TOUCHED = ("icon", "button", "row", "tab", "radio", "checkbox")
ENDS = (*TOUCHED, "field", "switch", "slider")
"""Roles of what a way ends at; the operator turns switches and fills fields by itself."""
SHOWN = 60
"""Letters of a label in a line of history."""


class Aim(TypedDict):
    """Where a goal leads. app: its package. page, role, text: of the control, -1 and "" where only
    the app is known. inside: whether the app was reached. last: the touch that ends the way, once
    it was told. over: nothing is told any more."""

    app: str
    page: int
    role: str
    text: str
    inside: bool
    last: str
    over: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A goal's words. things: what it is about. verbs: what is to be done."""

    goal: str
    things: frozenset[str]
    verbs: frozenset[str]


class Guide:
    """Follows one map."""

    def __init__(self, apps: AppMap) -> None:
        self._map = apps
        self._said = [
            (number, label, frozenset(terms(label.text)))
            for number, page in enumerate(apps.pages)
            for label in sorted(page.labels)
            if label.text.casefold() not in BACK
        ]
        self._names = {app: frozenset(terms(name)) for app, name in apps.apps().items()}
        self._counts: dict[str, dict[str, float]] = {app: defaultdict(float) for app in self._names}
        for number, _, said in self._said:
            for word in said:
                self._counts[apps.pages[number].app][word] += 1 / len(said)

        own = [frozenset(w for x in p.labels for w in terms(x.text)) for p in apps.pages]
        self._around = [set(words) for words in own]
        for number, page in enumerate(apps.pages):
            for there in (*page.leads.values(), *page.lists.values()):
                self._around[there] |= own[number]

    def aim(self, goal: str) -> Aim | None:
        """Where a goal leads; None where the map cannot tell."""
        asked = self._asked(goal)
        ranked = sorted(((self._worth(app, asked), app) for app in self._names), reverse=True)
        if not ranked or ranked[0][0] < ENOUGH:
            return None
        if len(ranked) > 1 and ranked[0][0] < AHEAD * ranked[1][0]:
            return None
        app = ranked[0][1]
        aim = Aim(app=app, page=-1, role="", text="", inside=False, last="", over=False)
        found = max(self._controls(app, asked), default=None)
        if found is not None and found[0] >= ENOUGH:
            _, number, label = found
            aim["page"], aim["role"], aim["text"] = -number, label.role, label.text
        return aim

    def next(
        self, aim: Aim, goal: str, screen: Screen, history: Sequence[str], *, astray: bool = False
    ) -> tuple[str, Aim]:
        """The next touch as a line of history would have it, "" where there is none to tell; and
        the aim as it stands then.

        Args:
            astray: whether reflection found the operator on a wrong way. Else an app that it opened
                itself is its own choice.
        """
        if aim["over"] or (aim["last"] and aim["last"] in history[-1:]):
            return "", {**aim, "over": True}
        if screen.get("package") != aim["app"]:
            chose = aim["inside"] or any(line.startswith("open ") for line in history)
            return ("" if chose and not astray else f'open "{aim["app"]}"'), aim
        aim = {**aim, "inside": True}
        if aim["page"] < 0:
            return "", {**aim, "over": True}
        there = _on(screen, Label(aim["role"], aim["text"]))
        if there is not None:
            told = _touch(there) if there.role in TOUCHED else ""
            return told, {**aim, "last": told, "over": not told}
        step = self._step(aim["page"], goal, screen)
        return (_touch(step) if step is not None else ""), aim

    # -- where ------------------------------------------------------------------------------------

    def _asked(self, goal: str) -> Asked:
        """Names and what stands in quotation marks are the owner's own: a word of a name counts
        where a label has nothing but words of the goal."""
        bare = goal
        for text in quoted(goal):
            bare = bare.replace(text, " ")
        said = frozenset(terms(bare))
        names = {w for name in named(bare) for w in terms(name)}
        whole = {w for _, _, label in self._said if label <= said for w in label}
        whole |= {w for name in self._names.values() if name <= said for w in name}
        said -= names - whole
        verbs = _lists()[2]
        return Asked(goal, said - verbs, verbs & frozenset(terms(bare)[:2]))

    def _weight(self, word: str) -> float:
        """How much a word tells of where: the fewer apps have it, the more."""
        have = sum(word in c or word in self._names[a] for a, c in self._counts.items())
        return math.log((1 + len(self._names)) / (0.5 + have)) if have else 0.0

    def _worth(self, app: str, asked: Asked) -> float:
        counts, name = self._counts[app], self._names[app]
        worth = 0.0
        for word in asked.things:
            if word in counts or word in name:
                often = counts.get(word, 0.0) + 3 * (word in name)
                worth += self._weight(word) * (math.log1p(often) + NAMED * (word in name))
        return worth + (bool(name) and name <= asked.things)

    def _controls(self, app: str, asked: Asked) -> Iterator[tuple[float, int, Label]]:
        """What can be touched, turned or filled in, by what it is worth; of equals, what comes
        first."""
        every = _lists()[2]
        for number, label, said in self._said:
            named = asked.things & said or asked.verbs & said
            if self._map.pages[number].app != app or label.role not in ENDS or not named:
                continue
            things, verbs = said - every, said & every
            worth = sum(self._weight(w) + SHARED for w in asked.things & things)
            worth += len(asked.verbs & verbs) - len(verbs - asked.verbs)
            worth -= EXTRA * len(things - asked.things) + MISSED * bool(asked.verbs - verbs)
            near = asked.things & self._around[number] - things
            yield worth + CONTEXT * sum(map(self._weight, near)), -number, label

    # -- how to come there ------------------------------------------------------------------------

    def _step(self, target: int, goal: str, screen: Screen) -> ElementLine | None:
        """The next touch on the shortest way to a page."""
        here = self._map.find(screen)
        if here is None or here == target:
            return None
        found = self._way(here, target)
        if found is None:
            return None
        label, number = found
        if label is None:
            return _entry(self._map.pages[here].lists, number, goal, screen)
        return _on(screen, label)

    def _way(self, here: int, target: int) -> tuple[Label | None, int] | None:
        """The first touch and where it leads; no label for an entry of a list."""
        before: dict[int, tuple[int, Label | None]] = {}
        ahead = deque([here])
        while ahead and target not in before:
            number = ahead.popleft()
            page = self._map.pages[number]
            leads: list[tuple[Label | None, int]] = [
                (label, n) for label, n in page.leads.items() if label.text.casefold() not in BACK
            ]
            leads += [(None, n) for n in page.lists.values()]
            for label, n in leads:
                if n not in before and n != here:
                    before[n] = (number, label)
                    ahead.append(n)
        if target not in before:
            return None
        number = target
        while before[number][0] != here:
            number = before[number][0]
        return before[number][1], number


def _on(screen: Screen, label: Label) -> ElementLine | None:
    return next((one for one in lines(screen) if Label.of(one) == label), None)


def _entry(lists: dict[str, int], number: int, goal: str, screen: Screen) -> ElementLine | None:
    """The entry of a list that the goal names."""
    roles = {role for role, n in lists.items() if n == number}
    fits = [
        one
        for one in lines(screen)
        if one.role in roles
        and len(head(one.text)) > 1
        and re.search(rf"(?<!\w){re.escape(head(one.text))}(?!\w)", goal, re.IGNORECASE)
    ]
    return max(fits, key=lambda one: len(head(one.text)), default=None)


def _touch(line: ElementLine) -> str:
    return f"tap {line.role} {json.dumps(line.text[:SHOWN], ensure_ascii=False)}"


# -- words ----------------------------------------------------------------------------------------


@cache
def _lists() -> tuple[frozenset[str], dict[str, str], frozenset[str]]:
    """Words without meaning, what words are read as, verbs."""
    plain = tomllib.loads(
        (files("agentkit_color_agent") / "maps" / "words.toml").read_text("utf-8")
    )
    read = {word: group[0] for key in ("verbs", "things") for group in plain[key] for word in group}
    verbs = frozenset(group[0] for group in plain["verbs"])
    return frozenset(plain["without"].split()), read, verbs


def terms(text: str) -> list[str]:
    """A text's words, as they are compared: no number, no word without meaning, one for many."""
    without, read, _ = _lists()
    found = []
    text = re.sub(r"\be-mail", "email", text, flags=re.IGNORECASE)
    text = re.sub(r"\badd to\b", " ", text, flags=re.IGNORECASE)  # which makes nothing new
    for word in words(text):
        single = word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word
        if single == word and word.endswith("s") and not word.endswith("ss") and len(word) > 3:
            single = word[:-1]
        plain = read.get(word) or read.get(single) or single
        if (plain in read.values() or word not in without) and len(word) > 1 and word.isalpha():
            found.append(plain)
    return found


# -- whose map ------------------------------------------------------------------------------------


def guide_of(environment: str, phone: object) -> Guide | None:
    """By the user's own map of that phone, else, where it is a simulated one, by the map that comes
    with the plugin.

    Raises:
        DataError: the user's map cannot be read.
    """
    path = own_path(environment)
    try:
        return _own(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        pass
    return _shipped() if getattr(phone, "is_simulated", False) else None


@lru_cache(maxsize=4)
def _own(path: Path, changed: int) -> Guide:
    return Guide(load(path) or AppMap())


@cache
def _shipped() -> Guide:
    return Guide(shipped())
