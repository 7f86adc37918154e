"""Knowledge retrieval: how something is done in an app, learned from the train split alone.

An entry's key is an app and a skill, `Settings: turn on airplane mode`, with what a person filled
in left out; never a task's own goal. Below a floor of likeness nothing is retrieved.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from agentkit_color_agent.screens import named, numbers, quoted, words

FILE = "knowledge.json"
Likeness = Callable[[str, Sequence[str]], list[float]]
"""How much a text is like each of some others, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Tip:
    """app: as the launcher names it. skill: what is done, in words. way: how, a step each."""

    app: str
    skill: str
    way: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.app}: {self.skill}"

    def told(self) -> str:
        return f"{self.skill}: {'; then '.join(self.way)}"


@cache
def tips() -> tuple[Tip, ...]:
    """Those that come with the plugin; `agentkit color learn` makes them anew."""
    text = (files("agentkit_color_agent") / FILE).read_text("utf-8")
    return tuple(Tip(t["app"], t["skill"], tuple(t["way"])) for t in json.loads(text)["tips"])


def retrieve(
    goal: str, known: Sequence[Tip], floor: float, likeness: Likeness | None = None
) -> list[tuple[Tip, float]]:
    """The most alike tip, where it is alike enough, and its likeness."""
    if not known:
        return []
    scores = (likeness or by_words)(skill_of(goal), [t.skill for t in known])
    best = max(range(len(known)), key=lambda n: (scores[n], -n))
    return [(known[best], scores[best])] if scores[best] >= floor else []


def by_words(text: str, others: Sequence[str]) -> list[float]:
    """Cosine of word counts, rare words counting more; word forms are cut to their beginning."""
    said = [_terms(o) for o in others]
    within = Counter(w for terms in said for w in set(terms))

    def weigh(terms: Counter[str]) -> dict[str, float]:
        return {w: n * math.log(1 + len(others) / (1 + within[w])) for w, n in terms.items()}

    mine = weigh(_terms(text))
    return [_cosine(mine, weigh(terms)) for terms in said]


def _terms(text: str) -> Counter[str]:
    return Counter(w[:5] for w in words(text) if w not in ("the", "a", "an", "of", "to", "my"))


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    dot = sum(v * other.get(w, 0.0) for w, v in one.items())
    size = math.hypot(*one.values(), 0) * math.hypot(*other.values(), 0)
    return dot / size if size else 0.0


def skill_of(goal: str) -> str:
    """A goal without what a person filled in: quotations, numbers, names."""
    text = goal
    for given in [*quoted(goal), *numbers(goal), *named(goal)]:
        text = text.replace(given, " … ")
    text = re.sub(r"[“”\"‘’]", "", text)
    return re.sub(r"(…\s*)+", "… ", re.sub(r"\s+", " ", text)).strip(" .,:;?").casefold()


def masked(line: str, goal: str) -> str:
    """A line of history without what the goal filled in."""
    for given in sorted([*quoted(goal), *numbers(goal), *named(goal)], key=len, reverse=True):
        line = line.replace(given, "…")
    return line


def learn(demonstrations: Iterable[tuple[str, str, Sequence[str]]]) -> list[Tip]:
    """Tips from (app, goal, lines of history) of tasks of the train split; of equal skills the
    shortest way."""
    best: dict[str, Tip] = {}
    for app, goal, lines in demonstrations:
        skill, way = skill_of(goal), tuple(masked(line, goal) for line in lines)
        known = best.get(skill)
        if way and (known is None or len(way) < len(known.way)):
            best[skill] = Tip(app, skill, way)
    return [best[skill] for skill in sorted(best)]


def written(known: Sequence[Tip], source: str) -> str:
    """The file of tips. source: what they were learned from."""
    plain = {"source": source, "tips": [asdict(t) for t in known]}
    return json.dumps(plain, ensure_ascii=False, indent=1) + "\n"
