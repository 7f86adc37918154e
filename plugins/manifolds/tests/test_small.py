"""The model from scratch, and its exact optimum, beside a count of all that could happen."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from agentkit.errors import Cancelled
from agentkit.testing.progress import Recorder
from agentkit_manifolds.small import Language, calibrate, train

pytestmark = pytest.mark.slow


def test_the_optimum_is_what_counting_all_worlds_gives() -> None:
    language = Language(np.array([1, 2, 4]), np.array([0.5, 0.3, 0.2]), np.array([5, 6, 7]))
    length = 5
    worlds: dict[tuple[int, ...], float] = {}
    for width in language.widths:
        for words in itertools.product(range(3), repeat=length):
            chance = float(np.prod(language.chance[list(words)])) / 3
            drawn: list[int] = []
            line, at, after = 0, 0, True
            while len(drawn) < length:
                need = language.lengths[words[at]] + (0 if after else 1)
                if line + need <= width:
                    drawn.append(words[at] + 1)
                    line, at, after = line + need, at + 1, False
                else:
                    drawn.append(0)
                    line, after = 0, True
            worlds[tuple(drawn)] = worlds.get(tuple(drawn), 0.0) + chance
    assert sum(worlds.values()) == pytest.approx(1)
    for tokens in list(worlds)[::7]:
        told = language.optimum(np.array([tokens]))[0]
        for place in range(length):
            same = {t: p for t, p in worlds.items() if t[:place] == tokens[:place]}
            whole = sum(same.values())
            for token in range(4):
                share = sum(p for t, p in same.items() if t[place] == token) / whole
                assert told[place, token] == pytest.approx(share, abs=1e-12)


def test_lines_are_wrapped_as_the_language_says() -> None:
    language = Language.made(30)
    tokens, counts = language.sample(6, 90, 1)
    assert np.array_equal(tokens, language.sample(6, 90, 1)[0])
    told = language.optimum(tokens)
    assert told.sum(2) == pytest.approx(np.ones((6, 90)))
    came = np.take_along_axis(told, tokens[..., None], 2)
    assert (came > 0).all() and counts.max() <= 60
    assert ((counts > 0) | (tokens == 0)).all()


@pytest.mark.slow
def test_it_learns_towards_the_optimum_and_repeats_itself() -> None:
    language = Language.made(12)
    tokens, _ = language.sample(16, 64, 5)
    first, again = (
        train(language, Recorder(), steps=16, batch=8, context=64, seed=3) for _ in range(2)
    )
    one, two = (calibrate(language, m, tokens) for m in (first, again))
    assert one == two
    assert one.optimum < one.model < one.unigram + 0.3
    assert one.divergence == pytest.approx(one.model - one.optimum, abs=0.1) and one.newline > 0
    stop = Recorder()
    stop.cancel.set()
    with pytest.raises(Cancelled):
        train(language, stop, steps=2)
