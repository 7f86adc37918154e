"""How the router that ships was made, and can be made again:

    python -m agentkit_lookahead.recipe FOLDER [CANDIDATE …]

FOLDER gets the answers (kept, so that it goes on after a stop) and the router. 160 questions of
`tasks`, seed 0, are answered by every candidate in at most 32 tokens.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import agentkit
from agentkit.cli.progress import progress
from agentkit_lookahead import scorecard
from agentkit_lookahead.collecting import Prompt, collect
from agentkit_lookahead.identity import identity
from agentkit_lookahead.router import fit
from agentkit_lookahead.settings import TrainSettings
from agentkit_lookahead.tasks import tasks

CANDIDATES = ("small", "calculator")
COUNT, TOKENS = 160, 32
SETTINGS = TrainSettings(
    width=96,
    layers=3,
    block=16,
    prompt=128,
    vocabulary=1024,
    equal="absolute",
    calibration="sigmoid",
    default="small",
    steps=150,
    epochs=1,
    batch=16,
    rate=2e-3,
)


def questions(count: int = COUNT) -> list[Prompt]:
    """Sums, facts and code in chance order."""
    found = tasks(("sums", "facts", "code"), 80)
    random.Random(0).shuffle(found)
    return found[:count]


def main(folder: Path, candidates: Sequence[str] = CANDIDATES) -> None:
    """Collects, judges a router on a third that it did not see, and trains the one that is kept on
    all."""
    with agentkit.load(environ={}) as kit:
        with progress("collecting") as told:
            table = collect(
                kit, candidates, questions(), folder / "answers.jsonl", told, max_tokens=TOKENS
            )
        learn, test = table.split(0.67)
        with progress("training to be judged") as told:
            judged = fit(SETTINGS, learn, told)
        with progress("training") as told:
            made = fit(SETTINGS, table, told)
        known = {n: identity(kit, n) for n in candidates}
    chosen = judged.logits(test.texts).argmax(1)
    best = scorecard.best_fixed(learn.scores, learn.sets)
    card = scorecard.card(test.scores, test.sets, chosen, best, test.candidates)
    rows = np.arange(len(chosen))
    metrics = {
        "rows": float(len(table.rows)),
        "judged on": float(len(test.rows)),
        "router": float(test.scores[rows, chosen].mean()),
        "oracle": float(test.scores.max(1).mean()),
        **{f"only {n}": float(v) for n, v in zip(test.candidates, test.scores.mean(0))},
        "mu": card.mu,
        "calibration error": judged.about.metrics.get("calibration error", float("nan")),
    }
    # Seconds are of the machine that asked: another one has others.
    made.about = replace(made.about, identities=known, metrics=metrics, latencies={})
    made.save(folder / "router")
    for name, value in metrics.items():
        sys.stdout.write(f"{name:<20} {value:.3f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or CANDIDATES)
