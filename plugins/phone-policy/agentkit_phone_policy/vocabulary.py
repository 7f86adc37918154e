"""Which words a policy knows: those of the interface and of the wordings of goals, not those that
differ from task to task, so that a name it has seen is no different from one it has not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from agentkit.agents.acting import StepPrompt
from agentkit_phone_policy.encoding import Encoder
from agentkit_phone_policy.words import FIXED, place_words, words


def vocabulary(
    examples: Iterable[tuple[str, str, StepPrompt]],
    *,
    screen: float = 0.25,
    goal: float = 0.5,
    least: int = 4,
) -> list[str]:
    """Tokens in the order of their ids.

    Args:
        examples: (template, task, prompt) of each.
        screen: share of the looks at one page that a word is on. goal: share of a template's tasks
            that have it in their goal.
        least: number of tasks that a page was seen in, for its words to count.
    """
    looks: Counter[str] = Counter()
    tasks: dict[str, set[str]] = defaultdict(set)
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    goals: dict[str, dict[str, set[str]]] = defaultdict(dict)
    known: set[str] = set()
    for template, task, prompt in examples:
        place = prompt.screen.place
        looks[place] += 1
        tasks[place].add(task)
        known.update(place_words(place)[1])
        known.update(w for _, name in prompt.screen.apps for w in _plain(name))
        seen[place].update({w for e in prompt.screen.elements for w in _plain(e.text)})
        goals[template].setdefault(task, set()).update(_plain(prompt.goal))
    for place, counts in seen.items():
        if len(tasks[place]) >= least:
            known |= {w for w, n in counts.items() if n >= screen * looks[place]}
    for of in goals.values():
        counts = Counter(w for said in of.values() for w in said)
        known |= {w for w, n in counts.items() if n >= goal * len(of)}
    return [*FIXED, *sorted(known - set(FIXED))]


def encoder(tokens: Iterable[str]) -> Encoder:
    """The encoder of a vocabulary."""
    return Encoder(frozenset(tokens) - {t for t in FIXED if t[0] in "<@#&"})


def _plain(text: str) -> Iterable[str]:
    return (w.text.casefold() for w in words(text) if not w.text.isdecimal())
