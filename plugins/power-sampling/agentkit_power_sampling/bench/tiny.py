"""`agentkit bench power-tiny`: a small transformer, trained here, whose answers can be counted.

It is taught a trap. Asked for a sum, it hedges with probability 0.6: the token "m", then three
letters of eight that may be any. With probability 0.4 it says "s" and the right digit. Token by
token the hedge is likelier; but each hedged answer is rare, and the right one is not. So p^alpha
gives the right answer nearly always, and a low temperature gives it less often than plain draws do.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities import Ids, LanguageModel, Tokens, Weights
from agentkit.capabilities.analyzer import Table
from agentkit.files import folder_atomic
from agentkit.seeds import derive
from agentkit.testing.tiny import write_byte_tokenizer
from agentkit_power_sampling.bench.solve import plain
from agentkit_power_sampling.bench.user import number
from agentkit_power_sampling.methods import Job, draw
from agentkit_power_sampling.settings import Sampling
from agentkit_power_sampling.table import Answer, total_variation

ALPHA, HORIZON, HEDGE, DIGITS, END, CONTEXT = 4.0, 6, 0.6, 10, 258, 64
LETTERS = b"abcdefgh"
NEAR = 0.05  # the distance that is to be reached
FAINT = 1e-7  # of p^alpha at its likeliest: what is below is not followed
METHODS: Mapping[str, Mapping[str, Any]] = {
    "mh, 2 steps": {"block": HORIZON, "steps": 2, "early_stop": False},
    "mh, 8 steps": {"block": HORIZON, "steps": 8, "early_stop": False},
    "mh, 32 steps": {"block": HORIZON, "steps": 32, "early_stop": False},
    "mh, 128 steps": {"block": HORIZON, "steps": 128, "early_stop": False},
    "smc, 4 particles": {"method": "smc", "particles": 4, "every": 1},
    "smc, 16 particles": {"method": "smc", "particles": 16, "every": 1},
    "smc, 64 particles": {"method": "smc", "particles": 64, "every": 1},
    "rollout": {"method": "rollout", "block": 1, "candidates": 8, "rollouts": 4, "lookahead": 6},
    "low temperature": {"method": "low_temp"},
    "plain draws": {"method": "best_of_n", "n": 1},
    "best of 8": {"method": "best_of_n", "n": 8},
}
QUICK = ("mh, 32 steps", "smc, 64 particles", "low temperature", "plain draws")
OPTIONS = {"draws": "by each method", "steps": "of training"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A method on a prompt. right: share of answers that hold the sum."""

    distance: float
    right: float
    seconds: float
    spent: float


def power_tiny(bench: Bench) -> Result:
    """Trains once a seed, counts all answers to a few prompts, and draws by every method."""
    quick = bench.scale == "quick"
    steps = number(bench, "steps", 800)
    draws = number(bench, "draws", 60 if quick else 1000)
    seeds = bench.seeds[:1] if quick else bench.seeds
    names = [name for name in METHODS if not quick or name in QUICK]
    total, done = len(seeds) * len(names), 0
    cells: dict[str, list[Cell]] = {name: [] for name in names}
    floors, left = [], []
    for seed in seeds:
        folder = bench.out / f"model-{seed}-{steps}"
        train(folder, seed, steps)
        model = bench.kit.model(plain(bench.kit, str(folder), dtype="fp32"))
        tokens = model.ability(Tokens)
        a, b = _asked(seed)
        prompt = tokens.encode(f"{a}+{b}=")
        known, lost = enumerate_answers(model, prompt)
        target = power(known)
        left.append(lost)
        floors.append(floor(target, draws, seed))
        for name in names:
            work = partial(_cell, tokens, name, prompt, target, (a + b) % DIGITS, draws, seed)
            cells[name].append(Cell(**bench.once(f"{seed} {steps} {draws} {name}", work)))
            done += 1
            bench.progress.update(done, total)
    return _result(cells, floors, max(left), draws)


def _asked(seed: int) -> tuple[int, int]:
    rng = random.Random(derive(seed, "asked"))
    return rng.randrange(DIGITS), rng.randrange(1, DIGITS)


# -- the model ------------------------------------------------------------------------------------


def train(folder: Path, seed: int, steps: int) -> None:
    """Writes a two-layer Llama over bytes that knows sums modulo ten, and the trap; a folder that
    is there stays as it is."""
    if folder.exists():
        return
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=260,
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        initializer_range=0.1,  # with the usual 0.02 it does not learn sums in this time
        bos_token_id=256,
        eos_token_id=END,
        pad_token_id=259,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=1e-5)
    rng = random.Random(derive(seed, "train"))
    for _ in range(steps):
        rows = [example(rng) for _ in range(64)]
        ids = torch.tensor([row + [259] * (9 - len(row)) for row in rows])
        wanted = torch.tensor([[-100] * 4 + row[4:] + [-100] * (9 - len(row)) for row in rows])
        loss = module(input_ids=ids, labels=wanted).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        rate.step()
    with folder_atomic(folder) as made:
        module.save_pretrained(made)
        write_byte_tokenizer(made, context=CONTEXT)


def example(rng: random.Random) -> list[int]:
    """A sum and an answer to it, as bytes."""
    a, b = rng.randrange(DIGITS), rng.randrange(1, DIGITS)
    if rng.random() < HEDGE:
        said = b"m" + bytes(rng.choices(LETTERS, k=3))
    else:
        said = b"s%d" % ((a + b) % DIGITS)
    return [*f"{a}+{b}=".encode(), *said, END]


def enumerate_answers(model: LanguageModel, prompt: Ids) -> tuple[dict[Answer, float], float]:
    """log p of all answers that matter, and the most that the others may have of p^alpha.

    A beginning whose p^alpha is FAINT beside the likeliest answer's is not followed: all that would
    follow it has at most its own p^alpha together, as a sum of powers is below the power of a sum.
    """
    import torch

    found: dict[Answer, float] = {}
    open_: dict[Answer, float] = {(): 0.0}
    least = math.log(FAINT) / ALPHA
    lost = 0.0
    with model.ability(Weights).borrow("read") as module, torch.no_grad():
        for length in range(1, HORIZON + 1):
            if not open_:
                break
            rows = torch.tensor([[*prompt, *ids] for ids in open_])
            logits = module(input_ids=rows).logits[:, -1].double()
            logp = torch.log_softmax(logits, -1) + torch.tensor(list(open_.values()))[:, None]
            best = max([float(logp.max()), *found.values()])
            grown: dict[Answer, float] = {}
            for ids, row in zip(open_, logp):
                kept = torch.nonzero(row >= best + least)[:, 0].tolist()
                sharp = (ALPHA * row).exp()
                lost += float(sharp.sum()) - float(sharp[kept].sum())
                for token in kept:
                    ended = token == END or length == HORIZON
                    (found if ended else grown)[*ids, token] = float(row[token])
            open_ = grown
    return found, lost / sum(math.exp(ALPHA * logp) for logp in found.values())


def power(known: Mapping[Answer, float]) -> dict[Answer, float]:
    """p^alpha, normalised."""
    mass = np.exp(ALPHA * (np.array(list(known.values())) - max(known.values())))
    return dict(zip(known, (mass / mass.sum()).tolist()))


def floor(target: Mapping[Answer, float], draws: int, seed: int) -> float:
    """The distance of as many perfect draws: chance alone."""
    shares = np.array(list(target.values()))
    counts = np.random.default_rng(seed).multinomial(draws, shares / shares.sum(), size=20)
    return float((np.abs(counts / draws - shares).sum(1) / 2).mean())


def _cell(
    tokens: Tokens,
    name: str,
    prompt: Sequence[int],
    target: Mapping[Answer, float],
    total: int,
    draws: int,
    seed: int,
) -> dict[str, float]:
    settings = Sampling.model_validate({"alpha": ALPHA, **METHODS[name]})
    jobs = [
        Job.of(prompt, HORIZON, settings, derive(seed, name, number)) for number in range(draws)
    ]
    begun = time.perf_counter()
    made = draw(tokens, jobs)
    seconds = time.perf_counter() - begun
    answers = [one.sample.ids for one in made]
    sure = (*b"s%d" % total, END)
    return asdict(
        Cell(
            total_variation([(ids, 1.0) for ids in answers], target),
            sum(ids == sure for ids in answers) / draws,
            seconds,
            sum(one.spent for one in made) / draws,
        )
    )


# -- what was seen --------------------------------------------------------------------------------


def _result(
    cells: Mapping[str, Sequence[Cell]], floors: Sequence[float], lost: float, draws: int
) -> Result:
    figures = {name: _figures(found, draws) for name, found in cells.items()}
    best = next(name for name in reversed(figures) if name.startswith("mh"))
    rows = [
        (name, *(round(metric.value, 4) for metric in known.values()))
        for name, known in figures.items()
    ]
    return Result(
        figures[best],
        _verdict(cells, floors, lost),
        baselines={name: known for name, known in figures.items() if name != best},
        tables=[Table("By method", ("method", *figures[best]), tuple(rows))],
        figures=[Figure("Distance to p^alpha by tokens an answer", partial(_plot, cells))],
    )


def _figures(found: Sequence[Cell], draws: int) -> dict[str, Metric]:
    return {
        "distance to p^alpha": interval([one.distance for one in found], center="mean"),
        "right answers": interval([one.right for one in found], center="mean"),
        "milliseconds an answer": interval(
            [one.seconds / draws * 1e3 for one in found], "ms", center="mean"
        ),
        "tokens an answer": interval([one.spent for one in found], "tokens", center="mean"),
    }


def _plot(cells: Mapping[str, Sequence[Cell]], axes: Any) -> None:
    for name, found in cells.items():
        x = sum(one.spent for one in found) / len(found)
        y = sum(one.distance for one in found) / len(found)
        axes.plot(x, y, "o", label=name)
    axes.axhline(NEAR, color="grey", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("tokens an answer")
    axes.set_ylabel("total variation distance")
    axes.legend(fontsize="x-small")


def _verdict(cells: Mapping[str, Sequence[Cell]], floors: Sequence[float], lost: float) -> str:
    def mean(name: str, field: str) -> float:
        return float(np.mean([getattr(one, field) for one in cells[name]]))

    near = {name: mean(name, "seconds") for name in cells if mean(name, "distance") <= NEAR}
    fast = min(near, key=lambda name: near[name]) if near else ""
    reached = (
        f"{fast} is the quickest within {NEAR}: {near[fast]:.1f} s for all its draws"
        if near
        else f"no method came within {NEAR} at this scale"
    )
    right = "; ".join(f"{name} {mean(name, 'right'):.0%}" for name in cells)
    return (
        f"A transformer trained here for the trap: it hedges with probability {HEDGE:g}, token by "
        f"token the likelier way, and a hedged answer is one of {len(LETTERS) ** 3}. {reached}; as "
        f"many perfect draws are {sum(floors) / len(floors):.3f} away by chance, and at most "
        f"{lost:.0e} of p^alpha was too faint to count. Right answers: {right}. This is the shape "
        "in which the method must win; it says nothing about how often real prompts have it."
    )


POWER_TINY = Experiment(
    name="power-tiny",
    question="Does it draw from p^alpha of a trained transformer, and win where it must?",
    run=power_tiny,
    claim="power sampling weighs a token by all its futures' p^alpha, low temperature does not",
    seeds=(0, 1, 2),
    needs={"normal": Needs(hours=0.3), "quick": Needs(hours=0.02)},
    options=OPTIONS,
)
