"""Fixed-width text and what is true at each of its characters (Gurnee et al. 2025, "Methods").

Lines are filled greedily: a word goes to the next line where it would not fit any more. Widths are
counted in characters (Unicode code points); a line's newline is not part of its width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import DataError

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """text: `lines` joined by newlines; no line is longer than `width`."""

    width: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def wrap(text: str, width: int) -> Wrapped:
    """The text's words in lines of at most `width` characters.

    Raises:
        DataError: there are no words, or one is longer than a line.
    """
    words = text.split()
    if not words:
        raise DataError("there is no text to wrap", "give texts with words in them")
    longest = max(words, key=len)
    if len(longest) > width:
        raise DataError(
            f"lines of {width} characters are shorter than the word {longest[:60]!r} "
            f"({len(longest)})",
            "use wider lines, or drop such words: without_long_words(text, width)",
        )
    lines, line = [], words[0]
    for word in words[1:]:
        if len(line) + 1 + len(word) <= width:
            line += f" {word}"
        else:
            lines.append(line)
            line = word
    return Wrapped(width, (*lines, line))


def without_long_words(text: str, limit: int) -> str:
    """The text on one line, less the words of more than `limit` characters."""
    return " ".join(word for word in text.split() if len(word) <= limit)


@dataclass(frozen=True, slots=True)
class LineLabels:
    """What is true at each token of a wrapped text; every array has shape (T,).

    count: characters since the last newline, the token's own included; on a newline the length of
    the line that it ends. remaining: width - count. line: from 0. index: tokens since the newline,
    0 at the first of a line. length: the token's own characters. word_end: a word ends with the
    token. next_word: characters of the whole next word, up to the next white space, where one ends
    here and another follows, else 0. newline: the token is a newline. break_next: the next token is
    one. mixed: the token holds a newline and other text, so that nothing above is well defined.
    origin: position of the last newline token before this one, -1 in the first line.
    """

    count: Ints
    remaining: Ints
    line: Ints
    index: Ints
    length: Ints
    next_word: Ints
    origin: Ints
    word_end: Flags
    newline: Flags
    break_next: Flags
    mixed: Flags


def label(wrapped: Wrapped, starts: Sequence[int], ends: Sequence[int]) -> LineLabels:
    """Labels from the tokens' places in the text.

    Args:
        starts, ends: (T,) offsets in characters of `wrapped.text`, half open, in order.
    """
    text = wrapped.text
    breaks = np.cumsum([0, *(len(line) + 1 for line in wrapped.lines)])  # where lines start
    start, end = np.asarray(starts, dtype=np.int64), np.asarray(ends, dtype=np.int64)
    newline = np.array([text[a:b] == "\n" for a, b in zip(start, end)], dtype=bool)
    mixed = np.array([("\n" in text[a:b]) for a, b in zip(start, end)], dtype=bool) & ~newline
    line = np.searchsorted(breaks, np.maximum(end - 1, 0), side="right") - 1
    count = np.where(newline, end - 1, end) - breaks[line]
    places = np.arange(len(start))
    seen = np.maximum.accumulate(np.where(newline | mixed, places, -1)) if len(start) else places
    origin = np.concatenate([[-1], seen[:-1]]) if len(start) else places
    word_end = np.array(
        [
            bool(b > a and not text[b - 1].isspace() and (b == len(text) or text[b].isspace()))
            for a, b in zip(start, end)
        ],
        dtype=bool,
    )
    following = _next_words(text)
    next_word = np.array(
        [following.get(int(b), 0) if w else 0 for b, w in zip(end, word_end)], dtype=np.int64
    )
    after = np.concatenate([newline[1:], [False]]) if len(start) else newline
    return LineLabels(
        count=count,
        remaining=wrapped.width - count,
        line=line,
        index=places - origin - 1,
        length=end - start,
        next_word=next_word,
        origin=origin,
        word_end=word_end,
        newline=newline,
        break_next=after,
        mixed=mixed,
    )


def _next_words(text: str) -> dict[int, int]:
    """Length of the word after the white space at each place where a word ends."""
    found, place, previous = {}, 0, -1
    for word in text.split():
        place = text.index(word, place)
        if previous >= 0:
            found[previous] = len(word)
        place += len(word)
        previous = place
    return found
