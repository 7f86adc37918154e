"""Evidence: verbatim spans of documents, each with all that is needed to check it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Span:
    """A verbatim piece of a stored document.

    start, end: bytes of its stored text (UTF-8), half open. sha256: of that whole text. score:
    how well it answers its facet, 0..1, `parts` says from what. core: the bytes of the sentence
    in it that was scored, (0, 0): all of it. facet: index of the facet; task: the task that found
    it, by `query`. date: when it was written, "" where nothing says so. bridge: what leads from the
    span `via` to this one, where the facet itself does not name what this one speaks of.
    """

    id: str
    source: str
    document: str
    title: str
    uri: str
    sha256: str
    start: int
    end: int
    text: str
    heading: tuple[str, ...] = ()
    page: int | None = None
    anchor: str = ""
    facet: int = 0
    task: str = ""
    query: str = ""
    score: float = 0.0
    parts: tuple[tuple[str, float], ...] = ()
    core: tuple[int, int] = (0, 0)
    date: str = ""
    bridge: str = ""
    via: str = ""

    @property
    def cut(self) -> tuple[str, str, str]:
        """The text before the sentence that was scored, that sentence, and the text after it."""
        if not any(self.core):
            return "", self.text, ""
        data, first, last = self.text.encode(), *(at - self.start for at in self.core)
        return data[:first].decode(), data[first:last].decode(), data[last:].decode()

    @property
    def sentence(self) -> str:
        return self.cut[1]

    @property
    def alone(self) -> Span:
        """The sentence that was scored, without what stands around it."""
        if not any(self.core):
            return self
        start, end = self.core
        return replace(self, start=start, end=end, text=self.sentence, core=(0, 0))

    @property
    def place(self) -> tuple[str, str]:
        """The document that it stands in: (source, document id)."""
        return self.source, self.document

    @property
    def about(self) -> str:
        """Where it stands, in words."""
        return "\n".join([self.document, self.title, *self.heading])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def cited(cls, citation: Mapping[str, Any]) -> Span:
        """What an answer's citation says of a span, enough to check it."""
        names = ("source", "document", "title", "sha256", "start", "end", "text")
        return cls("", uri="", **{name: citation[name] for name in names})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Span:
        plain = dict(data)
        plain["heading"] = tuple(plain.get("heading", ()))
        plain["parts"] = tuple((str(n), float(v)) for n, v in plain.get("parts", ()))
        plain["core"] = tuple(plain.get("core", (0, 0)))
        return cls(**plain)


def span_id(source: str, document: str, start: int, end: int) -> str:
    """The same place has the same id, whoever finds it and whenever."""
    text = "\x1f".join([source, document, str(start), str(end)])
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


class Evidence:
    """The ledger of spans. Nothing is ever rewritten; what must not be used is marked."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, int], Span] = {}
        self.dropped: dict[str, str] = {}  # task id -> why its spans are not used

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans.values())

    def __len__(self) -> int:
        return len(self._spans)

    def add(self, span: Span) -> None:
        """A place found again for the same facet keeps its better score."""
        key = (span.id, span.facet)
        old = self._spans.get(key)
        if old is None:
            self._spans[key] = span
        elif span.score > old.score or old.task in self.dropped:
            self._spans[key] = replace(span)

    def drop_task(self, task: str, why: str) -> None:
        """Spans that a task found are kept, but not used."""
        self.dropped[task] = why

    def take_back(self, task: str) -> None:
        """What a task found may be used again."""
        self.dropped.pop(task, None)

    def depth(self, id: str) -> int:
        """Over how many other spans one was reached."""
        vias = {s.id: s.via for s in self}
        steps = 0
        while steps < len(vias) and (id := vias.get(id, "")):
            steps += 1
        return steps

    def of_facet(self, facet: int) -> list[Span]:
        """What may be used for a facet, best first; equal scores in the order of the documents."""
        usable = [s for s in self if s.facet == facet and s.task not in self.dropped]
        return sorted(usable, key=lambda s: (-s.score, s.source, s.document, s.start))
