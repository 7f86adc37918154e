"""Strings that make a model lose count (Gurnee et al. 2025, "Visual illusions").

Two characters in the midst of a line are overwritten, so that its length stays the same, and the
newline's log-odds at the line's end are compared with those that pairs of letters leave.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from agentkit.capabilities import Progress
from agentkit.errors import Cancelled, DataError
from agentkit_manifolds.behaviour import newline_mass
from agentkit_manifolds.causal import log_odds
from agentkit_manifolds.running import Prefix
from agentkit_manifolds.sites import edit
from agentkit_manifolds.tokens import Placer
from agentkit_manifolds.wrap import Wrapped

Floats = NDArray[np.float64]
LETTERS = ("aa", "qx", "of", "tt", "in", "re", "on", "zy", "st", "ke", "ba", "lu")
MARKS = (
    *("@@", "``", ">>", "}}", ";|", "||", "`,", "<<", "{{", "--", "==", "##", "**", "__", "//"),
    *("\\\\", "!!", "??", "::", ";;", ",,", "..", "((", "))", "[[", "]]", "()", "[]", "{}", "<>"),
    *("&&", "%%", "$$", "^^", "~~", "++", "->", "=>", "*/", "/*", "#!", "+=", "''", '""', "|-"),
    *("12", "00", "99"),
)
STRINGS = (*MARKS, *LETTERS)


@dataclass(frozen=True, slots=True)
class Effect:
    """One string. change: mean change of the newline's log-odds against the line's own letters,
    less the mean one of the letter pairs in the same line; low, high: 95 % bootstrap interval over
    lines. attention: change of the attention to the last newline, mean over the heads asked for."""

    string: str
    change: float
    low: float
    high: float
    mass: float
    attention: float


@dataclass(frozen=True, slots=True)
class Scan:
    """effects: the strongest fall first. lines: how many. base: their newline mass as it was."""

    effects: tuple[Effect, ...]
    lines: int
    base: tuple[float, ...]

    def rank(self, string: str) -> int:
        """From 1, the strongest fall."""
        return [e.string for e in self.effects].index(string) + 1


@dataclass(frozen=True, slots=True)
class Line:
    """A text up to the end of a line, where a newline should come. at: where two characters may be
    overwritten, inside the last line."""

    text: str
    at: int
    mass: float


def lines_of(
    module: nn.Module,
    texts: Sequence[Wrapped],
    placer: Placer,
    newlines: Collection[int],
    *,
    low: float = 0.4,
    high: float = 0.85,
    most: int = 12,
    context: int = 6,
) -> list[Line]:
    """Lines whose newline is neither certain nor unlikely, so that it can change both ways.

    Args:
        context: whole lines in front of each.

    Raises:
        DataError: no line is like that.
    """
    found: list[Line] = []
    ids_of = torch.tensor(sorted(newlines))
    for wrapped in texts:
        for end in range(context, len(wrapped.lines) - 1, context // 2):
            if len(found) >= most:
                return found
            text = "\n".join(wrapped.lines[end - context : end + 1])
            at = _inside(text, len(wrapped.lines[end]))
            if at is None:
                continue
            ids, _, _ = placer.place(text)
            last = Prefix(module, ids[:-1]).logits([ids[-1:]])[:, -1]
            mass = float(newline_mass(last.log_softmax(-1), ids_of.to(last.device))[0])
            if low <= mass <= high:
                found.append(Line(text, at, mass))
    if not found:
        raise DataError(
            f"no line's newline has a probability from {low} to {high}",
            "give more text, or a model that breaks lines",
        )
    return found


def _inside(text: str, length: int) -> int | None:
    """The start of two letters inside a word near the middle of the last line."""
    start = len(text) - length
    middle = start + length // 2
    spots = [
        at
        for at in range(start + 2, len(text) - 6)
        if text[at - 1 : at + 3].isalpha() and text[at : at + 2].isascii()
    ]
    return min(spots, key=lambda at: abs(at - middle), default=None)


def scan(
    module: nn.Module,
    lines: Sequence[Line],
    placer: Placer,
    newlines: Collection[int],
    progress: Progress,
    *,
    strings: Sequence[str] = STRINGS,
    heads: Sequence[tuple[int, int]] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> Scan:
    """Overwrites two characters with each string in turn.

    Args:
        heads: (layer, head) whose attention to the last newline is followed.

    Raises:
        DataError: letters to compare with are missing. Cancelled: between two lines.
    """
    letters = [n for n, s in enumerate(strings) if s in LETTERS]
    if not letters:
        raise DataError("there are no letter pairs among the strings", f"e.g. {LETTERS[0]!r}")
    ids_of = torch.tensor(sorted(newlines))
    mass, attention = np.zeros((2, len(lines), len(strings)))
    for n, line in enumerate(lines):
        if progress.cancel:
            raise Cancelled
        texts = [line.text[: line.at] + s + line.text[line.at + 2 :] for s in strings]
        mass[n], attention[n] = _mass(module, [line.text, *texts], placer, ids_of, heads)
        progress.update(n + 1, len(lines))
    odds = log_odds(mass)
    change = odds - odds[:, letters].mean(1, keepdims=True)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(lines), size=(resamples, len(lines)))
    spread = np.quantile(change[drawn].mean(1), [0.025, 0.975], axis=0)
    moved = attention - attention[:, letters].mean(1, keepdims=True)
    effects = [
        Effect(
            s,
            float(change[:, i].mean()),
            float(spread[0, i]),
            float(spread[1, i]),
            float(mass[:, i].mean()),
            float(moved[:, i].mean()),
        )
        for i, s in enumerate(strings)
    ]
    return Scan(
        tuple(sorted(effects, key=lambda e: e.change)), len(lines), tuple(li.mass for li in lines)
    )


def _mass(
    module: nn.Module,
    texts: Sequence[str],
    placer: Placer,
    ids_of: torch.Tensor,
    heads: Sequence[tuple[int, int]],
) -> tuple[Floats, Floats]:
    """Newline mass at the end of each text but the first, and attention to its last newline."""
    encoded = [placer.place(text) for text in texts]
    ids = [e[0] for e in encoded]
    same = 0
    while all(len(i) > same + 1 and i[same] == ids[0][same] for i in ids):
        same += 1
    prefix = Prefix(module, ids[0][:same])
    suffixes, newline = [i[same:] for i in ids[1:]], []
    for (_, starts, _), text in zip(encoded[1:], texts[1:]):
        newline.append(starts.index(text.rindex("\n")))
    last = torch.tensor([len(s) - 1 for s in suffixes])
    rows = torch.arange(len(suffixes))
    seen = torch.zeros(len(suffixes))
    by_layer: dict[int, list[int]] = {}
    for layer, head in heads:
        by_layer.setdefault(layer, []).append(head)
    with ExitStack() as hooks:
        for layer, own in by_layer.items():

            def see(weights: torch.Tensor, own: list[int] = own) -> torch.Tensor:
                for head in own:
                    picked = weights[rows, head, prefix.kept + last, torch.tensor(newline)]
                    seen.add_(picked.float().cpu() / len(heads))
                return weights

            hooks.enter_context(edit(module, f"weights.{layer}", see))
        found = prefix.logits(suffixes)[rows, last]
    mass = newline_mass(found.log_softmax(-1), ids_of.to(found.device))
    return mass.double().cpu().numpy(), seen.double().numpy()
