"""What each stage of a study measures, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from agentkit.errors import DataError
from agentkit_manifolds import causal
from agentkit_manifolds import heads as looking
from agentkit_manifolds import illusion as illusions
from agentkit_manifolds.behaviour import by_width, listen
from agentkit_manifolds.decision import decide
from agentkit_manifolds.dictionary import fit, random_dictionary, tuning
from agentkit_manifolds.geometry import basis, bend, random_walk, shape, shares_of
from agentkit_manifolds.moments import Curves, Floats, within
from agentkit_manifolds.ridge import Spectrum
from agentkit_manifolds.ridge import probe as probed
from agentkit_manifolds.ringing import by_distance, cosines, of_curve, triangle, truncated
from agentkit_manifolds.sites import depth, read
from agentkit_manifolds.task import NUISANCES, Example, shortened
from agentkit_manifolds.wrap import wrap

if TYPE_CHECKING:
    from agentkit_manifolds.study import Study

PCS = 6
SHORT = 14  # lines of a text that is read again and again
NEAR = 40  # tokens since the newline that attention is followed for
# What stands beside each probe: where in the line a token is, by tokens, and how long it is. That
# the width is known from the text's first lines on is no knowledge of the count.
CONTROLS = {"count": ("index", "length"), "remaining": ("index", "length", "line"), "width": ()}


def data(study: Study) -> dict[str, Any]:
    task = study.task
    labels = [e.labels for e in task.examples if e.labels is not None]
    return {
        "model": study.model.info.name,
        "kind": study.settings.kind if not study.settings.read else "files",
        "texts": len(task.examples),
        "documents": len(task.groups),
        "tokens": task.tokens,
        "breaks": int(sum(label.break_next.sum() for label in labels)),
        "widths": list(study.settings.widths),
        "newlines": len(study.newlines),
        "mixed": int(sum(label.mixed.sum() for label in labels)),
        "correlation": _correlation(task.examples),
    }


def _correlation(examples: Sequence[Example]) -> float:
    """Of the count and the number of tokens: why a control is needed."""
    count, index = (
        np.concatenate([e.values[name][e.mask] for e in examples]) for name in ("count", "index")
    )
    return float(np.corrcoef(count, index)[0, 1])


def behaviour(study: Study) -> dict[str, Any]:
    with study.module() as module:
        said = listen(module, _heard(study), study.newlines, study.progress)
    return {"rows": [asdict(row) for row in by_width(said)]}


def _heard(study: Study) -> list[Example]:
    """As many texts of each width."""
    by: dict[int, list[Example]] = {}
    for example in study.task.examples:
        by.setdefault(example.width, []).append(example)
    each = max(1, study.settings.heard // len(by))
    return [e for own in by.values() for e in own[:each]]


def probe(study: Study) -> dict[str, Any]:
    rows = []
    for site, moments in study.kept.sums.moments.items():
        shared: dict[tuple[int, ...], Spectrum] = {}
        for target, nuisances in CONTROLS.items():
            if site.startswith("heads") and target != "count":
                continue
            raw = probed(moments, target, spectra=shared)
            control = probed(moments, target, features=moments.columns(nuisances or NUISANCES))
            left = raw
            if nuisances:
                left = probed(moments, target, nuisances=nuisances, spectra=shared)
            rows.append(
                {
                    "site": site,
                    "target": target,
                    "raw": raw.r2,
                    "inside": raw.inside,
                    "control": control.r2,
                    "beyond": left.r2,
                    "folds": left.held_out,
                }
            )
    return {"rows": rows, "tokens": study.kept.sums.tokens, "documents": len(study.task.groups)}


def early(sites: Sequence[str]) -> str:
    """The residual stream at about a fifth of the model's depth, where counts are made."""
    posts = [s for s in sites if s.startswith("post")]
    return posts[len(posts) // 3]


def best_site(study: Study) -> str:
    """Where the count is best known beyond where the token stands, by the probe stage."""
    rows = [
        r
        for r in study.stage("probe")["rows"]
        if r["target"] == "count" and r["site"].startswith("post")
    ]
    return str(max(rows, key=lambda r: r["beyond"])["site"])


def pooled(study: Study, site: str, suffix: str = "") -> Curves:
    """The count's curve over all widths, each less its own mean."""
    found = study.kept.sums.curves[site]
    return within([found[f"count {k}{suffix}"] for k in study.settings.widths]).enough()


def geometry(study: Study) -> dict[str, Any]:
    rows = []
    for site in study.kept.sums.curves:
        if site.startswith("heads"):
            continue
        moments = study.kept.sums.moments[site]
        whole = pooled(study, site)
        for name, curves in (
            ("count", whole),
            ("beyond", whole.beyond(moments, NUISANCES)),
            ("shuffled", pooled(study, site, ", shuffled")),
        ):
            found = shape(curves, seed=study.settings.seed)
            rows.append(
                {"site": site, "curve": name, **asdict(found), "found": found.found,
                 "verdict": found.verdict}
            )  # fmt: skip
    real = [r for r in rows if r["curve"] == "count" and r["site"] != "embed"]
    site = max(real, key=lambda r: r["reliability"])["site"]
    points = pooled(study, site).curve()[0]
    centred = points - points.mean(0)
    vectors = np.linalg.svd(centred, full_matrices=False)[2]
    drawn = centred @ vectors[:PCS].T
    ring = of_curve(points, PCS)
    walk = random_walk(len(points), points.shape[1], study.settings.seed)
    return {
        "rows": rows,
        "site": site,
        "bins": list(pooled(study, site).bins),
        "points": drawn,
        "spectrum": shares_of(points)[:12],
        "walk": shares_of(walk)[:12],
        "walk points": (walk - walk.mean(0)) @ np.linalg.svd(walk - walk.mean(0))[2][:PCS].T,
        "cosine": cosines(drawn),
        "profile": ring.profile,
        "crossings": ring.crossings,
        "lowest": ring.lowest,
        "rings": ring.rings,
        "walk profile": by_distance(cosines(walk - walk.mean(0))),
        "theory": truncated(triangle(2 * len(points), len(points) / 4), 5)[: len(points)],
        "bend": asdict(bend(drawn)),
        "walk bend": asdict(bend(walk)),
    }


def heads(study: Study) -> dict[str, Any]:
    posts = [s for s in study.sites if s.startswith("post")]
    step = study.settings.step
    per_token = float(np.mean([e.values["length"][e.mask].mean() for e in study.task.examples]))
    found = []
    with study.module() as module:
        for layer in range(1, study.depth + 1):
            site = max((s for s in posts if depth(s) < layer), key=depth, default=posts[0])
            curves = study.kept.sums.curves[site]
            counts = within([curves[f"count {k}"] for k in study.settings.widths])
            keep = [
                n
                for n, (a, b) in enumerate(
                    zip(counts.counts.sum(0), curves["line"].counts.sum(0))
                )
                if a >= 20 and b >= 3
            ]  # fmt: skip
            if len(keep) < 6:
                raise DataError("too few line lengths for boundary heads", "give more text")
            c, w = (_centred(x.only(keep)) for x in (counts, curves["line"]))
            away = np.array([counts.bins[n] for n in keep]) / per_token
            for head in looking.heads(module, [layer]):
                found.append(looking.boundary(head, c, w, away, seed=study.settings.seed))
        sinks = _sinks(study, module)
    best = looking.ranked(found)
    return {
        "boundary": [
            {**asdict(b), "offset": b.offset * step, "found": b.found, "cosine": None}
            for b in best[:12]
        ],
        "found": sum(b.found for b in found),
        "looked": len(found),
        "best": best[0].cosine,
        "random": found[len(found) // 2].cosine,
        "counting": sinks,
        "distributed": _distributed(study),
    }


def _centred(curves: Curves) -> Floats:
    means, _ = curves.curve()
    found: Floats = means - means.mean(0)
    return found


def _sinks(study: Study, module: torch.nn.Module) -> list[dict[str, Any]]:
    """How the heads of the first layers attend to the last newline."""
    sites = [s.replace("heads", "weights") for s in study.sites if s.startswith("heads")]
    if not sites:
        return []
    total: dict[str, Floats] = {}
    count = np.zeros(NEAR)
    for example in _heard(study)[:6]:
        assert example.labels is not None
        states = read(module, torch.from_numpy(example.ids)[None].to(_device(module)), sites)
        for site, weights in states.items():
            own, seen = looking.to_newline(
                weights[0], example.labels.index, example.labels.origin, NEAR
            )
            total[site] = total.get(site, 0) + own
            count = count + seen * (site == sites[0])
    kept = count >= 5
    rows = []
    for site, sums in total.items():
        for head, row in enumerate(sums):
            mean = row[kept] / count[kept]
            rows.append(
                {"site": site, "head": head, **asdict(looking.sink(mean)), "attention": mean}
            )
    return sorted(rows, key=lambda r: -r["high"])


def _device(module: torch.nn.Module) -> torch.device:
    return next(module.parameters()).device


def _distributed(study: Study) -> list[dict[str, Any]]:
    """The count beyond the controls from single heads' outputs, and from all of a layer."""
    rows = []
    for site in study.sites:
        if not site.startswith("heads"):
            continue
        moments = study.kept.sums.moments[site]
        with study.module() as module:
            width = looking.heads(module, [depth(site)])[0].query.shape[0]
        nuisances = CONTROLS["count"]
        single = [
            probed(moments, "count", features=columns, nuisances=nuisances).r2
            for columns in np.split(moments.states, len(moments.states) // width)
        ]
        rows.append(
            {"site": site, "single": single,
             "all": probed(moments, "count", nuisances=nuisances).r2}
        )  # fmt: skip
    return rows


def decision(study: Study) -> dict[str, Any]:
    site, kept = study.deepest, study.kept
    labels = kept.labels[site]
    made = decide(
        kept.states[site], labels["left"], labels["next"], labels["end"], kept.groups[site],
        study.settings.seed,
    )  # fmt: skip
    return {"site": site, **asdict(made)}


def features(study: Study) -> dict[str, Any]:
    """The sparse dictionary at an early site, beside a random one."""
    if not study.settings.features:
        raise DataError("no dictionary was asked for", "--set features=256")
    site = early(study.sites)
    low, high, step = study.bins
    states = torch.from_numpy(study.kept.states[site])
    groups = study.kept.groups[site]
    names = sorted(set(groups.tolist()))
    test = np.isin(groups, names[::4])
    count = study.kept.labels[site]["count"]
    bins = np.where(count >= low, (count - low) // step, -1).astype(np.int64)
    # A few dimensions hold most of the length of hidden states; each counts alike here.
    scale = states[~test].std(0).clamp_min(1e-6)
    scaled = states / scale
    size, k, seed = study.settings.features, 16, study.settings.seed
    made = fit(scaled[~test], size, k, study.progress, steps=300, seed=seed)
    chance = random_dictionary(scaled[~test], size, k, seed + 1)
    number = len(range(low, high, step))
    out: dict[str, Any] = {"site": site, "features": size, "k": k, "tokens": int(test.sum())}
    for name, one in (("learned", made), ("random", chance)):
        seen = tuning(one, scaled[test], bins[test], number)
        order = np.argsort(-seen.curves.max(1))[:40]
        out[name] = {
            "explained": seen.explained,
            "curve": seen.curve,
            "places": len(seen.peaks),
            "peaks": [low + step * p for p in seen.peaks],
            "widths": [step * w for w in seen.widths],
            "curves": seen.curves[order] if name == "learned" else [],
        }
    out["bins"] = list(range(low, high, step))
    return out


def patch(study: Study) -> dict[str, Any]:
    """The count's subspace taken away, and the count moved, at the site where it is known best."""
    site, settings = best_site(study), study.settings
    sums = study.kept.sums
    examples = [
        shortened(e, int(np.searchsorted(e.values["line"], SHORT)))
        for e in study.task.examples
        if e.width == study.width
    ]
    _, directions = basis(pooled(study, site), PCS)
    moments = sums.moments[site]
    curves = sums.curves[site][f"count {study.width}"].enough()
    tables = {site: curves.curve()[0]}
    low, high = study.width // 2, study.width - 4
    shifts = tuple(range(-12, 13, 4))
    with study.module() as module:
        gone = causal.ablations(
            module, examples[: settings.ablated], study.newlines, site, directions,
            moments.mean(), moments.covariance(), study.progress,
            draws=settings.draws, seed=settings.seed,
        )  # fmt: skip
        chosen = causal.places(examples, low, high, settings.places)
        if not chosen:
            raise DataError("no word ends where the count could be moved", "give longer texts")
        sweeps = [
            causal.sweep(module, chosen, study.newlines, table, curves.bins, shifts,
                         study.progress, name=name)
            for name, table in (
                ("whole mean", tables),
                (f"{PCS} components", causal.projected(tables, PCS)),
                ("turned at random", causal.scrambled(tables, settings.seed)),
            )
        ]  # fmt: skip
    return {
        "site": site,
        "ablation": {
            "count": asdict(gone.count),
            "controls": [asdict(c) for c in gone.controls],
            "same": [asdict(c) for c in gone.same],
            "newlines": gone.newlines,
            "others": gone.others,
            "selective": gone.selective,
            "beyond": gone.beyond,
            "found": gone.found,
        },
        "shifts": list(shifts),
        "places": len(chosen),
        "sweeps": [{"name": s.name, "mass": s.mass, "slopes": s.slope} for s in sweeps],
    }


def illusion(study: Study) -> dict[str, Any]:
    settings = study.settings
    strings = (*illusions.STRINGS[: settings.illusions - 12], *illusions.LETTERS)
    strings = tuple(dict.fromkeys(strings))
    try:
        best = study.stage("heads")["boundary"]
    except DataError:
        best = []
    watched = [(b["layer"], b["head"]) for b in best if b["found"]][:3]
    wrapped = [wrap(t.text, study.width) for t in study.texts]
    with study.module() as module:
        lines = illusions.lines_of(
            module, wrapped, study.placer, study.newlines, most=settings.lines
        )
        made = illusions.scan(
            module, lines, study.placer, study.newlines, study.progress,
            strings=strings, heads=watched, seed=settings.seed,
        )  # fmt: skip
    return {
        "effects": [asdict(e) for e in made.effects],
        "lines": made.lines,
        "base": made.base,
        "heads": watched,
        "rank": made.rank("@@"),
    }
