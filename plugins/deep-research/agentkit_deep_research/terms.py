"""Whether a text speaks of a term that a person excluded or wants: by words, whatever their form.

Stricter than a search: what was excluded shall not stand in a report because it is written in the
plural, with an accent, with a hyphen that cannot be seen, or as part of a program's name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from agentkit_deep_research.words import spaced, stem, tokens

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_ACCENTS = re.compile("[\u0300-\u036f]")
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_SIGNS = re.compile(r"(?<=\w)(\+\+|#(?!\w))")
_SPELT = {"++": "plusplus", "#": "sharp"}

# Forms that stemming does not join, the first one stands for all. Only such as mean nothing else:
# "left", "found", "saw" and "bases" are words of their own.
_FORMS = """child children; man men; woman women; person people; mouse mice; goose geese; foot feet;
tooth teeth; ox oxen; index indices; matrix matrices; vertex vertices; vortex vortices;
appendix appendices; analysis analyses; crisis crises; thesis theses; hypothesis hypotheses;
diagnosis diagnoses; synthesis syntheses; parenthesis parentheses; criterion criteria;
phenomenon phenomena; bacterium bacteria; curriculum curricula; datum data; stimulus stimuli;
nucleus nuclei; radius radii; fungus fungi; alumnus alumni; leaf leaves; knife knives; life lives;
wife wives; half halves; shelf shelves; thief thieves; wolf wolves; calf calves; loaf loaves;
bus buses; gas gases; quiz quizzes; run ran; pay paid; buy bought; sell sold; write wrote written;
choose chose chosen; build built; begin began begun; spend spent; send sent; speak spoke spoken;
grow grew grown; break broke broken; drive drove driven; steal stole stolen;
teach taught; think thought; bring brought; fight fought; catch caught; forget forgot forgotten;
fly flew flown; know knew known; throw threw thrown; eat ate eaten; give gave given;
take took taken; ride rode ridden; hide hid hidden; freeze froze frozen; lose lost; win won;
keep kept; sleep slept; meet met; lend lent; swim swam swum; sing sang sung; drink drank drunk"""


@lru_cache(maxsize=1)
def _roots() -> Mapping[str, str]:
    return {form: forms.split()[0] for forms in _FORMS.split(";") for form in forms.split()}


def keys(text: str) -> list[str]:
    """The words of a text in order, each by the root of its form. Names of programs count by their
    parts ("wal_mode" is wal, mode), "C++" and "C#" are other words than "C"."""
    plain = unicodedata.normalize("NFKD", _UNSEEN.sub("", text))
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).casefold()
    plain = _DOTTED.sub(lambda m: m.group().replace(".", ""), plain).replace("_", " ")
    words = tokens(_SIGNS.sub(lambda m: _SPELT[m.group()], plain))
    return [stem(_roots().get(word, word)) for word in words]


def mentions(text: str, term: str) -> bool:
    """Whether the term's words stand in the text one after another, in any form."""
    wanted = keys(term)
    return bool(wanted) and bool(_places(keys(text), wanted))


def without(query: str, term: str) -> str:
    """A query without the words that are the term; as it is where it does not speak of it."""
    wanted, words = keys(term), query.split()
    owners = [(key, n) for n, word in enumerate(words) for key in keys(word)]
    places = _places([key for key, _ in owners], wanted) if wanted else []
    gone = {owners[at + i][1] for at in places for i in range(len(wanted))}
    return " ".join(word for n, word in enumerate(words) if n not in gone)


def _places(there: list[str], wanted: list[str]) -> list[int]:
    """Where `wanted` begins. One character of a script without spaces may be half of a pair."""
    size = len(wanted)
    if size == 1 and len(wanted[0]) == 1 and not spaced(wanted[0]):
        return [i for i, key in enumerate(there) if wanted[0] in key]
    return [i for i in range(len(there) - size + 1) if there[i : i + size] == wanted]
