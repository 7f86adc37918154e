"""`agentkit bench influence-pairs`: do words that mean one thing teach one another?

Synonyms, two spellings of a word, and English words with their French ones, each at the end of a
sentence of its own, in a language model as it was downloaded. Losses of all tokens are sampled
together; the influence between the two words of a pair is set against that between words of
different pairs, and against that of the same words in contexts that were shuffled among pairs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.nn import functional as F

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval, proportion
from agentkit.capabilities import Embed, LanguageModel, Tokens
from agentkit.capabilities.analyzer import Table
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.bench.wordlist import PAIRS, Pair, shuffled
from agentkit_bayes_influence.diagnostics import Gate, Health, health
from agentkit_bayes_influence.language import Example, borrowed, chosen, encode
from agentkit_bayes_influence.posterior import Items, Posterior
from agentkit_bayes_influence.sampling import Resolved, Sampling
from agentkit_bayes_influence.tail import shortened
from agentkit_bayes_influence.traces import Traces, TraceStore

OURS = "influence"
SAMPLING = Sampling(chains=4, draws=20, thin=2, batch=4, step=2.0, radius=0.02)
"""Near w*, by the default radius's fifth: at 0.1 the pull was an eighth of the sharpest curvature,
and sixty steps of a chain were three draws that count."""
LONGEST = 40  # tokens of a sentence
FEWEST = 4  # settled pairs of a kind that figures are made of
AREA = "{}: share of other pairs' words that it beats"
OTHERS = "{}: pairs above the median of other pairs' words"
CONTEXTS = "{}: pairs above the same words in shuffled contexts"
FIRST = "{}: the other word is the first of its sentence's tokens"
Reals = NDArray[np.floating]


def pairs(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    kinds = {kind: some[: 4 if quick else None] for kind, some in PAIRS.items()}
    draws = int(bench.options.get("draws", 20 if quick else SAMPLING.draws))
    runs = []
    for seed in bench.seeds[:1] if quick else bench.seeds:

        def measure(seed: int = seed) -> dict[str, Any]:
            return one_run(bench, kinds, draws, seed, quick)

        runs.append(bench.once(f"{seed} {draws}", measure))
    own: dict[str, Metric] = {}
    others: dict[str, dict[str, Metric]] = {}
    for kind in kinds:
        if min(len(run["words"].get(kind, ())) for run in runs) < FEWEST:
            continue  # nothing is told of what has not settled
        for who in runs[0]["grids"]:
            found = _figures([run["grids"][who][kind] for run in runs], kind)
            if who == OURS:
                first = [hit for run in runs for hit in run["first"][kind]]
                own |= found | {FIRST.format(kind): proportion(sum(first), len(first))}
            else:
                others.setdefault(who, {}).update(found)
    own |= {
        "pairs whose words all pass the gate": interval(
            [r["pairs settled"] for r in runs], center="mean"
        ),
        "words that pass the gate": interval([r["settled"] for r in runs], center="mean"),
        "median R-hat of words": interval([r["rhat"] for r in runs], center="mean"),
        "draws that count": interval([r["ess"] for r in runs], center="mean"),
        "Monte-Carlo error of a pair (median)": interval([r["error"] for r in runs], center="mean"),
        "CPU seconds, sampling": interval([r["seconds"] for r in runs], "s", center="mean"),
    }
    return Result(
        own,
        _verdict(own, others, runs, quick),
        baselines=others,
        tables=[_shown(runs[0], kinds)],
        figures=[Figure("influence of words on words", _plot(runs[0]["grids"][OURS], kinds))],
    )


def _figures(grids: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Metric]:
    beats: list[float] = []
    above: list[bool] = []
    higher: list[bool] = []
    for found in grids:
        grid = np.array(found["own"])
        beats += beaten(grid)
        above += [bool(v > m) for v, m in zip(grid.diagonal(), _median(grid))]
        if "shuffled" in found:
            higher += (grid.diagonal() > np.diagonal(found["shuffled"])).tolist()
    figures = {
        AREA.format(kind): interval(beats, center="mean"),
        OTHERS.format(kind): proportion(sum(above), len(above)),
    }
    if higher:
        figures[CONTEXTS.format(kind)] = proportion(sum(higher), len(higher))
    return figures


def one_run(
    bench: Bench, kinds: Mapping[str, Sequence[Pair]], draws: int, seed: int, quick: bool
) -> dict[str, Any]:
    """One sampling of all sentences, and all grids (first words, second words); as JSON."""
    model = _model(bench, quick)
    tokens = model.ability(Tokens)
    # The tiny model reads bytes, of which any two words have some in common.
    kinds, left = (kinds, []) if quick else apart(kinds, tokens)
    flat = [(kind, pair) for kind, some in kinds.items() for pair in some]
    moved = [pair for some in kinds.values() for pair in shuffled(some)]
    sentences = [
        Example(f"{kind} {n} {side}", f"{pair.contexts[side]} {pair.words[side]}")
        for n, (kind, pair) in enumerate(flat)
        for side in (0, 1)
    ]
    words = _words("own", [pair for _, pair in flat]) + _words("shuffled", moved)
    everything, pieces = encode(sentences, tokens, chat=False, longest=LONGEST)
    aims, _ = encode(words, tokens, chat=False, longest=LONGEST)
    with ExitStack() as stack:
        module = stack.enter_context(borrowed(model))
        weights = chosen(module, bench.options.get("parameters", ""))
        loss, items, aims = shortened(module, weights, everything, aims, 8)
        at = Posterior(loss, weights, items, chunk=8, side_by_side=False)
        wanted = SAMPLING.model_copy(update={"draws": draws, "seed": seed})
        store = TraceStore(bench.out / f"traces-{seed}-{draws}", together=1)
        began = time.process_time()
        traces = store.sample(at, aims, wanted, bench.progress)
        seconds = time.process_time() - began
        half = len(flat) * 2
        grams = {
            name: _cosines(at, _rows(aims, some))
            for name, some in (("own", slice(0, half)), ("shuffled", slice(half, None)))
        }
    # Of the words in their contexts, then in shuffled ones: (C, T, 2 * pairs) each.
    query = traces.sequences()[1]
    state = health(query)
    parts = {"own": query[:, :, :half], "shuffled": query[:, :, half:]}
    measured = {
        name: Attribution(part[:, :, ::2], part[:, :, 1::2], kind="correlation").matrix()
        for name, part in parts.items()
    }
    likeness = {
        OURS: {name: value for name, (value, _) in measured.items()},
        "gradient cosine": {name: gram[::2, 1::2] for name, gram in grams.items()},
        "MiniLM, the words alone": {"own": _embedded(bench, [pair for _, pair in flat])},
    }
    # Of pairs whose words all pass the gate, in their contexts and in the shuffled ones.
    passed = np.array([not fault for fault in Gate().faults(state)]).reshape(2, -1, 2)
    fine: NDArray[np.bool_] = passed[0].all(1) & passed[1].all(1)
    told = {kind: np.flatnonzero(fine[cut]) + cut.start for kind, cut in _cuts(kinds).items()}
    firsts = _first(traces, [pair for _, pair in flat], tokens)
    return {
        "grids": {
            who: {
                kind: {name: grid[np.ix_(rows, rows)].tolist() for name, grid in found.items()}
                for kind, rows in told.items()
            }
            for who, found in likeness.items()
        },
        "words": {kind: [list(flat[n][1].words) for n in rows] for kind, rows in told.items()},
        "first": {kind: [h for n in rows for h in firsts[n]] for kind, rows in told.items()},
        "chance": _lengths(pieces),
        "left out": left,
        "settled": float(np.mean([not fault for fault in Gate().faults(state)])),
        "faults": _faults(state),
        "rhat": float(np.median(state.rhat)),
        "ess": float(np.median(state.ess)),
        "error": float(np.median(np.diagonal(measured["own"][1]))),
        "seconds": seconds,
        "pairs settled": float(fine.mean()),
        "told": Resolved(**traces.used).told(),
        "sampled": f"{at.dimension:,} weights, {at.names[0]} and {len(at.names) - 1} more",
    }


def apart(
    kinds: Mapping[str, Sequence[Pair]], tokens: Tokens
) -> tuple[Mapping[str, Sequence[Pair]], list[str]]:
    """Pairs whose two words have no token in common, which would make them alike whatever they
    mean; and the words of those left out."""
    found: dict[str, list[Pair]] = {}
    left = []
    for kind, some in kinds.items():
        for pair in some:
            one, other = (set(tokens.encode(f" {word}")) for word in pair.words)
            if one & other:
                left.append("/".join(pair.words))
            else:
                found.setdefault(kind, []).append(pair)
    return found, left


def beaten(grid: Reals) -> list[float]:
    """(n, n) likeness of first words (rows) and second words: for each pair, the share of its
    words' links to other pairs that its own link exceeds; a half by chance."""
    found = []
    for n, value in enumerate(grid.diagonal()):
        rest = _rest(grid, n)
        found.append(float(np.mean((value > rest) + 0.5 * (value == rest))))
    return found


def _rest(grid: Reals, n: int) -> Reals:
    return np.concatenate([np.delete(grid[n], n), np.delete(grid[:, n], n)])


def _median(grid: Reals) -> list[float]:
    return [float(np.median(_rest(grid, n))) for n in range(len(grid))]


def _model(bench: Bench, quick: bool) -> LanguageModel:
    if not quick:
        return bench.kit.model("small")
    from agentkit.testing.tiny import tiny_model_folder

    folder = tiny_model_folder(bench.out / "tiny")
    bench.kit.define("model", "influence-pairs-tiny", use="transformers", model=str(folder))
    return bench.kit.model("influence-pairs-tiny")


def _words(name: str, some: Sequence[Pair]) -> list[Example]:
    return [
        Example(f"{name} {n} {side}", pair.words[side], pair.contexts[side])
        for n, pair in enumerate(some)
        for side in (0, 1)
    ]


def _rows(items: Items, rows: slice) -> Items:
    return Items(tuple(one[rows] for one in items.inputs), items.mask[rows], items.ids[rows])


def _cosines(at: Posterior, items: Items) -> Reals:
    gradients = F.normalize(at.gradients(items), dim=1)
    found: Reals = (gradients @ gradients.T).numpy()
    return found


def _embedded(bench: Bench, some: Sequence[Pair]) -> Reals:
    embed = bench.kit.model("minilm").ability(Embed)
    first, second = (np.asarray(embed.embed([p.words[side] for p in some])) for side in (0, 1))
    found: Reals = first @ second.T
    return found


def _cuts(kinds: Mapping[str, Sequence[Pair]]) -> dict[str, slice]:
    cuts, start = {}, 0
    for kind, some in kinds.items():
        cuts[kind] = slice(start, start + len(some))
        start += len(some)
    return cuts


def _first(traces: Traces, some: Sequence[Pair], tokens: Tokens) -> list[tuple[bool, bool]]:
    """For each pair, both ways: is, of all tokens of the other sentence, one of its word the one
    that the last token of this word is most influenced by? Of the token-by-token matrix."""
    found = []
    for n, pair in enumerate(some):
        series, ends = [], []
        for side in (0, 1):
            mask = traces.train_mask[2 * n + side]
            series.append(traces.train[:, :, 2 * n + side][:, :, mask])
            ends.append(len(tokens.encode(f" {pair.words[side]}")))
        block = Attribution(*series, kind="correlation").matrix()[0]
        found.append(
            (
                bool(block[-1].argmax() >= block.shape[1] - ends[1]),
                bool(block[:, -1].argmax() >= block.shape[0] - ends[0]),
            )
        )
    return found


def _lengths(pieces: Sequence[Sequence[str]]) -> float:
    """The chance of one token of a sentence to come first."""
    return float(np.mean([1 / len(one) for one in pieces]))


def _faults(state: Health) -> list[str]:
    return sorted({fault for fault in Gate().faults(state) if fault})[:5]


def _shown(run: Mapping[str, Any], kinds: Mapping[str, Sequence[Pair]]) -> Table:
    rows = []
    for kind in kinds:
        if len(run["words"].get(kind, ())) < FEWEST:
            continue
        grid = np.array(run["grids"][OURS][kind]["own"])
        moved = np.diagonal(run["grids"][OURS][kind]["shuffled"])
        for n, words in enumerate(run["words"][kind]):
            rest = _rest(grid, n)
            best = run["words"][kind][int(np.argmax(grid[n]))][1]
            rows.append((kind, *words, *np.round([grid[n, n], np.median(rest), moved[n]], 3), best))
    columns = (
        "kind", "word", "other word", "influence", "median with other pairs' words",
        "in shuffled contexts", "the second word that is nearest to the first",
    )  # fmt: skip
    return Table("Pairs (seed of the first run)", columns, tuple(rows))


def _plot(grids: Mapping[str, Any], kinds: Mapping[str, Sequence[Pair]]) -> Any:
    def draw(axes: Any) -> None:
        blocks = {kind: np.array(grids[kind]["own"]) for kind in kinds if kind in grids}
        blocks = {kind: b for kind, b in blocks.items() if len(b) >= FEWEST}
        if not blocks:
            return
        wide = sum(len(b) + 1 for b in blocks.values()) - 1
        shown = np.full((max(map(len, blocks.values())), wide), np.nan)
        start = 0
        for kind, block in blocks.items():
            shown[: len(block), start : start + len(block)] = block
            axes.text(start, -1, kind, fontsize="small")
            start += len(block) + 1
        limit = float(np.nanmax(np.abs(shown))) or 1.0
        axes.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_xlabel("second words; the diagonal of each block holds the pairs")
        axes.set_ylabel("first words")
        axes.set_xticks([])
        axes.set_yticks([])

    return draw


def _verdict(
    own: Mapping[str, Metric],
    others: Mapping[str, Mapping[str, Metric]],
    runs: Sequence[Mapping[str, Any]],
    quick: bool,
) -> str:
    def said(found: Mapping[str, Metric], form: str) -> str:
        names = [form.format(kind) for kind in PAIRS]
        return ", ".join(f"{found[n].value:.2f}" for n in names if n in found)

    run = runs[0]
    left = run["left out"]
    model = "A tiny model with random weights, which shows that it runs" if quick else "The model"
    areas = "; ".join(f"{who} {said(found, AREA)}" for who, found in others.items())
    kinds = [kind for kind in PAIRS if AREA.format(kind) in own]
    seen = (
        f"For {', '.join(kinds)} a pair's words beat the words of other pairs in "
        f"{said(own, AREA)} of cases (0.50 is chance; {areas}). Above the same two words in "
        f"shuffled contexts are {said(own, CONTEXTS)} of the pairs: where that is near a half, it "
        "is the words that are alike, and not what was said with them. Of all tokens of the other "
        f"sentence the pair's word comes first in {said(own, FIRST)} (chance {run['chance']:.2f}). "
        if kinds
        else "No kind has enough of them: nothing is told. "
    )
    return (
        f"{model}: {run['sampled']}; {run['told']}. "
        f"{own['pairs whose words all pass the gate'].value:.0%} of the pairs pass the gate of "
        f"reports with all their words, and figures are of these alone"
        f"{' (else: ' + '; '.join(run['faults']) + ')' if run['faults'] else ''}. {seen}"
        f"{'Left out, as they share a token: ' + ', '.join(left) + '. ' if left else ''}"
        "Influence is that of the sampled layer alone. The paper shows single such pairs as heat "
        "maps and gives no shares."
    )


PAIRS_EXPERIMENT = Experiment(
    name="influence-pairs",
    question="Do synonyms, spellings and translations teach one another more than other words do?",
    run=pairs,
    seeds=(0,),
    needs={
        "normal": Needs(weights=("smollm2-135m", "minilm"), memory=5 << 30, hours=0.5),
        "quick": Needs(weights=("minilm",), memory=1 << 30, hours=0.01),
    },
    options={"draws": "of each chain", "parameters": "a regular expression: the sampled weights"},
)
