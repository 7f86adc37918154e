"""What may be fetched, and how much of it."""

from __future__ import annotations

from pydantic import Field

from agentkit.settings import PartSettings


class FetchSettings(PartSettings):
    """Rules of guarded fetching, for use inside a part's settings.

    hosts: globs of the host names that may be reached ("*.example.org"); none given means every
    public host. private: hosts, "host:port" or networks ("10.1.0.0/16") that may be reached though
    they are not public, e.g. a wiki inside the company or a server on this machine. seconds: of one
    fetch, redirects included. bytes: of one answer, after decompression. redirects: at most.
    """

    hosts: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    seconds: float = Field(default=20.0, gt=0, le=600)
    bytes: int = Field(default=10_000_000, gt=0, le=1_000_000_000)
    redirects: int = Field(default=5, ge=0, le=20)
