"""Settings of the browser's parts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from agentkit.fetching import FetchSettings
from agentkit.settings import PartSettings


class BrowserSettings(PartSettings):
    """executable: of Chromium or Chrome, found by itself where it is not given. sandbox: Chromium's
    own; "auto" leaves it out only for root and in containers, where it cannot work. width, height:
    of the window, in CSS pixels."""

    executable: Path | None = None
    sandbox: Literal["auto", "on", "off"] = "auto"
    width: int = Field(default=800, ge=160, le=4000)
    height: int = Field(default=600, ge=160, le=4000)


class WebSettings(PartSettings):
    """`use = "web"`, the environment.

    suite: "sites" are tasks on small sites that come with this plugin; "miniwob" those of the
    package miniwob; "open" has the `goals` that you give. templates: only these tasks of the suite;
    none given means all. goals, start: what "open" is to reach, from which address. network: hosts
    outside that may be reached, by the rules of guarded fetching; None: none at all. steps: until
    an episode is cut off. picture: whether observations hold a screenshot. perception: reads the
    screenshot, so that text in pictures and drawings, which no tree holds, is seen too.
    """

    suite: Literal["sites", "miniwob", "open"] = "sites"
    templates: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    start: str = ""
    network: FetchSettings | None = None
    steps: int = Field(default=30, ge=1)
    picture: bool = True
    perception: str | None = None
    browser: BrowserSettings = BrowserSettings()


class SiteSettings(PartSettings):
    """`use = "web"`, the source.

    start: addresses that reading begins at. hosts: that links are followed to; none given means
    those of `start`. pages, depth: at most so many pages, and clicks away from the start. refresh:
    seconds after which the site is read again. wait: seconds for a page's scripts to settle.
    robots: whether the site's robots.txt is obeyed. embedder: as for a folder. fetch: the rules of
    guarded fetching; a site that is not public must be named in its `private`.
    """

    start: tuple[str, ...] = Field(min_length=1)
    hosts: tuple[str, ...] = ()
    pages: int = Field(default=50, ge=1, le=5000)
    depth: int = Field(default=2, ge=0, le=20)
    refresh: float = Field(default=86400.0, ge=0)
    wait: float = Field(default=2.0, ge=0, le=30)
    robots: bool = True
    embedder: str | None = "minilm"
    fetch: FetchSettings = FetchSettings()
    browser: BrowserSettings = BrowserSettings()
