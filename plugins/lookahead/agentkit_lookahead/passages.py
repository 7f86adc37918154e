"""The part `use = "passages"`: a candidate that answers with the best sentence of a source."""

from __future__ import annotations

import re

from agentkit.capabilities import Request, Source
from agentkit.kit import Parts
from agentkit.settings import PartSettings
from agentkit_lookahead.spoken import Spoken, asked

NOTHING = "Nothing was found about this."
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\w+")
MOST = 5  # documents looked into


class PassagesSettings(PartSettings):
    """source: where answers are looked for."""

    source: str


def open_passages(settings: PassagesSettings, parts: Parts) -> Spoken:
    source: Source = parts["source"]
    return Spoken(parts.name, lambda request: answer(source, request))


def answer(source: Source, request: Request) -> str:
    """The sentence that shares most with the question, of the documents that a search finds; words
    that are rare in them count more."""
    question = {w.lower() for w in _WORD.findall(asked(request)) if len(w) > 2}
    if not question:
        return NOTHING
    sentences: list[str] = []
    for hit in source.search(asked(request)).hits[:MOST]:
        document = source.open(hit.document)
        sentences += [s.strip() for s in _SENTENCE.split(document.text) if s.strip()]
    if not sentences:
        return NOTHING
    bags = [{w.lower() for w in _WORD.findall(s)} for s in sentences]
    weight = {w: 1 / (1 + sum(w in bag for bag in bags)) for w in question}
    worth = [sum(weight[w] for w in question & bag) / (4 + len(bag)) ** 0.5 for bag in bags]
    best = max(range(len(sentences)), key=lambda n: worth[n])
    return sentences[best] if worth[best] > 0 else NOTHING
