"""How fast the server is with many clients, beside one request after the other.

The same prompts, lengths and seeds everywhere: to `agentkit serve` over HTTP with so many clients
at once, to the model in this process one by one, and to `transformers.generate` one by one.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from agentkit.bench.experiment import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities import CallContext, LanguageModel, Request, Table, Weights
from agentkit.errors import BackendUnavailable
from agentkit.models.http.wire import event_lines
from agentkit.seeds import derive

LOOP, LIBRARY = "our own loop", "transformers.generate"
GOALS = {LOOP: 4.0, LIBRARY: 6.0}  # times as fast, with 16 clients


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a prompt of random tokens, how many to write, and the seed."""

    prompt: tuple[int, ...]
    new: int
    seed: int

    @property
    def request(self) -> Request:
        context = CallContext(seed=self.seed)
        return Request(
            (), prompt=self.prompt, max_tokens=self.new, temperature=1.0, context=context
        )


@dataclass(slots=True)
class Seen:
    """One way to have a list of requests answered.

    seconds: for all. tokens: in all answers. whole, first: seconds of each request to its end, and
    to its first text.
    """

    seconds: float
    tokens: int
    whole: list[float]
    first: list[float]

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


def asks(seed: int, count: int, quick: bool) -> list[Ask]:
    """Prompts of 32 to 128 tokens and answers of 24 to 64; a third of that in a quick run."""
    less = 3 if quick else 1

    def drawn(number: int, what: str, low: int, high: int) -> int:
        return low // less + derive(seed, what, number) % (high // less - low // less + 1)

    return [
        Ask(
            tuple(
                3 + derive(seed, f"token {number}", place) % 250
                for place in range(drawn(number, "prompt", 32, 128))
            ),
            drawn(number, "new", 24, 64),
            derive(seed, "draw", number) & 0x7FFFFFFF,
        )
        for number in range(count)
    ]


# -- the ways -------------------------------------------------------------------------------------


def with_clients(url: str, token: str, model: str, work: Sequence[Ask], clients: int) -> Seen:
    """Over HTTP, streamed, with so many clients that each ask again when they are answered."""

    async def one(http: httpx.AsyncClient, ask: Ask) -> tuple[float, float, int]:
        began = time.perf_counter()
        first, tokens = 0.0, 0
        body = {
            "model": model,
            "prompt": list(ask.prompt),
            "max_tokens": ask.new,
            "seed": ask.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with http.stream("POST", f"{url}/completions", json=body) as response:
            if response.status_code != 200:
                said = (await response.aread()).decode()[:200]
                raise BackendUnavailable(f"the server refused a request: {said}")
            async for line in event_lines(response.aiter_bytes()):
                if line.startswith("data: {"):
                    first = first or time.perf_counter() - began
                    usage = json.loads(line[6:]).get("usage")
                    tokens = usage["completion_tokens"] if usage else tokens
        return time.perf_counter() - began, first, tokens

    async def all_() -> Seen:
        waiting = list(reversed(work))
        found: list[tuple[float, float, int]] = []
        limits = httpx.Limits(max_connections=clients)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(headers=headers, timeout=600, limits=limits) as http:

            async def client() -> None:
                while waiting:
                    found.append(await one(http, waiting.pop()))

            began = time.perf_counter()
            await asyncio.gather(*(client() for _ in range(clients)))
            seconds = time.perf_counter() - began
        whole, first, tokens = (list(column) for column in zip(*found))
        return Seen(seconds, sum(tokens), whole, first)

    return asyncio.run(all_())


def one_by_one(model: LanguageModel, work: Sequence[Ask], at_once: int = 1) -> Seen:
    """In this process; `at_once` of them from as many threads."""

    def one(ask: Ask) -> tuple[float, int]:
        began = time.perf_counter()
        (made,) = model.generate([ask.request])
        if made.error:
            raise BackendUnavailable(made.error)
        return time.perf_counter() - began, made.usage.completion

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        found = list(threads.map(one, work))
    seconds = time.perf_counter() - began
    return Seen(seconds, sum(n for _, n in found), [s for s, _ in found], [])


def library(model: LanguageModel, work: Sequence[Ask]) -> Seen:
    """`transformers.generate` with sampling over all tokens, of the same lengths."""
    import torch

    whole: list[float] = []
    tokens = 0
    with model.ability(Weights).borrow("read") as module, torch.inference_mode():
        for ask in work:
            began = time.perf_counter()
            ids = torch.tensor([ask.prompt])
            made = module.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_k=0,
                top_p=1.0,
                temperature=1.0,
                max_new_tokens=ask.new,
                eos_token_id=-1,
                pad_token_id=0,
            )
            whole.append(time.perf_counter() - began)
            tokens += made.shape[1] - ids.shape[1]
    return Seen(sum(whole), tokens, whole, [])


@contextmanager
def server(folder: Path, model: str, threads: int) -> Iterator[tuple[str, str]]:
    """`agentkit serve` as a process of its own; gives its address and token."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "agentkit.toml"
    file.write_text(
        f'[models.served]\nuse = "transformers"\nmodel = {json.dumps(model)}\ndtype = "fp32"\n'
        f"threads = {threads}\n"
    )
    token = secrets.token_urlsafe(16)
    process = subprocess.Popen(
        [sys.executable, "-m", "agentkit", "--config", str(file), "serve", "served", "--port", "0"],
        env={**os.environ, "AGENTKIT_TOKEN": token},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("http"):
                break
        else:
            raise BackendUnavailable(f"the server did not start: {''.join(said)[-300:]}")
        yield line.split()[0], token
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


# -- the experiment -------------------------------------------------------------------------------


def serving(bench: Bench) -> Result:
    """Every way in turns, round by round; ratios are taken within a round."""
    import torch

    quick = bench.scale == "quick"
    name = bench.options.get("model", "smollm2-135m")
    beside = bench.options.get("beside", "")
    rounds = int(bench.options.get("rounds", "1" if quick else "5"))
    crowds = (1, 4, 16) if quick else (1, 4, 16, 64)
    threads = int(bench.options.get("threads", torch.get_num_threads()))
    if "bench-serving" not in bench.kit.names("model"):
        settings = {"model": name, "dtype": "fp32", "threads": threads}
        bench.kit.define("model", "bench-serving", use="transformers", **settings)
    own = bench.kit.model("bench-serving")
    with server(bench.out / "server", name, threads) as (url, token):
        ways: dict[str, Callable[[list[Ask]], Seen]] = {
            _label(n): partial(with_clients, url, token, "served", clients=n) for n in crowds
        }
        ways |= {LOOP: partial(one_by_one, own), LIBRARY: partial(library, own)}
        if beside:
            other = bench.kit.model(beside)
            ways |= {
                f"{beside}, {_label(n)}": partial(one_by_one, other, at_once=n) for n in crowds
            }
        crowd = {f"{who}{_label(n)}": n for who in ("", f"{beside}, ") for n in crowds}
        seen: dict[str, list[Seen]] = {way: [] for way in ways}
        for number in range(rounds):
            order = list(ways) if number % 2 == 0 else list(ways)[::-1]
            for place, way in enumerate(order):
                bench.progress.update(number * len(ways) + place, rounds * len(ways))
                seed = derive(bench.seeds[0], "serve", number)
                work = asks(seed, max(16, crowd.get(way, 1)), quick)
                measure = partial(_measured, ways[way], work)
                key = f"{way}, round {number}, {name}, {threads} threads"
                seen[way].append(Seen(**bench.once(key, measure)))
    return _result(seen, name, threads)


def _label(clients: int) -> str:
    return f"{clients} client{'s' * (clients > 1)}"


def _measured(way: Callable[[list[Ask]], Seen], work: list[Ask]) -> dict[str, Any]:
    way(work[:1])  # what the first request pays alone is no part of it
    return asdict(way(work))


def _result(seen: dict[str, list[Seen]], name: str, threads: int) -> Result:
    metrics: dict[str, Metric] = {}
    baselines: dict[str, dict[str, Metric]] = {}
    rows = []
    for way, found in seen.items():
        rate = interval([one.rate for one in found], "tok/s")
        whole = [s for one in found for s in one.whole]
        first = [s for one in found for s in one.first]
        rows.append(
            (
                way,
                round(rate.value, 1),
                *(round(_quantile(whole, q), 2) for q in (0.5, 0.95)),
                *(round(_quantile(first, q), 2) if first else "" for q in (0.5, 0.95)),
            )
        )
        if "client" in way and "," not in way:
            metrics[way] = rate
            for base in (LOOP, LIBRARY):
                ratios = [one.rate / other.rate for one, other in zip(found, seen[base])]
                metrics[f"{way}: times {base}"] = interval(ratios)
        else:
            baselines[way] = {"throughput": rate}
    columns = ("who", "tok/s", "whole p50 s", "whole p95 s", "first p50 s", "first p95 s")
    return Result(
        metrics,
        _verdict(metrics, name, threads),
        baselines=baselines,
        tables=[Table("Throughput and latency", columns, tuple(rows))],
    )


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _verdict(metrics: dict[str, Metric], name: str, threads: int) -> str:
    said = []
    for base, goal in GOALS.items():
        ratio = metrics[f"{_label(16)}: times {base}"].value
        word = "reached" if ratio >= goal else "not reached"
        said.append(f"{ratio:.1f} times as fast as {base} (goal {goal:g}: {word})")
    return (
        f"{name} in fp32 with {threads} thread{'s' * (threads > 1)} each for the server, which is "
        f"a process of its own, and for the two that answer one by one: 16 clients are served "
        f"{' and '.join(said)}. Prompts have 32 to 128 random tokens, answers 24 to 64 (a third "
        "in a quick run), and those that end early count what they have. Clients stream; the "
        "sequential loops do not pay for HTTP. A round takes every way once, so that what else "
        f"the machine does meets all alike; load average at the end {os.getloadavg()[0]:.1f}."
    )


SERVE = Experiment(
    name="serve",
    question="How fast is the server with many clients, beside one request after the other?",
    run=serving,
    options={
        "model": "what is served: a bundled name or a folder",
        "beside": "a model of the kit that is asked the same, e.g. a vLLM server",
        "rounds": "how often every way is taken",
        "threads": "of torch, in each process",
    },
    needs={
        "normal": Needs(weights=("smollm2-135m",), memory=4 << 30, hours=0.3),
        "quick": Needs(weights=("smollm2-135m",), memory=4 << 30, hours=0.02),
    },
)
