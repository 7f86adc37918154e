"""The model suite passes on right models and catches a wrong one by each of its cases."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from agentkit.capabilities import Completion, Request, Tokens
from agentkit.errors import Unsupported, UsageError
from agentkit.testing.conformance import EmbedderConformance, LanguageModelConformance
from tests.testing.mutants import all_cases_have_one, caught, each, of, passes
from tests.testing.reference import END, SITES, Line, ReferenceModel

ANSWERS = """
use = "scripted"
choose = "request"
answers = ["a long answer of many words", "another of some length, too", "yes", "true",
    '{"sure": true, "colour": "red"}', "[true, false]", '"red"']
"""
FOLDER = tempfile.TemporaryDirectory()  # removed when Python ends


class TestReference(LanguageModelConformance):
    def make(self) -> ReferenceModel:
        return ReferenceModel()


class TestScripted(LanguageModelConformance):
    toml = f"[models.part]{ANSWERS}"


class TestPacked(LanguageModelConformance):
    toml = f"""
    [models.script]
    {ANSWERS}
    [models.part]
    use = "packed"
    base = "script"
    """


class TestReplay(LanguageModelConformance):
    toml = f"""
    [models.script]
    {ANSWERS}
    [models.part]
    use = "replay"
    base = "script"
    record = true
    file = '{FOLDER.name}/answers.jsonl'
    """


class Embedder(ReferenceModel):
    abilities = frozenset({"embed"})

    def generate(self, requests: Any, **_: Any) -> Any:
        raise Unsupported("models.reference embeds and does not generate")


class TestEmbedder(EmbedderConformance):
    def make(self) -> Embedder:
        return Embedder()


# -- wrong models ---------------------------------------------------------------------------------


class GivesUndeclared(ReferenceModel):
    def ability(self, kind: type) -> Any:
        return self


class Reversed(ReferenceModel):
    def generate(self, requests: Any, **more: Any) -> Any:
        return super().generate(requests, **more)[::-1]


class SeedsByRow(ReferenceModel):
    def answer(self, request: Request, index: int, *rest: Any) -> Completion:
        context = replace(request.context, seed=request.context.seed + index)
        return super().answer(replace(request, context=context), index, *rest)


class SwallowsTheEnd(ReferenceModel):
    def tell(self, made: Completion, index: int, on_delta: Any, cancel: Any) -> Completion:
        super().tell(replace(made, text=made.text[:-1]), index, on_delta, cancel)
        return made


class OneTooMany(ReferenceModel):
    def draw(self, request: Request, seed: int) -> Completion:
        return super().draw(replace(request, max_tokens=request.max_tokens + 1), seed)


class KeepsTheStop(ReferenceModel):
    def draw(self, request: Request, seed: int) -> Completion:
        made = super().draw(request, seed)
        return replace(made, text=made.text + request.stop[-1]) if request.stop else made


class OneAnswer(ReferenceModel):
    def answer(self, *arguments: Any) -> Completion:
        return replace(super().answer(*arguments), others=())


class CountsNothing(ReferenceModel):
    def draw(self, request: Request, seed: int) -> Completion:
        made = super().draw(request, seed)
        return replace(made, usage=replace(made.usage, prompt=1))


class CutsThePrompt(ReferenceModel):
    def fits(self, request: Request) -> None: ...

    def render(self, request: Request) -> tuple[int, ...]:
        return super().render(request)[-300:]


class NeverStops(ReferenceModel):
    def tell(self, made: Completion, index: int, on_delta: Any, cancel: Any) -> Completion:
        return super().tell(made, index, on_delta, None)


class AsciiOnly(ReferenceModel):
    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode("ascii"))


class OneSlot(ReferenceModel):
    def draw(self, request: Request, seed: int) -> Completion:
        self.slot = request
        time.sleep(0.01)
        return super().draw(self.slot, seed)


class Pathless(ReferenceModel):
    def answer(self, *arguments: Any) -> Completion:
        return replace(super().answer(*arguments), path=())


class Blind(ReferenceModel):
    def fits(self, request: Request) -> None:
        words = [replace(m, parts=m.parts[:1]) for m in request.messages]
        super().fits(replace(request, messages=tuple(words)))


class Scribbles(ReferenceModel):
    def draw(self, request: Request, seed: int) -> Completion:
        if "note" in request.extra:
            request.extra["note"]["seen"] = True
        return super().draw(request, seed)


class ScoresRoughly(ReferenceModel):
    def score(self, *arguments: Any) -> Any:
        return [replace(span, logp=span.logp - 1e-6) for span in super().score(*arguments)]


class RowsLeak(ReferenceModel):
    def extend(self, seqs: Any, max_new: int, draws: Any, **more: Any) -> Any:
        spans = super().extend(seqs, max_new, draws, **more)
        return [replace(span, logp=span.logp - n * 1e-7) for n, span in enumerate(spans)]


class NoNormaliser(ReferenceModel):
    def numbers(self, *arguments: Any) -> Any:
        span = super().numbers(*arguments)
        return replace(span, logz=np.zeros_like(span.logz))


class HalfTheMass(ReferenceModel):
    def numbers(self, *arguments: Any) -> Any:
        span = super().numbers(*arguments)
        return replace(span, logp=span.logp - 0.7, sampled=span.sampled - 0.7)


class ForksShare(ReferenceModel):
    def fork(self, seq: Line, length: int) -> Line:
        child = super().fork(seq, length)
        seq.ids = child.ids
        return child


class StaysWhereItWas(ReferenceModel):
    def extend(self, seqs: Any, *arguments: Any, **more: Any) -> Any:
        copies = [Line(seq.ids, seq.version) for seq in seqs]
        return super().extend(copies, *arguments, **more)


class OneSeed(ReferenceModel):
    def next(self, ids: Any, draw: Any) -> int:
        return super().next(ids, replace(draw, seed=0))


class Strips(ReferenceModel):
    def encode(self, text: str) -> tuple[int, ...]:
        return super().encode(" ".join(text.split()))


class OpensNothing(ReferenceModel):
    def open(self, prompts: Any) -> Any:
        return [Line(ids or (0,), self.version) for ids in prompts]


class OtherLogprobs(ReferenceModel):
    def entries(self, *arguments: Any) -> Any:
        found = super().entries(*arguments)
        return tuple(replace(entry, logprob=entry.logprob - 0.01) for entry in found)


class OneLength(ReferenceModel):
    def extend(self, seqs: Any, max_new: Any, draws: Any, **more: Any) -> Any:
        most = max_new if isinstance(max_new, int) else max(max_new)
        return super().extend(seqs, most, draws, **more)


class RunsOn(ReferenceModel):
    def stops(self, draw: Any) -> tuple[int, ...]:
        return (END,)


class Turned(ReferenceModel):
    def hidden(self, ids: Any, sites: Any) -> Any:
        found = super().hidden(ids, sites)
        return {site: [t.T for t in tensors] for site, tensors in found.items()}


class LooksAhead(ReferenceModel):
    def hidden(self, ids: Any, sites: Any) -> Any:
        found = super().hidden(ids, sites)
        return {site: [t + t.mean(0) for t in tensors] for site, tensors in found.items()}


class AnySite(ReferenceModel):
    def hidden(self, ids: Any, sites: Any) -> Any:
        found = super().hidden(ids, SITES)
        return {site: found.get(site, found[SITES[0]]) for site in sites}


class HandsOutItsOwn(ReferenceModel):
    def hidden(self, ids: Any, sites: Any) -> Any:
        key = (tuple(ids), tuple(sites))
        if getattr(self, "kept", (None,))[0] != key:
            self.kept = (key, super().hidden(ids, sites))
        return self.kept[1]


class PrivateIsShared(ReferenceModel):
    @contextmanager
    def borrow(self, mode: str) -> Any:
        with super().borrow("train" if mode == "private" else mode) as module:
            yield module


class ReadsWithGradients(ReferenceModel):
    @contextmanager
    def borrow(self, mode: str) -> Any:
        with super().borrow("train" if mode == "read" else mode) as module:
            yield module


class TrainsACopy(ReferenceModel):
    @contextmanager
    def borrow(self, mode: str) -> Any:
        with super().borrow("private" if mode == "train" else mode) as module:
            yield module


class KeepsOldKeys(ReferenceModel):
    def load(self, tensors: Any, *, version: int) -> None:
        super().load(tensors, version=self.version)


class LoadsHalf(ReferenceModel):
    def load(self, tensors: Any, *, version: int) -> None:
        own = dict(self.module.named_parameters())
        with torch.no_grad():
            for name, tensor in tensors.items():
                if name not in own:
                    raise UsageError(f"no tensor {name!r}")
                own[name].copy_(tensor)
        self.version = version


class Incomplete(ReferenceModel):
    def constrained(self, grammar: Any) -> str:
        return '{"sure":true}' if grammar.kind == "json" else super().constrained(grammar)

    def check_grammar(self, grammar: Any) -> None: ...


class AddsADot(ReferenceModel):
    def constrained(self, grammar: Any) -> str:
        return super().constrained(grammar) + "."


class NoDeadEnd(ReferenceModel):
    def check_grammar(self, grammar: Any) -> None: ...


class BindsAll(ReferenceModel):
    def generate(self, requests: Any, **more: Any) -> Any:
        grammar = next((r.grammar for r in requests if r.grammar), None)
        return super().generate([replace(r, grammar=grammar) for r in requests], **more)


class OneShort(ReferenceModel):
    def entries(self, prompt: Any, ids: Any, k: int) -> Any:
        return super().entries(prompt, ids, k - 1 if k else 0)


class ClaimsAll(ReferenceModel):
    def fits(self, request: Request) -> None:
        k = min(request.logprobs or 0, self.top_logprobs)
        super().fits(replace(request, logprobs=k))


class LongRows(ReferenceModel):
    def embed(self, texts: Any) -> Any:
        return super().embed(texts) * 2


class Centred(ReferenceModel):
    def embed(self, texts: Any) -> Any:
        rows = super().embed(texts)
        rows = rows - rows.mean(0) * 0.3
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


class AllAlike(ReferenceModel):
    def embed(self, texts: Any) -> Any:
        return super().embed(["same"] * len(texts))


class EmbedsAndTalks(Embedder):
    def generate(self, requests: Any, **_: Any) -> Any:
        return [Completion("hello") for _ in requests]


MUTANTS: dict[str, Any] = {
    "LM-01": GivesUndeclared,
    "LM-02": Reversed,
    "LM-03": SeedsByRow,
    "LM-04": SwallowsTheEnd,
    "LM-05": OneTooMany,
    "LM-06": KeepsTheStop,
    "LM-07": OneAnswer,
    "LM-08": CountsNothing,
    "LM-09": CutsThePrompt,
    "LM-10": NeverStops,
    "LM-11": AsciiOnly,
    "LM-12": OneSlot,
    "LM-13": Pathless,
    "LM-14": Blind,
    "LM-15": Scribbles,
    "TK-01": ScoresRoughly,
    "TK-02": RowsLeak,
    "TK-03": NoNormaliser,
    "TK-04": HalfTheMass,
    "TK-05": ForksShare,
    "TK-06": StaysWhereItWas,
    "TK-07": OneSeed,
    "TK-08": Strips,
    "TK-09": OpensNothing,
    "TK-10": OtherLogprobs,
    "TK-11": RunsOn,
    "TK-12": OneLength,
    "HI-01": Turned,
    "HI-02": LooksAhead,
    "HI-03": AnySite,
    "HI-04": HandsOutItsOwn,
    "WE-01": PrivateIsShared,
    "WE-02": ReadsWithGradients,
    "WE-03": TrainsACopy,
    "WE-04": KeepsOldKeys,
    "WE-05": LoadsHalf,
    "GR-01": Incomplete,
    "GR-02": AddsADot,
    "GR-03": NoDeadEnd,
    "GR-04": BindsAll,
    "LP-01": OneShort,
    "LP-02": OtherLogprobs,
    "LP-03": ClaimsAll,
    "EM-01": LongRows,
    "EM-02": Centred,
    "EM-03": AllAlike,
}


@each(MUTANTS)
def test_a_wrong_model_is_caught(case: str, mutant: Any) -> None:
    caught(of(LanguageModelConformance, mutant), case)


def test_an_embedder_that_talks_is_caught() -> None:
    caught(of(EmbedderConformance, EmbedsAndTalks), "LM-16")


def test_every_case_has_a_wrong_model() -> None:
    all_cases_have_one(LanguageModelConformance, MUTANTS)


def test_what_is_not_declared_must_be_refused_by_name() -> None:
    class Vague(ReferenceModel):
        abilities = frozenset({"grammar"})

        def ability(self, kind: type) -> Any:
            if kind is Tokens:
                raise Unsupported("no")
            return super().ability(kind)

    caught(of(LanguageModelConformance, Vague), "LM-01")
    passes(of(EmbedderConformance, Embedder))
