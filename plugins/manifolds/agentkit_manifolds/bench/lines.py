"""`agentkit bench manifolds-lines`: what of the line-break study holds on a small real model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit_manifolds import words
from agentkit_manifolds.settings import Settings
from agentkit_manifolds.stages import early
from agentkit_manifolds.study import STAGES, Study

QUICK: dict[str, Any] = {
    "texts": 24, "tokens": 160, "widths": (30, 40), "layers": 0.2, "step": 4, "heard": 4,
    "ablated": 1, "draws": 4, "places": 2, "lines": 2, "illusions": 20, "features": 64,
}  # fmt: skip
NORMAL: dict[str, Any] = {
    "texts": 96, "tokens": 512, "widths": (30, 40, 60, 80, 100), "layers": 0.45, "heard": 40,
    "ablated": 10, "draws": 20, "places": 20, "lines": 8,
}  # fmt: skip
FULL: dict[str, Any] = {
    "texts": 2000, "tokens": 512, "heard": 120, "ablated": 40, "places": 80, "lines": 40,
    "draws": 40, "features": 4096, "layers": 1.0, "step": 2,
}  # fmt: skip


def lines(bench: Bench) -> Result:
    given: dict[str, Any] = dict(bench.options)
    if "read" in given:
        given["read"] = (given["read"],)
    sized = {"quick": QUICK, "normal": NORMAL, "full": FULL}[bench.scale]
    settings = Settings.model_validate({**sized, "seed": bench.seeds[0], **given})
    study = Study(settings, bench.kit.model(settings.model), bench.out / "study", bench.progress)
    found = study.all(STAGES)
    return Result(
        _metrics(found), _verdict(found), tables=words.tables(found), figures=_figures(found)
    )


def _metrics(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Metric]:
    made: dict[str, Metric] = {}
    if "rows" in found["behaviour"]:
        rows = found["behaviour"]["rows"]
        made["AUC of newline mass, worst width"] = Metric(min(r["auc"] for r in rows), n=len(rows))
        gaps = [r["at_breaks"] - r["elsewhere"] for r in rows]
        made["newline mass at breaks less elsewhere"] = interval(gaps, center="mean")
    for target in ("count", "remaining", "width"):
        rows = [r for r in found["probe"]["rows"] if r["target"] == target]
        best = max((r for r in rows if r["site"].startswith("post")), key=lambda r: r["beyond"])
        made[f"{target}: R² beyond controls, {best['site']}"] = interval(
            best["folds"], center="mean"
        )
        made[f"{target}: R² of controls alone"] = Metric(best["control"])
    if "rows" in found["geometry"]:
        g = found["geometry"]
        row = next(r for r in g["rows"] if r["site"] == g["site"] and r["curve"] == "count")
        made[f"reliability of the count's curve, {g['site']}"] = Metric(row["reliability"])
        made["its dimensions"] = Metric(float(row["dimension"]), n=row["samples"])
    if "ablation" in found["patch"]:
        a = found["patch"]["ablation"]
        controls = [c["newline"] for c in a["controls"]]
        made["loss at newlines without the count"] = Metric(a["count"]["newline"], n=a["newlines"])
        made["loss elsewhere without the count"] = Metric(a["count"]["other"], n=a["others"])
        made["loss at newlines, random subspaces"] = interval(controls)
        for sweep in found["patch"]["sweeps"]:
            made[f"log-odds a character, {sweep['name']}"] = interval(
                sweep["slopes"], center="mean"
            )
    if "effects" in found["illusion"]:
        at = next(e for e in found["illusion"]["effects"] if e["string"] == "@@")
        made["@@: log-odds against letters"] = Metric(
            at["change"], at["low"], at["high"], found["illusion"]["lines"]
        )
        made["@@: rank"] = Metric(
            float(found["illusion"]["rank"]), n=len(found["illusion"]["effects"])
        )
    return made


def _verdict(found: Mapping[str, Mapping[str, Any]]) -> str:
    return (
        "The paper studies Claude 3.5 Haiku; this is a model some hundred times smaller, on few "
        f"texts. {words.summary(found).replace('- **', '').replace('**', '')}"
    ).replace("\n", ". ")


def _figures(found: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    def layer(site: str) -> int:
        return -1 if site == "embed" else int(site.split(".")[1])

    def probes(axes: Any) -> None:
        rows = [
            r for r in found["probe"]["rows"]
            if r["target"] == "count" and not r["site"].startswith("heads")
        ]  # fmt: skip
        for key, style in (("raw", "-"), ("beyond", "-"), ("control", "--")):
            axes.plot([layer(r["site"]) for r in rows], [r[key] for r in rows], style, label=key)
        axes.set(xlabel="layer (-1: embedding)", ylabel="held-out R² of the count", ylim=(-0.1, 1))
        axes.legend()

    def swept(axes: Any) -> None:
        patch = found["patch"]
        for sweep in patch.get("sweeps", ()):
            axes.plot(patch["shifts"], np.mean(sweep["mass"], 0), "o-", label=sweep["name"])
        axes.set(xlabel="characters added to the count", ylabel="newline mass")
        axes.legend()

    def strings(axes: Any) -> None:
        effects = found["illusion"].get("effects", [])[:12]
        for n, e in enumerate(effects):
            axes.plot([e["low"], e["high"]], [n, n], "C0")
            axes.plot(e["change"], n, "C0o")
        axes.set_yticks(range(len(effects)), [e["string"].replace("$", r"\$") for e in effects])
        axes.axvline(0, color="grey", linestyle="--")
        axes.set(xlabel="newline's log-odds against letters")

    return [
        Figure("Probes and controls", probes),
        Figure("Moving the count", swept),
        Figure("Strings that disturb most", strings),
    ]


def dry_run(bench: Bench) -> list[str]:
    """Checks settings, texts and sites for the full scale without a forward pass."""
    settings = Settings.model_validate(FULL)
    study = Study(settings, bench.kit.model("small"), bench.out, bench.progress)
    first = study.texts[:6]
    return [
        f"settings: {settings.texts} texts of {settings.tokens} tokens at widths "
        f"{', '.join(map(str, settings.widths))}",
        f"texts: {len(study.texts)} of {settings.kind} on this machine; --set read=FOLDER for more",
        f"labels: {sum(len(t.text) for t in first)} characters of {len(first)} texts read",
        f"sites: {', '.join(study.sites)}; early at {early(study.sites)}",
        f"memory of the sums: about {len(study.sites) * 4 * 8 * 585**2 >> 20} MiB at width 576",
    ]


LINES = Experiment(
    name="manifolds-lines",
    question="What of the line-break study of a large model holds on SmolLM2-135M?",
    run=lines,
    claim="counts lie on curves in about six dimensions (95 % of variance), boundary heads turn "
    "one onto another (cosine about 1), ablation hurts newlines alone, @@ makes it lose count",
    needs={
        "normal": Needs(weights=("smollm2-135m",), memory=3 << 30, hours=0.4),
        "quick": Needs(weights=("smollm2-135m",), memory=2 << 30, hours=0.05),
        "full": Needs(
            weights=("any of the kit's models",), data=("2,000 texts",), device="cuda",
            memory=16 << 30, hours=1.0,
        ),
    },
    dry_run=dry_run,
    options={"model": "a model of the kit", "kind": "prose, code, changelogs or mail",
             "texts": "how many", "read": "a folder of texts", "tokens": "the most of each"},
)  # fmt: skip
