"""How signals become one order. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping

Scores = Mapping[int, float]  # passage: how well it matches, by one signal


def scaled(scores: Scores) -> dict[int, float]:
    """Scores brought to [0, 1]: the best of this signal's candidates is 1, the worst 0.

    A signal says which of its candidates it prefers and by how much, not how good they are, so its
    own range is the only unit there is. One candidate alone, or all alike, are 1.
    """
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    width = high - low
    return {key: (value - low) / width if width > 0 else 1.0 for key, value in scores.items()}


def fuse(
    signals: Mapping[str, Scores], weights: Mapping[str, float]
) -> dict[int, tuple[tuple[str, float], ...]]:
    """What each signal adds to each passage: its weight times its scaled score, nothing for a
    passage that is not among its candidates. Best passages first; equal ones by number."""
    parts: dict[int, list[tuple[str, float]]] = {}
    for name, scores in signals.items():
        for key, value in scaled(scores).items():
            parts.setdefault(key, []).append((name, weights[name] * value))
    return {key: tuple(parts[key]) for key in sorted(parts, key=lambda k: (-total(parts[k]), k))}


def total(parts: list[tuple[str, float]] | tuple[tuple[str, float], ...]) -> float:
    """The score that parts add up to."""
    return sum(value for _, value in parts)
