"""A model that says what it was told to say, so that agents can be tested without one that thinks.

[models.fake]
use = "scripted"
answers = ["first", '{"name": "search", "arguments": {"query": "x"}}']

[[models.fake.rules]]
when = "capital of France"
answers = ["Paris"]
"""

from __future__ import annotations

import importlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, PlainSerializer

from agentkit.capabilities.abilities import ABILITIES, Grammars, Vision
from agentkit.capabilities.language_model import (
    Cancel,
    Completion,
    Delta,
    Finish,
    Grammar,
    Image,
    ModelInfo,
    OnDelta,
    Request,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from agentkit.errors import ContextOverflow, GrammarDeadEnd, Unsupported, UsageError
from agentkit.models.text import schemas
from agentkit.seeds import derive
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts

A = TypeVar("A")
Answerer = Callable[[Request], "str | Mapping[str, Any] | Completion"]
PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")
IMAGE_TOKENS = 64


def _named(value: Any) -> Any:
    """ "module:function" to the function itself."""
    if not isinstance(value, str):
        return value
    module, _, attribute = value.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{value!r} is not a function that can be imported: {error}") from error


def _name(value: Any) -> str | None:
    return None if value is None else f"{value.__module__}:{value.__qualname__}"


class Answer(PartSettings):
    """One scripted answer in full. error: the completion fails with this text."""

    text: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    error: str = ""


class Rule(PartSettings):
    """Answers for requests whose text (all messages, one a line) matches a regular expression."""

    when: str
    answers: tuple[str | Answer, ...] = Field(min_length=1)


class ScriptedSettings(PartSettings):
    """What is said when.

    rules: the first that matches is used. answers: for what no rule matches. function: called with
    the request instead of both; a function, or "module:function" in a file. choose: take answers in
    turn, or by what the request is (of those that match its grammar), so that order, threads and
    restarts change nothing. then: what follows the last answer taken in turn. pace: seconds to wait
    before each token.
    """

    answers: tuple[str | Answer, ...] = ()
    rules: tuple[Rule, ...] = ()
    function: Annotated[
        Callable[[Request], Any] | None,
        BeforeValidator(_named),
        PlainSerializer(_name, when_used="json"),
    ] = None
    choose: Literal["order", "request"] = "order"
    then: Literal["error", "last", "cycle"] = "last"
    context: int = 32768
    pace: float = 0.0


class ScriptedModel:
    """Answers from a script. `requests` keeps what it was asked, in order of arrival.

    An answer that is a JSON object with "name" and "arguments" (or a list of those) naming tools of
    the request becomes tool calls. One that does not match the request's grammar is an error, never
    passed on.
    """

    def __init__(self, settings: ScriptedSettings, parts: Parts | None = None) -> None:
        self.settings = settings
        self.info = ModelInfo(
            parts.name if parts else "scripted", settings.context, frozenset({"grammar", "vision"})
        )
        self.requests: list[Request] = []
        self._taken: dict[str, int] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, *answers: str | Answer | Answerer, **settings: Any) -> ScriptedModel:
        """`ScriptedModel.of("yes", "no")`, or `ScriptedModel.of(function)`."""
        if len(answers) == 1 and callable(answers[0]):
            return cls(ScriptedSettings(function=answers[0], **settings))
        return cls(ScriptedSettings.model_validate({"answers": answers, **settings}))

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        for request in requests:
            self._fits(request)
        with self._lock:
            self.requests += requests
        chosen = [[self._choose(r, n) for n in range(r.n)] for r in requests]
        made = []
        for index, (request, answers) in enumerate(zip(requests, chosen)):
            told = (lambda text, index=index: on_delta(Delta(index, text))) if on_delta else None
            first = self._say(request, answers[0], told, cancel)
            others = tuple(self._say(request, answer, None, cancel) for answer in answers[1:])
            made.append(replace(first, others=others))
        return made

    def ability(self, kind: type[A]) -> A:
        if kind in (Grammars, Vision):
            return self  # type: ignore[return-value]
        name = next((n for n, ability in ABILITIES.items() if ability is kind), kind.__name__)
        raise Unsupported(
            f"models.{self.info.name} is scripted and has no {name!r}",
            'use a model with weights, e.g. use = "transformers" with a tiny folder',
        )

    def check_grammar(self, grammar: Grammar) -> None:
        """Raises GrammarDeadEnd where nothing in the script matches."""
        texts = [_text(a) for a in self._all()]
        if texts and all(mismatch(grammar, text) for text in texts):
            raise GrammarDeadEnd(
                f"no answer of models.{self.info.name} matches the grammar", "add one that does"
            )

    def image_tokens(self, image: Image) -> int:
        """The same for every picture: nothing looks at it."""
        return IMAGE_TOKENS

    # -- choosing ---------------------------------------------------------------------------------

    def _all(self) -> Iterator[str | Answer]:
        yield from self.settings.answers
        for rule in self.settings.rules:
            yield from rule.answers

    def _choose(self, request: Request, number: int) -> Completion | Answer:
        if self.settings.function is not None:
            return _answer(self.settings.function(request))
        text = prompt(request)
        for rule in self.settings.rules:
            if re.search(rule.when, text):
                return self._pick(rule.when, rule.answers, request, number)
        return self._pick("", self.settings.answers, request, number)

    def _pick(
        self, script: str, answers: Sequence[str | Answer], request: Request, number: int
    ) -> Completion | Answer:
        if self.settings.choose == "request" and answers:
            if request.grammar is not None:
                grammar = request.grammar
                fitting = [a for a in answers if not mismatch(grammar, _text(a))]
                answers = fitting or answers
            seed = request.context.seed if request.temperature else 0
            return _answer(answers[(derive(seed, prompt(request)) + number) % len(answers)])
        with self._lock:
            taken = self._taken.get(script, 0)
            self._taken[script] = taken + 1
        if taken >= len(answers):
            if not answers or self.settings.then == "error":
                raise UsageError(
                    f"models.{self.info.name}: the script has no answer number {taken + 1} to "
                    f"{prompt(request)[-200:]!r}",
                    "add an answer or a rule",
                )
            taken = -1 if self.settings.then == "last" else taken % len(answers)
        return _answer(answers[taken])

    # -- saying -----------------------------------------------------------------------------------

    def _fits(self, request: Request) -> None:
        need = count(request) + request.max_tokens
        if need > self.info.context:
            raise ContextOverflow(
                f"models.{self.info.name}: {need} tokens of prompt and answer, "
                f"{self.info.context} fit",
                "shorten the prompt or ask for fewer tokens",
            )

    def _say(
        self,
        request: Request,
        answer: Completion | Answer,
        told: Callable[[str], None] | None,
        cancel: Cancel | None,
    ) -> Completion:
        path, asked = (self.info.name,), count(request)
        if isinstance(answer, Completion):
            return replace(answer, path=answer.path or path)
        calls = _tool_calls(answer, request)
        fault = answer.error
        if request.grammar is not None and not fault and not calls:
            fault = mismatch(request.grammar, answer.text)
        if fault:
            return Completion("", "error", usage=Usage(asked), path=path, error=fault)
        text = "" if calls else answer.text
        finish: Finish = "tool_calls" if calls else "stop"
        pieces = PIECE.findall(json.dumps(answer.tool_calls) if calls else text)
        if not calls:
            if len(pieces) > request.max_tokens:
                pieces, finish = pieces[: request.max_tokens], "length"
            text = "".join(pieces)
            ends = [at for at in map(text.find, request.stop) if at >= 0]
            if ends:
                text, finish = text[: min(ends)], "stop"
                pieces = PIECE.findall(text)
        said = 0
        for number, piece in enumerate(pieces):
            if cancel:
                text, finish, calls = "".join(pieces[:number]), "cancelled", ()
                break
            if self.settings.pace:
                time.sleep(self.settings.pace)
            said = number + 1
            if told is not None and not calls:
                told(piece)
        usage = Usage(asked, said, said)
        return Completion(text, finish, tool_calls=calls, usage=usage, path=path)


def prompt(request: Request) -> str:
    """All that a request says, one message a line: what rules are matched against."""
    lines = [] if request.prompt is None else [str(request.prompt)]
    for message in request.messages:
        words = []
        for part in message.parts:
            if isinstance(part, Text):
                words.append(part.text)
            elif isinstance(part, ToolResult):
                words.append(part.content)
            elif isinstance(part, ToolCall):
                words.append(json.dumps({"name": part.name, "arguments": dict(part.arguments)}))
        lines.append(" ".join(words))
    return "\n".join(lines)


def count(request: Request) -> int:
    """Tokens of a prompt, by the fakes' own measure: words and marks; a picture counts as 64."""
    pictures = sum(isinstance(p, Image) for m in request.messages for p in m.parts)
    tools = sum(len(PIECE.findall(t.description + json.dumps(t.parameters))) for t in request.tools)
    return len(PIECE.findall(prompt(request))) + tools + IMAGE_TOKENS * pictures


def mismatch(grammar: Grammar, text: str) -> str:
    """Why a text does not match a grammar, "" where it does.

    Raises:
        Unsupported: for Lark grammars, which cannot be checked without a tokenizer.
    """
    if grammar.kind == "lark":
        raise Unsupported("a scripted answer cannot be checked against a Lark grammar", "use json")
    return schemas.mismatch(grammar, text)


def _answer(value: Any) -> Completion | Answer:
    if isinstance(value, str):
        return Answer(text=value)
    if isinstance(value, Completion | Answer):
        return value
    return Answer.model_validate(value)


def _text(value: str | Answer) -> str:
    return value if isinstance(value, str) else value.text


def _tool_calls(answer: Answer, request: Request) -> tuple[ToolCall, ...]:
    known, found = {tool.name for tool in request.tools}, list(answer.tool_calls)
    if not found and known and answer.text.lstrip().startswith(("{", "[")):
        try:
            read = json.loads(answer.text)
        except ValueError:
            return ()
        read = read if isinstance(read, list) else [read]
        if all(isinstance(c, dict) and c.keys() == {"name", "arguments"} for c in read):
            found = [c for c in read if c["name"] in known]
    return tuple(ToolCall(f"call-{n}", c["name"], c["arguments"]) for n, c in enumerate(found, 1))
