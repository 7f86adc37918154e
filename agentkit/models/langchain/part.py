"""The part `use = "langchain"`: any LangChain `BaseChatModel` as a model of the kit."""

from __future__ import annotations

import importlib
import queue
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, convert_to_messages
from pydantic import Field

from agentkit.capabilities import (
    ABILITIES,
    Cancel,
    Completion,
    Delta,
    Grammar,
    Grammars,
    ModelInfo,
    OnDelta,
    Request,
)
from agentkit.errors import BackendUnavailable, ConfigError, ContextOverflow, Unsupported
from agentkit.models.http.faults import TOO_LONG
from agentkit.models.http.wire import body, unwrapped
from agentkit.models.langchain.translate import completion, thought_in
from agentkit.models.text import schemas
from agentkit.models.text.chat import function_schema
from agentkit.secrets import resolve
from agentkit.seeds import derive
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts

A = TypeVar("A")
Steps = Generator[Delta, None, Completion]  # an answer's pieces, then the answer
Taken = Literal["max_tokens", "temperature", "top_p", "seed", "logprobs"]


class LangChainSettings(PartSettings):
    """Any `BaseChatModel`.

    model: its class as "module:Class", e.g. "langchain_openai:ChatOpenAI". settings: what the class
    is made with. api_key: "env:NAME" or "keyring:service/user", where the class does not find its
    key by itself. takes: fields of a request that the class takes as keyword arguments of a call;
    the others are its own settings' matter. structured: how `Request.grammar` is asked for; "none"
    declares the class unable. context: tokens of prompt and answer together. concurrency: requests
    at once.
    """

    model: str
    settings: dict[str, Any] = Field(default_factory=dict)
    api_key: str | None = None
    takes: tuple[Taken, ...] = ("max_tokens", "temperature", "top_p", "seed")
    structured: Literal["json_schema", "none"] = "none"
    context: int = Field(default=4096, ge=1)
    concurrency: int = Field(default=8, ge=1)


def open_langchain(settings: LangChainSettings, parts: Parts) -> LangChainModel:
    """Makes the class that the settings name.

    Raises:
        ConfigError: it cannot be imported, is no chat model, or refuses its settings.
    """
    where = f"models.{parts.name}"
    module, _, attribute = settings.model.partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{where}: {settings.model!r} cannot be imported: {error}",
            'write "module:Class", and install its distribution here',
        ) from error
    key = {"api_key": resolve(settings.api_key)} if settings.api_key else {}
    try:
        made = kind(**settings.settings, **key)
    except Exception as error:  # classes of other people refuse in their own ways
        raise ConfigError(f"{where}: {settings.model}: {error}", f"see {where}.settings") from error
    if not isinstance(made, BaseChatModel):
        raise ConfigError(f"{where}: {settings.model} is no BaseChatModel", "name a chat model")
    return LangChainModel(parts.name, made, settings)


class LangChainModel:
    """A chat model under a name. Thread-safe as far as the chat model is."""

    def __init__(self, name: str, model: BaseChatModel, settings: LangChainSettings) -> None:
        self._model, self._settings = model, settings
        able = {"grammar"} if settings.structured != "none" else set()
        able |= {"logprobs"} if "logprobs" in settings.takes else set()
        self.info = ModelInfo(name, settings.context, frozenset(able))
        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="langchain")

    @property
    def top_logprobs(self) -> int:
        return 20

    def check_grammar(self, grammar: Grammar) -> None:
        """Raises GrammarDeadEnd where nothing can match, Unsupported for Lark."""
        if grammar.kind == "lark":
            raise Unsupported("a chat model takes no Lark grammar", "use a JSON Schema")
        schemas.check(grammar)

    def ability(self, kind: type[A]) -> A:
        name = next((n for n, k in ABILITIES.items() if k is kind), kind.__name__)
        if name in self.info.abilities:
            return self  # type: ignore[return-value]
        hint = 'set structured = "json_schema"' if kind is Grammars else "use another model"
        raise Unsupported(
            f"models.{self.info.name} (use = 'langchain') lacks the ability {name!r}", hint
        )

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    # -- answering --------------------------------------------------------------------------------

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        """Answers side by side; see `LanguageModel.generate`.

        Raises:
            BackendUnavailable: all requests failed.
        """
        calls = [self._call(request) for request in requests]
        if cancel:
            return [Completion("", "cancelled", path=self._path) for _ in requests]
        if len(requests) == 1:  # in the caller's own thread: a cancel stops it at that very piece
            steps = self._one(0, requests[0], calls[0], cancel)
            made = [heard(steps, on_delta or (lambda _: None))]
        else:
            made = self._side_by_side(requests, calls, on_delta, cancel)
        if made and all(one.code == BackendUnavailable.code for one in made):
            raise BackendUnavailable(f"models.{self.info.name}: {made[0].error}")
        return made

    def _side_by_side(
        self,
        requests: Sequence[Request],
        calls: Sequence[tuple[list[Any], dict[str, Any]]],
        on_delta: OnDelta | None,
        cancel: Cancel | None,
    ) -> list[Completion]:
        told: queue.SimpleQueue[Delta | int | None] = queue.SimpleQueue()

        def work_on(index: int) -> Completion:
            fits: int | None = None
            try:
                made = heard(self._one(index, requests[index], calls[index], cancel), told.put)
                fits = index
                return made
            finally:
                told.put(fits)

        work = [self._threads.submit(work_on, index) for index in range(len(requests))]
        accepted: set[int] = set()
        held: list[Delta] = []  # until every request is known to fit, nothing is shown
        over = 0
        while over < len(work):
            item = told.get()
            if isinstance(item, Delta):
                held.append(item)
                accepted.add(item.index)
            else:
                over += 1
                if item is not None:
                    accepted.add(item)
            if on_delta is not None and len(accepted) == len(work):
                while held:
                    on_delta(held.pop(0))
        return [one.result() for one in work]

    @property
    def _path(self) -> tuple[str, ...]:
        return (self.info.name,)

    def _call(self, request: Request) -> tuple[list[Any], dict[str, Any]]:
        """(messages, keyword arguments) of a call.

        Raises:
            Unsupported: what neither the class nor its messages can hold.
        """
        if request.grammar is not None:
            self.ability(Grammars).check_grammar(request.grammar)
        if request.prompt is not None:
            raise Unsupported("a chat model takes no plain prompt", "pass messages")
        plain = body(request, "", self.info.name)
        takes = {"stop", "response_format", *self._settings.takes}
        if "logprobs" in takes:
            takes.add("top_logprobs")
        given = {key: value for key, value in plain.items() if key in takes}
        given |= dict(request.extra.get(self.info.name) or {})
        return convert_to_messages(plain["messages"]), given

    def _one(
        self,
        index: int,
        request: Request,
        call: tuple[list[Any], dict[str, Any]],
        cancel: Cancel | None,
    ) -> Steps:
        made: list[Completion] = []
        try:
            for number in range(request.n):
                made.append((yield from self._choice(index, request, call, number, cancel)))
            others = [replace(one, usage=replace(one.usage, prompt=0)) for one in made[1:]]
            return replace(made[0], others=tuple(others))
        except ContextOverflow:
            raise
        except Exception as error:  # of whatever library the class stands on
            said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            code = BackendUnavailable.code
            return Completion("", "error", path=self._path, error=said, code=code)

    def _choice(
        self,
        index: int,
        request: Request,
        call: tuple[list[Any], dict[str, Any]],
        number: int,
        cancel: Cancel | None,
    ) -> Steps:
        messages, given = call
        if number and "seed" in given:
            seed = derive(request.context.seed, "choice", number) & 0x7FFFFFFF
            given = {**given, "seed": seed}
        model: Any = self._model
        if request.tools:
            choice = {"tool_choice": "any"} if request.must_call else {}
            model = model.bind_tools([function_schema(tool) for tool in request.tools], **choice)
        hidden = request.grammar is not None and request.grammar.kind == "regex"
        whole: AIMessageChunk | None = None
        try:
            for piece in model.stream(messages, **given):
                whole = piece if whole is None else whole + piece
                if not number and not hidden:
                    if piece.text:
                        yield Delta(index, str(piece.text))
                    elif thought := thought_in(piece):
                        yield Delta(index, thought, reasoning=True)
                if cancel:
                    break
        except Exception as error:
            if TOO_LONG.search(f"{error} {getattr(error, 'code', '')}"):
                raise ContextOverflow(f"models.{self.info.name}: {error}", "shorten it") from error
            raise
        if whole is None:
            return Completion("", "cancelled" if cancel else "stop", path=self._path)
        made = completion(whole, request, self._path)
        if cancel and not whole.response_metadata.get("finish_reason"):
            return replace(made, finish="cancelled")
        if request.grammar is not None and made.finish == "stop":
            made = _matched(made, request.grammar)
        if not number and hidden and made.finish != "error":
            yield Delta(index, made.text)
        return made


def heard(steps: Steps, tell: OnDelta) -> Completion:
    """The answer at the end of the steps, each piece on the way told outside of what makes it."""
    while True:
        try:
            delta = next(steps)
        except StopIteration as end:
            made: Completion = end.value
            return made
        tell(delta)


def _matched(made: Completion, grammar: Grammar) -> Completion:
    """The answer checked against the grammar: a class may not honour it."""
    text = unwrapped(made.text) if grammar.kind == "regex" else made.text
    wrong = " ".join(schemas.mismatch(grammar, text).split())
    if wrong:
        said = f"the model did not keep to the grammar: {wrong}"
        return replace(made, text=text, finish="error", error=said)
    return replace(made, text=text)
