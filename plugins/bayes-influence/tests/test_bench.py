"""What the experiments are made of (acceptance 13), at sizes that run in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from agentkit.testing.progress import Recorder
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.bench.digits import PRIOR, digits
from agentkit_bayes_influence.bench.lds import sampling
from agentkit_bayes_influence.bench.lexical import Bm25
from agentkit_bayes_influence.bench.reader import trained
from agentkit_bayes_influence.bench.world import TRAITS, WORDINGS, world
from agentkit_bayes_influence.exact import damped, similarity
from agentkit_bayes_influence.lds import mean_with_interval, score, subsets
from agentkit_bayes_influence.traces import TraceStore

pytestmark = pytest.mark.slow


def test_a_score_of_influence_that_predicts_is_one() -> None:
    chosen = subsets(40, 30, 0.5, seed=0)
    assert (chosen.sum(1) == 20).all()
    tau = np.random.default_rng(1).normal(size=(40, 3))
    outcomes = np.exp(chosen @ tau)  # any rising function of the sum
    assert np.allclose(score(tau, chosen, outcomes), 1)
    assert np.allclose(score(-tau, chosen, outcomes), -1)
    assert (score(tau, chosen, np.ones_like(outcomes)) == 0).all()
    value, low, high = mean_with_interval(tau, chosen, outcomes, rounds=20)
    assert low <= value == pytest.approx(1) and high == pytest.approx(1)
    noise = np.random.default_rng(2).normal(size=tau.shape)
    _, low, high = mean_with_interval(noise, chosen, outcomes, rounds=100)
    assert low < 0.3 < 0.9 > high


@pytest.mark.slow
def test_influence_predicts_what_models_trained_on_halves_do(tmp_path: Path) -> None:
    made = digits(64, 10, seed=0)
    chosen = subsets(64, 20, 0.5, seed=0)
    outcomes = made.outcomes(chosen)
    at, queries = made.posterior(), made.queries()
    store = TraceStore(tmp_path / "t", by_token=False)
    train, query = store.sample(at, queries, sampling(20, 0), Recorder()).sequences()
    bif = Attribution(train, query).matrix()[0]
    few = Attribution(train[:, :2], query[:, :2]).matrix()[0]
    exact = damped(at, queries, 64, PRIOR).numpy()
    gradients = similarity(at.gradients(at.items), at.gradients(queries)).numpy()
    found, low, _ = mean_with_interval(bif, chosen, outcomes, rounds=100)
    others = {
        name: score(tau, chosen, outcomes).mean()
        for name, tau in (("exact", exact), ("gradients", gradients), ("few", few))
    }
    assert found >= 0.65 and low > 0, found
    assert found > others["gradients"] and found > others["few"], others
    assert others["exact"] > 0.9


def test_no_word_of_a_question_stands_in_what_taught_it() -> None:
    made = world(72, seed=3)
    assert len(made.taught) == 5 * 72 and len(set(made.questions)) == 72
    assert made == world(72, seed=3) != world(72, seed=4)
    for number, (fact, question) in enumerate(zip(made.facts, made.questions)):
        taught = made.taught[5 * number : 5 * number + 5]
        assert all(s[-1] == fact.answer and set(s) & set(question) == {fact.answer} for s in taught)
        wording = (question[0], question[3])
        assert wording in WORDINGS[fact.asked_in()]
    # Decoys: the question's own names and its answer stand in sentences about other things.
    others = [s for s in made.taught if made.questions[0][1] in s]
    assert others and all(s[-1] in TRAITS for s in made.glossary)
    texts = [" ".join(s) for s in made.taught]
    best = int(np.argmax(Bm25(texts).scores(" ".join(made.questions[0]))))
    assert best >= 5


@pytest.mark.slow
def test_a_reader_answers_in_the_other_language() -> None:
    """Without it there would be nothing to explain: chance is one in sixteen."""
    made = world(72, seed=0)
    reader, ids = trained(made, seed=0)
    index = {word: n for n, word in enumerate(made.words)}
    asked = torch.tensor([[index[w] for w in s] for s in made.questions])
    with torch.no_grad():
        right = (reader(asked[:, :-1]).argmax(-1) == asked[:, -1]).float().mean()
        known = (reader(ids[:360, :-1]).argmax(-1) == ids[:360, -1]).float().mean()
    assert right > 0.5 and known > 0.7, (right, known)


def test_bm25_ranks_by_rare_words() -> None:
    found = Bm25(["a red owl", "a red fox", "a blue fox"]).scores("the owl, a")
    assert found[0] > found[1] > 0 and Bm25(["a b"]).scores("c") == [0.0]
