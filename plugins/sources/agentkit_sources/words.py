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


# Han, Hiragana, Katakana, Hangul: written without spaces, or with endings glued to the words.
_CJK = re.compile(
    "[\u1100-\u11ff\u3005\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9d"
    "\U00020000-\U0003ffff]+"
)


def pairs(run: str) -> list[str]:
    """Every two neighbouring characters; a single one by itself."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def searchable(text: str) -> str:
    """A text as it is indexed: runs of CJK characters become pairs of neighbours, so that a word is
    found whatever stands before and after it. Other text stays as it is."""
    return _CJK.sub(lambda run: f" {' '.join(pairs(run[0]))} ", text)


def words(query: str) -> list[str]:
    """The words of a query in order, each once, without stop words (unless there are no others)."""
    every = list(dict.fromkeys(word.lower() for word in _WORD.findall(searchable(query))))
    return [word for word in every if word not in STOP] or every


def phrase(word: str) -> str:
    """An FTS5 string for one word. Compound words ("sqlite3_busy") match as phrases, a single CJK
    character wherever a pair begins with it."""
    quoted = '"' + searchable(word).replace('"', "").strip() + '"'
    return f"{quoted} *" if len(word) == 1 and _CJK.match(word) else quoted


def expression(terms: list[str]) -> str:
    """Any of the words."""
    return " OR ".join(phrase(term) for term in terms)
