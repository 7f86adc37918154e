"""The part `use = "power-sampling"`: a model whose answers are drawn from p^alpha of its base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from agentkit.capabilities import (
    ABILITIES,
    Cancel,
    Completion,
    Delta,
    Finish,
    Ids,
    LanguageModel,
    ModelInfo,
    OnDelta,
    Request,
    Tokens,
    Usage,
)
from agentkit.errors import AgentkitError, ContextOverflow, Unsupported, UsageError
from agentkit.kit import Parts
from agentkit.models.text.writing import Writer
from agentkit.seeds import derive
from agentkit.settings import explain_validation
from agentkit_power_sampling.batch import Stopped
from agentkit_power_sampling.methods import Drawn, Job, draw
from agentkit_power_sampling.settings import PowerSettings, Sampling

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
    """A request on its way: n jobs, or why it cannot be answered."""

    request: Request
    jobs: tuple[Job, ...] = ()
    error: AgentkitError | None = None


class PowerSampled:
    """Requests of one call are sampled in one batch.

    A request's temperature is not used: alpha stands in its place. Its own settings, under
    `extra["power-sampling"]`, go before the part's. Text is streamed when the sampler is done:
    until then a proposal may change any of it.
    """

    def __init__(self, settings: PowerSettings, parts: Parts) -> None:
        self._base: LanguageModel = parts["base"]
        self._tokens: Tokens = self._base.ability(Tokens)
        self._settings = Sampling.model_validate(settings.model_dump(exclude={"base"}))
        base = self._base.info
        self.info = ModelInfo(parts.name, base.context, parameters=base.parameters)

    def ability(self, kind: type[A]) -> A:
        # Nothing is passed on: the base does not know the probabilities of what is drawn here.
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        raise Unsupported(
            f"models.{self.info.name} has no {name!r}",
            f"ask its base, models.{self._base.info.name}, for it",
        )

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        prepared = [self._prepare(request) for request in requests]
        jobs = [job for one in prepared for job in one.jobs]
        try:
            drawn = draw(self._tokens, jobs, cancel=cancel) if jobs else []
        except Stopped:
            return [self._nothing(one) for one in prepared]
        answers = iter(drawn)
        made = []
        for index, one in enumerate(prepared):
            told = _Told(on_delta, index)
            choices = [
                self._completion(
                    one.request, job, next(answers), told if not n else _Told(), cancel
                )
                for n, job in enumerate(one.jobs)
            ] or [self._nothing(one)]
            made.append(replace(choices[0], others=tuple(choices[1:])))
        return made

    def draw(self, requests: Sequence[Request], *, cancel: Cancel | None = None) -> list[Drawn]:
        """The samplers' own results, pool and diagnostics included, one for each request.

        Raises:
            AgentkitError: a request cannot be answered.
            Stopped: cancelled.
        """
        prepared = [self._prepare(request) for request in requests]
        for one in prepared:
            if one.error is not None:
                raise one.error
        return draw(self._tokens, [one.jobs[0] for one in prepared], cancel=cancel)

    # -- before -----------------------------------------------------------------------------------

    def _prepare(self, request: Request) -> _Prepared:
        settings = self._asked(request)
        try:
            self._able(request)
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
            seed = request.context.seed
            seeds = [seed, *(derive(seed, "choice", n) for n in range(1, request.n))]
            return _Prepared(
                request, tuple(Job.of(prompt, horizon, settings, each) for each in seeds)
            )
        except (ContextOverflow, UsageError):
            raise
        except AgentkitError as error:
            return _Prepared(request, error=error)

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
        own = request.extra.get(NAME) or {}
        if not isinstance(own, Mapping):
            raise UsageError(f"extra[{NAME!r}] is no table", "give settings by name")
        for name in INEXACT:
            if name in own:
                raise _inexact(name)
        try:
            return Sampling.model_validate({**self._settings.model_dump(), **own})
        except ValidationError as error:
            lines = explain_validation(error, NAME, {}, Sampling)
            raise UsageError("; ".join(lines), "see the settings in the plugin's README") from error

    def _able(self, request: Request) -> None:
        for name, given in (
            ("tools", bool(request.tools)),
            ("grammar", request.grammar is not None),
            ("logprobs", request.logprobs is not None),
        ):
            if given:
                raise Unsupported(
                    f"models.{self.info.name} takes no {name}",
                    f"ask its base, models.{self._base.info.name}",
                )

    # -- after ------------------------------------------------------------------------------------

    @property
    def _path(self) -> tuple[str, ...]:
        return (self.info.name, self._base.info.name)

    def _nothing(self, one: _Prepared) -> Completion:
        if one.error is not None:
            return Completion.failed(one.error, *self._path)
        prompt = len(one.jobs[0].prompt)
        spent = sum(job.meter.spent for job in one.jobs)
        return Completion("", "cancelled", usage=Usage(prompt, 0, spent), path=self._path)

    def _completion(
        self, request: Request, job: Job, drawn: Drawn, told: _Told, cancel: Cancel | None
    ) -> Completion:
        """The text up to max_tokens or a stop string, told piece by piece."""
        sample = drawn.sample
        writer = Writer(_Decoder(self._tokens), request.stop)
        ids: list[int] = []
        finish: Finish = "stop" if sample.ended else "length"
        for place, token in enumerate(sample.ids):
            if cancel or len(ids) == request.max_tokens:
                finish = "cancelled" if cancel else "length"
                break
            ids.append(token)
            if sample.ended and place + 1 == len(sample):
                break  # an end token is no text
            told(writer.push(token))
            if writer.stopped:
                finish = "stop"
                break
        told(writer.finish())
        read = len(job.prompt) if told.first else 0
        return Completion(
            writer.text,
            finish,
            tuple(ids),
            usage=Usage(read, len(ids), drawn.spent),
            path=self._path,
        )


class _Told:
    """Hands pieces of the first answer to a request to whoever listens."""

    def __init__(self, on_delta: OnDelta | None = None, index: int | None = None) -> None:
        self._on_delta, self._index = on_delta, index

    @property
    def first(self) -> bool:
        return self._index is not None

    def __call__(self, text: str) -> None:
        if text and self._on_delta is not None and self._index is not None:
            self._on_delta(Delta(self._index, text))


class _Decoder:
    """A `Tokens` in the place of a tokenizer, for `Writer`."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def decode(self, ids: Ids, **_: Any) -> str:
        return self._tokens.decode(ids)


def _inexact(name: str) -> UsageError:
    return UsageError(
        f"{name} would make the target another one than p^alpha",
        f"leave {name} out; alpha says how sharp the answer is",
    )
