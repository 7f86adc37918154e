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

from agentkit_color_agent.screens import numbers, quoted, words

FILE = "knowledge.json"
UNKNOWN = 0.7
"""Weight of a word that is in no key."""
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
        """A word that none of the others has is mostly a name, and says little."""
        return {
            w: n * (math.log(1 + len(others) / within[w]) if within[w] else UNKNOWN)
            for w, n in terms.items()
        }

    mine = weigh(_terms(text))
    return [_cosine(mine, weigh(terms)) for terms in said]


def _terms(text: str) -> Counter[str]:
    return Counter(w[:5] for w in words(text) if w not in ("the", "a", "an", "of", "to", "my"))


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    dot = sum(v * other.get(w, 0.0) for w, v in one.items())
    size = math.hypot(*one.values(), 0) * math.hypot(*other.values(), 0)
    return dot / size if size else 0.0


def skill_of(goal: str, given: Sequence[str] = ()) -> str:
    """A goal without what a person filled in: quotations, numbers, and what is known to have been
    given, as the parameters of a task."""
    text = goal
    for one in _longest([*quoted(goal), *numbers(goal), *given]):
        text = re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", " … ", text, flags=re.IGNORECASE)
    text = re.sub(r"[“”\"‘’]", "", text)
    return re.sub(r"(…\s*)+", "… ", re.sub(r"\s+", " ", text)).strip(" .,:;?").casefold()


def masked(line: str, goal: str, given: Sequence[str] = ()) -> str:
    """A line of history without what was filled in, and without what was on that phone alone:
    numbers, and what a row says after its name."""
    for one in _longest([*quoted(goal), *numbers(goal), *given]):
        line = re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", "…", line, flags=re.IGNORECASE)
    line = re.sub(r"[+€$]?\d[\d .,:/-]*\d|\d", "…", line)
    line = re.sub(r'("[^",]*…[^",]*)[,:·][^"]*"', r'\1"', line)
    return re.sub(r'^type ".*"$', 'type "…"', line)


def _longest(given: Iterable[str]) -> list[str]:
    """What can be told apart from the goal's own words, longest first."""
    kept = {g.strip() for g in given if len(g.strip()) > 1} - {"on", "off"}
    return sorted(kept, key=lambda g: (-len(g), g))


def learn(
    demonstrations: Iterable[tuple[str, str, Sequence[str], Sequence[str]]],
) -> list[Tip]:
    """Tips from (app, goal, what was filled in, lines of history) of tasks of the train split; of
    equal skills the shortest way."""
    best: dict[str, Tip] = {}
    for app, goal, given, lines in demonstrations:
        skill, way = skill_of(goal, given), tuple(masked(line, goal, given) for line in lines)
        known = best.get(skill)
        if way and (known is None or len(way) < len(known.way)):
            best[skill] = Tip(app, skill, way)
    return [best[skill] for skill in sorted(best)]


def written(known: Sequence[Tip], source: str) -> str:
    """The file of tips. source: what they were learned from."""
    plain = {"source": source, "tips": [asdict(t) for t in known]}
    return json.dumps(plain, ensure_ascii=False, indent=1) + "\n"
