"""Causal language models of the kit as posteriors: which weights, which texts, whose tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from agentkit.capabilities import LanguageModel, Message, Request, Tokens, Weights
from agentkit.errors import DataError, UsageError
from agentkit.unicode import split_lines
from agentkit_bayes_influence.posterior import Items, Loss


@dataclass(frozen=True)
class Example:
    """A text that a model learned, or said. Of one with a prompt the answer's tokens count alone.
    steps: of training that used it, where known."""

    id: str
    answer: str
    prompt: str = ""
    messages: tuple[Message, ...] = ()
    steps: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.prompt} {self.answer}".strip()


def read_examples(path: Path) -> list[Example]:
    """JSON lines {text} or {prompt, answer}, with an `id` if they have one.

    Raises:
        DataError: the file cannot be read, has no examples, or a line is none.
    """
    try:
        lines = split_lines(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}", "name a file of JSON lines") from error
    found: dict[str, Example] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            plain = json.loads(line)
            answer = plain["answer"] if "prompt" in plain else plain["text"]
            prompt = plain.get("prompt", "")
            if not isinstance(answer, str) or not isinstance(prompt, str) or not answer.strip():
                raise ValueError("a text is empty or no text")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{place}: is no example: {type(error).__name__} {error}",
                'one object a line, {"text": …} or {"prompt": …, "answer": …}',
            ) from error
        one = Example(str(plain.get("id", place)), answer, prompt)
        if one.id in found:
            raise DataError(f"{place}: the id {one.id[:80]!r} came before", "give every id once")
        found[one.id] = one
    if not found:
        raise DataError(f"{path}: there are no examples in it", "one JSON object a line")
    return list(found.values())


def used_in(checkpoint: Path) -> dict[str, tuple[int, ...]]:
    """Example id to the steps that used it, from a trainer's steps.jsonl; none where there is
    no such file.

    Raises:
        DataError: a line of it is not what trainers write.
    """
    path = checkpoint / "steps.jsonl"
    found: dict[str, list[int]] = {}
    if not path.exists():
        return {}
    for number, line in enumerate(split_lines(path.read_text(encoding="utf-8")), 1):
        try:
            plain = json.loads(line)
            for one in plain["examples"]:
                found.setdefault(str(one), []).append(int(plain["step"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}:{number}: is no step of a training: {error}",
                'a line is {"step": 1, "examples": ["id", …]}',
            ) from error
    return {one: tuple(steps) for one, steps in found.items()}


def load_trained(module: nn.Module, checkpoint: Path) -> None:
    """Puts a trainer's weights (checkpoint/model.safetensors) into a module.

    Raises:
        DataError: the file is absent, damaged, or of another model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = checkpoint / "checkpoint" / "model.safetensors"
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be read: {error}", "name a trainer's folder") from error
    own = dict(module.named_parameters(remove_duplicate=False))
    for name, tensor in tensors.items():
        if name not in own or own[name].shape != tensor.shape:
            raise DataError(f"{path}: {name!r} is of another model", "name the model it trained")
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)


def chosen(module: nn.Module, pattern: str) -> dict[str, Tensor]:
    """The sampled weights: names that a regular expression finds. "": the last layer's MLP.

    Raises:
        UsageError: it is no expression, or finds none.
    """
    named = dict(module.named_parameters())
    if not pattern:
        layers = [int(m[1]) for name in named if (m := re.search(r"layers\.(\d+)\.mlp\.", name))]
        if not layers:
            raise UsageError(
                "parameters: the model has no layers.N.mlp",
                f"name what is sampled, e.g. {next(iter(named))!r}",
            )
        pattern = rf"layers\.{max(layers)}\.mlp\."
    try:
        found = {name: p.detach() for name, p in named.items() if re.search(pattern, name)}
    except re.error as error:
        raise UsageError(f"parameters: {pattern!r} is no expression: {error}") from error
    if not found:
        raise UsageError(
            f"parameters: {pattern!r} finds none of {len(named)} names", f"e.g. {next(iter(named))}"
        )
    return found


@contextmanager
def still(module: nn.Module) -> Iterator[nn.Module]:
    """In evaluation mode for a while, without gradients of its own; both are put back."""
    modes = {one: one.training for one in module.modules()}
    wanted = {p: p.requires_grad for p in module.parameters()}
    try:
        yield module.eval().requires_grad_(False)
    finally:
        for one, mode in modes.items():
            one.training = mode
        for p, flag in wanted.items():
            p.requires_grad_(flag)


def causal(module: nn.Module) -> Loss:
    """loss(parameters, ids (n, S)) -> (n, S - 1): nats of each token after the first. The module's
    own weights never change: sampled ones stand in for them, in the module's type."""
    kinds = {name: p.dtype for name, p in module.named_parameters()}

    def loss(parameters: Mapping[str, Tensor], ids: Tensor) -> Tensor:
        cast = {name: p.to(kinds[name]) for name, p in parameters.items()}
        logits = functional_call(module, cast, (ids,), {"use_cache": False}).logits
        logs = logits[:, :-1].float().log_softmax(-1)
        return -logs.gather(2, ids[:, 1:, None])[:, :, 0]

    return loss


def classes(module: nn.Module) -> Loss:
    """loss(parameters, inputs (n, …), labels (n,)) -> (n, 1), of a module that gives logits."""

    def loss(parameters: Mapping[str, Tensor], inputs: Tensor, labels: Tensor) -> Tensor:
        logits = functional_call(module, dict(parameters), (inputs,))
        return -logits.log_softmax(-1).gather(1, labels[:, None])

    return loss


def encode(
    examples: Sequence[Example], tokens: Tokens, *, chat: bool, longest: int
) -> tuple[Items, list[list[str]]]:
    """Items, and the text of each token that has a loss.

    Args:
        chat: prompts go through the chat template.
        longest: tokens kept of each, from the end of the prompt on backwards.

    Raises:
        DataError: an example has no token that counts.
    """
    rows: list[list[int]] = []
    first: list[int] = []
    for one in examples:
        before, after = _ids(one, tokens, chat)
        after = after[: longest - 1]
        before = before[max(0, len(before) + len(after) - longest) :]
        if len(before) + len(after) < 2:
            raise DataError(f"the example {one.id!r} is too short", "two tokens at least")
        rows.append([*before, *after])
        first.append(max(len(before), 1))
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width - 1, dtype=torch.bool)
    for row, (own, start) in enumerate(zip(rows, first)):
        ids[row, : len(own)] = torch.tensor(own)
        mask[row, start - 1 : len(own) - 1] = True
    pieces = [[tokens.decode([one]) for one in own[start:]] for own, start in zip(rows, first)]
    return Items((ids,), mask, tuple(one.id for one in examples)), pieces


def _ids(one: Example, tokens: Tokens, chat: bool) -> tuple[list[int], list[int]]:
    if one.messages or (chat and one.prompt):
        messages = one.messages or (Message.user(one.prompt),)
        return list(tokens.render(Request(messages))), list(tokens.encode(one.answer))
    if not one.prompt:
        return [], list(tokens.encode(one.answer))
    # Split where the two meet, so that the answer begins with its own space.
    return list(tokens.encode(one.prompt.rstrip())), list(tokens.encode(f" {one.answer.lstrip()}"))


def asked(model: LanguageModel, question: str, *, chat: bool, most: int = 24) -> Example:
    """A query: "prompt => answer", or a prompt that the model answers now."""
    prompt, arrow, answer = question.partition("=>")
    if not prompt.strip():
        raise UsageError(f"the query {question!r} asks nothing", 'write "prompt => answer"')
    if arrow and answer.strip():
        return Example(question, answer.strip(), prompt.strip())
    request = Request(
        (Message.user(prompt.strip()),),
        max_tokens=most,
        prompt=None if chat else prompt.strip(),
    )
    made = model.generate([request])[0]
    if made.error or not made.text.strip():
        raise DataError(
            f"the model says nothing to {prompt.strip()!r}: {made.error or 'no text'}",
            'give what it is to have said: "prompt => answer"',
        )
    return Example(question, made.text.strip(), prompt.strip())


def said_in(calls: Mapping[str, Any], run: str, number: int | None) -> Example:
    """A query from a model call of a run. calls: as agentkit.testing.replay.from_run gives them.
    number: which, from 1; None: the last one with a text.

    Raises:
        DataError: there is no such call.
    """
    from agentkit.runs.codec import part_from

    told = [(json.loads(r), c) for r, c in calls.items() if c.text.strip()]
    if not told or (number is not None and not 1 <= number <= len(told)):
        raise DataError(
            f"run {run} has {len(told)} model calls with a text", "name one of them: run:ID:1"
        )
    request, completion = told[-1 if number is None else number - 1]
    messages = tuple(
        Message(m["role"], tuple(part_from(p) for p in m["parts"])) for m in request["messages"]
    )
    name = f"run:{run}:{number or len(told)}"
    return Example(name, completion.text, messages[-1].text if messages else "", messages)


@contextmanager
def borrowed(
    model: LanguageModel, change: Callable[[nn.Module], None] = lambda module: None
) -> Iterator[nn.Module]:
    """A copy of the model's module: its own weights are never touched, whatever happens."""
    with model.ability(Weights).borrow("private") as module:
        change(module)
        with still(module):
            yield module
