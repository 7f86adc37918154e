"""Queries to FTS5 expressions."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+(?:[._:-]\w+)*")
# Short on purpose: dropping words such as "default" costs answers.
STOP = frozenset(
    "a an and are as at be been by can could did do does for from had has have how i if in into is "
    "it its me my of on or our should so than that the their them then there these they this those "
    "to us was we were what when where which who whom whose why will with would you your".split()
)


def words(query: str) -> list[str]:
    """The words of a query in order, each once, without stop words (unless there are no others)."""
    every = list(dict.fromkeys(word.lower() for word in _WORD.findall(query)))
    return [word for word in every if word not in STOP] or every


def phrase(word: str) -> str:
    """An FTS5 string for one word. Compound words ("sqlite3_busy") match as phrases."""
    return '"' + word.replace('"', "") + '"'


def expression(terms: list[str]) -> str:
    """Any of the words."""
    return " OR ".join(phrase(term) for term in terms)
