"""What search services answer, and what is made of it. Nothing in an answer is trusted to have its
shape: what does not fit is left out, and an answer in which nothing fits is a failure."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from agentkit.errors import BackendUnavailable
from agentkit.fetching import Fetched
from agentkit_sources.blocks import clean

_LONGEST = 20_000  # characters of what a service says about one result
_ATOM = "{http://www.w3.org/2005/Atom}"


@dataclass(frozen=True, slots=True)
class Found:
    """One result. text: what the service says about it: a snippet, an abstract, lines of code."""

    url: str
    title: str
    text: str


def searxng(answer: Fetched) -> list[Found]:
    """SearXNG's JSON format. Engines that did not respond are a failure where nobody found
    anything: that nothing is there is not known then."""
    plain = _object(answer)
    found = [
        _found(item.get("url"), item.get("title"), item.get("content"))
        for item in _items(plain, "results")
    ]
    silent = plain.get("unresponsive_engines")
    if not any(found) and isinstance(silent, list) and silent:
        names = ", ".join(str(e[0]) if isinstance(e, list) and e else str(e) for e in silent[:5])
        raise BackendUnavailable(f"engines of SearXNG did not respond: {names[:200]}")
    return [one for one in found if one]


def tavily(answer: Fetched) -> list[Found]:
    """Tavily's search endpoint, and those that are compatible with it."""
    return _all(
        _found(item.get("url"), item.get("title"), item.get("content"))
        for item in _items(_object(answer), "results")
    )


def brave(answer: Fetched) -> list[Found]:
    """Brave's web search; descriptions hold a little HTML."""
    web = _object(answer).get("web") or {}
    return _all(
        _found(item.get("url"), item.get("title"), _plain(item.get("description")))
        for item in _items(web if isinstance(web, dict) else {}, "results")
    )


def openalex(answer: Fetched) -> list[Found]:
    """Works of OpenAlex; abstracts come as an index of word positions."""
    found = []
    for item in _items(_object(answer), "results"):
        place = _dict(item.get("primary_location"))
        names = [
            _dict(_dict(a).get("author")).get("display_name") for a in _list(item, "authorships")
        ]
        venue = _dict(place.get("source")).get("display_name")
        url = item.get("doi") or place.get("landing_page_url") or item.get("id")
        abstract = _uninverted(item.get("abstract_inverted_index"))
        title = item.get("display_name") or item.get("title")
        year = item.get("publication_year")
        found.append(_found(url, title, _record(abstract, names, year, venue)))
    return _all(found)


def semantic_scholar(answer: Fetched) -> list[Found]:
    """Papers of Semantic Scholar's graph."""
    found = []
    for item in _items(_object(answer), "data"):
        names = [_dict(author).get("name") for author in _list(item, "authors")]
        text = _record(item.get("abstract"), names, item.get("year"), item.get("venue"))
        found.append(_found(item.get("url"), item.get("title"), text))
    return _all(found)


def arxiv(answer: Fetched) -> list[Found]:
    """arXiv's Atom feed."""
    if b"<!DOCTYPE" in answer.body[:2000] or b"<!ENTITY" in answer.body:
        raise BackendUnavailable("arXiv's answer declares entities; it is not read")
    try:
        root = ElementTree.fromstring(answer.body)
    except ElementTree.ParseError as error:
        raise BackendUnavailable(f"arXiv did not answer with a feed: {error}") from error
    found = []
    for entry in root.iter(f"{_ATOM}entry"):
        names = [node.findtext(f"{_ATOM}name") for node in entry.iter(f"{_ATOM}author")]
        year = (entry.findtext(f"{_ATOM}published") or "")[:4]
        text = _record(entry.findtext(f"{_ATOM}summary"), names, year, "arXiv")
        found.append(_found(entry.findtext(f"{_ATOM}id"), entry.findtext(f"{_ATOM}title"), text))
    return _all(found)


def github_code(answer: Fetched) -> list[Found]:
    """GitHub's code search, with the matching lines."""
    found = []
    for item in _items(_object(answer), "items"):
        repository = _dict(item.get("repository")).get("full_name") or ""
        lines = [_dict(match).get("fragment") for match in _list(item, "text_matches")]
        code = "\n\n".join(str(line) for line in lines if line)
        title = f"{repository}: {item.get('path') or item.get('name') or ''}".strip(": ")
        found.append(_found(item.get("html_url"), title, code or title))
    return _all(found)


READERS: Mapping[str, Callable[[Fetched], list[Found]]] = {
    "searxng": searxng,
    "tavily": tavily,
    "brave": brave,
    "openalex": openalex,
    "semantic-scholar": semantic_scholar,
    "arxiv": arxiv,
    "github-code": github_code,
}


# -- small things ---------------------------------------------------------------------------------


def _object(answer: Fetched) -> dict[str, Any]:
    plain = answer.json()
    if not isinstance(plain, dict):
        raise BackendUnavailable("the search service did not answer with a JSON object")
    return plain


def _items(plain: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The list of results; an answer without one is no answer, except that Brave leaves `web` out
    where nothing was found and Semantic Scholar `data`."""
    items = plain.get(key)
    if items is None and (not plain or "error" not in plain):
        return []
    if not isinstance(items, list):
        reason = str(plain.get("error") or f"it has no {key!r}")[:200]
        raise BackendUnavailable(f"the search service's answer is not understood: {reason}")
    return [item for item in items if isinstance(item, dict)]


def _all(found: Any) -> list[Found]:
    return [one for one in found if one]


def _found(url: Any, title: Any, text: Any) -> Found | None:
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        return None
    name = " ".join(clean(str(title or url)).split())[:300]
    said = clean(str(text or ""))[:_LONGEST].strip()
    return Found(url, name, said or name)


def _record(text: Any, names: Sequence[Any], year: Any, venue: Any) -> str:
    """An abstract below who wrote it, when and where."""
    people = [str(name) for name in names if name]
    listed = ", ".join(people[:8]) + (" and others" if len(people) > 8 else "")
    head = ". ".join(str(piece) for piece in (listed, venue, year) if piece)
    return "\n\n".join(piece for piece in (head, " ".join(str(text or "").split())) if piece)


def _uninverted(index: Any) -> str:
    """The text of {word: [positions]}."""
    if not isinstance(index, dict):
        return ""
    places = [
        (position, str(word))
        for word, positions in index.items()
        if isinstance(positions, list)
        for position in positions
        if isinstance(position, int)
    ]
    return " ".join(word for _, word in sorted(places)[:5000])


def _plain(html: Any) -> str:
    return LexborHTMLParser(f"<body>{html or ''}").text()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(item: Mapping[str, Any], key: str) -> list[Any]:
    value = item.get(key)
    return value if isinstance(value, list) else []
