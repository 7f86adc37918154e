"""BM25 (Robertson and Zaragoza 2009, equation 3.15), the baseline that looks at words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

K1, B = 1.2, 0.75


class Bm25:
    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [Counter(_words(text)) for text in texts]
        self._lengths = [sum(one.values()) for one in self._texts]
        self._mean = sum(self._lengths) / len(texts)
        seen = Counter(word for one in self._texts for word in one)
        n = len(texts)
        self._weight = {w: math.log(1 + (n - c + 0.5) / (c + 0.5)) for w, c in seen.items()}

    def scores(self, query: str) -> list[float]:
        """One a text; 0 where no word is shared."""
        words = set(_words(query))
        found = []
        for counts, length in zip(self._texts, self._lengths):
            norm = K1 * (1 - B + B * length / self._mean)
            found.append(
                sum(
                    self._weight[w] * counts[w] * (K1 + 1) / (counts[w] + norm)
                    for w in words & counts.keys()
                )
            )
        return found


def _words(text: str) -> list[str]:
    return re.findall(r"[\w-]+", text.lower())
