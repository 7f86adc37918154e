"""Conversations with needles: codes said once, at a known age, among prose, code and results."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agentkit.capabilities import Message, ToolCall, ToolResult

PLACES = tuple(
    "harbour library museum station garden theatre castle bakery school stadium market chapel "
    "factory lighthouse hospital airport brewery quarry orchard windmill".split()
)
WORDS = tuple(
    "maple otter copper velvet falcon meadow pepper amber cobalt willow marble saffron".split()
)
SYSTEM = "You are a careful clerk. Answer in a few words, from this conversation alone."
FORMS = (
    "By the way, the code of the {place} is {answer}.",
    "Please note: the {place} has the code {answer}.",
    "They told me that {answer} is the code of the {place}.",
)


@dataclass(frozen=True, slots=True)
class Needle:
    """age: turns that came after it over all turns, 0..1."""

    question: str
    answer: str
    age: float


@dataclass(frozen=True, slots=True)
class Talk:
    """messages: all but the question that comes last."""

    messages: tuple[Message, ...]
    needles: tuple[Needle, ...]


@lru_cache(maxsize=1)
def topics() -> tuple[tuple[str, str], ...]:
    """Python's own help: prose and code, with its lines as they are."""
    from pydoc_data.topics import topics as every

    return tuple((name, text) for name, text in sorted(every.items()) if len(text) > 1500)


def talk(seed: int, turns: int, needles: int) -> Talk:
    """A conversation of a clerk: questions, short answers, and what a tool found."""
    rng = random.Random(f"{seed} talk {turns} {needles}")
    places = rng.sample(PLACES, needles)
    at = sorted(rng.sample(range(turns), needles))
    messages = [Message.system(SYSTEM)]
    planted: list[Needle] = []
    for turn in range(turns):
        said = ""
        if turn in at:
            place = places[len(planted)]
            answer = f"{rng.choice(WORDS)} {rng.randrange(1000, 10000)}"
            said = rng.choice(FORMS).format(place=place, answer=answer)
            planted.append(Needle(f"What is the code of the {place}?", answer, 1 - turn / turns))
        name, text = rng.choice(topics())
        start = text.find("\n", rng.randrange(len(text) - 1200)) + 1
        piece = text[start : start + rng.randint(200, 900)].strip("\n")
        kind = rng.choice(("ask", "tool", "code"))
        if kind == "tool":
            messages.append(Message.user(f"Look up {name}, please. {said}".strip()))
            messages.append(Message.assistant(ToolCall(f"call-{turn}", "help", {"topic": name})))
            messages.append(Message.tool(ToolResult(f"call-{turn}", piece)))
        elif kind == "code":
            messages.append(Message.user(f"Here is something on {name}:\n{piece}\n{said}".strip()))
            messages.append(Message.assistant("Thank you, I have seen it."))
        else:
            messages.append(Message.user(f"What do you know of {name}?"))
            messages.append(Message.assistant(f"{piece}\n{said}".strip()))
    return Talk(tuple(messages), tuple(planted))


def holds(text: str, answer: str) -> bool:
    """Whether an answer stands in a text, whatever the blanks and capitals."""
    return " ".join(answer.casefold().split()) in " ".join(text.casefold().split())


def sentences(text: str) -> list[str]:
    """Sentences and lines."""
    parts = re.split(r"(?<=[.!?:])\s+|\n+", text)
    return [part.strip() for part in parts if len(part.strip()) > 2]


def central(texts: Sequence[str]) -> list[int]:
    """Places of sentences, those first whose words are the commonest, which are then worth less
    (SumBasic: Nenkova and Vanderwende 2005)."""
    said = [re.findall(r"\w+", text.casefold()) for text in texts]
    count: dict[str, float] = {}
    for words in said:
        for word in words:
            count[word] = count.get(word, 0.0) + 1
    total = sum(count.values()) or 1.0
    share = {word: n / total for word, n in count.items()}
    left, order = [n for n, words in enumerate(said) if words], []
    while left:
        best = max(left, key=lambda n: (sum(share[w] for w in said[n]) / len(said[n]), -n))
        left.remove(best)
        order.append(best)
        for word in set(said[best]):
            share[word] **= 2
    return order


def rare(texts: Sequence[str]) -> list[int]:
    """Places of sentences, those first whose words the others lack: names and numbers."""
    said = [set(re.findall(r"\w+", text.casefold())) for text in texts]
    having: dict[str, int] = {}
    for words in said:
        for word in words:
            having[word] = having.get(word, 0) + 1

    def worth(n: int) -> float:
        return sum(having[w] == 1 for w in said[n]) / (3 + len(said[n]))

    return sorted(range(len(texts)), key=lambda n: (-worth(n), n))
