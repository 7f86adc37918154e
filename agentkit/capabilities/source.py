"""Source: somewhere to search and to open documents from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from agentkit.capabilities.language_model import Cancel

OnProgress = Callable[[int, int, str], None]  # done, of how many, what
SearchStatus = Literal["ok", "empty", "failed", "blocked"]


@dataclass(frozen=True, slots=True)
class Location:
    """A stable place in a document: byte offsets into its stored text (UTF-8), half open.

    heading: the path of headings above it. page: 1-based, for paged documents. anchor: for a link.
    """

    start: int
    end: int
    heading: tuple[str, ...] = ()
    page: int | None = None
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A found passage. text == document.text bytes [location.start:location.end], decoded.

    score: higher is better, comparable within one result only. parts: what made up the score.
    """

    document: str
    title: str
    text: str
    location: Location
    score: float
    parts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Searched and found; searched, nothing there; could not search; was not allowed to."""

    status: SearchStatus
    hits: tuple[Hit, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as stored. text: normalised, what offsets refer to; sha256: of its UTF-8 bytes."""

    id: str
    title: str
    text: str
    sha256: str
    uri: str = ""
    media_type: str = "text/plain"

    def quote(self, location: Location) -> str:
        """The text at a location."""
        return self.text.encode()[location.start : location.end].decode()


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """kind: documents, web, code, sql … documents: how many, where that is known."""

    name: str
    kind: str
    description: str = ""
    documents: int | None = None


@runtime_checkable
class Source(Protocol):
    info: SourceInfo

    def search(self, query: str, k: int = 10) -> SearchResult:
        """The best k passages. Never raises for what a source can fail at: see SearchStatus."""
        ...

    def open(self, document: str) -> Document:
        """The whole document that a hit names.

        Raises:
            DataError: it is gone or unreadable.
        """
        ...


@runtime_checkable
class Vocabulary(Protocol):
    """A source that can tell how common a word is in it (an absence is an answer too)."""

    def document_frequency(self, word: str) -> int:
        """In how many passages the word's stem occurs."""
        ...


class Gathered(Protocol):
    """What reading ahead came to. notes: (document, why it was not read, or how it was)."""

    @property
    def notes(self) -> Sequence[tuple[str, str]]: ...


@runtime_checkable
class Gathering(Protocol):
    """A source that reads its documents before it can be searched (an index, a crawl). A search
    does the same when it needs to, but cannot tell how far it is."""

    def update(
        self, *, on_progress: OnProgress | None = None, cancel: Cancel | None = None
    ) -> Gathered:
        """Reads what is new or has changed.

        Args:
            cancel: checked between documents.

        Raises:
            AgentkitError, OSError: nothing can be read. RunInterrupted: by `cancel`.
        """
        ...
