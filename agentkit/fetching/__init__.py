"""Guarded fetching: what a model or a page names is fetched only where that does no harm.

with Fetcher(FetchSettings()) as fetcher:
    page = fetcher.get("https://example.org/")   # Blocked, BackendUnavailable, or the page
"""

from agentkit.fetching.addresses import Address, Gate
from agentkit.fetching.fetcher import Fetched, Fetcher
from agentkit.fetching.settings import FetchSettings

__all__ = ["Address", "FetchSettings", "Fetched", "Fetcher", "Gate"]
