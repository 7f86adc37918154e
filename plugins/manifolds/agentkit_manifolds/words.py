"""A study's results in words and tables. The rules of each verdict stand here, in code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentkit.capabilities import Table

Found = Mapping[str, Mapping[str, Any]]
GAP, AUC = 0.4, 0.92  # of newline mass at breaks and elsewhere, for "it breaks lines"
KNOWN = 0.1  # R² beyond the controls, for "it knows the count"
MORE = 0.1  # of reliability than the embedding has
ODDS = 0.5  # fall of the log-odds, for an illusion


def summary(found: Found) -> str:
    """One line a question, each with its figures; a stage that failed says why."""
    lines = []
    for name, tell in _TOLD.items():
        if name in found:
            stage = found[name]
            lines.append(f"- **{name}**: {stage.get('fault') or tell(stage)}")
    return "\n".join(lines)


def _data(s: Mapping[str, Any]) -> str:
    return (
        f"{s['model']} on {s['kind']}: {s['texts']} texts of {s['documents']} documents, "
        f"{s['tokens']} tokens, {s['breaks']} breaks at widths "
        f"{', '.join(map(str, s['widths']))}; count and token index correlate by "
        f"{s['correlation']:.2f}"
    )


def _behaviour(s: Mapping[str, Any]) -> str:
    rows = s["rows"]
    worst = min(r["auc"] for r in rows)
    gap = sum(r["at_breaks"] - r["elsewhere"] for r in rows) / len(rows)
    holds = worst >= AUC and gap >= GAP
    return (
        f"{'it breaks lines' if holds else 'it does not break lines well'}: AUC {worst:.2f} at the "
        f"worst width (at ends of words alone {min(r['at_ends'] for r in rows):.2f}), newline mass "
        f"{gap:.2f} higher at breaks (rule: AUC {AUC}, gap {GAP})"
    )


def _probe(s: Mapping[str, Any]) -> str:
    told = []
    for target in ("count", "remaining", "width"):
        rows = [r for r in s["rows"] if r["target"] == target and not r["site"].startswith("heads")]
        best = max(rows, key=lambda r: r["beyond"])
        embed = next(r for r in rows if r["site"] == "embed")
        known = best["beyond"] > max(KNOWN, embed["beyond"] + KNOWN)
        told.append(
            f"{target} {'known' if known else 'not clearly known'} beyond controls, best at "
            f"{best['site']}: R² {best['beyond']:.2f} (embedding {embed['beyond']:.2f}; raw "
            f"{best['raw']:.2f}, controls alone {best['control']:.2f})"
        )
    return "; ".join(told)


def has_curve(stage: Mapping[str, Any], site: str) -> bool:
    """Whether the count has a curve at a site that is clearly more than the embedding's: that one
    comes of the lengths of words, which the model did not have to count."""
    rows = {r["site"]: r for r in stage["rows"] if r["curve"] == "count"}
    here, embed = rows[site], rows["embed"]
    return bool(here["found"] and here["reliability"] > embed["reliability"] + MORE)


def _geometry(s: Mapping[str, Any]) -> str:
    rows = {(r["site"], r["curve"]): r for r in s["rows"]}
    here, embed = rows[s["site"], "count"], rows["embed", "count"]
    shuffled = rows[s["site"], "shuffled"]
    real = has_curve(s, s["site"])
    ring = "rings" if s["rings"] else "does not ring"
    return (
        f"at {s['site']} {here['verdict']} (embedding {embed['reliability']:.2f}, dealt out at "
        f"random {shuffled['reliability']:.2f}){'' if real else ', not clearly more than there'}; "
        f"its raw spectrum needs {here['raw']} components for 95 %, a random walk of as many "
        f"points {_reach(s['walk'])}; in six components it {ring}"
    )


def _reach(shares: list[float]) -> str:
    total = 0.0
    for n, share in enumerate(shares, 1):
        total += share
        if total >= 0.95:
            return str(n)
    return f"more than {len(shares)}"


def _heads(s: Mapping[str, Any]) -> str:
    first = s["boundary"][0]
    by_chance = 0.05 * s["looked"]
    told = (
        f"{s['found']} of {s['looked']} heads match counts with longer widths better than "
        f"shuffled counts do (about {by_chance:.0f} by chance); the clearest is layer "
        f"{first['layer']} head {first['head']}, {first['offset']} characters ahead, "
        f"{first['peak']:.2f} above its median (shuffled {first['null']:.2f})"
    )
    for row in s["distributed"]:
        told += (
            f"; {row['site']}: R² beyond controls {row['all']:.2f} from all heads, "
            f"{max(row['single']):.2f} from the best one"
        )
    return told


def _decision(s: Mapping[str, Any]) -> str:
    return (
        f"at {s['site']} a plane fitted to sums of mean vectors parts words that fit from those "
        f"that do not with AUC {s['auc']:.2f} on {s['tokens']} ends of words of other documents "
        f"(characters left alone {s['alone']:.2f}, shuffled {s['shuffled']:.2f}); the two curves' "
        f"planes share {s['overlap']:.3f} (random ones {s['chance']:.3f})"
    )


def _features(s: Mapping[str, Any]) -> str:
    learned, chance = s["learned"], s["random"]
    more = learned["places"] > 2 * chance["places"] and learned["places"] >= 3
    return (
        f"{'some' if more else 'few'} features of {s['features']} tile the line: "
        f"{learned['places']} place-like ones (random dictionary {chance['places']}); it rebuilds "
        f"{learned['curve']:.0%} of the count's curve (random {chance['curve']:.0%}) and explains "
        f"{learned['explained']:.0%} of held-out states (random {chance['explained']:.0%})"
    )


def _patch(s: Mapping[str, Any]) -> str:
    a = s["ablation"]
    middle = sorted(c["newline"] for c in a["controls"])[len(a["controls"]) // 2]
    slopes = "; ".join(f"{w['name']} {_mean(w['slopes']):+.3f}" for w in s["sweeps"])
    return (
        f"{'holds' if a['found'] else 'failed'}: without the count's subspace at {s['site']} the "
        f"loss rises by {a['count']['newline']:.3f} nats at {a['newlines']} newlines and "
        f"{a['count']['other']:.3f} elsewhere; {len(a['controls'])} random subspaces of the same "
        f"variance, {middle:.3f} at newlines in the median (rule: 5 times elsewhere, 3 times "
        f"random). Moving the count by a character changes the newline's log-odds by: {slopes} "
        f"({s['places']} places)"
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _illusion(s: Mapping[str, Any]) -> str:
    clear = [e for e in s["effects"] if e["change"] < -ODDS and e["high"] < 0]
    at = next(e for e in s["effects"] if e["string"] == "@@")
    named = ", ".join(f"{e['string']} {e['change']:+.2f}" for e in clear[:6]) or "none"
    return (
        f"{len(clear)} of {len(s['effects'])} strings lower the newline's log-odds by more than "
        f"{ODDS} against letters: {named}; @@ is number {s['rank']}, {at['change']:+.2f} "
        f"({at['low']:+.2f} to {at['high']:+.2f}, {s['lines']} lines)"
    )


_TOLD: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "data": _data,
    "behaviour": _behaviour,
    "probe": _probe,
    "geometry": _geometry,
    "heads": _heads,
    "decision": _decision,
    "features": _features,
    "patch": _patch,
    "illusion": _illusion,
}


def tables(found: Found) -> tuple[Table, ...]:
    """The tables of the stages that are there."""
    return tuple(_tables(found))


def _tables(found: Found) -> Iterator[Table]:
    for stage, title, columns, rows in (
        ("behaviour", "Newline mass by width",
         ("width", "at_breaks", "elsewhere", "auc", "at_ends", "breaks"), "rows"),
        ("probe", "Linear probes, held-out R²",
         ("site", "target", "raw", "inside", "control", "beyond"), "rows"),
        ("geometry", "Mean curves between halves of the documents",
         ("site", "curve", "reliability", "null", "p", "dimension", "raw", "samples"), "rows"),
        ("heads", "Boundary heads",
         ("layer", "head", "offset", "peak", "null", "best", "plain"), "boundary"),
        ("illusion", "Strings in the midst of a line",
         ("string", "change", "low", "high", "mass", "attention"), "effects"),
    ):  # fmt: skip
        held = found.get(stage, {}).get(rows)
        if held:
            yield Table(title, columns, tuple(tuple(_round(r[c]) for c in columns) for r in held))


def _round(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
