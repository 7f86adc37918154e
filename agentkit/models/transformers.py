"""The part `use = "transformers"`: a language model in this process.

Requests of one call, and of calls from several threads, are decoded in one batch; see engine/ for
why that changes no token. Models outside the family that the engine reads go one by one through
their own forward pass (engine/plain.py), without the abilities that need more than that.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from agentkit.capabilities import (
    ABILITIES,
    Answers,
    Cancel,
    Completion,
    Delta,
    Grammar,
    Grammars,
    Hidden,
    LanguageModel,
    Logprobs,
    ModelInfo,
    OnDelta,
    Request,
    TokenLogprob,
    Tokens,
    Usage,
    Weights,
)
from agentkit.errors import AgentkitError, ContextOverflow, Unsupported, UsageError
from agentkit.models.settings import TransformersSettings
from agentkit.seeds import derive

if TYPE_CHECKING:
    from agentkit.kit import Parts
    from agentkit.models.engine.rows import Call, Row
    from agentkit.models.files.loading import Loaded
    from agentkit.models.text.chat import Chat
    from agentkit.models.text.grammar import Grammars as Compiler
    from agentkit.models.text.writing import Writer

A = TypeVar("A")
TOP = 20  # the most alternatives per token


class Backend(Protocol):
    """What advances rows: the engine, or one row after the other."""

    @property
    def exact(self) -> bool: ...
    @property
    def version(self) -> int: ...
    def start(self, rows: Sequence[Row], on_over: Callable[[], None]) -> Call: ...
    def wait(self, call: Call) -> None: ...
    def give_up(self, call: Call) -> None: ...
    def exclusive(self) -> AbstractContextManager[None]: ...
    def renew(self, version: int) -> None: ...
    def close(self) -> None: ...


def open_model(settings: TransformersSettings, parts: Parts) -> TransformersModel:
    """Opens the model that the settings name; parts on one folder share its weights."""
    from agentkit.models.files.loading import locate

    if settings.threads is not None:
        import torch

        torch.set_num_threads(settings.threads)
    folder = locate(settings.model, parts.resolve(".", "model"))
    key = f"transformers:{folder.resolve()}:{settings.dtype}:{settings.device}"

    def make() -> Core:
        from agentkit.models.files.loading import load

        return Core(load(folder, settings.dtype, settings.device), settings.kv_memory << 20)

    return TransformersModel(parts.name, parts.share(key, make))


def variant(
    base: LanguageModel, name: str, change: Callable[[Any], None], fingerprint: str
) -> TransformersModel:
    """A model of its own on a private copy of another's weights, for wrappers that change them.

    Args:
        change: gets the copied module before anything is read from it.
        fingerprint: of what was changed; the base's goes before it.

    Raises:
        Unsupported: the base's weights are not in this process.
    """
    if not isinstance(base, TransformersModel):
        raise Unsupported(
            f"models.{base.info.name} has no weights in this process that models.{name} could copy",
            "its base must be a model with use = 'transformers'",
        )
    return base.changed(name, change, fingerprint)


class Core:
    """One set of weights, with everything that is made from it once.

    Args:
        kv_memory: bytes for the keys and values of all open sequences.
    """

    def __init__(self, loaded: Loaded, kv_memory: int) -> None:
        from agentkit.models.engine.decoder import Decoder, obstacle
        from agentkit.models.engine.engine import Engine
        from agentkit.models.engine.hidden import ModuleHidden, layers_of
        from agentkit.models.engine.plain import Plain
        from agentkit.models.engine.tokens import EngineTokens
        from agentkit.models.text.answers import ChatAnswers
        from agentkit.models.text.chat import Chat
        from agentkit.models.text.grammar import Grammars as Compiler
        from agentkit.models.weights import ModuleWeights

        self.loaded, self.kv_memory = loaded, kv_memory
        module = loaded.model
        self.grammars = Compiler(self.loaded.tokenizer, self.loaded.rows, self.loaded.ends)
        self.chat: Chat = Chat(self.loaded.tokenizer)
        self.obstacle = obstacle(module)
        self.abilities: dict[type, Any] = {}
        self.backend: Backend
        if self.obstacle:
            self.backend = Plain(module, self.grammars)
        else:
            engine = Engine(lambda: Decoder(module), self.grammars, kv_memory)
            self.backend = engine
            self.abilities[Tokens] = EngineTokens(
                engine,
                self.loaded.tokenizer,
                self.chat,
                self.grammars,
                context=self.loaded.context,
                ends=self.loaded.ends,
            )
        weights = ModuleWeights(
            module,
            exclusive=self.backend.exclusive,
            renew=self.backend.renew,
            version=lambda: self.backend.version,
        )
        self.abilities[Weights] = weights
        if layers_of(module):
            self.abilities[Hidden] = ModuleHidden(
                lambda: weights.borrow("read"), self.loaded.rows, self.loaded.context
            )
        self.abilities[Logprobs] = _Alternatives()
        self.abilities[Grammars] = GrammarChecks(self.grammars)
        self.abilities[Answers] = ChatAnswers(self.chat, self.loaded.tokenizer)

    def close(self) -> None:
        self.backend.close()


@dataclass(frozen=True, slots=True)
class _Alternatives:
    top_logprobs: int = TOP


@dataclass(frozen=True, slots=True)
class GrammarChecks:
    """`Grammars` of a model in this process; compiler: makes matchers for its tokenizer."""

    compiler: Compiler

    def check_grammar(self, grammar: Grammar) -> None:
        self.compiler.matcher(grammar)


class TransformersModel:
    """A named part on a Core. own: the core is its alone, and closed with it."""

    def __init__(self, name: str, core: Core, *, own: bool = False) -> None:
        self._name, self._core, self._own = name, core, own
        loaded = core.loaded
        self.info = ModelInfo(
            name=name,
            context=loaded.context,
            abilities=frozenset(_NAMES[kind] for kind in core.abilities),
            fingerprint=loaded.fingerprint,
            parameters=loaded.parameters,
            exact=core.backend.exact,
        )

    def ability(self, kind: type[A]) -> A:
        found = self._core.abilities.get(kind)
        if found is None:
            what = _NAMES.get(kind, kind.__name__)
            why = f": {self._core.obstacle}" if kind is Tokens else ""
            raise Unsupported(
                f"models.{self._name} lacks the ability {what!r}{why}",
                f"it has: {', '.join(sorted(self.info.abilities))}",
            )
        made: A = found
        return made

    def changed(
        self, name: str, change: Callable[[Any], None], fingerprint: str
    ) -> TransformersModel:
        """See `variant`."""
        with self.ability(Weights).borrow("private") as module:
            change(module.requires_grad_(False))
        loaded = replace(
            self._core.loaded,
            model=module,
            fingerprint=f"{self.info.fingerprint}+{fingerprint}",
            parameters=sum(p.numel() for p in module.parameters()),
        )
        return TransformersModel(name, Core(loaded, self._core.kv_memory), own=True)

    def close(self) -> None:
        if self._own:
            self._core.close()

    def loaded(self) -> dict[str, Any]:
        """What its recipe records."""
        return {"fingerprint": self.info.fingerprint}

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        events: queue.SimpleQueue[Delta | None] = queue.SimpleQueue()
        send = events.put if on_delta is not None else None
        answers = [self._prepare(i, request, send, cancel) for i, request in enumerate(requests)]
        rows = [row for answer in answers for row in answer.rows]
        call = self._core.backend.start(rows, lambda: events.put(None))
        try:
            while (event := events.get()) is not None:
                if on_delta is not None:
                    on_delta(event)
        except BaseException:  # Ctrl-C, or the listener's own fault
            self._core.backend.give_up(call)
            raise
        self._core.backend.wait(call)
        return [self._completion(answer) for answer in answers]

    # -- before -----------------------------------------------------------------------------------

    def _prepare(
        self,
        index: int,
        request: Request,
        send: Callable[[Delta], None] | None,
        cancel: Cancel | None,
    ) -> _Answer:
        """Rows for a request; a request that cannot be answered has none, and an error."""
        from agentkit.models.engine.rows import Row
        from agentkit.models.engine.sequences import TokenSeq
        from agentkit.models.engine.tokens import check_fit, check_ids
        from agentkit.models.text.writing import Writer

        core = self._core
        _check(request)
        answer = _Answer(index, request)
        try:
            answer.prompt = core.chat.render(request)
            check_ids(answer.prompt, core.loaded.rows, core.loaded.context)
            check_fit(len(answer.prompt), request.max_tokens, core.loaded.context)
            grammar = core.chat.grammar_for(request)
            for choice in range(request.n):
                seed = request.context.seed
                row = Row(
                    TokenSeq(answer.prompt, core.backend.version, len(answer.prompt)),
                    request.max_tokens,
                    seed=derive(seed, "choice", choice) if choice else seed,
                    temperature=request.temperature,
                    top_p=request.top_p,
                    stop_ids=frozenset(core.loaded.ends),
                    matcher=core.grammars.matcher(grammar) if grammar else None,
                    close=True,
                    top=request.logprobs or 0,
                    keep=False,
                    cancel=cancel,
                )
                writer = Writer(core.loaded.tokenizer, request.stop)
                stream = _Stream(writer, core.chat, answer, send if choice == 0 else None)
                row.watch, row.done = stream.watch, stream.done
                answer.rows.append(row)
                answer.writers.append(writer)
        except (ContextOverflow, UsageError):
            raise
        except AgentkitError as error:
            answer.rows, answer.error = [], error
        return answer

    # -- after ------------------------------------------------------------------------------------

    def _completion(self, answer: _Answer) -> Completion:
        if answer.error is not None:
            return Completion.failed(answer.error, self._name)
        made = [self._one(answer, choice) for choice in range(len(answer.rows))]
        return replace(made[0], others=tuple(made[1:]))

    def _one(self, answer: _Answer, choice: int) -> Completion:
        row, text = answer.rows[choice], answer.writers[choice].text
        if row.error is not None:
            return Completion.failed(row.error, self._name)
        calls: tuple[Any, ...] = ()
        if answer.request.tools:
            text, calls = self._core.chat.parse(text, answer.request)
        read = len(answer.prompt) if choice == 0 else 0
        return Completion(
            text=text,
            finish="tool_calls" if calls else row.finish,
            ids=tuple(row.ids),
            logprobs=self._logprobs(answer.request, row),
            tool_calls=tuple(calls),
            usage=Usage(read, len(row.ids), len(row.ids)),
            path=(self._name,),
        )

    def _logprobs(self, request: Request, row: Row) -> tuple[TokenLogprob, ...]:
        if request.logprobs is None:
            return ()
        show = self._core.loaded.tokenizer.decode
        tops = row.likeliest if row.top else [[] for _ in row.ids]
        return tuple(
            TokenLogprob(
                show([token]),
                token,
                logp,
                tuple((show([i]), p) for i, p in top),
                tuple(i for i, _ in top),
            )
            for token, logp, top in zip(row.ids, row.logp, tops)
        )


class _Answer:
    """A request on its way."""

    def __init__(self, index: int, request: Request) -> None:
        self.index, self.request = index, request
        self.prompt: tuple[int, ...] = ()
        self.rows: list[Row] = []
        self.writers: list[Writer] = []
        self.error: AgentkitError | None = None


_NAMES = {kind: name for name, kind in ABILITIES.items()}


class _Stream:
    """Gives out the text of one answer while it is drawn; tool calls are no text."""

    def __init__(
        self, writer: Writer, chat: Chat, answer: _Answer, send: Callable[[Delta], None] | None
    ) -> None:
        self._writer, self._chat, self._answer, self._send = writer, chat, answer, send
        self._sent = 0

    def watch(self, token: int) -> bool:
        """Takes a drawn token; gives whether the text is complete."""
        self._writer.push(token)
        self._deliver(self._chat.visible(self._writer.text, self._answer.request))
        return self._writer.stopped

    def done(self) -> None:
        self._writer.finish()
        self._deliver(self._chat.parse(self._writer.text, self._answer.request)[0])

    def _deliver(self, text: str) -> None:
        if self._send is not None and len(text) > self._sent:
            self._send(Delta(self._answer.index, text[self._sent :]))
            self._sent = len(text)


def _check(request: Request) -> None:
    """Raises UsageError for settings out of range; messages are the chat template's matter."""
    for name, value, least in (
        ("max_tokens", request.max_tokens, 1),
        ("n", request.n, 1),
        ("temperature", request.temperature, 0),
        ("logprobs", request.logprobs or 0, 0),
    ):
        if not least <= value < float("inf"):
            raise UsageError(f"{name} is {value}", f"{least} or more")
    if not 0 < request.top_p <= 1:
        raise UsageError(f"top_p is {request.top_p}", "more than 0, at most 1")
    if (request.logprobs or 0) > TOP:
        raise UsageError(f"{request.logprobs} alternatives per token", f"at most {TOP}")
