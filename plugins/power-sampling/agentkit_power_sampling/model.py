"""The part `use = "power-sampling"`: a model whose answers are drawn from p^alpha of its base."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from agentkit.capabilities import (
    ABILITIES,
    Answers,
    Cancel,
    Completion,
    Continuations,
    Grammar,
    Grammars,
    LanguageModel,
    ModelInfo,
    OnDelta,
    Request,
    Tokens,
    ToolCall,
    Usage,
)
from agentkit.errors import AgentkitError, ContextOverflow, Unsupported, UsageError
from agentkit.kit import Parts
from agentkit.seeds import derive
from agentkit.settings import explain_validation
from agentkit_power_sampling.answers import answer_in
from agentkit_power_sampling.batch import Stopped
from agentkit_power_sampling.methods import Drawn, Job, Read, draw
from agentkit_power_sampling.remote import RemoteTokens
from agentkit_power_sampling.settings import PowerSettings, Sampling
from agentkit_power_sampling.writing import Telling, decoder

A = TypeVar("A")
NAME = "power-sampling"
# What other samplers take, and what would make the target another one than p^alpha.
INEXACT = (
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "min_tokens",
)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A request on its way: n jobs with who tells their text, or why it cannot be answered."""

    request: Request
    jobs: tuple[Job, ...] = ()
    tellings: tuple[Telling, ...] = ()
    error: AgentkitError | None = None


class PowerSampled:
    """Requests of one call are sampled in one batch.

    A request's temperature is not used: alpha stands in its place. Its own settings, under
    `extra["power-sampling"]`, go before the part's. Text is streamed as far as it can no longer
    change. Under a grammar, or with tools, p is the masked model, renormalised token by token.
    """

    def __init__(self, settings: PowerSettings, parts: Parts) -> None:
        self._base: LanguageModel = parts["base"]
        self._settings = Sampling.model_validate(settings.model_dump(exclude={"base"}))
        self._tokens = _tokens_of(self._base, self._settings)
        base = self._base.info
        self._answers = self._base.ability(Answers) if "answers" in base.abilities else None
        able = frozenset({"grammar"}) if self._answers and "grammar" in base.abilities else ()
        self.info = ModelInfo(parts.name, base.context, frozenset(able), parameters=base.parameters)

    def ability(self, kind: type[A]) -> A:
        # Nothing is passed on: the base does not know the probabilities of what is drawn here.
        if kind is Grammars and "grammar" in self.info.abilities:
            return self  # type: ignore[return-value]
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        raise Unsupported(
            f"models.{self.info.name} has no {name!r}",
            f"ask its base, models.{self._base.info.name}, for it",
        )

    def check_grammar(self, grammar: Grammar) -> None:
        """Raises GrammarDeadEnd where nothing can match."""
        self._base.ability(Grammars).check_grammar(grammar)

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        prepared = [
            self._prepare(request, index, on_delta, cancel)
            for index, request in enumerate(requests)
        ]
        jobs = [job for one in prepared for job in one.jobs]
        try:
            drawn = self._drawn(jobs, cancel) if jobs else []
            self._warn(drawn)
        except Stopped:
            return [self._nothing(one) for one in prepared]
        answers = iter(drawn)
        made = []
        for one in prepared:
            choices = [
                self._completion(one.request, job, telling, next(answers), first=not n)
                for n, (job, telling) in enumerate(zip(one.jobs, one.tellings))
            ] or [self._nothing(one)]
            made.append(replace(choices[0], others=tuple(choices[1:])))
        return made

    def draw(self, requests: Sequence[Request], *, cancel: Cancel | None = None) -> list[Drawn]:
        """The samplers' own results, pool and diagnostics included, one for each request.

        Raises:
            AgentkitError: a request cannot be answered.
            Stopped: cancelled.
        """
        return [drawn for _, drawn in self.solve(requests, cancel=cancel)]

    def solve(
        self, requests: Sequence[Request], *, cancel: Cancel | None = None
    ) -> list[tuple[Completion, Drawn]]:
        """`generate` and `draw` in one, for who wants both; raises as `draw` does."""
        prepared = [self._prepare(request) for request in requests]
        for one in prepared:
            if one.error is not None:
                raise one.error
        jobs = [one.jobs[0] for one in prepared]
        drawn = self._drawn(jobs, cancel)
        return [
            (self._completion(one.request, one.jobs[0], one.tellings[0], made, first=True), made)
            for one, made in zip(prepared, drawn)
        ]

    def _drawn(self, jobs: Sequence[Job], cancel: Cancel | None) -> list[Drawn]:
        apart = isinstance(self._tokens, RemoteTokens)
        return draw(self._tokens, jobs, apart=apart, cancel=cancel)

    def _warn(self, drawn: Sequence[Drawn]) -> None:
        """Says where exactness was not certified: a completion has no place for it."""
        if doubtful := sum(one.diagnostics.doubtful for one in drawn):
            logging.getLogger(__name__).warning(
                "models.%s: %d acceptances rest on probabilities that the endpoint did not tell; "
                "raise its max_logprobs",
                self.info.name,
                doubtful,
            )

    # -- before -----------------------------------------------------------------------------------

    def _prepare(
        self,
        request: Request,
        index: int = 0,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> _Prepared:
        settings = self._asked(request)
        try:
            grammar = self._grammar(request)
            prompt = self._tokens.render(request)
            room = self.info.context - len(prompt)
            if request.max_tokens > room:
                raise ContextOverflow(
                    f"{len(prompt)} tokens of prompt and {request.max_tokens} new ones do not fit "
                    f"a context of {self.info.context}",
                    "shorten the prompt or ask for fewer tokens",
                    limit=self.info.context,
                    got=len(prompt) + request.max_tokens,
                )
            horizon = min(settings.horizon or request.max_tokens, room)
            jobs, tellings = [], []
            seed = request.context.seed if settings.seed is None else settings.seed
            for n in range(request.n):
                listening = on_delta if not n and not request.tools else None
                telling = Telling(self._tokens, self._answers, request, index, listening, cancel)
                jobs.append(
                    replace(
                        Job.of(prompt, horizon, settings),
                        horizon=horizon,
                        seed=derive(seed, "choice", n) if n else seed,
                        grammar=grammar,
                        read=self._read(settings),
                        frozen=telling.frozen if listening else None,
                    )
                )
                tellings.append(telling)
            return _Prepared(request, tuple(jobs), tuple(tellings))
        except (ContextOverflow, UsageError):
            raise
        except AgentkitError as error:
            return _Prepared(request, error=error)

    def _read(self, settings: Sampling) -> Read:
        """What counts as the answer in an answer's tokens, for votes."""
        decode = decoder(self._tokens, self._answers)
        return lambda ids: answer_in(decode(ids), settings.answer)

    def _asked(self, request: Request) -> Sampling:
        """The part's settings with the request's own laid over them.

        Raises:
            UsageError: naming the field that is out of range, or that would change the target.
        """
        for name, value in (("max_tokens", request.max_tokens), ("n", request.n)):
            if value < 1:
                raise UsageError(f"{name} is {value}", "1 or more")
        if request.top_p != 1:
            raise _inexact("top_p")
        own: dict[str, Any] = {}
        for key in (NAME, self.info.name):  # the nearer name has the last word
            given = request.extra.get(key) or {}
            if not isinstance(given, Mapping):
                raise UsageError(f"extra[{key!r}] is no table", "give settings by name")
            own |= given
        for name in INEXACT:
            if name in own:
                raise _inexact(name)
        try:
            return Sampling.model_validate({**self._settings.model_dump(), **own})
        except ValidationError as error:
            lines = explain_validation(error, NAME, {}, Sampling)
            raise UsageError("; ".join(lines), "see the settings in the plugin's README") from error

    def _grammar(self, request: Request) -> Grammar | None:
        """What the answer must match, in the base's own form."""
        if request.logprobs is not None:
            raise Unsupported(
                f"models.{self.info.name} takes no logprobs: it does not know how likely it is "
                "that p^alpha gives a text",
                f"ask its base, models.{self._base.info.name}",
            )
        bound = bool(request.tools) or request.grammar is not None
        if bound and "grammar" not in self.info.abilities:
            what = "tools" if request.tools else "grammar"
            raise Unsupported(
                f"models.{self.info.name} takes no {what}: its base, "
                f"models.{self._base.info.name}, cannot draw under a grammar",
                "use a base with the abilities answers and grammar",
            )
        return self._answers.grammar_for(request) if bound and self._answers else None

    # -- after ------------------------------------------------------------------------------------

    @property
    def _path(self) -> tuple[str, ...]:
        return (self.info.name, self._base.info.name)

    def _nothing(self, one: _Prepared) -> Completion:
        if one.error is not None:
            return Completion.failed(one.error, *self._path)
        text = one.tellings[0].told
        prompt = len(one.jobs[0].prompt)
        spent = sum(job.meter.spent for job in one.jobs)
        return Completion(text, "cancelled", usage=Usage(prompt, 0, spent), path=self._path)

    def _completion(
        self, request: Request, job: Job, telling: Telling, drawn: Drawn, *, first: bool
    ) -> Completion:
        """The text up to max_tokens or a stop string."""
        ids, text, finish = telling.end(drawn.sample)
        calls: tuple[ToolCall, ...] = ()
        if request.tools and self._answers:
            text, calls = self._answers.read(text, request)
        return Completion(
            text,
            "tool_calls" if calls else finish,
            ids,
            tool_calls=calls,
            usage=Usage(len(job.prompt) if first else 0, len(ids), drawn.spent),
            path=self._path,
        )


def _tokens_of(base: LanguageModel, settings: Sampling) -> Tokens:
    """The base's own tokens, or an endpoint's as far as they go.

    Raises:
        Unsupported, BackendUnavailable: it has neither, or the endpoint tells too little.
    """
    if "continuations" not in base.info.abilities:
        return base.ability(Tokens)
    remote = RemoteTokens(
        base.ability(Continuations), base.info.name, full=settings.certify == "full"
    )
    remote.check()
    return remote


def _inexact(name: str) -> UsageError:
    return UsageError(
        f"{name} would make the target another one than p^alpha",
        f"leave {name} out; alpha says how sharp the answer is",
    )
