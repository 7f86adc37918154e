"""LanguageModel: a batch of requests in, completions in the same order out.

Routers, samplers, memories and prompt inducers are not nouns of their own: each takes models and is
one. What a model can do beyond `generate` is an *ability*, asked for by type:

    tokens = model.ability(Tokens)      # or Unsupported, naming the part and the ability

The abilities are in `abilities.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from agentkit.errors import AgentkitError
from agentkit.unicode import valid

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tool_calls", "cancelled", "error"]
Ids = Sequence[int]
A = TypeVar("A")


# -- messages -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """An encoded picture (PNG, JPEG, WebP)."""

    data: bytes
    media_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class Embeds:
    """Input embeddings that stand for `shape[0]` tokens, e.g. vision tokens. values: (n, d)."""

    values: Any
    note: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back to the call with the same id."""

    id: str
    content: str
    error: bool = False


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model thought before it answered; no part of the answer."""

    text: str


Part = Text | Image | Embeds | ToolCall | ToolResult | Reasoning


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, role: Role, *content: str | Part) -> Message:
        return cls(role, tuple(Text(c) if isinstance(c, str) else c for c in content))

    @classmethod
    def system(cls, *content: str | Part) -> Message:
        return cls.of("system", *content)

    @classmethod
    def user(cls, *content: str | Part) -> Message:
        return cls.of("user", *content)

    @classmethod
    def assistant(cls, *content: str | Part) -> Message:
        return cls.of("assistant", *content)

    @classmethod
    def tool(cls, result: ToolResult) -> Message:
        return cls("tool", (result,))

    @property
    def text(self) -> str:
        """All text parts, joined."""
        return "".join(p.text for p in self.parts if isinstance(p, Text))


# -- requests and completions ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it. parameters: a JSON Schema of the arguments object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Grammar:
    """What the output must match: a JSON Schema, a regular expression, or a Lark grammar.

    The mask is renormalised step by step, not conditioned on the whole string: likelihoods under a
    grammar are those of the masked model.
    """

    kind: Literal["json", "regex", "lark"]
    value: Mapping[str, Any] | str


@dataclass(frozen=True, slots=True)
class CallContext:
    """Where a request comes from; routers and records read it, models draw from its seed."""

    run: str = ""
    node: str = ""
    conversation: str = ""
    purpose: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `extra` holds a wrapper's own settings under that part's name.

    temperature 0 is greedy; `logprobs` is how many alternatives per position to return (None: no
    log-probabilities at all, 0: those of the chosen tokens). must_call: the answer is a call of one
    of the tools, no text. prompt: a text to go on with, or its ids, in place of messages and
    without any chat template.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    grammar: Grammar | None = None
    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    n: int = 1
    logprobs: int | None = None
    context: CallContext = field(default_factory=CallContext)
    extra: Mapping[str, Any] = field(default_factory=dict)
    must_call: bool = False
    prompt: str | tuple[int, ...] | None = None

    @classmethod
    def of(cls, *messages: str | Message, **settings: Any) -> Request:
        """`Request.of("Hello", max_tokens=20)`: strings become user messages."""
        made = tuple(Message.user(m) if isinstance(m, str) else m for m in messages)
        return cls(made, **settings)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `spent` counts what was really generated, discarded proposals included."""

    prompt: int = 0
    completion: int = 0
    spent: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.spent + other.spent,
        )


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One generated token with its log-probability (nats, temperature 1) and the likeliest ones.
    top_ids: their ids, where the model knows them."""

    token: str
    id: int
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    top_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. `path` names the parts it went through, outermost first; `others` holds the
    remaining answers where n > 1; `error` is set where finish is "error" (others go on), `code`
    with it where the error has one; `reasoning` is what the model thought before."""

    text: str
    finish: Finish = "stop"
    ids: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    path: tuple[str, ...] = ()
    others: tuple[Completion, ...] = ()
    error: str = ""
    code: str = ""
    reasoning: str = ""

    def __post_init__(self) -> None:
        for name in ("text", "reasoning"):
            object.__setattr__(self, name, valid(getattr(self, name)))

    @classmethod
    def failed(cls, error: BaseException, *path: str) -> Completion:
        """The answer to a request that met an error, while others go on."""
        if isinstance(error, AgentkitError):
            said = "; ".join(filter(None, (error.message, error.hint)))
            return cls("", "error", path=path, error=said, code=error.code)
        return cls("", "error", path=path, error=f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of text of request `index` that can no longer change. reasoning: it is thought, no
    part of the answer."""

    index: int
    text: str
    reasoning: bool = False


OnDelta = Callable[[Delta], None]


class Cancel:
    """A flag that models check between tokens. Thread-safe.

    above: where that one is set, this one is.
    """

    def __init__(self, above: Cancel | None = None) -> None:
        self._event, self._above = threading.Event(), above

    def set(self) -> None:
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set() or bool(self._above)


# -- the model and its abilities ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model is.

    context: tokens of prompt and answer together. abilities: names of ABILITIES. fingerprint: a
    hash of weights and tokenizer, empty where unknown. exact: `score` gives bit for bit the numbers
    of `extend`.
    """

    name: str
    context: int
    abilities: frozenset[str] = frozenset()
    fingerprint: str = ""
    parameters: int = 0
    exact: bool = False


@runtime_checkable
class LanguageModel(Protocol):
    info: ModelInfo

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        """Answers all requests, in their order. One that fails has finish "error".

        Raises:
            ContextOverflow: before any compute, when a prompt cannot fit.
            BackendUnavailable: when nothing can be answered at all.
        """
        ...

    def ability(self, kind: type[A]) -> A:
        """The ability of that type.

        Raises:
            Unsupported: naming this part, the ability, and what to use instead.
        """
        ...
