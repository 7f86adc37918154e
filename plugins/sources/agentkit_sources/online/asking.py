"""How each service is asked."""

from __future__ import annotations

from urllib.parse import urlencode

from agentkit.fetching import Fetched, Fetcher
from agentkit_sources.online.answers import READERS, Found
from agentkit_sources.online.settings import SearchSettings

_LONGEST_QUERY = 400  # characters; most services refuse more
_FIELDS = "title,abstract,year,authors,venue,url"
_JSON = ("application/json", "application/vnd.github")
_FEED = ("application/atom+xml", "application/xml", "text/xml")


def ask(query: str, settings: SearchSettings, key: str, fetcher: Fetcher) -> list[Found]:
    """The service's results, in its order.

    Raises:
        Blocked: it refuses, or may not be reached.
        BackendUnavailable: it does not answer as it should.
    """
    query = " ".join(query.split())[:_LONGEST_QUERY]
    return READERS[settings.service](_ask(query, settings, key, fetcher))[: settings.results]


def _ask(query: str, settings: SearchSettings, key: str, fetcher: Fetcher) -> Fetched:
    number = str(settings.results)
    match settings.service:
        case "tavily":
            content = {"query": query, "max_results": settings.results, **settings.parameters}
            return fetcher.post_json(settings.address, content, headers=_bearer(key))
        case "searxng":
            address = settings.address.rstrip("/")
            address += "" if address.endswith("/search") else "/search"
            return _get(fetcher, address, {"q": query, "format": "json"}, settings, _bearer(key))
        case "brave":
            headers = {"X-Subscription-Token": key} if key else {}
            values = {"q": query, "count": number}
            return _get(fetcher, settings.address, values, settings, headers)
        case "openalex":
            values = {"search": query, "per-page": number}
            return _get(fetcher, settings.address, values, settings, _bearer(key))
        case "semantic-scholar":
            values = {"query": query, "limit": number, "fields": _FIELDS}
            headers = {"x-api-key": key} if key else {}
            return _get(fetcher, settings.address, values, settings, headers)
        case "arxiv":
            words = " AND ".join(f'all:"{w}"' for w in query.replace('"', " ").split()[:20])
            values = {"search_query": words, "max_results": number}
            return _get(fetcher, settings.address, values, settings, {}, _FEED)
        case "github-code":
            headers = {"Accept": "application/vnd.github.text-match+json", **_bearer(key)}
            values = {"q": query, "per_page": number}
            return _get(fetcher, settings.address, values, settings, headers)


def _get(
    fetcher: Fetcher,
    address: str,
    values: dict[str, str],
    settings: SearchSettings,
    headers: dict[str, str],
    types: tuple[str, ...] = _JSON,
) -> Fetched:
    sign = "&" if "?" in address else "?"
    url = f"{address}{sign}{urlencode({**settings.parameters, **values})}"
    return fetcher.get(url, headers=headers, types=types)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
