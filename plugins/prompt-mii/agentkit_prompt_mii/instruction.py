"""An instruction as it is kept, and what must not stand in one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from agentkit_prompt_mii.examples import Row, normalised

_URL = re.compile(r"\b(?:https?://|www\.)\S+", re.I)
_ROLE = re.compile(
    r"<\|[^|>\n]{1,40}\|>|\[/?INST\]|<</?SYS>>|^\s*(?:system|assistant|user)\s*:", re.I | re.M
)
_TAKES_OVER = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,30}\b(?:above|previous|prior|earlier|instructions?)\b",
    re.I,
)
_ANSWERS = re.compile(
    r"\b(?:answer|respond|reply|return|output|label(?:led|ed)?|classif\w+|choose|say)\b"
    r"(?:\s+(?:it|this|them|with|as|is|be|by|only|always))*\s*:?\s*"
    r"(?:\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|`([^`\n]{1,80})`)",
    re.I,
)
COPIED = 12  # words of one row in a row


@dataclass(frozen=True, slots=True)
class Instruction:
    """text: without the constraint line. tokens: of the whole prompt before the input, by the
    follower's own tokenizer. parent_hash: of the instruction that it replaces, "" for none.
    generator: who wrote it. seed: of its draw. labels: of the task. about: examples_hash, template,
    used and left-out examples."""

    text: str
    tokens: int
    parent_hash: str = ""
    generator: str = ""
    seed: int = 0
    labels: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Of what a follower is given: text and labels."""
        return hashlib.sha256("\x1f".join([self.text, *self.labels]).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "labels": list(self.labels), "hash": self.hash}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Instruction:
        known = {k: v for k, v in plain.items() if k != "hash"}
        return cls(**{**known, "labels": tuple(known.get("labels", ()))})


def lint(
    text: str, labels: Sequence[str], shown: Sequence[Row], *, tokens: int = 0, most: int = 1024
) -> list[str]:
    """What is wrong with an instruction, one line each; nothing where it may be used."""
    found = []
    if not text.strip():
        return ["it is empty"]
    if url := _URL.search(text):
        found.append(f"it holds an address: {url[0][:60]}")
    if tag := _ROLE.search(text):
        found.append(f"it holds a role tag: {tag[0].strip()[:40]}")
    if _TAKES_OVER.search(text):
        found.append("it tells to ignore what was said before")
    for named in _ANSWERS.finditer(text):
        label = next(g for g in named.groups() if g)
        if normalised(label) not in {normalised(one) for one in labels}:
            found.append(f"it tells to answer {label!r}, which is no label")
            break
    if row := copied(text, shown):
        found.append(f"it repeats more than {COPIED} words of example {row.number}")
    if tokens > most:
        found.append(f"it has {tokens} tokens, more than {most}")
    return found


def copied(text: str, shown: Sequence[Row]) -> Row | None:
    """The first example of which more than COPIED words in a row stand in the text."""
    size, words = COPIED + 1, normalised(text).split()
    own = {tuple(words[n : n + size]) for n in range(len(words) - size + 1)}
    for row in shown:
        theirs = normalised(row.text).split()
        if any(tuple(theirs[n : n + size]) in own for n in range(len(theirs) - size + 1)):
            return row
    return None


def copy_rate(text: str, shown: Sequence[Row], size: int = 4) -> float:
    """Share of the text's runs of `size` words that stand in an example; 0 where it has none."""
    words = normalised(text).split()
    own = [tuple(words[n : n + size]) for n in range(len(words) - size + 1)]
    theirs = set()
    for row in shown:
        split = normalised(row.text).split()
        theirs |= {tuple(split[n : n + size]) for n in range(len(split) - size + 1)}
    return sum(run in theirs for run in own) / len(own) if own else 0.0
