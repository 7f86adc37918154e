"""`agentkit bench route-routellm --scores FILE`: RouteLLM beside lookahead, on the same rows.

RouteLLM (Ong et al., arXiv 2406.18665) chooses between two models, a strong and a weak one, at a
threshold of the strong one's chance to win. So does this experiment: the best and the worst
candidate of the training rows. `--set routellm=PYTHON` names the Python of an environment that has
`routellm` 0.2.0: its own training code and its own routers then run, with embeddings from
`agentkit serve`. Without it only its matrix factorisation is here, written anew from the paper
(section 4.2) over tf-idf vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities import Table
from agentkit.errors import UsageError
from agentkit_lookahead.bench.released import CANDIDATES, TINY, Quiet
from agentkit_lookahead.bench.routellm_process import RouteLLM, exchange
from agentkit_lookahead.rows import Table as Rows
from agentkit_lookahead.rows import read_table
from agentkit_lookahead.settings import TrainSettings

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
KEYS = ("APGR", "CPT(50%)", "CPT(80%)")
LEAD = "lookahead"
ANEW = "matrix factorisation"  # written anew
OWN, SIMILAR = "RouteLLM mf", "RouteLLM sw_ranking"  # its own code
TRAIN, TEST = 2000, 1000  # rows: an encoder on one core has to read them all
DRAWS = 300  # of the test queries, for an interval
OPTIONS = {
    "scores": "the file of released scores",
    "steps": "of training of the lookahead router",
    "routellm": "the Python of an environment that has routellm 0.2.0",
}

Gains = dict[str, list[float]]
"""By router: how much the strong model is to be preferred, for each test row."""


def routellm(bench: Bench) -> Result:
    if "scores" not in bench.options:
        raise UsageError("the released scores are not part of the project", "--scores FILE")
    table = read_table(Path(bench.options["scores"]).expanduser(), CANDIDATES).informative()
    quick = bench.scale == "quick"
    train, test = table.split(0.7)
    train = train.sample(250 if quick else TRAIN)
    test = test.sample(250 if quick else TEST)
    steps = int(bench.options.get("steps", 30 if quick else 250))
    seeds = bench.seeds[:1] if quick else bench.seeds
    worth = _by_set(train).mean(0)
    pair = [train.candidates[int(n)] for n in (worth.argmax(), worth.argmin())]
    key = f"gains {table.hash} {len(train.rows)} {len(test.rows)}"
    python = bench.options.get("routellm")
    total = len(seeds) * (5 if python else 1)
    done = 0

    def once(what: str, work: Callable[[], Gains]) -> Gains:
        nonlocal done
        found = bench.once(f"{key} {what}", work)
        done += 1
        bench.progress.update(done, total)
        return found

    gains: dict[int, Gains] = {}
    data = exchange(train, test.texts, pair)
    folder = bench.out / f"routellm-{table.hash}-{len(train.rows)}-{len(test.rows)}"

    def tell(part: int, of: int) -> None:
        bench.progress.update(done, total, {"part": part / of})

    with RouteLLM(Path(python or ""), folder, data, bench.progress.cancel, tell) as program:
        for seed in seeds:
            own = partial(_ours, train, test, pair, seed, steps, bench)
            gains[seed] = once(f"{seed} {steps}", own)
            if not python:
                continue
            gains[seed] |= once("sw", partial(_asked, program, SIMILAR, {"do": "sw_ranking"}))
            for name, alone in ((OWN, True), (f"{OWN}, all battles", False)):
                job = {"do": "mf", "seed": seed, "pair": alone}
                gains[seed] |= once(f"{seed} {name}", partial(_asked, program, name, job))
            same = partial(_same_vectors, train, test, pair, seed, folder)
            gains[seed] |= once(f"{seed} vectors", same)
    return _result(_by_set(test.order(pair)), test.sets, pair, gains, bool(python))


def _asked(program: RouteLLM, name: str, job: Mapping[str, Any]) -> Gains:
    return {name: program.ask(job)}


def _ours(
    train: Rows, test: Rows, pair: Sequence[str], seed: int, steps: int, bench: Bench
) -> Gains:
    from agentkit_lookahead.baselines import Factors
    from agentkit_lookahead.router import fit

    learn, judge = train.order(pair), test.order(pair)
    settings = TrainSettings.model_validate(
        {**TINY, "steps": steps, "epochs": 1, "seed": seed, "equal": "absolute"}
    )
    logits = fit(settings, learn, Quiet(bench.progress.cancel)).logits(judge.texts)
    all_logits = fit(settings, train, Quiet(bench.progress.cancel)).logits(judge.texts)
    strong, weak = (train.candidates.index(name) for name in pair)
    factors = Factors().fit(learn, seed).utilities(judge.texts, judge.sets)
    scores, sets, known = _by_set(judge), np.array(judge.sets), np.array(learn.sets)
    gap = _by_set(learn)
    told = {
        name: float((gap[known == name, 0] - gap[known == name, 1]).mean()) for name in {*known}
    }
    return {
        LEAD: (logits[:, 0] - logits[:, 1]).tolist(),
        f"{LEAD}, all candidates": (all_logits[:, strong] - all_logits[:, weak]).tolist(),
        ANEW: (factors[:, 0] - factors[:, 1]).tolist(),
        "task_lookup": [told.get(name, 0.0) for name in sets.tolist()],
        "chance": np.random.default_rng(seed).random(len(scores)).tolist(),
        "oracle": (scores[:, 0] - scores[:, 1]).tolist(),
    }


def _same_vectors(train: Rows, test: Rows, pair: Sequence[str], seed: int, folder: Path) -> Gains:
    """The method written anew, on the very vectors that RouteLLM was given."""
    from agentkit_lookahead.baselines import Factors

    vectors = np.load(folder / "vectors.npy")
    known = dict(zip([*train.texts, *test.texts], vectors))
    factors = Factors(known).fit(train.order(pair), seed).utilities(test.texts, test.sets)
    return {f"{ANEW}, its vectors": (factors[:, 0] - factors[:, 1]).tolist()}


def _recovered(scores: np.ndarray, gain: np.ndarray) -> dict[str, float]:
    """RouteLLM's measures (section 3): the share of the gap between weak and strong that is closed
    when the strong model is called on a share of queries. APGR: its mean over shares. CPT(x): the
    least share of calls that closes x of the gap; 1 where none below does. Queries of equal gain
    count as if they were called in every order."""
    gap = scores[:, 0] - scores[:, 1]
    _, group = np.unique(-gain, return_inverse=True)
    means = np.bincount(group, gap) / np.bincount(group)
    won = np.concatenate([[0.0], np.cumsum(means[np.sort(group)])])
    closed = [won[round(share * len(gap))] / won[-1] if won[-1] else 0.0 for share in SHARES]
    calls = {
        f"CPT({x:.0%})": next((s for s, c in zip(SHARES, closed) if c >= x), 1.0)
        for x in (0.5, 0.8)
    }
    return {"APGR": float(np.mean(closed)), **calls}


def _by_set(table: Rows) -> np.ndarray:
    """Scores brought to 0..1 within each set, whose scales differ."""
    made, names = table.scores.copy(), np.array(table.sets)
    for name in {*table.sets}:
        part = made[names == name]
        spread = part.max() - part.min()
        made[names == name] = (part - part.min()) / spread if spread > 0 else 0.0
    return made


# -- what was seen --------------------------------------------------------------------------------


def _result(
    scores: np.ndarray,
    sets: Sequence[str],
    pair: Sequence[str],
    gains: Mapping[int, Gains],
    foreign: bool,
) -> Result:
    names = list(next(iter(gains.values())))
    by_seed = {
        name: [_recovered(scores, np.array(g[name])) for g in gains.values()] for name in names
    }
    figures = {
        name: {key: interval([one[key] for one in found], center="mean") for key in KEYS}
        for name, found in by_seed.items()
    }
    others = [n for n in names if n not in (LEAD, "oracle", "chance")]
    over = _differences(scores, sets, gains, others)
    lead = dict(figures[LEAD]) | {f"APGR, {LEAD} over {n}": gap for n, gap in over.items()}
    rows = [
        (name, *(f"{known[k].value:.3f}" for k in KEYS), _spread(over.get(name)))
        for name, known in figures.items()
    ]
    return Result(
        lead,
        _verdict(figures, over, pair, len(scores), len(gains), foreign),
        baselines={n: f for n, f in figures.items() if n != LEAD},
        tables=[Table("Strong or weak", ("router", *KEYS, f"APGR, {LEAD} over it"), tuple(rows))],
    )


def _differences(
    scores: np.ndarray, sets: Sequence[str], gains: Mapping[int, Gains], others: Sequence[str]
) -> dict[str, Metric]:
    """APGR of lookahead less another's, mean over seeds, with a 95 % interval over draws of test
    queries within their sets."""
    groups = [np.flatnonzero(np.array(sets) == name) for name in sorted({*sets})]
    rng = np.random.default_rng(0)
    whole = np.arange(len(scores))
    draws = [
        np.concatenate([rng.choice(group, len(group)) for group in groups]) for _ in range(DRAWS)
    ]

    def recovered(name: str, rows: np.ndarray) -> float:
        found = [_recovered(scores[rows], np.array(g[name])[rows])["APGR"] for g in gains.values()]
        return float(np.mean(found))

    lead = [recovered(LEAD, rows) for rows in (whole, *draws)]
    made = {}
    for name in others:
        gaps = [a - recovered(name, rows) for a, rows in zip(lead, (whole, *draws))]
        low, high = np.percentile(gaps[1:], [2.5, 97.5])
        made[name] = Metric(gaps[0], float(low), float(high), len(scores))
    return made


def _spread(gap: Metric | None) -> str:
    return "" if gap is None else f"{gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"


def _verdict(
    figures: Mapping[str, Mapping[str, Metric]],
    over: Mapping[str, Metric],
    pair: Sequence[str],
    rows: int,
    seeds: int,
    foreign: bool,
) -> str:
    def apgr(name: str) -> str:
        return f"{figures[name]['APGR'].value:.3f}"

    said = (
        f"Between {pair[0]} (strong) and {pair[1]} (weak), on {rows} rows that no router learned "
        f"from, {seeds} seed(s): the average gap recovered is {apgr(LEAD)} for lookahead with a "
        f"backbone of two layers that begins from nothing, {apgr('task_lookup')} for who is only "
        f"told the set, {apgr('chance')} by chance and {apgr('oracle')} at most. "
    )
    if foreign:
        clear = [n for n, g in over.items() if (g.low or 0) > 0 or (g.high or 0) < 0]
        said += (
            f"RouteLLM's own code (0.2.0) has {apgr(OWN)} with its matrix factorisation trained on "
            f"battles of the two, {apgr(f'{OWN}, all battles')} on those of all candidates, and "
            f"{apgr(SIMILAR)} with its similarity-weighted ranking; the method "
            f"written anew has {apgr(f'{ANEW}, its vectors')} on the same vectors and {apgr(ANEW)} "
            "on tf-idf. Its vectors are all-MiniLM-L6-v2's (384 wide, the first 256 tokens), from "
            "`agentkit serve` under the name of the OpenAI model that its code asks for. Its BERT "
            "and causal routers come without training code and need weights from a hub: not run. "
            "Differences to lookahead whose interval over queries leaves out 0: "
            f"{', '.join(f'{n} {over[n].value:+.3f}' for n in clear) or 'none'}. "
        )
    else:
        said += (
            f"RouteLLM's matrix factorisation, written anew over tf-idf, has {apgr(ANEW)}; its own "
            "code was not run, `--set routellm=PYTHON` does. "
        )
    return said + (
        "Scores are brought to 0..1 within each set, as their scales differ. RouteLLM reports half "
        "the strong calls saved on MT-Bench after training on 65 thousand battles of people."
    )


ROUTE_ROUTELLM = Experiment(
    name="route-routellm",
    question="Between a strong and a weak model, how does RouteLLM do on the same rows?",
    run=routellm,
    claim="RouteLLM halves the cost of strong calls on MT-Bench; it takes no more than two models",
    seeds=(0, 1, 2),
    needs={
        "quick": Needs(("minilm",), data=("--scores",), hours=0.03),
        "normal": Needs(("minilm",), data=("--scores",), hours=0.25),
    },
    options=OPTIONS,
)
