"""What models may add: numbers for the ranking and words for a query. Never a quote, never a check.

Each role is tried at most twice in vain per run; then the floor goes on alone. What a role did, and
how often it failed, is an event and stands in the report.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from agentkit.capabilities import Message, Request
from agentkit.errors import AgentkitError
from agentkit_deep_research.words import content, folded, stem

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime
    from agentkit.kit import Parts
    from agentkit_deep_research.desk import Desk

T = TypeVar("T")
FAULTS = 2
MEANINGS = 48  # candidates that an embedder sees
LIKELIHOODS = 8  # candidates that a ranker sees
_TURNS = (
    ("How do I keep my program from running twice?", "single instance lock file"),
    ("Why is my picture so blurry when I print it?", "image resolution dpi printing"),
    ("Can I get back a letter that I threw away?", "restore deleted document trash"),
)


def available(desk: Desk, parts: Parts, role: str, tokens: int | None) -> bool:
    """Whether a model has this role, has not failed twice, and may still spend tokens."""
    if not parts.names(role):
        return False
    seen = desk.roles.get(role)
    return (seen is None or seen.faults < FAULTS) and (tokens is None or desk.tokens < tokens)


def meanings(
    rt: Runtime, parts: Parts, question: str, readings: Sequence[tuple[str, ...]]
) -> list[float] | None:
    """Cosine of the question with each candidate, -1..1, as the mean over its readings, of which
    each has as many; None where the model failed."""
    texts = [text for each in readings for text in each]

    def do() -> list[float]:
        from agentkit.capabilities import Embed

        vectors = parts["embedder"].ability(Embed).embed([question, *texts])
        cosines = (vectors[1:] @ vectors[0]).reshape(len(readings), -1)
        return [round(float(v), 5) for v in cosines.mean(axis=1)]

    args = {"question": question, "texts": _digest(texts)}
    return _try(rt, "embedder", lambda: rt.record("embed", args, contained(do)))


def likelihoods(
    rt: Runtime, parts: Parts, question: str, texts: Sequence[str]
) -> list[float] | None:
    """Mean log p(question token | text) in nats for each text; None where the model failed."""
    pairs = [
        (f"Passage: {folded(text)}\nQuestion answered by the passage:", f" {question}")
        for text in texts
    ]
    return _try(rt, "ranker", lambda: [s / max(n, 1) for s, n in rt.score("ranker", pairs)])


def keywords(rt: Runtime, question: str, known: Callable[[list[str]], list[str]]) -> list[str]:
    """Words to add to a query, at most five; only such as the sources know and the
    question lacks.

    Args:
        known: keeps of some words those that the sources hold.
    """
    turns = [
        message
        for asked, answered in _TURNS
        for message in (Message.user(asked), Message.assistant(answered))
    ]
    request = Request((*turns, Message.user(question)), max_tokens=24, stop=("\n",))

    def do() -> list[str]:
        made = rt.model("keywords").complete(request)
        if made.finish == "error":
            raise AgentkitError(made.error or "the model gave an error")
        return _fresh(made.text, question)

    fresh = _try(rt, "keywords", do) or []
    return known(fresh)[:5]


def _fresh(answer: str, question: str) -> list[str]:
    """Content words of an answer that are in neither the question nor the example turns."""
    ours = {stem(w) for w in content(question)}
    shown = {stem(w) for _, answered in _TURNS for w in content(answered)} - ours
    return [w for w in content(answer[:200]) if stem(w) not in ours | shown and len(w) > 2]


def _try(rt: Runtime, role: str, do: Callable[[], list[Any]]) -> list[Any] | None:
    """The role's answer, None where it failed; either way it is noted."""
    try:
        made = do()
    except AgentkitError as error:
        rt.emit("role.used", {"role": role, "faults": 1, "fault": error.message})
        return None
    rt.emit("role.used", {"role": role, "calls": 1})
    return made


def contained(do: Callable[[], T]) -> Callable[[], T]:
    """Whatever a model raises is an error of its role, not of the run."""

    def careful() -> T:
        try:
            return do()
        except AgentkitError:
            raise
        except Exception as error:
            raise AgentkitError(f"{type(error).__name__}: {error}") from error

    return careful


def _digest(texts: Sequence[str]) -> str:
    return hashlib.blake2b(json.dumps(list(texts)).encode(), digest_size=12).hexdigest()
