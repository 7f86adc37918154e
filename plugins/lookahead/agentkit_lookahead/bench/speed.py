"""`agentkit bench route-speed`: how long a decision takes, for queries of 32 to 512 words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities import Table
from agentkit_lookahead.bench.released import Quiet
from agentkit_lookahead.router import SHIPPED, Router, fit
from agentkit_lookahead.settings import TrainSettings
from agentkit_lookahead.synthetic import WORDS, pool

GOAL = 50.0  # milliseconds, for 512 tokens on two cores
LENGTHS = (32, 128, 512)
HEADS = ("router", "words", "tokens read", "p50 ms", "p95 ms")
OPTIONS = {"repeats": "decisions timed for each", "backbone": "a folder or bundled name, too"}
# All 512 tokens are read here, where the shipped router cuts a query to its own limit.
READS: Mapping[str, Any] = {"prompt": 512, "block": 24, "steps": 1, "epochs": 1, "batch": 4}


def speed(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    repeats = int(bench.options.get("repeats", 10 if quick else 100))
    routers: dict[str, Router] = {}
    if (SHIPPED / "router.json").exists():
        routers["shipped"] = Router.load(SHIPPED)
    kinds = {"tiny mlm": {"variant": "mlm"}, "tiny clm": {"variant": "clm"}}
    if backbone := bench.options.get("backbone"):
        kinds[f"{backbone}, clm"] = {"variant": "clm", "backbone": backbone}
    for name, own in kinds.items():
        settings = TrainSettings.model_validate({**READS, **own})
        routers[name] = fit(settings, pool(30), Quiet(bench.progress.cancel))
    rows, metrics = [], {}
    total = len(routers) * len(LENGTHS)
    for name, router in routers.items():
        for length in LENGTHS:
            rng = np.random.default_rng(length)
            texts = [" ".join(rng.choice(WORDS, length).tolist()) for _ in range(repeats)]
            read = int(np.mean([len(_ids(router, t)) for t in texts]))
            router.chances(texts[:1])
            times = []
            for text in texts:
                began = time.perf_counter()
                router.chances([text])
                times.append(1000 * (time.perf_counter() - began))
            p50, p95 = float(np.percentile(times, 50)), float(np.percentile(times, 95))
            metrics[f"p50, {name}, {length} words"] = Metric(p50, unit="ms")
            metrics[f"p95, {name}, {length} words"] = Metric(p95, unit="ms")
            rows.append((name, length, read, f"{p50:.1f}", f"{p95:.1f}"))
            bench.progress.update(len(rows), total)
    slow = [r[0] for r in rows if r[1] == LENGTHS[-1] and float(r[3]) > GOAL]
    return Result(
        metrics,
        f"Goal: half of all decisions on 512 tokens within {GOAL:.0f} ms. "
        + (f"Missed by {', '.join(slow)}." if slow else "All are within it.")
        + " One request at a time; the machine's load at the time is in these figures.",
        tables=[Table("Decisions", HEADS, tuple(rows))],
    )


def _ids(router: Router, text: str) -> list[int]:
    found: list[int] = router.module.words.prompt(text, router.about.settings.prompt)
    return found


ROUTE_SPEED = Experiment(
    name="route-speed",
    question="How long does a decision take?",
    run=speed,
    claim="the paper gives no latency; a router is to cost less than a token of what it saves",
    needs={"quick": Needs(hours=0.02), "normal": Needs(hours=0.05)},
    options=OPTIONS,
)
