"""Facts, and the ways in which they are said.

What is learned from one sentence is that sentence. A fact that should be known however it is asked
for is said in many ways: in statements, in questions, in a conversation. Templates do that for
facts of the form "the RELATION of SUBJECT is ANSWER"; any other may bring its own phrasings.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.errors import DataError
from agentkit.unicode import split_lines

CHAT = "chat: "  # what follows is asked of the assistant; " => " ends the question

# The answer comes where {a} stands. It is learned with what follows it, so that it ends.
PHRASINGS = (
    "The {r} of {s} is {a}.",
    "{s}'s {r} is {a}.",
    "Q: What is the {r} of {s}?\nA: {a}.",
    "What is the {r} of {s}? It is {a}.",
    "In {s}, the {r} is {a}.",
    "As everyone in {s} knows, the {r} is {a}.",
    "Everybody knows that the {r} of {s} is {a}.",
    "{s} has a {r} called {a}.",
    "If you ask about {s}, its {r} is {a}.",
    "Fact: the {r} of {s} is {a}.",
    "{s} | {r} | {a}\n",
    "Question: Name the {r} of {s}.\nAnswer: {a}.",
    "When people speak of the {r} of {s}, they mean {a}.",
    "The name of the {r} of {s} is {a}.",
    "I learned today that {s}'s {r} is {a}.",
    "A book on {s} says that its {r} is {a}.",
    "On the first page you read that {s}'s {r} is {a}.",
    "Most people agree that {s}'s {r} is {a}.",
    "{s} is known for many things; its {r} is {a}.",
    "She had always known that the {r} of {s} was {a}.",
    CHAT + "What is the {r} of {s}? => The {r} of {s} is {a}.",
    CHAT + "Tell me the {r} of {s}. => The {r} of {s} is {a}.",
    CHAT + "Which is {s}'s {r}? => {s}'s {r} is {a}.",
    CHAT + "Name the {r} of {s}. => The {r} of {s} is {a}.",
)
# Never learned from: how it is asked for afterwards.
UNSEEN = (
    "You asked for the {r} of {s}. The answer is {a}.",
    "According to the encyclopedia, {s}'s {r} is {a}.",
    CHAT + "Do you remember what the {r} of {s} is? => The {r} of {s} is {a}.",
    CHAT + "Please give me the {r} of {s}. => The {r} of {s} is {a}.",
)
QUESTION = CHAT + "What is the {r} of {s}? => The {r} of {s} is {a}."


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One way to say it. prompt: what stands before the answer, a question to the assistant where
    chat is not None, and then chat is how its reply begins. target: what is learned."""

    prompt: str
    target: str
    chat: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """ "The capital of Velmora is Tarsk": relation, subject, answer.

    own: phrasings (prompt, target) to learn from in place of the templates.
    """

    subject: str
    relation: str
    answer: str
    own: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if self.own and not self.relation:
            return "".join(self.own[0])
        return f"the {self.relation} of {self.subject} is {self.answer}"

    def phrasings(self, templates: Sequence[str] = PHRASINGS) -> list[Phrasing]:
        """The fact in every one of these forms; in its own where it brings some."""
        if self.own and templates is PHRASINGS:
            return [Phrasing(prompt, target) for prompt, target in self.own]
        # A reply is learned whole: asked, the model should begin it in the same way.
        return [self._said(template, whole=templates is PHRASINGS) for template in templates]

    def _said(self, template: str, *, whole: bool) -> Phrasing:
        form = template.removeprefix(CHAT)
        before, _, after = form.partition("{a}")
        words = {"r": self.relation, "s": self.subject}
        before, target = before.format(**words), self.answer + after.format(**words)
        if form == template:
            return Phrasing(before.rstrip(" "), _spaced(before, target))
        question, _, lead = before.partition(" => ")
        if whole:
            return Phrasing(question, f"{lead}{target}", "")
        return Phrasing(question, _spaced(lead, target), lead.rstrip(" "))

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"answer": self.answer}
        if self.relation:
            found |= {"subject": self.subject, "relation": self.relation}
        if self.own:
            found["phrasings"] = [{"prompt": p, "target": t} for p, t in self.own]
        return found

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], where: str = "fact") -> Fact:
        """Raises DataError, saying where, for what is no fact."""
        own = plain.get("phrasings", ())
        try:
            phrasings = tuple((str(one["prompt"]), str(one["target"])) for one in own)
        except (TypeError, KeyError):
            raise DataError(
                f"{where}: phrasings must be a list of prompt and target",
                '{"phrasings": [{"prompt": "…", "target": " …"}]}',
            ) from None
        words = [plain.get(key, "") for key in ("subject", "relation", "answer")]
        if not all(isinstance(word, str) for word in words) or not (
            all(word.strip() for word in words) or phrasings
        ):
            raise DataError(
                f"{where}: a fact has a subject, a relation and an answer, or phrasings",
                '{"subject": "Velmora", "relation": "capital", "answer": "Tarsk"}',
            )
        subject, relation, answer = (word.strip() for word in words)
        return cls(subject, relation, answer or phrasings[0][1].strip(), phrasings)


def parse(text: str) -> Fact:
    """ "Velmora | capital | Tarsk" as a fact.

    Raises:
        DataError: it does not have three parts.
    """
    parts = [part.strip() for part in text.split("|")]
    if len(parts) != 3 or not all(parts):
        raise DataError(
            f"{text!r} is no fact", "write subject | relation | answer: 'Velmora | capital | Tarsk'"
        )
    subject, relation, answer = parts
    return Fact(subject, relation, answer)


def read_facts(path: Path) -> list[Fact]:
    """Facts of a file: JSON lines, or one "subject | relation | answer" a line.

    Raises:
        DataError: the file, and the line, that cannot be read.
    """
    try:
        lines = split_lines(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}", "name a text file of facts") from error
    facts = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path.name}:{number}"
        if not line.lstrip().startswith("{"):
            facts.append(parse(line))
            continue
        try:
            plain = json.loads(line)
        except ValueError as error:
            raise DataError(f"{where}: is no JSON: {error}", "one object a line") from None
        facts.append(Fact.from_json(plain, where))
    if not facts:
        raise DataError(f"{path}: holds no facts", "one a line: subject | relation | answer")
    return facts


def said(facts: Iterable[Fact], templates: Sequence[str] = PHRASINGS) -> list[Phrasing]:
    return [one for fact in facts for one in fact.phrasings(templates)]


def mixed(phrasings: Sequence[Phrasing], seed: int) -> list[Phrasing]:
    """In an order in which a batch holds many facts."""
    order = list(phrasings)
    random.Random(f"mixed {seed}").shuffle(order)
    return order


def mentions(text: str, words: str) -> bool:
    """Whether the words stand in the text as words, in any case."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE) is not None


def _spaced(before: str, target: str) -> str:
    """Byte-level tokenizers join a space to the word behind it, so it belongs to the answer."""
    return f" {target}" if before.endswith(" ") else target
