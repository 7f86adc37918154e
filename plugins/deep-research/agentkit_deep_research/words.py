"""Words of a text: stems, names, code words, numbers: what questions and passages share."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"[^\W_]+(?:[_*'’][^\W_]+)*_?")
_CJK = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CJK_RUN = re.compile(f"{_CJK.pattern}+|[^\\W_]+?(?={_CJK.pattern}|$)|_+")
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)*(?![\w])")
_HOW = re.compile(
    r"\bhow (?:long|large|big|small|old|often|fast|slow|high|wide|deep|far|tall|hard|quickly)\b",
    re.I,
)
_WORKS = re.compile(r"(?<=\bhow )((?:do|does|did)\b[^.?!;]*?) works?\b(?=\s*(?:[.?!;,(]|$))", re.I)
_NUMBER_WORD = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand|"
    r"million|billion|trillion|half|twice|once|none|no limit|unlimited)\b",
    re.I,
)


def word_set(text: str) -> frozenset[str]:
    """The words of a literal list."""
    return frozenset(text.split())


STOP = word_set(
    """a about all also am an and any anybody anything are as at be been being but by can could did
    do does doing done each else ever every for from get gets getting give gives go goes going
    got had has have having he her him his how i if in into is it its itself just let like
    make makes making many may me might mine more most much must my need needs of off on one
    only or other our out own put puts quite really same shall she should so some somebody
    someone something such take takes than that the their them then there these they thing
    things this those through to too up upon us very want wants was we were what when where
    whether which while who whom whose why will with would you your yours"""
)
"""Words that say nothing about the matter. "default", "not", "never" say much and are not here."""

NEGATIONS = word_set("no not never none neither nor cannot without unless except excluding instead")
_OPPOSITES = [
    word_set(pair)
    for pair in (
        "on off",
        "enable disable",
        "enabled disabled",
        "faster slower",
        "always never",
        "allow prohibit",
        "allowed prohibited",
        "increase decrease",
        "before after",
        "minimum maximum",
        "more fewer",
        "larger smaller",
        "supported unsupported",
    )
]

_FORMS = [
    word_set(forms)
    for forms in (
        "lead led leader",
        "pay paid payment",
        "buy bought",
        "sell sold sale",
        "write written wrote author",
        "hold held holder",
        "run ran",
        "choose chose chosen",
        "build built",
        "begin began begun start",
        "spend spent",
        "own owner",
        "manag manager",
        "cost price",
        "leav left",
        "meet met",
        "send sent",
        "approv approver",
        "suppli supplier",
        "situat locat",
        "found founder",
        "make made maker",
        "keep kept keeper",
        "speak spoke spoken",
        "grow grew grown",
        "break broke broken",
    )
]

_stemmer_lock = threading.Lock()


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The Porter 2 stem of a lower-case word; code words and short words stay as they are."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    with _stemmer_lock:  # the stemmer keeps the word that it works on in itself
        return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


def tokens(text: str) -> list[str]:
    """Lower-case words in order, "it's" without its ending; code words like `mmap_size` whole.

    Chinese, Japanese and Korean, where words run together or carry endings, give pairs of
    characters.
    """
    found = []
    for word in _WORD.findall(text):
        if word.isascii() or not _CJK.search(word):
            found.append(re.sub(r"['’](?:s|t|re|ve|ll|d|m)?$", "", word.lower()))
            continue
        for run in _CJK_RUN.findall(word):
            pairs = [run[n : n + 2] for n in range(len(run) - 1)]
            found += pairs if _CJK.match(run) and pairs else [run.lower()]
    return found


def content(text: str) -> list[str]:
    """The words that carry the matter, in order, each once; the "long" of "how long" does not, nor
    the "work" of "how does it work"."""
    said = tokens(_WORKS.sub(r"\1", _HOW.sub(" ", text)))
    return list(dict.fromkeys(w for w in said if w not in STOP and w not in NEGATIONS))


def stems(text: str) -> list[str]:
    """Stems of the content words, in order, each once."""
    return list(dict.fromkeys(stem(w) for w in content(text)))


def forms(word: str) -> frozenset[str]:
    """A word with its irregular forms, as stems: "leads" gives lead, led, leader."""
    own = stem(word)
    return next((known for known in _FORMS if own in known), frozenset()) | {own}


def spaced(word: str) -> bool:
    """Whether a token is a word as sources count them, and no pair of characters."""
    return not _CJK.search(word)


def words_in(text: str) -> int:
    """How many words a text has; two characters of a script without spaces count as one."""
    return len(_CJK.sub(" ", text).split()) + len(_CJK.findall(text)) // 2


def same_stem(word: str, there: set[str]) -> bool:
    """Whether a word stands among stems: by its stem, or as another form of the same verb that
    stemming does not join ("led", "leads")."""
    return bool(forms(word) & there)


def numbers(text: str) -> list[str]:
    """Numbers as written, thousands separators dropped, versions such as 3.31.0 whole."""
    return [n.replace(",", "").rstrip(".") for n in _NUMBER.findall(text)]


def says_a_number(text: str) -> bool:
    """Whether a quantity stands in the text, in digits or in words."""
    return bool(_NUMBER.search(text) or _NUMBER_WORD.search(text))


def is_code(word: str) -> bool:
    """`mmap_size`, `SQLITE_BUSY`, `json_valid()`, `R*Tree`, `fts5`, `WITHOUT`: a name in a program.

    All-capital words count from two letters on; so do words that mix letters with digits.
    """
    bare = word.strip("()[]{}.,;:!?\"'`")
    if "_" in bare or "*" in bare or word.rstrip(".,;:!?").endswith("()"):
        return bool(bare)
    if any(c.isdigit() for c in bare):
        return any(c.isalpha() for c in bare)
    return len(bare) >= 2 and bare.isupper()


def names(text: str) -> list[str]:
    """Names in a sentence, as written: code words, and capitalised words past the first one."""
    found = []
    for sentence in re.split(r"(?<=[.?!:])\s+", text):
        for position, match in enumerate(_WORD.finditer(sentence)):
            word = match.group()
            inner_capital = any(c.isupper() for c in word[1:])
            if word.lower() in STOP and not (word.isupper() and len(word) > 1):
                continue
            if is_code(word) or inner_capital or (position and word[0].isupper()):
                found.append(word)
    return list(dict.fromkeys(found))


def negative(text: str) -> bool:
    """Whether the statement is a negated one: an odd number of negations."""
    words = _WORD.findall(text.lower())
    said = sum(1 for w in words if w in NEGATIONS or w.endswith(("n't", "n’t")))
    return said % 2 == 1


def agree(claim: str, passage: str) -> bool:
    """Whether the passage could support the claim as far as negations and opposites go.

    A claim with a negation needs one in the passage and the other way round, and neither may use
    only the opposite of a word that the other uses.
    """
    if negative(claim) != negative(passage):
        return False
    ours, theirs = set(tokens(claim)), set(tokens(passage))
    for pair in _OPPOSITES:
        mine, other = ours & pair, theirs & pair
        if len(mine) == 1 and len(other) == 1 and mine != other:
            return False
    return True


def folded(text: str) -> str:
    """White space folded to single spaces."""
    return " ".join(text.split())
