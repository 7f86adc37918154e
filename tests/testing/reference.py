"""A model that can do everything, written to be broken in one place at a time.

The suites must fail on wrong models, and no real one is wrong in so many ways. It is a real
model all the same: a torch module over bytes with a decaying memory in place of attention, run row
by row, so that batches cannot change anything.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from agentkit.capabilities import (
    ABILITIES,
    Completion,
    Delta,
    Draw,
    Grammar,
    Image,
    ModelInfo,
    Request,
    Span,
    TokenLogprob,
    Usage,
)
from agentkit.errors import ContextOverflow, GrammarDeadEnd, Unsupported, UsageError
from agentkit.seeds import derive
from agentkit.testing.scripted import mismatch, prompt

END, VOCABULARY, WIDTH = 256, 257, 24
SITES = ("resid_pre.0", "attn_out.0", "mlp_out.0", "resid_post.0")
CANDIDATES = ("yes", "true", '"red"', '{"sure":true,"colour":"red"}', "[true,false]")


class Bytes(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        noise = torch.Generator().manual_seed(1)
        for name, shape in (
            ("embed", (VOCABULARY, WIDTH)),
            ("mix", (WIDTH, WIDTH)),
            ("up", (WIDTH, WIDTH)),
            ("head", (WIDTH, VOCABULARY)),
        ):
            values = torch.randn(shape, generator=noise) * 1.2 / WIDTH**0.5
            setattr(self, name, torch.nn.Parameter(values))
        plain = torch.full((VOCABULARY,), -30.0)
        plain[97:123] = 0.0  # the letters, so that text is text
        plain[END] = -6.0
        self.bias = torch.nn.Parameter(plain)

    def forward(self, ids: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """(T, V) logits, and the (T, d) sites."""
        pre = self.embed[torch.tensor(list(ids))] * 4
        memory, rows = torch.zeros(WIDTH), []
        for row in pre:
            memory = 0.97 * memory + row / 4
            rows.append(memory)
        attention = torch.stack(rows) @ self.mix
        mlp = torch.tanh((pre + attention) @ self.up)
        post = pre + attention + mlp
        return post @ self.head + self.bias, dict(zip(SITES, (pre, attention, mlp, post)))


class Line:
    """A sequence."""

    def __init__(self, ids: Sequence[int], version: int) -> None:
        self.ids, self.version = tuple(ids), version


class ReferenceModel:
    context = 512
    exact = True
    abilities = frozenset(ABILITIES) - {"vision", "embeds", "answers", "continuations"}
    top_logprobs = 4

    def __init__(self) -> None:
        self.module, self.version = Bytes(), 0
        self.info = ModelInfo("reference", self.context, self.abilities, exact=self.exact)

    def ability(self, kind: type) -> Any:
        name = next(n for n, k in ABILITIES.items() if k is kind)
        if name not in self.info.abilities:
            raise Unsupported(f"models.reference has no {name!r}")
        return self

    # -- generate ---------------------------------------------------------------------------------

    def generate(
        self, requests: Sequence[Request], *, on_delta: Any = None, cancel: Any = None
    ) -> list[Completion]:
        for request in requests:
            self.fits(request)
        return [self.answer(r, n, on_delta, cancel) for n, r in enumerate(requests)]

    def fits(self, request: Request) -> None:
        if any(isinstance(p, Image) for m in request.messages for p in m.parts):
            raise Unsupported("models.reference has no 'vision'")
        if (request.logprobs or 0) > self.top_logprobs:
            raise Unsupported(f"at most {self.top_logprobs} log-probabilities")
        if len(self.render(request)) + request.max_tokens > self.context:
            raise ContextOverflow("the prompt does not fit")

    def answer(self, request: Request, index: int, on_delta: Any, cancel: Any) -> Completion:
        seeds = [derive(request.context.seed, "answer", n) for n in range(request.n)]
        made = [self.draw(request, seed) for seed in seeds]
        first = self.tell(made[0], index, on_delta, cancel)
        return replace(first, others=tuple(made[1:]))

    def draw(self, request: Request, seed: int) -> Completion:
        rendered = self.render(request)
        if request.grammar is not None:
            text, finish, ids = self.constrained(request.grammar), "stop", ()
            count = len(text)
        else:
            draw = Draw(seed, request.temperature)
            span = self.extend([Line(rendered, self.version)], request.max_tokens, [draw])[0]
            ids = tuple(i for i in span.ids.tolist() if i != END)
            text, finish, count = self.decode(ids), span.finish, len(ids)
            ends = [at for at in map(text.find, request.stop) if at >= 0]
            if ends:
                text, finish, count = text[: min(ends)], "stop", min(ends)
                ids = ids[:count]
        entries = () if request.logprobs is None else self.entries(rendered, ids, request.logprobs)
        usage = Usage(len(rendered), count, count)
        return Completion(text, finish, ids, entries, usage=usage, path=("reference",))

    def tell(self, made: Completion, index: int, on_delta: Any, cancel: Any) -> Completion:
        for at, letter in enumerate(made.text):
            if cancel:
                return replace(made, text=made.text[:at], finish="cancelled")
            if on_delta is not None:
                on_delta(Delta(index, letter))
        return made

    @torch.no_grad()
    def entries(self, prompt: Sequence[int], ids: Sequence[int], k: int) -> Any:
        logits, _ = self.module((*prompt, *ids))
        rows = torch.log_softmax(logits[len(prompt) - 1 : -1].float(), -1)
        found = []
        for token, row in zip(ids, rows):
            top = sorted(((float(v), i) for i, v in enumerate(row.tolist())), reverse=True)[:k]
            pairs = tuple((self.decode([i]), v) for v, i in top)
            found.append(TokenLogprob(self.decode([token]), token, float(row[token]), pairs))
        return tuple(found)

    # -- tokens -----------------------------------------------------------------------------------

    def render(self, request: Request) -> tuple[int, ...]:
        return self.encode(prompt(request) + "\n> ")

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode())

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(i for i in ids if i < 256).decode(errors="replace")

    def open(self, prompts: Sequence[Sequence[int]]) -> list[Line]:
        for ids in prompts:
            if not len(ids):
                raise UsageError("an empty prompt")
        return [Line(ids, self.version) for ids in prompts]

    def fork(self, seq: Line, length: int) -> Line:
        if not 1 <= length <= len(seq.ids):
            raise UsageError(f"no fork at {length}")
        return Line(seq.ids[:length], seq.version)

    def extend(
        self, seqs: Sequence[Line], max_new: Any, draws: Sequence[Draw], *, cancel: Any = None
    ) -> list[Span]:
        spans = []
        most = [max_new] * len(seqs) if isinstance(max_new, int) else max_new
        for seq, new, draw in zip(seqs, most, draws, strict=True):
            if seq.version != self.version:
                raise UsageError("a sequence of older weights")
            if len(seq.ids) + new > self.context:
                raise ContextOverflow("too many tokens")
            ids, finish, stops = list(seq.ids), "length", self.stops(draw)
            for _ in range(new):
                ids.append(self.next(ids, draw))
                if ids[-1] in stops:
                    finish = "stop"
                    break
            drawn = ids[len(seq.ids) :]
            spans.append(replace(self.numbers(seq.ids, drawn, draw), finish=finish))
            seq.ids = tuple(ids)
        return spans

    def stops(self, draw: Draw) -> tuple[int, ...]:
        return (END,) if draw.stop_ids is None else draw.stop_ids

    @torch.no_grad()
    def next(self, ids: Sequence[int], draw: Draw) -> int:
        row = torch.log_softmax(self.module(ids)[0][-1].double(), -1)
        if not draw.temperature:
            return int(row.argmax())
        weights = torch.softmax(row / draw.temperature, -1).cumsum(-1)
        u = derive(draw.seed, "draw", len(ids)) / 2**63
        return int((weights < u).sum().clamp(max=VOCABULARY - 1))

    @torch.no_grad()
    def numbers(self, ids: Sequence[int], new: Sequence[int], draw: Draw) -> Span:
        logits, _ = self.module((*ids, *new))
        rows = torch.log_softmax(logits[len(ids) - 1 : -1].double(), -1)
        chosen = rows[torch.arange(len(new)), torch.tensor(list(new))].numpy()
        if draw.temperature:
            logz = torch.logsumexp(rows / draw.temperature, -1).numpy()
            sampled = chosen / draw.temperature - logz
        else:
            logz = sampled = np.zeros(len(new))
        version = np.full(len(new), self.version)
        return Span(np.array(new), chosen, logz, sampled, version)

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        draws: Sequence[Draw],
    ) -> list[Span]:
        return [self.numbers(p, t, d) for p, t, d in zip(prompts, targets, draws)]

    # -- hidden and weights -----------------------------------------------------------------------

    @torch.no_grad()
    def hidden(
        self, ids: Sequence[Sequence[int]], sites: Sequence[str]
    ) -> dict[str, list[torch.Tensor]]:
        for site in sites:
            if site not in SITES:
                raise UsageError(f"no site {site!r}")
        found = [self.module(one)[1] for one in ids]
        return {site: [one[site].clone() for one in found] for site in sites}

    @contextlib.contextmanager
    def borrow(self, mode: str) -> Iterator[torch.nn.Module]:
        module = copy.deepcopy(self.module) if mode == "private" else self.module
        with torch.no_grad() if mode == "read" else contextlib.nullcontext():
            yield module

    def load(self, tensors: Mapping[str, torch.Tensor], *, version: int) -> None:
        own = dict(self.module.named_parameters())
        for name, tensor in tensors.items():
            if name not in own or own[name].shape != tensor.shape:
                raise UsageError(f"no tensor {name!r} of that shape")
        with torch.no_grad():
            for name, tensor in tensors.items():
                own[name].copy_(tensor)
        self.version = version

    # -- grammar and embeddings -------------------------------------------------------------------

    def constrained(self, grammar: Grammar) -> str:
        fitting = [text for text in CANDIDATES if not mismatch(grammar, text)]
        if not fitting:
            raise GrammarDeadEnd("nothing matches")
        return fitting[0]

    def check_grammar(self, grammar: Grammar) -> None:
        self.constrained(grammar)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in zip(rows, texts):
            for word in re.findall(r"\w+", text) or [""]:
                row[derive(0, word) % 64] += 1
            row /= np.linalg.norm(row)
        return rows


def plain(value: Any) -> str:
    return json.dumps(value, default=str, sort_keys=True)
