"""Both variants: what may not leak, what must not matter, and a pool with known skills."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from agentkit.capabilities import Message, Request
from agentkit.errors import Cancelled, ConfigError, DataError, ModelFileError
from agentkit.seeds import derive
from agentkit.testing.progress import Recorder
from agentkit_lookahead import scorecard, training
from agentkit_lookahead.clm import CausalRouter
from agentkit_lookahead.logged import hide
from agentkit_lookahead.masking import curriculum, rates, visible
from agentkit_lookahead.mlm import MaskedRouter
from agentkit_lookahead.newcomer import add_candidate, probe_rows
from agentkit_lookahead.noise import NOISES, SYSTEM
from agentkit_lookahead.reading import cut, read
from agentkit_lookahead.router import Router, fit
from agentkit_lookahead.rows import Table
from agentkit_lookahead.settings import Schedule, TrainSettings
from agentkit_lookahead.synthetic import NAMES, SMALL, pool

pytestmark = pytest.mark.slow  # two routers are trained
TEXTS = ["What is 12 plus 30 in total?", "Spell river", "def f(x):", "a much longer text " * 9]


def prompts(router: Router) -> list[list[int]]:
    return [router.module.words.prompt(t, 40) for t in TEXTS]


def answers(router: Router, seed: int) -> list[list[list[int]]]:
    rng = random.Random(seed)
    return [[[rng.randrange(20, 300) for _ in range(5)] for _ in NAMES] for _ in TEXTS]


# -- the causal variant ---------------------------------------------------------------------------


def test_clm_answers_never_change_a_decision(routers: dict[str, Router]) -> None:
    module = routers["clm"].module
    asked = prompts(routers["clm"])
    with torch.no_grad():
        one, other = (module(asked, answers(routers["clm"], s))[0] for s in (0, 1))
        none = module(asked)[0]
    assert float((one - other).abs().max()) < 1e-5 and float((one - none).abs().max()) < 1e-5


def test_clm_one_shared_prompt_is_as_many_separate_ones(routers: dict[str, Router]) -> None:
    module = routers["clm"].module
    assert isinstance(module, CausalRouter)
    asked = prompts(routers["clm"])
    separate = module.separately(asked, answers(routers["clm"], 0))
    with torch.no_grad():
        assert float((module(asked)[0] - separate).abs().max()) < 1e-5


def test_clm_the_order_of_candidates_only_orders_what_comes_out(routers: dict[str, Router]) -> None:
    module, asked = routers["clm"].module, prompts(routers["clm"])
    mids = module.words.mids
    with torch.no_grad():
        plain = module(asked)[0]
        try:
            module.words.mids = tuple(mids[n] for n in (2, 0, 1))
            other = module(asked)[0]
        finally:
            module.words.mids = mids
    assert float((plain[:, [2, 0, 1]] - other).abs().max()) < 1e-5


# -- the masked variant ---------------------------------------------------------------------------


def test_mlm_fully_masked_answers_never_change_a_decision(routers: dict[str, Router]) -> None:
    module, asked = routers["mlm"].module, prompts(routers["mlm"])
    with torch.no_grad():
        one, other = (
            module(asked, answers(routers["mlm"], s), [1.0] * len(asked))[0] for s in (0, 1)
        )
        shown = module(asked, answers(routers["mlm"], 1), [0.0] * len(asked))[0]
    assert float((one - other).abs().max()) == 0
    assert float((one - shown).abs().max()) > 1e-3  # the test would see it if they did


def test_mlm_batch_padding_and_kind_of_attention_do_not_matter(routers: dict[str, Router]) -> None:
    module, asked = routers["mlm"].module, [*prompts(routers["mlm"]) * 2]
    assert isinstance(module, MaskedRouter)
    with torch.no_grad():
        batch = module.decide(module.layout(asked))
        left = module.decide(module.layout(asked, left=True))
        alone = torch.cat([module.decide(module.layout([one])) for one in asked])
        module.backbone.set_attn_implementation("eager")
        eager = module.decide(module.layout(asked))
        module.backbone.set_attn_implementation("sdpa")
    for other in (left, alone, eager):
        assert float((batch - other).abs().max()) < 1e-4


def test_mlm_the_order_of_candidates_only_orders_what_comes_out(routers: dict[str, Router]) -> None:
    module = routers["mlm"].module
    assert isinstance(module, MaskedRouter)
    asked = prompts(routers["mlm"])
    before = module.layout(asked)
    turned = (2, 0, 1)
    mids, weight, bias = module.words.mids, module.score.weight.data, module.score.bias.data
    with torch.no_grad():
        plain = module.decide(before)
        try:
            module.words.mids = tuple(mids[n] for n in turned)
            module.score.weight.data = weight[list(turned)]
            module.score.bias.data = bias[list(turned)]
            other = module.decide(module.layout(asked))
        finally:
            module.words.mids = mids
            module.score.weight.data, module.score.bias.data = weight, bias
    assert float((plain[:, list(turned)] - other).abs().max()) < 1e-4


def test_an_empty_answer_takes_as_much_room_as_any(routers: dict[str, Router]) -> None:
    module = routers["mlm"].module
    assert isinstance(module, MaskedRouter)
    empty = module.layout([[30, 31]], [[[], [40], [41, 42]]], [0.5])
    full = module.layout([[30, 31]])
    assert empty.ids.shape == full.ids.shape
    assert int((empty.labels >= 0).sum()) == 1 + 1  # of one token one is hidden, of two one


# -- masks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "done, paper, script", [(0, 0, 0.3), (0.1, 0.25, 0.65), (0.2, 0.5, 1), (0.4, 1, 1), (1, 1, 1)]
)
def test_the_curriculum(done: float, paper: float, script: float) -> None:
    """The paper's text: from 0 over 40 % of training; the official script: from 0.3 over 20 %."""
    assert curriculum(done) == pytest.approx(paper)
    assert curriculum(done, 0.3, 0.2) == pytest.approx(script)
    step = int(done * 1000)
    assert rates("curriculum", step, 1000, 2, 0.0, 0.4, 0) == pytest.approx([paper] * 2)


class Steps(Dataset):  # type: ignore[misc]
    """Masks as a loader would prepare them: those of one step an item."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def __len__(self) -> int:
        return 20

    def __getitem__(self, step: int) -> list[float]:
        return rates(self.schedule, step, 20, 2, 0.0, 0.4, 7)


@pytest.mark.parametrize("schedule", ["curriculum", "uniform"])
@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes")
def test_masks_are_the_same_whoever_prepares_them(workers: int, schedule: Schedule) -> None:
    """A counter inside the loader would begin again in every worker, and run ahead."""
    loader = DataLoader(Steps(schedule), batch_size=None, num_workers=workers)
    found = [step for _ in range(2) for step in loader]  # a second time: as if begun again
    assert found == [rates(schedule, n, 20, 2, 0.0, 0.4, 7) for n in range(20)] * 2


def test_masks_of_a_training_follow_its_steps_and_go_on_after_a_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the router is given at each step, of a whole training and of one in two parts."""
    seen: list[float] = []
    forward = MaskedRouter.forward

    def watched(self: MaskedRouter, prompts: Any, answers: Any = None, rates: Any = None) -> Any:
        if self.training:
            assert len({*rates}) == 1
            seen.append(rates[0])
        return forward(self, prompts, answers, rates)

    monkeypatch.setattr(MaskedRouter, "forward", watched)
    settings = TrainSettings.model_validate({**SMALL, "steps": 20, "epochs": 1, "batch": 4})
    wanted = [curriculum(step / 20) for step in range(20)]
    fit(settings, pool(40), Recorder())
    assert seen == pytest.approx(wanted)
    seen.clear()
    with pytest.raises(Cancelled):
        fit(settings, pool(40), Recorder(stop_at=3), state=tmp_path / "state")
    assert seen == pytest.approx(wanted[:3])
    fit(settings, pool(40), Recorder(), state=tmp_path / "state", resume=True)
    assert seen == pytest.approx(wanted)


def test_masks_grow_from_the_end_and_hide_at_least_one() -> None:
    assert [visible([1] * 10, r) for r in (0, 0.05, 0.3, 0.99, 1)] == [9, 9, 7, 1, 0]
    assert visible([], 0.5) == 0
    uniform = [r for step in range(50) for r in rates("uniform", step, 99, 4, 0, 0, 1)]
    assert 0 < min(uniform) < 0.1 and 0.9 < max(uniform) <= 1
    assert rates("full", 0, 9, 2, 0, 0.4, 0) == [1, 1]


# -- what is learned ------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["mlm", "clm"])
def test_a_pool_with_known_skills(routers: dict[str, Router], variant: str) -> None:
    """Within one set of all kinds, where the set's name tells nothing."""
    test = pool(150, seed=9)
    chosen = routers[variant].logits(test.texts).argmax(1)
    best = scorecard.best_fixed(test.scores, ["all"] * len(test.rows))
    card = scorecard.card(test.scores, ["all"] * len(test.rows), chosen, best, NAMES)
    assert card.within >= 80
    code = [n for n, s in enumerate(test.sets) if s == "code"]
    assert (chosen[code] == NAMES.index("coder")).mean() >= 0.97


@pytest.mark.parametrize("how", ["typos", "casing", "blanks"])
def test_noise_changes_few_decisions(routers: dict[str, Router], how: str) -> None:
    rng, texts = random.Random(0), pool(150, seed=5).texts
    changed = [cut(NOISES[how](t, rng)) for t in texts]
    assert changed != texts or how == "blanks"
    for router in routers.values():
        before, after = router.logits(texts).argmax(1), router.logits(changed).argmax(1)
        assert (before == after).mean() >= 0.9


def test_a_system_message_changes_no_decision() -> None:
    for text in pool(20, seed=5).texts:
        plain = Request.of(text)
        told = Request((Message.system(SYSTEM), *plain.messages))
        assert read(told) == read(plain)


def test_learning_from_single_outcomes(routers: dict[str, Router]) -> None:
    """IPS and DR on a log of one outcome a row, half of them from a skewed policy: mu is within
    10 % of that of a router that saw every outcome."""
    table, test = pool(400, seed=3), pool(150, seed=9)
    rng = np.random.default_rng(0)
    behaviour = np.where(rng.random((400, 1)) < 0.5, [[0.6, 0.2, 0.2]], [[0.2, 0.3, 0.5]])
    log = hide(table, behaviour, seed=1)
    assert np.isfinite(log.scores).sum() == 400

    def mu(router: Router) -> float:
        chosen = router.logits(test.texts).argmax(1)
        return scorecard.card(test.scores, ["all"] * len(test.rows), chosen, {}, NAMES).mu

    full = mu(routers["mlm"])
    for feedback in ("ips", "dr"):
        settings = TrainSettings.model_validate({**SMALL, "feedback": feedback, "steps": 60})
        assert mu(fit(settings, log, Recorder())) >= 0.9 * full
    with pytest.raises(DataError, match="never made up"):
        fit(TrainSettings.model_validate(SMALL), log, Recorder())
    bare = [o for r in table.rows for o in r.outcomes]
    assert all(o.propensity is None for o in bare)
    with pytest.raises(DataError, match="no propensity"):
        fit(TrainSettings.model_validate({**SMALL, "feedback": "ips"}), table, Recorder())


def test_probabilities_are_near_what_happens(routers: dict[str, Router]) -> None:
    for router in routers.values():
        test = pool(200, seed=21)
        chances = router.chances(test.texts)
        assert ((chances >= 0) & (chances <= 1)).all()
        assert abs(chances.mean() - test.scores.mean()) < 0.1
        assert (chances.argmax(1) == router.logits(test.texts).argmax(1)).mean() > 0.95


@pytest.mark.parametrize("variant", ["mlm", "clm"])
def test_a_newcomer_without_retraining(variant: str, routers: dict[str, Router]) -> None:
    """A router for two learns of a third, which is as good as one of them, from 50 probes."""
    names = (*NAMES, "second coder")
    table = pool(300, seed=2, names=NAMES)
    rows = [
        type(r)(r.id, r.set, r.text, (*r.outcomes, r.outcomes[NAMES.index("coder")]))
        for r in table.rows
    ]
    probes = probe_rows(Table(names, tuple(rows)), 50)
    made = add_candidate(routers[variant], "second coder", probes)
    assert made.candidates == names and routers[variant].candidates == NAMES
    test = pool(100, seed=9)
    logits = made.logits(test.texts)
    right = np.array([s == "code" for s in test.sets])
    assert (logits[right, 3].mean() - logits[~right, 3].mean()) > 1
    with pytest.raises(DataError, match="too few"):
        add_candidate(routers[variant], "second coder", probes.take(range(5)))


# -- keeping it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant, rows", [("mlm", 240), ("clm", 480)])
def test_a_saved_router_is_the_same(
    variant: str, rows: int, routers: dict[str, Router], tmp_path: Path
) -> None:
    router = routers[variant]
    found = Router.load(router.save(tmp_path / "r"), NAMES[::-1])
    assert np.array_equal(found.logits(TEXTS), router.logits(TEXTS))
    assert np.array_equal(found.chances(TEXTS), router.chances(TEXTS))
    assert found.about == router.about and found.about.data == pool(rows).hash
    for others in (("adder", "speller"), (*NAMES, "new"), ("a", "b", "c")):
        with pytest.raises(ConfigError, match=r"does not know|also trained for"):
            Router.load(tmp_path / "r", others)
    assert Router.load(tmp_path / "r", NAMES[:2], subset=True).candidates == NAMES


def test_a_damaged_router_says_so(routers: dict[str, Router], tmp_path: Path) -> None:
    folder = routers["mlm"].save(tmp_path / "r")
    weights = (folder / "router.safetensors").read_bytes()
    (folder / "router.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ModelFileError, match="damaged"):
        Router.load(folder)
    plain = json.loads((folder / "router.json").read_text())
    (folder / "router.json").write_text(json.dumps({**plain, "version": 99}))
    with pytest.raises(ModelFileError, match="version 99"):
        Router.load(folder)
    with pytest.raises(ModelFileError, match="no router"):
        Router.load(tmp_path / "nowhere")


def test_text_cannot_become_a_candidates_token(routers: dict[str, Router]) -> None:
    for router in routers.values():
        words = router.module.words
        text = "Use <Model_2> <|cls|> and [unused0], <Model_0>! \ud800 漢字 🙂"
        ids = words.encode(text)
        assert not {*ids} & {*words.mids, words.cls, words.sep, words.pad, words.eos}
        assert ids and np.isfinite(router.logits([text, "", "x" * 100_000])).all()


def test_no_network(routers: dict[str, Router], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    settings = TrainSettings.model_validate({**SMALL, "steps": 2, "epochs": 1})
    made = fit(settings, pool(40), Recorder())
    made.chances(TEXTS)


OFFLINE = """
import socket
def refuse(*a, **k):
    raise AssertionError("the network was used")
socket.socket.connect = socket.getaddrinfo = refuse
import agentkit, agentkit_lookahead.model, agentkit_lookahead.command
from agentkit.capabilities import Request
with agentkit.load(environ={}, overrides=["models.auto.budget=60"]) as kit:
    print(kit.model("auto").generate([Request.of("What is 217 + 318?")])[0].text)
"""


def test_no_network_at_import_and_when_used(tmp_path: Path) -> None:
    """A process of its own, in which nothing can be connected to from its first line."""
    made = subprocess.run(
        [sys.executable, "-c", OFFLINE], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert made.stdout == "535\n", made.stderr


def test_an_interrupted_training_goes_on_where_it_was(tmp_path: Path) -> None:
    settings = TrainSettings.model_validate({**SMALL, "steps": 8, "epochs": 1, "dropout": 0.1})
    whole = fit(settings, pool(60), Recorder())
    stopped = Recorder(stop_at=4)
    with pytest.raises(Cancelled):
        fit(settings, pool(60), stopped, state=tmp_path / "state")
    rest = Recorder()
    again = fit(settings, pool(60), rest, state=tmp_path / "state", resume=True)
    assert min(rest.used) == 5 and np.array_equal(again.logits(TEXTS), whole.logits(TEXTS))
    with pytest.raises(DataError, match="rows"):
        fit(settings, pool(90), Recorder(), state=tmp_path / "state", resume=True)


def test_batches_depend_on_seed_and_step_alone() -> None:
    settings = TrainSettings(batch=4, seed=3)
    epoch = [n for step in range(3) for n in training.batch_of(settings, 10, step)]
    assert sorted(epoch) == list(range(10))
    assert training.batch_of(settings, 10, 4) == training.batch_of(settings, 10, 4)
    assert derive(3, "order", 0) != derive(3, "order", 1)
