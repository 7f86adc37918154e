"""From examples to batches of tokens, in an order that a seed decides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from agentkit.capabilities import Example, Message, Request, Tokens
from agentkit.errors import DataError, UsageError
from agentkit.seeds import derive

POOL = 16  # batches whose sequences are sorted by length together


@runtime_checkable
class Lessons(Protocol):
    """Of a model's `tokens` that writes answers in tokens which depend on the prompt."""

    def lesson(self, request: Request, answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(prompt, answer) as tokens, the answer with its end.

        Raises:
            DataError: the model has no words for that answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Lesson:
    """One example in tokens. weight: of its loss."""

    id: str
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    weight: float = 1.0

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True, slots=True)
class Taught:
    """What can be learned of some data. unsayable: examples that the model has no words for, which
    are left out; long: those with too many tokens, likewise."""

    lessons: tuple[Lesson, ...]
    unsayable: int
    long: int

    @property
    def hash(self) -> str:
        """Of ids and tokens, in their order."""
        digest = hashlib.sha256()
        for one in self.lessons:
            digest.update(repr((one.id, one.prompt, one.answer, one.weight)).encode())
        return digest.hexdigest()


def taught(examples: Iterable[Example], tokens: Tokens, *, chat: bool, longest: int) -> Taught:
    """Examples `{prompt, answer}`, in tokens.

    Args:
        chat: whether a prompt goes through the chat template.
        longest: tokens of an example.

    Raises:
        UsageError: there are none.
        DataError: one has no prompt or answer, or none can be learned from.
    """
    lessons, unsayable, long = [], 0, 0
    end = () if isinstance(tokens, Lessons) else (end_token(tokens),)
    for one in examples:
        try:
            prompt, answer = str(one.data["prompt"]), str(one.data["answer"])
            weight = float(one.data.get("weight", 1.0))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"the example {one.id!r} is none: {type(error).__name__} {error}",
                "an example has the texts `prompt` and `answer`, and may have a `weight`",
            ) from error
        try:
            made = Lesson(one.id, *_tokens(tokens, prompt, answer, chat, end), weight)
        except DataError:
            unsayable += 1
            continue
        if made.length > longest:
            long += 1
        elif made.prompt and made.answer:
            lessons.append(made)
    if not lessons:
        if unsayable or long:
            raise DataError(
                f"nothing can be learned: {unsayable} answers that the model has no words for, "
                f"{long} examples of more than {longest} tokens",
                "is this the data that the model was made for?",
            )
        raise UsageError("there are no examples to train on", "give a file of JSON lines")
    return Taught(tuple(lessons), unsayable, long)


def _tokens(
    tokens: Tokens, prompt: str, answer: str, chat: bool, end: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    request = Request((Message.user(prompt),))
    if isinstance(tokens, Lessons):
        return tokens.lesson(request, answer)
    before = tokens.render(request) if chat else tokens.encode(prompt)
    return before, (*tokens.encode(answer), *end)


def end_token(tokens: Tokens) -> int:
    """What a model ends its answers with: the token behind an answer in a rendered conversation.

    Raises:
        UsageError: its chat template does not tell.
    """
    asked, said = Message.user("?"), "x"
    before = tokens.render(Request((asked,)))
    whole = tokens.render(Request((asked, Message.assistant(said))))
    answer = tokens.encode(said)
    if whole[: len(before)] != before or whole[len(before) :][: len(answer)] != answer:
        raise UsageError(
            "the model's chat template does not tell what ends an answer", "use a chat model"
        )
    return whole[len(before) + len(answer)]


def split(taught: Taught, share: float, seed: int) -> tuple[list[Lesson], list[Lesson]]:
    """(train, held out). By the example's id, so that more data moves none from one to the other;
    steps of one episode (`task@seed.step`) stay together."""
    train: list[Lesson] = []
    held: list[Lesson] = []
    for one in taught.lessons:
        drawn = derive(seed, f"held out {one.id.partition('@')[0]}") % 10_000
        (held if drawn < share * 10_000 else train).append(one)
    return (train, held) if train else (list(taught.lessons), [])


def batches(lessons: Sequence[Lesson], size: int, seed: int) -> Iterator[list[Lesson]]:
    """Without end. Every epoch has an order of its own; sequences of similar length go together."""
    epoch = 0
    while True:
        random = Random(derive(seed, "epoch", epoch))
        order = list(lessons)
        random.shuffle(order)
        made = []
        for start in range(0, len(order), size * POOL):
            pool = sorted(order[start : start + size * POOL], key=lambda one: one.length)
            made += [pool[n : n + size] for n in range(0, len(pool), size)]
        random.shuffle(made)
        yield from made
        epoch += 1


@dataclass(frozen=True, slots=True)
class Batch:
    """ids (B, T), padded on the right. weights (B, T): of predicting each token from those before
    it; 0 for padding and the first. answers (B, T): whether a token is of the answer."""

    ids: Tensor
    weights: Tensor
    answers: Tensor


def collate(lessons: Sequence[Lesson], prompt_weight: float, device: Any = None) -> Batch:
    longest = max(one.length for one in lessons)
    ids = torch.zeros(len(lessons), longest, dtype=torch.long)
    weights = torch.zeros(len(lessons), longest)
    answers = torch.zeros(len(lessons), longest, dtype=torch.bool)
    for row, one in enumerate(lessons):
        start = len(one.prompt)
        ids[row, : one.length] = torch.tensor(one.prompt + one.answer)
        weights[row, 1:start] = prompt_weight * one.weight
        weights[row, start : one.length] = one.weight
        answers[row, start : one.length] = True
    return Batch(ids.to(device), weights.to(device), answers.to(device))
