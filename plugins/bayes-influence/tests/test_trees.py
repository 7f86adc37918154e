"""What influence-glyphs, -pairs and -peers are made of, where the right answer is known."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.ft2font import FT2Font

from agentkit.testing.progress import Recorder
from agentkit_bayes_influence.bench.beside import coefficient, crossing, line
from agentkit_bayes_influence.bench.drawn import (
    FONTS,
    LEVELS,
    SCRIPTS,
    SIDE,
    Tree,
    agreement,
    area,
    draw,
)
from agentkit_bayes_influence.bench.glyphs import OURS, SHUFFLED, TAUGHT, one_model
from agentkit_bayes_influence.bench.pairs import beaten
from agentkit_bayes_influence.bench.scribe import LENGTH, scribe
from agentkit_bayes_influence.bench.tools import Done, ours
from agentkit_bayes_influence.bench.wordlist import PAIRS, shuffled
from agentkit_bayes_influence.sampling import Sampling, resolve

SMALL = {"Latin": "bdefg", "Greek": "γδζηλ"}


def tree() -> Tree:
    places = [(s, 10 * s + n, f) for s in range(3) for n in range(4) for f in range(3)] * 6
    return Tree(*np.array(places).T)


def test_a_likeness_that_is_the_tree_is_recovered_and_chance_is_a_half() -> None:
    hung, rng = tree(), np.random.default_rng(0)
    close = hung.closeness().astype(float)
    assert (np.diag(close) == 3).all() and set(np.unique(close)) == {0.0, 1.0, 2.0, 3.0}
    noise = rng.normal(size=close.shape)
    for level in LEVELS:
        assert area(close, *hung.pairs(level)) == 1.0
        assert area(-close, *hung.pairs(level)) == 0.0
        assert abs(area(noise, *hung.pairs(level)) - 0.5) < 0.04
        # Dealt out anew at this level, and only there: the level is chance, the rest holds.
        dealt = hung.shuffled(level, rng)
        assert area(close, *dealt.pairs(level)) < 0.7
    dealt = hung.shuffled("script", rng)
    assert (dealt.letter == hung.letter).all() and sorted(dealt.script) == sorted(hung.script)
    for letter in np.unique(dealt.letter):
        assert len(set(dealt.script[dealt.letter == letter])) == 1
    assert agreement(close, hung) == pytest.approx(1.0)
    assert abs(agreement(close, hung, rng)) < 0.1


def test_every_letter_is_in_every_font_and_no_picture_is_blank() -> None:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in FONTS:
        known = FT2Font(str(folder / f"DejaVu{name}.ttf")).get_charmap()
        assert all(ord(letter) in known for alphabet in SCRIPTS.values() for letter in alphabet)
    letters = [letter for alphabet in SCRIPTS.values() for letter in alphabet]
    assert len(set(letters)) == len(letters)
    pixels, hung = draw(SMALL, FONTS[:2], 2, seed=3)
    assert pixels.shape == (2 * 10 * 2, SIDE * SIDE) and len(hung.font) == 40
    assert torch.equal(pixels, draw(SMALL, FONTS[:2], 2, seed=3)[0])
    assert not torch.equal(pixels, draw(SMALL, FONTS[:2], 2, seed=4)[0])
    assert (pixels.std(1) > 0.1).all()
    alike = area(-torch.cdist(pixels, pixels).numpy(), *hung.pairs("letter"))
    assert alike > 0.6  # what is drawn in two fonts looks alike


@pytest.mark.slow
def test_influence_finds_letters_and_the_scripts_that_a_model_is_taught(tmp_path: Path) -> None:
    bench = SimpleNamespace(out=tmp_path, progress=Recorder())
    found = one_model(bench, SMALL, FONTS[:3], 15, 0, True)["scores"][OURS + TAUGHT]
    assert found[LEVELS["letter"]] > 0.7 and found[LEVELS["script"]] > 0.6, found
    told = one_model(bench, SMALL, FONTS[:3], 15, 0, False)["scores"]
    assert told[OURS][LEVELS["letter"]] > 0.9 > 0.6 > told[SHUFFLED][LEVELS["letter"]], told


def test_pairs_stand_in_contexts_that_share_no_word_and_are_shuffled_whole() -> None:
    for kind, pairs in PAIRS.items():
        assert len({word for pair in pairs for word in pair.words}) == 2 * len(pairs), kind
        for pair, moved in zip(pairs, shuffled(pairs)):
            one, other = ({w.strip(",.").lower() for w in c.split()} for c in pair.contexts)
            assert not [word for word in one & other if len(word) > 3], pair  # the, had, il
            assert moved.words == pair.words
            assert not set(moved.contexts) & set(pair.contexts)
    grid = np.eye(4) + 0.01 * np.arange(16).reshape(4, 4)
    assert beaten(grid) == [1.0] * 4 and beaten(np.zeros((4, 4))) == [0.5] * 4
    assert beaten(-np.eye(3)) == [0.0] * 3


def test_lines_cross_where_one_tool_overtakes_another() -> None:
    slow_start = [[1, 11.0, 0.0], [65, 75.0, 0.0]]  # 10 + q
    flat = [[1, 40.1, 0.0], [65, 46.5, 0.0]]  # 40 + q / 10
    assert line(slow_start) == (10.0, 1.0)
    assert crossing(slow_start, flat) == 34.0  # 10 + q > 40 + q / 10 from 33.4 on
    assert crossing(flat, flat) == 1.0
    assert crossing([[1, 5.0, 0], [2, 5.1, 0]], slow_start) == math.inf
    assert math.isnan(crossing(flat, [[1, 2.0, 0], [2, 3.0, 0]]))
    train = np.array([[[1.0, 3.0]], [[3.0, 5.0]]])  # chain means 2 and 4
    done = Done(np.zeros((2, 1)), 0.0, 0.0, train, train)
    assert coefficient(done, 10.0, 1.0) == (20.0, pytest.approx(10.0))


@pytest.mark.slow
def test_the_scribe_is_sampled_where_ekfac_has_factors(tmp_path: Path) -> None:
    made = scribe(8, 4, 0, steps=3)
    assert made.train.shape == (8, LENGTH) and made.query.shape == (4, LENGTH)
    assert len(made.names) == 14 and all(one.endswith("_proj") for one in made.modules)
    assert torch.equal(made.train, scribe(8, 4, 0, steps=3).train)
    wanted = Sampling(chains=2, draws=4, batch=4, step=1.0)
    use = resolve(made.posterior(4), wanted)
    found = ours(made, 3, wanted, use, tmp_path / "t", Recorder())
    assert found.influence.shape == (8, 3)
    assert found.train.shape == (2, 4, 8) and found.cpu > 0
    assert not any(p.requires_grad for p in made.model.parameters())
    assert all(p.requires_grad for p in made.copied().model.parameters())
