"""Which kind of source is asked what: one search agent for each kind, all with one ledger.

A source says its kind itself (`SourceInfo.kind`). An agent knows which facets its kind is good for
and how a query is put to it. Routing only orders and narrows the first try: what is still missing
after it is searched for everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agentkit_deep_research.facets import Facet
from agentkit_deep_research.words import content, is_code

_ROWS = re.compile(
    r"\b(?:how many|how much|average|mean|total|sum|count|number of|most|least|top|highest|lowest|"
    r"largest|smallest|per|each|median|share of|"
    r"by (?:month|year|country|region|customer|product))\b",
    re.I,
)
_PROGRAM = re.compile(
    r"\b(?:function|class|method|module|implement\w*|source code|defined|call(?:s|ed)? "
    r"(?:by|in)|code|script|api|parameter|argument|repository|commit)\b",
    re.I,
)
_FILES = re.compile(
    r"\b(?:which (?:file|document|page)s?|who wrote|author|last (?:changed|modified|updated)|"
    r"created|version|owner|newest|latest|how many (?:file|document)s)\b",
    re.I,
)
_STUDIES = re.compile(
    r"\b(?:paper|papers|study|studies|research|evidence|literature|published|journal|trial|"
    r"survey|benchmark|state of the art|method|theory)\b",
    re.I,
)


def _whole(facet: Facet, query: str) -> str:
    return query


def _sentence(facet: Facet, query: str) -> str:
    """Databases read the question itself: its little words say what is counted."""
    return facet.query if query in ("", facet.query) else query


def _keywords(facet: Facet, query: str) -> str:
    """Search endpoints do best on a few words."""
    return " ".join(content(query)[:12]) or query


def _identifiers(facet: Facet, query: str) -> str:
    """Names in programs first, then the rest."""
    words = query.split()
    coded = [w.strip("?,.") for w in words if is_code(w)]
    return " ".join(dict.fromkeys([*coded, *content(query)])) or query


@dataclass(frozen=True, slots=True)
class SearchAgent:
    """fits: how well a facet suits this kind, 0..1; 0: only where nothing better is there.
    shape: the query that is put to it."""

    kind: str
    fits: Callable[[Facet], float]
    shape: Callable[[Facet, str], str]


def _always(facet: Facet) -> float:
    return 0.6


def _if(pattern: re.Pattern[str], otherwise: float = 0.0) -> Callable[[Facet], float]:
    return lambda facet: 1.0 if pattern.search(facet.text) else otherwise


def _code_fits(facet: Facet) -> float:
    if _PROGRAM.search(facet.text):
        return 1.0
    return 0.7 if any(map(is_code, facet.query.split())) else 0.0


def _rows_fit(facet: Facet) -> float:
    if _ROWS.search(facet.text):
        return 1.0
    return 0.7 if facet.kind in ("number", "value") else 0.3


AGENTS: Mapping[str, SearchAgent] = {
    agent.kind: agent
    for agent in (
        SearchAgent("documents", _always, _whole),
        SearchAgent("web", _always, _keywords),
        SearchAgent("search", _always, _keywords),
        SearchAgent("sql", _rows_fit, _sentence),
        SearchAgent("code", _code_fits, _identifiers),
        SearchAgent("code-host", _code_fits, _identifiers),
        SearchAgent("metadata", _if(_FILES), _whole),
        SearchAgent("records", _if(_STUDIES, 0.2), _keywords),
        SearchAgent("academic", _if(_STUDIES, 0.2), _keywords),
    )
}


def agent_of(kind: str) -> SearchAgent:
    """The agent for a kind of source; kinds that nobody knows are searched like documents."""
    return AGENTS.get(kind, AGENTS["documents"])


def route(facet: Facet, kinds: Mapping[str, str], required: Sequence[str] = ()) -> list[str]:
    """The sources to search for a facet at first, the most fitting ones in front.

    Args:
        kinds: source to its kind, in the order in which they were declared.
        required: sources that a person wants searched whatever they are.
    """
    fit = {source: agent_of(kind).fits(facet) for source, kind in kinds.items()}
    chosen = [s for s in kinds if fit[s] > 0 or s in required]
    chosen = chosen or list(kinds)
    return sorted(chosen, key=lambda s: (s not in required, -fit[s]))
