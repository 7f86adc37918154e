"""Every quote against its source, byte for byte. Pure: the documents come from the caller."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentkit.errors import AgentkitError
from agentkit_deep_research.evidence import Span

if TYPE_CHECKING:
    from agentkit.capabilities import Document


@dataclass(frozen=True, slots=True)
class Fault:
    """A quote that does not hold. number: its citation, as printed."""

    number: int
    span: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check saw. checked: how many quotes."""

    checked: int
    faults: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults


def check(span: Span, document: Document) -> str:
    """Why a span does not hold against its document, "" where it does.

    The hash is taken from the text itself, not believed.
    """
    data = document.text.encode()
    sha = hashlib.sha256(data).hexdigest()
    there = data[span.start : span.end]
    if there != span.text.encode():
        shown = there[:60].decode(errors="replace")
        return f"bytes {span.start}-{span.end} of {span.document} now read {shown!r}"
    if sha != span.sha256:
        return f"{span.document} has changed since it was quoted, though not in these words"
    return ""


def verify(quotes: Sequence[tuple[int, Span]], open: Callable[[str, str], Document]) -> Verdict:
    """Checks quotes, (citation number, span) each.

    Args:
        open: a document by source and id; what it raises is the quote's fault.
    """
    documents: dict[tuple[str, str], Document | str] = {}
    faults = []
    for number, span in quotes:
        if span.place not in documents:
            try:
                documents[span.place] = open(*span.place)
            except AgentkitError as error:
                documents[span.place] = f"{span.document} cannot be opened: {error.message}"
        document = documents[span.place]
        reason = document if isinstance(document, str) else check(span, document)
        if reason:
            faults.append(Fault(number, span.id, reason))
    return Verdict(len(quotes), tuple(faults))


def numbering(cited: Sequence[int], entries: Mapping[int, object]) -> list[str]:
    """What is wrong with a report's numbers: dangling, unused, or not in order of first use."""
    faults = [f"[{n}] stands in no reference" for n in dict.fromkeys(cited) if n not in entries]
    faults += [f"reference [{n}] is not used" for n in entries if n not in cited]
    if list(dict.fromkeys(cited)) != sorted(set(cited)):
        faults.append("references are not numbered by first use")
    return faults
