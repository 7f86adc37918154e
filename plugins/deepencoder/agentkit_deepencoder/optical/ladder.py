"""How sharply each page is seen: the older the less, as DeepSeek-OCR's figure 13 has it, and less
where the budget says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def rungs(
    pages: int, ladder: Sequence[str], cost: Callable[[int, str], int], room: int
) -> list[str]:
    """A mode for each page, oldest first; "" where it is left out.

    The newest page stands on the first rung, each older one a rung lower, as far as there are any.
    While that is too much, the oldest page that can goes one rung down; then the oldest are left
    out. As a conversation grows, a page goes down and never up.

    Args:
        ladder: modes, the sharpest first. cost: tokens of a page, counted from the oldest, in a
            mode. room: tokens for all.
    """
    last = len(ladder) - 1
    places = [min(pages - 1 - page, last) for page in range(pages)]
    costs = [cost(page, ladder[place]) for page, place in enumerate(places)]
    for page in range(pages):
        while sum(costs) > room and places[page] < last:
            places[page] += 1
            costs[page] = cost(page, ladder[places[page]])
    first = 0
    while first < pages and sum(costs[first:]) > room:
        first += 1
    return ["" if page < first else ladder[place] for page, place in enumerate(places)]
