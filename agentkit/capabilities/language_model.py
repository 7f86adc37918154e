"""LanguageModel: a batch of requests in, completions in the same order out.

Routers, samplers, memories and prompt inducers are not nouns of their own: each takes models and is
one. What a model can do beyond `generate` is an *ability*, asked for by type:

    tokens = model.ability(Tokens)      # or Unsupported, naming the part and the ability
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

from agentkit.errors import AgentkitError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.nn import Module

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
    """A flag that models check between tokens. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()


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


@dataclass(frozen=True, slots=True)
class Draw:
    """How one row is drawn. The random number of position i depends on (seed, i) alone."""

    seed: int = 0
    temperature: float = 1.0
    grammar: Grammar | None = None
    stop_ids: tuple[int, ...] | None = None  # None: the model's own end tokens


class Seq(Protocol):
    """A token sequence whose keys and values are kept. Immutable once made, except by `extend`."""

    @property
    def ids(self) -> tuple[int, ...]: ...

    @property
    def version(self) -> int:
        """Version of the weights that its keys and values came from."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens with their numbers; every array has shape (L,).

    ids: the tokens. logp: log-probability in nats at temperature 1, renormalised under the grammar.
    logz: log sum p^(1/temperature), so that log q = logp / temperature - logz. sampled: log q, what
    the engine really drew from. version: weights version per token.
    """

    ids: np.ndarray
    logp: np.ndarray
    logz: np.ndarray
    sampled: np.ndarray
    version: np.ndarray
    finish: Finish = "length"


@runtime_checkable
class Tokens(Protocol):
    """Token-level generation with exact likelihoods and shared keys and values."""

    def render(self, request: Request) -> tuple[int, ...]:
        """The request's messages through the chat template, ready for an answer."""
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """Plain text to ids, without special tokens added."""
        ...

    def decode(self, ids: Ids) -> str: ...

    def open(self, prompts: Sequence[Ids]) -> list[Seq]:
        """One prefill per distinct prompt; equal prompts share immutable keys and values."""
        ...

    def fork(self, seq: Seq, length: int) -> Seq:
        """The first `length` >= 1 tokens as a sequence of its own; the parent is unchanged."""
        ...

    def extend(
        self,
        seqs: Sequence[Seq],
        max_new: int | Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Span]:
        """Advances the sequences in one decode batch, drawing with full support. max_new: the most
        new tokens, of all rows or one number for each."""
        ...

    def score(
        self, prompts: Sequence[Ids], targets: Sequence[Ids], draws: Sequence[Draw]
    ) -> list[Span]:
        """The numbers that `extend` would give for these tokens: 0.0 apart where `info.exact`,
        else within 1e-4."""
        ...


@runtime_checkable
class Hidden(Protocol):
    """Residual streams, read only."""

    def hidden(self, ids: Sequence[Ids], sites: Sequence[str]) -> dict[str, list[Tensor]]:
        """Per site ("resid_pre.L", "attn_out.L", "mlp_out.L", "resid_post.L") one (T, d) tensor
        a sequence, in fp32."""
        ...


@runtime_checkable
class Weights(Protocol):
    """The module itself."""

    def borrow(self, mode: Literal["read", "train", "private"]) -> AbstractContextManager[Module]:
        """The module for a while. "read": no gradients, shared. "train": gradients, and everyone
        sees the changes afterwards. "private": a copy of what is touched; the base never changes.
        """
        ...

    def load(self, tensors: Mapping[str, Tensor], *, version: int) -> None:
        """Replaces tensors by name and drops every key and value of an older version."""
        ...


@runtime_checkable
class Logprobs(Protocol):
    """Log-probabilities of the likeliest tokens, as an HTTP endpoint can give them."""

    @property
    def top_logprobs(self) -> int:
        """The most alternatives per position that `Request.logprobs` may ask for."""
        ...


@runtime_checkable
class Embed(Protocol):
    """Sentence embeddings."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32, each row of length 1."""
        ...


@runtime_checkable
class Vision(Protocol):
    """The model reads `Image` parts."""

    def image_tokens(self, image: Image) -> int:
        """How many tokens of context the picture takes."""
        ...


@runtime_checkable
class Grammars(Protocol):
    """The model honours `Request.grammar`."""

    def check_grammar(self, grammar: Grammar) -> None:
        """Raises GrammarDeadEnd where nothing can match."""
        ...


@runtime_checkable
class Answers(Protocol):
    """How the model writes answers: for wrappers that draw the tokens themselves."""

    def grammar_for(self, request: Request) -> Grammar | None:
        """What the answer must match: the request's own grammar, or text or calls to its tools."""
        ...

    def text(self, ids: Ids) -> str:
        """The text of an answer's tokens; control tokens have none."""
        ...

    def read(self, text: str, request: Request) -> tuple[str, tuple[ToolCall, ...]]:
        """(text, calls to the request's tools) of an answer's text."""
        ...


@dataclass(frozen=True, slots=True)
class Continuation:
    """Tokens that followed a prompt. logp: (L,) nats at temperature 1. top: for each place the
    likeliest tokens and the drawn one, {id: log-probability}, at temperature 1 whatever the tokens
    were drawn at; `sure` of them are the likeliest of all. An end token is part of the ids."""

    ids: tuple[int, ...]
    logp: tuple[float, ...]
    top: tuple[Mapping[int, float], ...]
    sure: int
    finish: Finish = "length"


@runtime_checkable
class Continuations(Protocol):
    """What an endpoint can give of `Tokens`: it continues token ids with full support, and tells
    the likeliest tokens at each place. Its own seeds decide what is drawn."""

    @property
    def top_logprobs(self) -> int:
        """The most of the likeliest tokens that it tells."""
        ...

    def render(self, request: Request) -> tuple[int, ...]:
        """The request's messages through the chat template, ready for an answer."""
        ...

    def encode(self, text: str) -> tuple[int, ...]: ...

    def decode(self, ids: Ids) -> str: ...

    def continued(
        self,
        prompts: Sequence[Ids],
        max_new: Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Continuation]:
        """One continuation a prompt, side by side."""
        ...

    def whole(self, prompt: Ids, target: Ids) -> Continuation:
        """The target with the probabilities of the whole vocabulary at each of its places.

        Raises:
            Unsupported: the endpoint does not tell that much.
        """
        ...


ABILITIES: Mapping[str, type] = {
    "tokens": Tokens,
    "hidden": Hidden,
    "weights": Weights,
    "logprobs": Logprobs,
    "embed": Embed,
    "vision": Vision,
    "grammar": Grammars,
    "answers": Answers,
    "continuations": Continuations,
}
