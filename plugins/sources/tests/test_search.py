"""Search services: their shapes, their failures, and the pages that they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from services import KEY, PAGES, services

import agentkit
from agentkit.errors import Blocked, ConfigError, DataError
from agentkit_sources.online.source import SearchSource

pytestmark = pytest.mark.slow

PATHS = {
    "searxng": "/searxng",
    "tavily": "/tavily",
    "brave": "/brave",
    "openalex": "/openalex",
    "semantic-scholar": "/semantic-scholar",
    "arxiv": "/arxiv",
    "github-code": "/github",
}
Requests = list[tuple[str, dict[str, str]]]


@pytest.fixture
def online(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Requests]]:
    monkeypatch.setenv("SEARCH_KEY", KEY)
    with services() as (base, asked):
        yield base, asked


def make(base: str, service: str, **settings: object) -> SearchSource:
    kit = agentkit.load(environ={})
    values = {
        "url": base + PATHS[service],
        "key": "env:SEARCH_KEY",
        "fetch": {"private": ["127.0.0.1"], "seconds": 5},
        **settings,
    }
    kit.define("source", "web", use="search", service=service, **values)
    made = kit.source("web")
    assert isinstance(made, SearchSource)
    return made


@pytest.mark.parametrize("service", PATHS)
def test_every_service_finds_and_its_documents_open(
    online: tuple[str, Requests], service: str
) -> None:
    source = make(online[0], service)
    result = source.search("otters")
    assert result.status == "ok" and len({hit.document for hit in result.hits}) == 3
    for hit in result.hits:
        document = source.open(hit.document)
        assert document.quote(hit.location) == hit.text
        assert document.uri.startswith("http")
    again = make(online[0], service)
    assert again.open(result.hits[0].document).text == source.open(result.hits[0].document).text
    assert source.search("qqxx zzvv").status == "empty"


@pytest.mark.parametrize("service", PATHS)
def test_services_that_fail_in_each_way(online: tuple[str, Requests], service: str) -> None:
    source = make(online[0], service)
    for word, said in (
        ("GARBAGE", "not answer with|it is not read"),
        ("WRONG", "not (understood|answer)"),
        ("LIMIT", "429"),
    ):
        result = source.search(word)
        if service == "arxiv" and word == "WRONG":
            continue  # JSON is no feed, which GARBAGE shows already
        assert result.status == "failed" and re.search(said, result.reason), result
        assert len(result.reason) < 300 and KEY not in result.reason
    gone = make("http://127.0.0.1:9", service)
    assert gone.search("otters").status == "failed"


def test_silence_of_all_engines_is_no_empty_result(online: tuple[str, Requests]) -> None:
    result = make(online[0], "searxng").search("SILENT")
    assert result.status == "failed" and "big" in result.reason


def test_a_wrong_key_is_blocked(
    online: tuple[str, Requests], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEARCH_KEY", "wrong")
    result = make(online[0], "brave").search("otters")
    assert result.status == "blocked" and "401" in result.reason


def test_pages_are_read_and_those_that_cannot_be_are_told(online: tuple[str, Requests]) -> None:
    source = make(online[0], "searxng")
    result = source.search("where do otters sleep")
    best = result.hits[0]
    assert best.text == "Otters sleep afloat, wrapped in kelp."
    assert best.location.heading == ("Otters", "Sleep") and best.document.endswith("/otters")
    assert result.reason == "1 page was not read: 127.0.0.1 refuses (403)"
    said = next(h for h in result.hits if "wants a key" in h.text)
    assert said.document.endswith("/denied#said")  # the service's words, never taken for the page's


def test_no_pages_are_fetched_where_none_are_wanted(online: tuple[str, Requests]) -> None:
    result = make(online[0], "searxng", pages=0).search("otters")
    assert all(hit.document.endswith("#said") for hit in result.hits) and not result.reason


def test_found_addresses_inside_the_network_are_not_fetched(online: tuple[str, Requests]) -> None:
    """The service may be reached, by its port; what it finds elsewhere on this machine may not."""
    base = online[0]
    port = base.rpartition(":")[2]
    source = make(base, "searxng", fetch={"private": [f"127.0.0.1:{port}"], "hosts": []})
    assert source.search("otters").status == "ok"
    with services() as (other, _):
        source._pages._fetcher.gate.url(other)  # its text is fine
        with pytest.raises(Blocked):
            source._pages._fetcher.get(other + "/otters")


def test_a_kept_page_is_not_fetched_again(
    online: tuple[str, Requests], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(online[0], "searxng")
    before = source.search("sleep otters").hits
    monkeypatch.setitem(PAGES, "/otters", "<p>Otters sleep on land now.</p>")
    assert make(online[0], "searxng").search("sleep otters").hits == before
    newer = make(online[0], "searxng", keep=0).search("sleep otters")
    assert newer.hits[0].text == "Otters sleep on land now."


def test_keys_go_where_they_belong(online: tuple[str, Requests]) -> None:
    base, asked = online
    for service, header in (
        ("brave", "x-subscription-token"),
        ("tavily", "authorization"),
        ("semantic-scholar", "x-api-key"),
        ("github-code", "authorization"),
    ):
        make(base, service).search("otters")
        path, headers = asked[-1]
        assert KEY in headers[header] and KEY not in path


def test_only_what_was_found_can_be_opened(online: tuple[str, Requests]) -> None:
    source = make(online[0], "searxng")
    with pytest.raises(DataError, match="no search has found"):
        source.open(f"{online[0]}/bread")


def test_settings(online: tuple[str, Requests]) -> None:
    kit = agentkit.load(environ={})
    kit.define("source", "a", use="search", service="searxng")
    with pytest.raises(ConfigError, match="needs `url`"):
        kit.source("a")
    kit.define("source", "b", use="search", service="searxng", url="file:///etc/passwd")
    with pytest.raises(Blocked, match="only http"):
        kit.source("b")
    kit.define("source", "c", use="search", service="bing")
    with pytest.raises(ConfigError, match="service"):
        kit.source("c")


def test_long_and_odd_queries(online: tuple[str, Requests]) -> None:
    source = make(online[0], "arxiv")
    assert source.search("otters " * 9000).status == "ok"
    assert len(online[1][-1][0]) < 3000
    assert source.search('"otters" OR (').status in ("ok", "empty")
