"""What a model can do beyond `generate`: each an ability, asked for by its type.

tokens = model.ability(Tokens)      # or Unsupported, naming the part and the ability
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from agentkit.capabilities.language_model import (
    Cancel,
    Finish,
    Grammar,
    Ids,
    Image,
    Request,
    ToolCall,
)

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.nn import Module


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
class TakesEmbeds(Protocol):
    """The model takes `Embeds` parts: vision tokens that its own eye made before."""

    @property
    def embeds_width(self) -> int:
        """d of the (n, d) values that it takes."""
        ...

    def prompt_tokens(self, request: Request) -> int:
        """Places of context that a request's messages take, pictures and embeddings included."""
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
    "embeds": TakesEmbeds,
    "grammar": Grammars,
    "answers": Answers,
    "continuations": Continuations,
}
