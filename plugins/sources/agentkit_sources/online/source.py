"""The part: `use = "search"`."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from agentkit.capabilities import Document, Hit, Location, SearchResult, SourceInfo
from agentkit.errors import BackendUnavailable, Blocked
from agentkit.fetching import Fetcher
from agentkit.kit import Parts
from agentkit.secrets import resolve
from agentkit_sources.blocks import clean
from agentkit_sources.chunks import Chunk, chunks
from agentkit_sources.online.answers import Found
from agentkit_sources.online.asking import ask
from agentkit_sources.online.pages import Page, Pages
from agentkit_sources.online.settings import WEB, SearchSettings
from agentkit_sources.words import words

_AT_ONCE = 4  # pages fetched at the same time
_OF_ONE = 3  # passages of one page


class SearchSource:
    """A search service as a Source. Nothing found, could not search and was not allowed to are
    three results; a page that could not be read costs itself only, and the reason says so."""

    def __init__(self, settings: SearchSettings, parts: Parts) -> None:
        self.settings = settings
        self._key = resolve(settings.key) if settings.key else ""
        self._fetcher = Fetcher(settings.fetch)
        self._fetcher.gate.url(settings.address)  # a wrong address is said now, not when searching
        name = json.dumps([settings.service, settings.address, settings.parameters])
        self._pages = Pages(name, self._fetcher, settings.keep)
        kind = "web" if settings.service in WEB else "records"
        self.info = SourceInfo(parts.name, kind, f"what {settings.service} finds")

    def search(self, query: str, k: int = 10) -> SearchResult:
        query = clean(query).strip()
        terms = words(query)
        if not terms or k < 1:
            return SearchResult("empty", reason="the query holds no words")
        try:
            found = ask(query, self.settings, self._key, self._fetcher)
        except Blocked as error:
            return SearchResult("blocked", reason=_line(error))
        except BackendUnavailable as error:
            return SearchResult("failed", reason=_line(error))
        found = list({one.url: one for one in reversed(found)}.values())[::-1]
        if not found:
            return SearchResult("empty", reason=f"{self.settings.service} found nothing")
        pages = self._read(found)
        hits = [hit for rank, page in enumerate(pages) for hit in _passages(page, terms, rank)]
        hits.sort(key=lambda hit: -hit.score)
        faults = [page.fault for page in pages if page.fault]
        reason = "1 page was" if len(faults) == 1 else f"{len(faults)} pages were"
        reason += f" not read: {'; '.join(faults[:3])}"
        return SearchResult("ok", tuple(hits[:k]), reason if faults else "")

    def open(self, document: str) -> Document:
        return self._pages.open(document)

    def _read(self, found: list[Found]) -> list[Page]:
        """Documents of all results, in their order; the first ones with the page itself."""
        count = self.settings.pages if self.settings.service in WEB else 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            first = list(pool.map(self._pages.page, found[:count]))
        return first + [self._pages.record(one) for one in found[count:]]


def _passages(page: Page, terms: list[str], rank: int) -> list[Hit]:
    """The passages of a page that hold most of the words; the first one where none does."""
    pieces = chunks(page.parsed)
    scored = [(_share(piece, terms), -number) for number, piece in enumerate(pieces)]
    best = sorted(range(len(pieces)), key=lambda i: scored[i], reverse=True)[:_OF_ONE]
    kept = [i for i in best if scored[i][0] > 0] or best[:1]
    hits = []
    for order, i in enumerate(kept):
        piece, share = pieces[i], scored[i][0]
        place = 1 / (1 + 0.1 * rank)
        score = round(place * (0.5 + 0.5 * share) - 1e-6 * order, 9)
        location = Location(piece.start, piece.end, piece.heading, piece.page, piece.anchor)
        parts = (("rank", round(place, 6)), ("words", round(share, 6)))
        title = page.document.title
        hits.append(Hit(page.document.id, title, piece.text, location, score, parts))
    return hits


def _share(piece: Chunk, terms: list[str]) -> float:
    text = " ".join([*piece.heading, piece.text]).lower()
    return sum(term in text for term in terms) / len(terms)


def _line(error: BaseException) -> str:
    return "; ".join(str(error).splitlines())
