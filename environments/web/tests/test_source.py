"""Websites as sources: read as a browser shows them, behind the guard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playing import Declare
from sites import PAGES, site

from agentkit.capabilities import Cancel, Gathering
from agentkit.errors import Blocked, DataError, RunInterrupted
from agentkit_web.source import WebSource

pytestmark = pytest.mark.slow
Asked = list[str]


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Asked]]:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    with site() as (base, asked):
        yield base, asked


def _source(part: Declare, *start: str, **settings: object) -> WebSource:
    fetch = {"private": ["127.0.0.1"], "seconds": 5, **settings.pop("fetch", {})}  # type: ignore[dict-item]
    made = part("source", start=list(start), embedder=None, fetch=fetch, wait=1.0, **settings)
    assert isinstance(made, WebSource)
    return made


def test_a_site_is_read_as_a_browser_shows_it(part: Declare, zoo: tuple[str, Asked]) -> None:
    base, asked = zoo
    source = _source(part, f"{base}/")
    found = source.search("who waits for fish")
    assert found.status == "ok"
    heron = next(hit for hit in found.hits if "Herons stand" in hit.text)
    assert heron.document == f"{base}/script"  # written by a script, 50 ms after loading
    document = source.open(heron.document)
    assert document.quote(heron.location) == heron.text and document.uri == heron.document
    food = source.search("otters eat crabs").hits[0]
    assert food.document == f"{base}/otter" and food.location.anchor == "food"
    assert source.search("opens at nine").hits[0].document == f"{base}/zoo.txt"
    assert source.search("kraken").hits[0].document == f"{base}/deep"
    assert source.search("secret").status == "empty"  # robots.txt
    site = source.update()
    assert site.faults[f"{base}/secret/x"].startswith("the site's robots.txt")
    assert "500" in site.faults[f"{base}/broken"]
    assert "POST /changed" not in asked and "/pixel.png" not in asked
    assert not any("127.0.0.2" in url for url in site.pages.values())
    with pytest.raises(DataError, match="not among the pages"):
        source.open("http://127.0.0.2:1/")


def test_limits_of_pages_and_depth(part: Declare, zoo: tuple[str, Asked]) -> None:
    base, _ = zoo
    assert len(_source(part, f"{base}/", pages=2).update().pages) == 2
    shallow = _source(part, f"{base}/", depth=1)
    assert shallow.search("kraken").status == "empty"
    wilful = _source(part, f"{base}/secret/x", robots=False)
    assert wilful.search("secret").status == "ok"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/denied", "blocked", "refuses (403)"),
        ("/away", "blocked", "10.0.0.1"),
        ("/loop", "failed", "ERR_TOO_MANY_REDIRECTS"),
        ("/hang", "failed", "Timeout"),
        ("/endless", "failed", ""),
        ("/huge", "failed", ""),
        ("/bomb", "failed", ""),
        ("/file", "failed", ""),
        ("/nothing", "failed", "500"),
        ("/stuck", "failed", "Timeout"),
    ],
)
def test_sites_that_misbehave(
    part: Declare, zoo: tuple[str, Asked], path: str, status: str, said: str
) -> None:
    source = _source(part, zoo[0] + path, fetch={"seconds": 2, "bytes": 2_000_000})
    result = source.search("anything")
    assert result.status == status and said in result.reason, result
    assert len(result.reason) < 500


def test_hosts_that_may_not_be_reached(part: Declare, zoo: tuple[str, Asked]) -> None:
    base, asked = zoo
    port = base.rpartition(":")[2]
    source = _source(part, f"{base}/", fetch={"private": []})
    result = source.search("otter")
    assert result.status == "blocked" and "not a public address" in result.reason
    by_name = _source(part, f"http://localhost:{port}/", fetch={"private": []})
    assert by_name.search("otter").status == "blocked"
    assert not asked
    for address in ("file:///etc/passwd", "ftp://x/", "http://user:hush@127.0.0.1/"):
        with pytest.raises(Blocked):
            _source(part, address)


def test_a_script_cannot_reach_into_the_network(part: Declare, zoo: tuple[str, Asked]) -> None:
    """The page asks for a metadata address; the gateway says no, and the page is still read."""
    source = _source(part, f"{zoo[0]}/script")
    assert source.search("herons").status == "ok"
    assert any("169.254.169.254" in reason for reason in source._gateway.refused)


def test_a_site_is_read_again_after_a_while(
    part: Declare, zoo: tuple[str, Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, asked = zoo
    source = _source(part, f"{base}/otter", depth=0)
    assert source.search("crabs").status == "ok"
    count = len(asked)
    assert source.search("fish").status == "ok" and len(asked) == count
    monkeypatch.setitem(PAGES, "/otter", "<title>Otter</title><p>Otters juggle pebbles.</p>")
    source.update(now=True)
    assert source.search("pebbles").status == "ok" and source.search("crabs").status == "empty"


def test_reading_tells_how_far_it_is_and_can_be_stopped(
    part: Declare, zoo: tuple[str, Asked]
) -> None:
    source = _source(part, f"{zoo[0]}/", depth=1)
    assert isinstance(source, Gathering)
    told: list[tuple[int, int, str]] = []
    cancel = Cancel()

    def stop(done: int, total: int, url: str) -> None:
        told.append((done, total, url))
        if len(told) == 2:
            cancel.set()

    with pytest.raises(RunInterrupted):
        source.update(on_progress=stop, cancel=cancel)
    assert told[0] == (0, 1, f"{zoo[0]}/") and told[1][0] == 1 < told[1][1]
    notes = dict(source.update().notes)  # from the beginning: nothing half-read was kept
    assert notes[f"{zoo[0]}/broken"].endswith("500")
