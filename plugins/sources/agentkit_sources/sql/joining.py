"""The way from one table to another over references, each table met once."""

from __future__ import annotations

from collections import deque

from agentkit_sources.sql.catalog import Catalog, Link


def path(catalog: Catalog, start: str, goal: str) -> list[Link] | None:
    """The shortest chain of links, [] from a table to itself; None: there is none.

    Only from a row to the one row that it refers to: the other way would multiply rows, and counts
    and sums over them would be wrong.
    """
    ways: dict[str, list[Link]] = {start: []}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here == goal:
            return ways[here]
        for link in catalog.links:
            if link.child.table == here and link.parent.table not in ways:
                ways[link.parent.table] = [*ways[here], link]
                waiting.append(link.parent.table)
    return None
