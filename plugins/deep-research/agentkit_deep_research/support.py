"""Whether quotes bear out a sentence that a model wrote. Rules alone, strict on purpose.

Shared words are not enough: "The default journal mode is OFF" shares all of its words with a
passage that says what happens IF it is OFF. So numbers and names must be there, negations must
agree, one clause must say it, and a condition may not become a plain statement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentkit_deep_research.evidence import Span
from agentkit_deep_research.values import dates, holds_subject, subjects
from agentkit_deep_research.words import (
    agree,
    names,
    numbers,
    same_stem,
    says_a_number,
    stems,
    tokens,
)

SPARE = 5  # one in so many of a sentence's content words need not be in the clause: in short
# sentences none, for the one that is missing may be the very thing that is claimed
REACH = 12  # words between the first and the last of them, for each word of the sentence's own

_CONDITION = re.compile(r"\b(?:if|when|unless|should|whenever|in case|provided|as long as)\b", re.I)
_ABOUT_ITSELF = re.compile(
    r"\b(?:the|this|these) (?:passages?|quotes?|questions?|texts?|sources?|excerpts?|documents?) "
    r"(?:do|does|say|state|mention|is|are|provide|describe)\b|\bas an ai\b|\bi (?:cannot|can't)\b",
    re.I,
)
_JOINED = re.compile(r"\w+(?:[-+/_@.:&=]\w+)+")
_CLAUSES = re.compile(r"(?<=[.!?;:])\s+|\n+|,\s+(?=(?:but|while|whereas|although|and)\b)")


def unsupported(sentence: str, spans: Sequence[Span]) -> str:
    """Why no span bears a sentence out, "" where one does."""
    if _ABOUT_ITSELF.search(sentence):
        return "it speaks of the passages, not of the matter"
    if not stems(sentence):
        return "it says nothing"
    reasons = [_against(sentence, span) for span in spans]
    if not reasons:
        return "there is no quote"
    return "" if "" in reasons else reasons[0]


def bearing(sentence: str, spans: Sequence[Span]) -> list[Span]:
    """The spans that bear a sentence out."""
    return [span for span in spans if not _against(sentence, span)]


def _against(sentence: str, span: Span) -> str:
    around = f"{span.text}\n{span.about}"
    there = set(numbers(around)) | set(dates(around))
    for number in (*numbers(sentence), *dates(sentence)):
        if number not in there and not any(number in t for t in there if "-" in t):
            return f"{number} is not in the quote"
    for joined in _JOINED.findall(sentence.casefold()):
        if joined not in around.casefold():  # words of the quote, put together anew
            return f"{joined} is not in the quote"
    for name in dict.fromkeys([*subjects(sentence), *(n.lower() for n in names(sentence))]):
        if not holds_subject(name, around):
            return f"{name} is not in the quote"
    clauses = [c for c in _CLAUSES.split(span.text) if c and c.strip()]
    reasons = [_by_clause(sentence, clause, span) for clause in clauses]
    return "" if "" in reasons else (min(reasons, key=_ORDER.index) if reasons else _FAR)


_FAR = "no clause of the quote says so"
_NEGATED = "the quote says the opposite"
_CONDITIONAL = "the quote says so under a condition only"
_ORDER = [_NEGATED, _CONDITIONAL, _FAR]


def _by_clause(sentence: str, clause: str, span: Span) -> str:
    wanted = stems(sentence)
    said, title = set(stems(clause)), set(stems(span.about))
    here = [w for w in wanted if same_stem(w, said)]
    beside = [w for w in wanted if w not in here and w in title]
    if not here or len(here) + len(beside) < len(wanted) - len(wanted) // SPARE:
        return _FAR
    if says_a_number(sentence) and not set(numbers(sentence)) <= set(numbers(clause)):
        return _FAR
    places = [
        n for n, t in enumerate(tokens(clause)) if any(same_stem(w, set(stems(t))) for w in here)
    ]
    if places and places[-1] - places[0] > REACH + 2 * len(tokens(sentence)):
        return _FAR
    if not agree(sentence, clause):
        return _NEGATED
    if _CONDITION.search(clause) and not _CONDITION.search(sentence):
        return _CONDITIONAL
    return ""
