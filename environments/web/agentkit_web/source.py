"""The part: `use = "web"`, a source."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from dataclasses import replace

from agentkit.capabilities import (
    Cancel,
    Document,
    Hit,
    OnProgress,
    SearchResult,
    Source,
    SourceInfo,
    Vocabulary,
)
from agentkit.errors import AgentkitError, DataError
from agentkit.files import cache_dir
from agentkit.kit import Parts
from agentkit_web.chromium import shared
from agentkit_web.crawl import Crawler, Site
from agentkit_web.gateway import Gateway
from agentkit_web.settings import SiteSettings

_INDEX = "site.json"


class WebSource:
    """A website as a Source: read with the browser once in a while, kept in the cache, and searched
    there by a source of the kind "folder". Documents go by their addresses."""

    def __init__(self, settings: SiteSettings, parts: Parts) -> None:
        self.settings, self._parts = settings, parts
        self._gateway = Gateway(settings.fetch)
        for url in settings.start:
            self._gateway.gate.url(url)  # a wrong address is said now, not when searching
        self._chromium = shared(parts, settings.browser)
        hosts = ", ".join(dict.fromkeys(url.split("/")[2] for url in settings.start))
        self.info = SourceInfo(parts.name, "web", f"the website {hosts}")
        key = settings.model_dump_json(exclude={"embedder", "refresh", "browser"})
        self.folder = cache_dir() / "web" / hashlib.sha256(key.encode()).hexdigest()[:20]
        self._pages: Source | None = None
        self._site: Site | None = None
        self._lock = threading.RLock()

    # -- Source and Vocabulary --------------------------------------------------------------------

    def search(self, query: str, k: int = 10) -> SearchResult:
        try:
            site = self.update()
        except (AgentkitError, OSError) as error:
            return SearchResult("failed", reason="; ".join(str(error).splitlines()))
        faults = [f"{url}: {reason}" for url, reason in list(site.faults.items())[:3]]
        if not site.pages:
            return SearchResult(
                "blocked" if site.refused else "failed" if faults else "empty",
                reason="; ".join(faults) or "the site has no pages",
            )
        found = self._searched().search(query, k)
        hits = tuple(replace(hit, document=self._address(hit)) for hit in found.hits)
        return replace(found, hits=hits)

    def open(self, document: str) -> Document:
        site = self.update()
        file = next((name for name, url in site.pages.items() if url == document), None)
        if file is None:
            raise DataError(
                f"{document[:200]!r} is not among the pages that were read", "search it"
            )
        found = self._searched().open(file)
        return replace(found, id=document, uri=document, title=self._title(document, found.title))

    def document_frequency(self, word: str) -> int:
        if not self.update().pages:
            return 0
        pages = self._searched()
        return pages.document_frequency(word) if isinstance(pages, Vocabulary) else 0

    # -- reading the site -------------------------------------------------------------------------

    def update(
        self,
        *,
        on_progress: OnProgress | None = None,
        cancel: Cancel | None = None,
        now: bool = False,
    ) -> Site:
        """What was read of the site; it is read again after `refresh` seconds, or `now`.

        Args:
            cancel: checked between pages; the reading before stays.

        Raises:
            BackendUnavailable: there is no browser, or it cannot be started.
        """
        with self._lock:
            if self._site is None:
                self._site = Site.load(self.folder / _INDEX)
            if self._site is None or now or self._old():
                self._site = self._read(on_progress, cancel)
                self.info = replace(self.info, documents=len(self._site.pages) or None)
            return self._site

    def loaded(self) -> dict[str, str]:
        """For the recipe of a run."""
        site = self._site
        return {"pages": json.dumps(sorted(site.pages.values()))[:2000] if site else ""}

    def close(self) -> None:
        self._gateway.close()

    # -- inside -----------------------------------------------------------------------------------

    def _old(self) -> bool:
        try:
            return time.time() - (self.folder / _INDEX).stat().st_mtime > self.settings.refresh
        except OSError:
            return True

    def _read(self, on_progress: OnProgress | None, cancel: Cancel | None) -> Site:
        """Into a folder beside, so that a reading that fails leaves the one before."""
        fresh = self.folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        (fresh / "pages").mkdir(parents=True)
        crawler = Crawler(self.settings, self._gateway, fresh / "pages")
        site = crawler.read(self._chromium.call, on_progress, cancel)
        if not site.pages and self._site is not None and self._site.pages:
            return self._site
        site.save(fresh / _INDEX)
        shutil.rmtree(self.folder, ignore_errors=True)
        fresh.rename(self.folder)
        return site

    def _searched(self) -> Source:
        """The source that searches the pages: the kit's own kind for folders."""
        with self._lock:
            if self._pages is None:
                name = f"{self.info.name}-pages"
                self._parts.kit.define(
                    "source",
                    name,
                    use="folder",
                    path=str(self.folder / "pages"),
                    embedder=self.settings.embedder,
                    refresh=0.0,
                )
                self._pages = self._parts.kit.source(name)
            return self._pages

    def _address(self, hit: Hit) -> str:
        site = self._site
        return site.pages.get(hit.document, hit.document) if site else hit.document

    def _title(self, url: str, otherwise: str) -> str:
        return (self._site.titles.get(url) if self._site else "") or otherwise
