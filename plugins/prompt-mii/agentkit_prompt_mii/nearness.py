"""Which collections are one family: re-uploads and sibling configurations must not stand on two
sides of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentkit.errors import UsageError
from agentkit.seeds import derive
from agentkit_prompt_mii.examples import normalised

SHARED = 0.02  # of the smaller collection's texts, where label names differ
ALIKE = 0.3  # of the smaller collection's runs of three words, where label sets are equal
RUNS = 400  # smallest hashes of runs that are compared


@dataclass(frozen=True, slots=True)
class Collection:
    """A labelled data set. origin: the data set that a configuration belongs to."""

    name: str
    origin: str
    labels: tuple[str, ...]
    texts: tuple[str, ...]


def family_of(known: Sequence[Collection]) -> dict[str, str]:
    """Collection name to family: one name of the collections that are joined by an origin, by
    texts that are the same but for case and marks, or by equal labels and similar texts."""
    parent = {one.name: one.name for one in known}
    if len(parent) < len(known):
        raise UsageError("two collections have one name", "name them apart")

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(one: str, other: str) -> None:
        a, b = sorted((root(one), root(other)))
        parent[b] = a

    origins: dict[str, str] = {}
    texts = {c.name: {_hash(normalised(t)) for t in c.texts} for c in known}
    runs = {c.name: _runs(c.texts) for c in known}
    holders: dict[int, list[str]] = {}
    common: dict[tuple[str, str], int] = {}
    for one in known:
        join(one.name, origins.setdefault(one.origin, one.name))
        for number in texts[one.name]:
            for other in holders.setdefault(number, []):
                common[other, one.name] = common.get((other, one.name), 0) + 1
            holders[number].append(one.name)
    for (a, b), count in common.items():
        if count >= max(1.0, SHARED * min(len(texts[a]), len(texts[b]))):
            join(a, b)
    sets: dict[frozenset[str], list[str]] = {}
    for one in known:
        key = frozenset(map(normalised, one.labels))
        for other in sets.setdefault(key, []):
            own, theirs = runs[one.name], runs[other]
            least = min(len(own), len(theirs))
            if least and len(own & theirs) >= ALIKE * least:
                join(one.name, other)
        sets[key].append(one.name)
    return {name: root(name) for name in parent}


def parted(
    known: Sequence[Collection], shares: Mapping[str, float], seed: int = 0
) -> dict[str, list[Collection]]:
    """Collections by side, e.g. {"train": 0.8, "validation": 0.1, "test": 0.1}; a family is on one
    side only, which its own name decides, so that another set moves none.

    A text that more than one side has is left out of all but the first.
    """
    families, sides = family_of(known), list(shares)
    total = sum(shares.values())
    made: dict[str, list[Collection]] = {side: [] for side in sides}
    for one in known:
        drawn = derive(seed, f"side {families[one.name]}") % 1_000_000 / 1_000_000 * total
        for side in sides:
            drawn -= shares[side]
            if drawn < 0 or side == sides[-1]:
                made[side].append(one)
                break
    seen: set[int] = set()
    for side in sides:
        own: set[int] = set()
        for n, one in enumerate(made[side]):
            kept = [(t, _hash(normalised(t))) for t in one.texts]
            kept = [(t, h) for t, h in kept if h not in seen]
            own |= {h for _, h in kept}
            texts = tuple(t for t, _ in kept)
            made[side][n] = Collection(one.name, one.origin, one.labels, texts)
        seen |= own
    return made


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _runs(texts: Sequence[str]) -> frozenset[int]:
    """The smallest hashes of all runs of three words: a sketch that is equal for equal texts."""
    found: set[int] = set()
    for text in texts:
        words = normalised(text).split()
        found |= {_hash(" ".join(words[n : n + 3])) for n in range(max(1, len(words) - 2))}
    return frozenset(sorted(found)[:RUNS])
