"""The part `use = "lookahead"`: a model that passes each request to the candidate that will, as far
as can be foreseen, answer it best."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from agentkit.capabilities import (
    ABILITIES,
    Cancel,
    Completion,
    Delta,
    Grammar,
    Grammars,
    LanguageModel,
    ModelInfo,
    OnDelta,
    Request,
    Vision,
)
from agentkit.capabilities.language_model import Image
from agentkit.errors import (
    BackendUnavailable,
    ConfigError,
    ContextOverflow,
    Unsupported,
    UsageError,
)
from agentkit.kit import Parts
from agentkit.seeds import derive
from agentkit.settings import explain_validation
from agentkit_lookahead.deciding import Decision, choose, utilities
from agentkit_lookahead.identity import changes
from agentkit_lookahead.reading import read
from agentkit_lookahead.settings import RouterSettings, Terms

if TYPE_CHECKING:
    from agentkit_lookahead.router import Router

A = TypeVar("A")
NAME, SHIPPED = "lookahead", "shipped"
PASSED = ("grammar", "vision")  # abilities that candidates may have and requests may need
CONVERSATIONS = 4096  # kept in mind
log = logging.getLogger(__name__)


class LookaheadModel:
    """Decides, asks, and asks the next one where that fails before it has said anything.

    The chosen model stands in the completion's path, after this part's name. A fault of the router
    itself only means that the default model is asked.
    """

    def __init__(self, settings: RouterSettings, parts: Parts) -> None:
        self._settings, self._parts, self._kit = settings, parts, parts.kit
        self._name = parts.name
        self._names = settings.candidates
        self._router = self._open()
        about = self._router.about if self._router else None
        trained = about.default if about and about.default in self._names else ""
        self._default = settings.default or trained or self._names[0]
        if self._default not in self._names:
            raise ConfigError(
                f"models.{self._name}: the default {self._default!r} is no candidate",
                f"candidates: {', '.join(self._names)}",
            )
        self._costs = {**(about.costs if about else {}), **settings.costs}
        self._latencies = {**(about.latencies if about else {}), **settings.latencies}
        self._stuck: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()
        self._foreseer = ThreadPoolExecutor(1, f"lookahead-{self._name}")
        self._info: ModelInfo | None = None

    def close(self) -> None:
        self._foreseer.shutdown(wait=False, cancel_futures=True)

    # -- what it is -------------------------------------------------------------------------------

    @property
    def info(self) -> ModelInfo:
        """Context: the setting, or the default candidate's. Abilities: grammar and vision, where a
        candidate has them: such a request goes to one of those."""
        if self._info is None:
            has = [self._kit.abilities(name) for name in self._names]
            abilities = frozenset(a for a in PASSED if any(a in one for one in has))
            context = self._settings.context or self._candidate(self._default).info.context
            self._info = ModelInfo(self._name, context, abilities)
        return self._info

    def ability(self, kind: type[A]) -> A:
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        if kind in (Grammars, Vision) and name in self.info.abilities:
            return self  # type: ignore[return-value]
        raise Unsupported(
            f"models.{self._name} has no {name!r}: it differs with every request",
            f"ask a candidate for it: {', '.join(self._names)}",
        )

    def check_grammar(self, grammar: Grammar) -> None:
        """Raises GrammarDeadEnd where nothing can match."""
        able = next(n for n in self._names if "grammar" in self._kit.abilities(n))
        self._candidate(able).ability(Grammars).check_grammar(grammar)

    def image_tokens(self, image: Image) -> int:
        """The most that it takes with a candidate that reads pictures."""
        able = [n for n in self._names if "vision" in self._kit.abilities(n)]
        return max(self._candidate(n).ability(Vision).image_tokens(image) for n in able)

    def loaded(self) -> dict[str, Any]:
        """For recipes: which router it is."""
        return {"router": self._router.about.data} if self._router else {}

    @property
    def router(self) -> Router | None:
        return self._router

    # -- deciding ---------------------------------------------------------------------------------

    def route(self, request: Request) -> Decision:
        """The decision for a request; asks no candidate anything. Never raises for a fault of the
        router.

        Raises:
            Unsupported: no candidate can do what the request needs.
            UsageError: the request's own settings are wrong.
        """
        began = time.perf_counter()
        terms = self._terms(request)
        able = self._able(request)
        decision = self._decide(request, terms, able)
        order = [*decision.order, *(n for n in able if n not in decision.order)]
        cost = self._costs.get(order[0], 0.0)
        return replace(decision, order=tuple(order), cost=cost, seconds=time.perf_counter() - began)

    def _decide(self, request: Request, terms: Terms, able: Sequence[str]) -> Decision:
        default = self._default if self._default in able else able[0]
        if len(able) == 1:
            return Decision((able[0],), "only one can")
        explore = self._settings.explore
        conversation = _conversation(request) if self._settings.sticky else ""
        with self._lock:
            known = self._stuck.get(conversation) if conversation else None
        if known in able and _goes_on(request):
            return Decision((str(known),), "same conversation")
        decision = self._foresee(request, terms, able, default)
        if explore:
            decision = self._explored(request, decision, able, explore)
        if conversation:
            with self._lock:
                self._stuck[conversation] = decision.model
                self._stuck.move_to_end(conversation)
                while len(self._stuck) > CONVERSATIONS:
                    self._stuck.popitem(last=False)
        return decision

    def _foresee(
        self, request: Request, terms: Terms, able: Sequence[str], default: str
    ) -> Decision:
        router, settings = self._router, self._settings
        if router is None:
            return Decision((default,), "no router")
        try:
            asked = self._foreseer.submit(router.chances, [read(request)])
            found = asked.result(settings.budget)[0]
            if not all(value == value for value in found):
                raise ValueError("a chance is not a number")
        except TooSlow:
            asked.cancel()
            return Decision((default,), "router too slow")
        except Exception as error:
            log.warning(
                "models.%s: the router failed: %s: %s", self._name, type(error).__name__, error
            )
            return Decision((default,), f"router failed: {type(error).__name__}")
        chances = {n: float(p) for n, p in zip(router.candidates, found) if n in able}
        worth = utilities(
            chances,
            self._costs,
            self._latencies,
            settings.cost_weight if terms.cost_weight is None else terms.cost_weight,
            settings.latency_weight if terms.latency_weight is None else terms.latency_weight,
        )
        abstain = settings.abstain if terms.abstain is None else terms.abstain
        return choose(worth, chances, default, router.about.lead if abstain else None)

    def _explored(
        self, request: Request, decision: Decision, able: Sequence[str], explore: float
    ) -> Decision:
        """With probability `explore` any candidate that can, by the request's own seed and text."""
        seed = derive(request.context.seed, f"explore {request.context.run} {read(request)}")
        drawn = (seed % 1_000_003) / 1_000_003
        even = explore / len(able)
        if drawn >= explore:
            return replace(decision, propensity=1 - explore + even)
        chosen = able[min(int(drawn / explore * len(able)), len(able) - 1)]
        if chosen == decision.model:
            return replace(decision, propensity=1 - explore + even)
        rest = tuple(n for n in decision.order if n != chosen)
        return replace(decision, order=(chosen, *rest), reason="explored", propensity=even)

    def _able(self, request: Request) -> list[str]:
        """Candidates that have what the request needs.

        Raises:
            Unsupported: none has.
        """
        needs = set()
        if request.grammar is not None or request.tools or request.must_call:
            needs.add("grammar")
        if any(isinstance(p, Image) for m in request.messages for p in m.parts):
            needs.add("vision")
        if request.logprobs is not None:
            needs.add("logprobs")
        able = [n for n in self._names if needs <= self._kit.abilities(n)]
        if not able:
            raise Unsupported(
                f"models.{self._name}: no candidate has {' and '.join(sorted(needs))}, which the "
                "request needs",
                "add a candidate that has",
            )
        return able

    def _terms(self, request: Request) -> Terms:
        own: dict[str, Any] = {}
        for key in dict.fromkeys((NAME, self._name)):
            given = request.extra.get(key) or {}
            if not isinstance(given, Mapping):
                raise UsageError(f"extra[{key!r}] is no table", "give settings by name")
            own |= given
        try:
            return Terms.model_validate(own)
        except ValidationError as error:
            lines = explain_validation(error, NAME, {}, Terms)
            raise UsageError("; ".join(lines), "see the plugin's README") from error

    # -- asking -----------------------------------------------------------------------------------

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        asked = _Asked(requests, on_delta)
        for index, request in enumerate(requests):
            try:
                asked.decided[index] = self.route(request)
            except Unsupported as error:
                asked.made[index] = Completion.failed(error, self._name)
        for index, decision in asked.decided.items():
            self._write(requests[index], decision)
        groups: OrderedDict[str, list[int]] = OrderedDict()
        for index, decision in asked.decided.items():
            groups.setdefault(decision.model, []).append(index)
        # A prompt that may not fit is tried before anything else is generated.
        for name, indices in sorted(
            groups.items(), key=lambda g: -max(_size(requests[n]) for n in g[1])
        ):
            self._ask(name, indices, asked, cancel)
        if asked.refused and not asked.told and len(asked.refused) == len(requests):
            raise asked.refused[0]
        return [asked.made[n] for n in range(len(requests))]

    def _ask(self, name: str, indices: Sequence[int], asked: _Asked, cancel: Cancel | None) -> None:
        """Asks one candidate for some of the requests, and keeps what came of it."""
        try:
            model = self._candidate(name)
            made = model.generate(
                [asked.requests[n] for n in indices],
                on_delta=asked.listen(indices) if asked.on_delta else None,
                cancel=cancel,
            )
            for index, one in zip(indices, made, strict=True):
                asked.keep(index, one, self._name, name)
        except ContextOverflow as error:
            # One prompt that does not fit must not keep the candidate from the others.
            if len(indices) > 1 and not asked.told.intersection(indices):
                for index in sorted(indices, key=lambda n: -_size(asked.requests[n])):
                    self._ask(name, [index], asked, cancel)
                return
            if not asked.told and asked.last(indices[0]):
                raise
            asked.failed(indices, error, self._name, name)
        except Exception as error:  # a candidate may be anybody's code
            asked.failed(indices, error, self._name, name)
        for index in indices:
            if index not in asked.made:
                after = asked.decided[index].order[asked.tries[index]]
                self._ask(after, [index], asked, cancel)

    def _candidate(self, name: str) -> LanguageModel:
        """Built when first asked. One that cannot be built is tried again at the next request."""
        return self._kit.model(name)

    def _write(self, request: Request, decision: Decision) -> None:
        """Appends a decision to the record; a full disk must not fail the request."""
        if self._settings.record is None:
            return
        path = self._parts.resolve(self._settings.record, "record")
        context = request.context
        line = {
            "id": f"{derive(context.seed, f'{context.run} {context.node} {read(request)}'):016x}",
            "ts": round(time.time(), 3),
            "run": context.run,
            "node": context.node,
            "conversation": context.conversation,
            "prompt": read(request),
            "model": decision.model,
            "propensity": decision.propensity,
            "reason": decision.reason,
            "chances": dict(decision.chances),
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, path.open("a") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except (OSError, UnicodeError) as error:
            log.warning("models.%s: %s cannot be written: %s", self._name, path, error)

    def _open(self) -> Router | None:
        """The router of the settings, looked at before anything is asked."""
        if self._settings.checkpoint is None:
            return None
        from agentkit_lookahead.router import SHIPPED as FOLDER
        from agentkit_lookahead.router import Router

        given = self._settings.checkpoint
        folder = FOLDER if given == Path(SHIPPED) else self._parts.resolve(given, "checkpoint")
        found = Router.load(folder, self._names, subset=self._settings.subset)
        for said in changes(self._kit, found.about.identities, self._names):
            log.warning("models.%s: %s", self._name, said)
        return found


class _Asked:
    """Requests on their way: decisions, tries, and what came back."""

    def __init__(self, requests: Sequence[Request], on_delta: OnDelta | None) -> None:
        self.requests, self.on_delta = requests, on_delta
        self.decided: dict[int, Decision] = {}
        self.made: dict[int, Completion] = {}
        self.tries = dict.fromkeys(range(len(requests)), 0)
        self.told: set[int] = set()
        self.refused: list[BackendUnavailable] = []

    def last(self, index: int) -> bool:
        """Whether there is no other candidate to ask."""
        return self.tries[index] + 1 >= len(self.decided[index].order)

    def listen(self, indices: Sequence[int]) -> OnDelta:
        def hear(delta: Delta) -> None:
            index = indices[delta.index]
            self.told.add(index)
            assert self.on_delta is not None
            self.on_delta(replace(delta, index=index))

        return hear

    def keep(self, index: int, made: Completion, own: str, name: str) -> None:
        if made.finish == "error" and self._next(index, made.error, own, name):
            return
        path = made.path if made.path[:1] == (name,) else (name, *made.path)
        others = tuple(replace(o, path=(own, *path)) for o in made.others)
        self.made[index] = replace(made, path=(own, *path), others=others)

    def failed(self, indices: Sequence[int], error: Exception, own: str, name: str) -> None:
        for index in indices:
            if index in self.made:
                continue
            said = f"{type(error).__name__}: {error}"
            if not self._next(index, said, own, name):
                self.made[index] = Completion.failed(error, own, name)
                if isinstance(error, BackendUnavailable):
                    self.refused.append(error)

    def _next(self, index: int, said: str, own: str, name: str) -> bool:
        """Whether another candidate can be asked: text that was told cannot be taken back."""
        decision = self.decided[index]
        if index in self.told or self.last(index):
            return False
        self.tries[index] += 1
        after = decision.order[self.tries[index]]
        log.warning("models.%s: %s failed (%s); asking %s", own, name, said[:200], after)
        return True


def _conversation(request: Request) -> str:
    """What makes two requests turns of one conversation: what the caller says, else what it began
    with, where it has gone on."""
    context = request.context
    if context.conversation:
        return f"{context.conversation} {context.node}"
    if context.run or not request.messages:
        return ""  # an agent's calls are routed one by one
    first = next((m for m in request.messages if m.role == "user"), None)
    return f"text {derive(0, repr(first))}" if first else ""


def _goes_on(request: Request) -> bool:
    """It is a later turn: the caller named a conversation, or a model has spoken already."""
    return bool(request.context.conversation) or any(
        m.role == "assistant" for m in request.messages
    )


def _size(request: Request) -> int:
    prompt = request.prompt
    if prompt is not None:
        return len(prompt)
    return sum(len(m.text) for m in request.messages)
