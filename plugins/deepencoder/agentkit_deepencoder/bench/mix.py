"""`deepencoder-mix`: what general vision and text alone, mixed in, do to reading and to seeing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit_deepencoder.bench.curve import cell, vision
from agentkit_deepencoder.model import DeepEncoderModel
from agentkit_deepencoder.nano.learn import Recipe, train
from agentkit_deepencoder.nano.mixture import MIX
from agentkit_deepencoder.nano.shipping import ship

MIXES = {
    "70 / 20 / 10": tuple(MIX),
    "OCR alone": (1.0, 0.0, 0.0),
    "OCR and vision": (0.78, 0.22, 0.0),
    "OCR and text": (0.88, 0.0, 0.12),
}


def arm(bench: Bench, seed: int, name: str, steps: int, pages: int) -> dict[str, Any]:
    """One mix at one seed, trained with as many steps as the others."""
    mix = MIXES[name]
    first = steps // 5
    recipe = Recipe(first=first, second=steps - first, seed=seed, mix=(mix[0], mix[1], mix[2]))
    folder = bench.out / f"{seed}-{list(MIXES).index(name)}"
    learner = train(folder / "state", recipe, bench.progress, resume=True)
    ship(learner, folder / "nano", recipe, steps)
    part = f"mix-{seed}-{list(MIXES).index(name)}"
    bench.kit.define(
        "model",
        part,
        use="deepencoder",
        checkpoint=str(Path(folder / "nano").resolve()),
        device="cpu",
    )
    model = bench.kit.model(part)
    assert isinstance(model, DeepEncoderModel)
    found = [cell(model, seed, "tiny", length, "text", pages) for length in (8, 16)]
    sight = vision(model, seed, pages, False)
    return {
        "precision": [value for one in found for value in one["precision"]],
        "describe": sight["describe"],
        "count": sight["count"],
        "locate": sight["locate"],
    }


def mixes(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    steps = int(bench.options.get("steps", 5 if quick else 6000))
    pages = int(bench.options.get("pages", 2 if quick else 40))
    rows = []
    metrics: dict[str, dict[str, Metric]] = {}
    for name in MIXES:
        gathered: dict[str, list[float]] = {}
        for seed in bench.seeds:
            key = f"{seed} {name} {steps} {pages}"
            found = bench.once(key, partial(arm, bench, seed, name, steps, pages))
            for what, values in found.items():
                gathered.setdefault(what, []).extend(values)
        metrics[name] = {
            what: interval(values, center="mean") for what, values in gathered.items() if values
        }
        told = [
            round(metrics[name][w].value, 3) if w in metrics[name] else None
            for w in ("precision", "describe", "count", "locate")
        ]
        rows.append((name, *told))
    own = metrics.pop("70 / 20 / 10")
    alone = metrics["OCR alone"]["precision"].value
    return Result(
        own,
        f"{steps} steps each: the paper's mix reads with precision {own['precision'].value:.3f}, "
        f"OCR alone with {alone:.3f}. The paper states its mix of 70 % OCR, 20 % general vision "
        "and 10 % text without comparing it to another. As many steps of a mix are fewer steps of "
        "OCR: what the others bring is paid for with reading.",
        baselines=metrics,
        tables=[Table("by mix", ("mix", "precision", "describe", "count", "locate"), tuple(rows))],
    )


MIXED = Experiment(
    name="deepencoder-mix",
    question="What do general vision and text, mixed in, do to reading?",
    run=mixes,
    claim="70 % OCR, 20 % general vision, 10 % text",
    seeds=(0,),
    needs={
        "quick": Needs(memory=1 << 30, hours=0.02),
        "normal": Needs(memory=2 << 30, hours=3.0),
    },
    options={"steps": "of each mix", "pages": "measured with, of each size"},
)
