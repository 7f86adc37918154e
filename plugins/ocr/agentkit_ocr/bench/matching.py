"""Blocks of a page paired with those that were read, and compared pair by pair.

What is compared is what OmniDocBench compares (arXiv 2412.07626, section 4: extraction, matching,
metrics); the code is our own, and its figures may differ from those of the benchmark's program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from agentkit_ocr.metrics import normal

FAR = 0.7  # blocks that differ more than this are no pair
_NO_LETTER = re.compile(r"[\W_]+")
_NO_FORMULA = re.compile(r"\$+|\\[\[\]()]|\s+")


@dataclass(frozen=True, slots=True)
class TrueBlock:
    """A block of the truth, in reading order. scored: whether it counts, or is there only so that
    what was read of it is not taken for another's (captions, heads and feet of pages)."""

    text: str
    formula: bool = False
    scored: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """Neighbouring blocks of the truth, and neighbouring blocks that were read; () where nothing
    was read of it. Indices."""

    true: tuple[int, ...]
    read: tuple[int, ...]


def bare(text: str, formula: bool = False) -> str:
    """What of a block is compared: letters and digits; of a formula all but blanks and its
    delimiters."""
    if formula:
        return _NO_FORMULA.sub("", text)
    return _NO_LETTER.sub("", normal(text))


def paired(truth: Sequence[TrueBlock], read: Sequence[str]) -> list[Pair]:
    """Pairs so that distances are least in sum; then a paragraph that one side has in pieces is put
    together, as long as that brings both nearer. One pair for each block of the truth at most."""
    texts = [bare(block.text, block.formula) for block in truth]
    found = [bare(text) for text in read]
    raw = [bare(text, formula=True) for text in read]

    def said(numbers: Sequence[int], formula: bool) -> str:
        return "".join((raw if formula else found)[n] for n in numbers)

    pairs = _one_to_one(truth, texts, found, raw)
    free = set(range(len(read))).difference(n for pair in pairs for n in pair.read)
    alone = set(range(len(truth))).difference(n for pair in pairs for n in pair.true)
    changed = True
    while changed:
        changed = False
        for place, pair in enumerate(pairs):
            formula = truth[pair.true[0]].formula
            whole, had = "".join(texts[n] for n in pair.true), said(pair.read, formula)
            now = Levenshtein.distance(whole, had)
            for longer in _longer(pair.read, free):
                if Levenshtein.distance(whole, said(longer, formula)) < now:
                    pairs[place] = replace(pair, read=longer)
                    free -= set(longer)
                    changed = True
                    break
            if changed:
                break
            for longer in _longer(pair.true, alone):
                (new,) = set(longer) - set(pair.true)
                same = (truth[new].formula, truth[new].scored) == (formula, truth[longer[1]].scored)
                joined = "".join(texts[n] for n in longer)
                if same and Levenshtein.distance(joined, had) < now + len(texts[new]):
                    pairs[place] = replace(pair, true=longer)
                    alone -= {new}
                    changed = True
                    break
            if changed:
                break
    return sorted([*pairs, *(Pair((n,), ()) for n in alone)], key=lambda pair: pair.true)


def compared(truth: Sequence[TrueBlock], read: Sequence[str]) -> dict[str, Any]:
    """{"text", "formulas": edits over the longer side's letters, of all pairs together; "order":
    edit distance of the order in which blocks were read over their number}. None where the page has
    none. What was read beside all blocks costs nothing."""
    pairs = paired(truth, read)
    counted: dict[bool, list[int]] = {False: [0, 0], True: [0, 0]}
    for pair in pairs:
        formula = truth[pair.true[0]].formula
        if truth[pair.true[0]].scored:
            whole = "".join(bare(truth[n].text, formula) for n in pair.true)
            had = "".join(bare(read[n], formula) for n in pair.read)
            counted[formula][0] += Levenshtein.distance(whole, had)
            counted[formula][1] += max(len(whole), len(had))
    placed = [
        pair for pair in pairs if truth[pair.true[0]].scored and not truth[pair.true[0]].formula
    ]
    right = [n for pair in placed for n in pair.true]
    seen = [
        n
        for pair in sorted((p for p in placed if p.read), key=lambda pair: pair.read)
        for n in pair.true
    ]
    return {
        "text": counted[False][0] / counted[False][1] if counted[False][1] else None,
        "formulas": counted[True][0] / counted[True][1] if counted[True][1] else None,
        "order": Levenshtein.distance(right, seen) / len(right) if right else None,
    }


def _one_to_one(
    truth: Sequence[TrueBlock], texts: Sequence[str], found: Sequence[str], raw: Sequence[str]
) -> list[Pair]:
    from scipy.optimize import linear_sum_assignment

    if not texts or not found:
        return []
    scorer = Levenshtein.normalized_distance
    plain = cdist(texts, found, scorer=scorer, workers=1)
    marked = cdist(texts, raw, scorer=scorer, workers=1)
    formula = np.array([block.formula for block in truth])[:, None]
    apart = np.minimum(np.where(formula, marked, plain), FAR)
    return [
        Pair((int(t),), (int(r),))
        for t, r in zip(*linear_sum_assignment(apart), strict=True)
        if apart[t, r] < FAR
    ]


def _longer(numbers: tuple[int, ...], free: set[int]) -> list[tuple[int, ...]]:
    """Neighbours, with one more before or after them."""
    made = []
    if numbers[0] - 1 in free:
        made.append((numbers[0] - 1, *numbers))
    if numbers[-1] + 1 in free:
        made.append((*numbers, numbers[-1] + 1))
    return made
