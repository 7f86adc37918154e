"""Engines draw the same tokens however they are interrupted; weights arrive whole."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import agentkit
from agentkit.capabilities import LanguageModel, Weights
from agentkit.errors import DataError, Unsupported
from agentkit_ring_rl.batched import BatchedEngine
from agentkit_ring_rl.engines import TokensEngine
from agentkit_ring_rl.exchange import InProcess, Shared, changed, packed, packed_size, unpacked
from agentkit_ring_rl.learner import Learner, Loss, Policy, Sample, pack
from agentkit_ring_rl.masks import Everything
from agentkit_ring_rl.mismatch import quantised
from agentkit_ring_rl.rollouts import Prompt, Rollout, RolloutEngine


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[LanguageModel]:
    with agentkit.load(environ={}) as kit:
        kit.define(
            "model", "policy", use="transformers", model=str(folder), dtype="fp32", threads=1
        )
        yield kit.model("policy")


def module_of(model: LanguageModel) -> Any:
    with model.ability(Weights).borrow("private") as module:
        return module.float()


def made(model: LanguageModel, kind: str, **settings: Any) -> RolloutEngine:
    # warm enough for long answers: the policy itself ends them soon
    settings.setdefault("temperature", 3.0)
    if kind == "tokens":
        engine: RolloutEngine = TokensEngine.copy_of(model, tick=3, **settings)
        return engine
    module = module_of(model)
    return BatchedEngine(lambda: copy.deepcopy(module), [258], **settings)


def rollouts(count: int = 6, limit: int = 20) -> list[Rollout]:
    """Prompts of unlike lengths, with limits that are not all met."""
    return [
        Rollout(n, 0, Prompt("p", tuple(b"3+4=12+5="[: 3 + n]), limit + n), 100 + n)
        for n in range(count)
    ]


def finish(engine: RolloutEngine, some: list[Rollout]) -> None:
    engine.start([one for one in some if one.end is None])
    while any(one.end is None for one in some):
        engine.step()


@pytest.mark.parametrize("kind", ["tokens", "batched"])
def test_interrupted_it_is_one_generation(model: LanguageModel, kind: str) -> None:
    engine = made(model, kind)
    whole, cut = rollouts(), rollouts()
    finish(engine, whole)
    for _ in range(3):
        engine.start([one for one in cut if one.end is None])
        engine.step()
        engine.pause()
    finish(engine, cut)
    assert [one.ids for one in cut] == [one.ids for one in whole]
    assert [one.end for one in cut] == [one.end for one in whole]
    for a, b in zip(whole, cut):
        assert a.logp == pytest.approx(b.logp, abs=1e-5)
        assert len(a.ids) <= a.prompt.limit  # what remained, not the limit again
        assert len(a.versions) == len(a.ids)
    assert max(len(one.ids) for one in whole) > 6
    engine.close()


@pytest.mark.parametrize("kind", ["tokens", "batched"])
def test_log_probabilities_are_the_trainers(model: LanguageModel, kind: str) -> None:
    engine, some = made(model, kind, temperature=0.7), rollouts()
    finish(engine, some)
    policy = Policy(module_of(model))
    samples = [Sample(o.prompt.ids, tuple(o.ids), (), (), 0.0) for o in some]
    for batch in pack(samples, 64, 2):
        flat, _ = policy(batch, 0.7)
        for place, index in enumerate(batch.sequences):
            own = flat[batch.owner == place].tolist()
            assert own == pytest.approx(some[index].logp, abs=1e-4)
    engine.close()


@pytest.mark.parametrize("kind", ["tokens", "batched"])
def test_after_a_change_of_weights_the_new_ones_draw(model: LanguageModel, kind: str) -> None:
    engine, module = made(model, kind), module_of(model)
    some = rollouts()
    engine.start(some)
    engine.step()
    engine.pause()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(0.9)
    before = [len(one.ids) for one in some]
    engine.load({n: p.detach() for n, p in module.named_parameters()}, 1)
    finish(engine, some)
    policy = Policy(module)
    for one, old in zip(some, before):
        assert one.versions == [0] * old + [1] * (len(one.ids) - old)
        (batch,) = pack([Sample(one.prompt.ids, tuple(one.ids), (), (), 0.0)], 64, 1)
        assert policy(batch, 3.0)[0].tolist()[old:] == pytest.approx(one.logp[old:], abs=1e-4)
    with pytest.raises(Unsupported, match="older"):
        engine.load({}, 0)
    engine.close()


def test_keeping_old_keys_and_values_is_another_thing(model: LanguageModel) -> None:
    exact = made(model, "tokens")
    some = rollouts(2)
    exact.start(some)
    exact.step()
    exact.pause()
    with pytest.raises(Unsupported, match="older weights"):
        exact.start(some, keep=True)
    exact.close()
    kept, read = rollouts(2), rollouts(2)
    for some, keep in ((kept, True), (read, False)):
        module = module_of(model)
        engine = BatchedEngine(lambda: copy.deepcopy(module), [], temperature=3.0)  # noqa: B023
        engine.start(some)
        for _ in range(4):
            engine.step()
        engine.pause()
        new = {name: 0.9 * p.detach() for name, p in module.named_parameters()}
        engine.load(new, 1)
        engine.start(some, keep=keep)
        while any(one.end is None for one in some):
            engine.step()
    assert [one.ids[:4] for one in kept] == [one.ids[:4] for one in read]
    # the first token after the change is seen through old keys and values, or new ones
    assert all(a.logp[4] != pytest.approx(b.logp[4], abs=1e-4) for a, b in zip(kept, read))


@pytest.mark.parametrize("kind", ["tokens", "batched"])
@pytest.mark.slow
def test_memory_is_given_back_and_taken_again(model: LanguageModel, kind: str) -> None:
    engine, module = made(model, kind), module_of(model)
    whole, again = rollouts(), rollouts()
    finish(engine, whole)
    size = sum(p.numel() * 4 for p in module.parameters())
    assert engine.release() >= size and engine.release() == 0
    if kind == "tokens":
        engine.start(again)
        with pytest.raises(Unsupported, match="released"):
            engine.step()
        engine.pause()
    engine.load({n: p.detach() for n, p in module.named_parameters()}, 1)
    finish(engine, again)
    assert [one.ids for one in again] == [one.ids for one in whole]
    engine.close()


def test_a_rollout_that_does_not_fit_ends_alone(model: LanguageModel) -> None:
    engine = made(model, "tokens")
    some = rollouts(3)
    some[1] = Rollout(1, 0, Prompt("long", tuple(range(62)), 50), 5)  # the context has 64 tokens
    finish(engine, some)
    assert [one.end == "error" for one in some] == [False, True, False]
    assert "context of 64" in some[1].why
    engine.close()


@pytest.mark.parametrize("kind", ["tokens", "batched"])
def test_weights_that_are_no_numbers_are_refused(model: LanguageModel, kind: str) -> None:
    engine, module, some = made(model, kind), module_of(model), rollouts(2)
    tensors = {n: torch.full_like(p, float("nan")) for n, p in module.named_parameters()}
    with pytest.raises(DataError, match="version 1 are not all finite"):
        engine.load(tensors, 1)
    finish(engine, some)  # and the old ones draw on
    assert all(one.end != "error" and set(one.versions) == {0} for one in some)
    engine.close()


def test_logits_that_are_no_numbers_end_their_rollouts(model: LanguageModel) -> None:
    module = module_of(model)
    engine = BatchedEngine(
        lambda: module, [258], logits=lambda x: x.index_fill(0, torch.tensor([1]), float("nan"))
    )
    some = rollouts(3)
    finish(engine, some)
    assert "error" in [one.end for one in some]
    assert all("not numbers" in one.why for one in some if one.end == "error")


# -- weights in memory ----------------------------------------------------------------------------


TENSORS = {"a": torch.randn(7, 33), "b": torch.randn(5), "c": torch.randn(2, 3, 4)}


def test_in_one_process_versions_must_grow() -> None:
    exchange = InProcess()
    exchange.publish(TENSORS, 0)
    pulled = exchange.pull(-1)
    assert pulled is not None and pulled[1] == 0 and pulled[0]["a"] is TENSORS["a"]
    assert exchange.pull(0) is None
    with pytest.raises(DataError, match="not newer"):
        exchange.publish(TENSORS, 0)
    with pytest.raises(DataError, match="another model"):
        exchange.publish({"a": torch.zeros(1)}, 1)


@pytest.mark.parametrize("form, error", [("full", 0.0), ("bf16", 0.02), ("int8", 0.02)])
def test_forms_come_back(form: Any, error: float) -> None:
    for tensor in TENSORS.values():
        data = packed(tensor, form)
        assert len(data) == packed_size(tensor.shape, form)
        back = unpacked(data, tensor.shape, form)
        assert back.shape == tensor.shape
        assert float((back - tensor).abs().max()) <= error * float(tensor.abs().max())
    assert packed_size((100, 100), "int8") < packed_size((100, 100), "bf16") < 40_000


READER = """
import sys, torch
from agentkit_ring_rl.exchange import Shared
name, shapes = sys.argv[1], {"a": [7, 33], "b": [5], "c": [2, 3, 4]}
reader, have = Shared.attach(name, shapes), -1
while have < 60:
    pulled = reader.pull(have)
    if pulled is None:
        continue
    tensors, have = pulled
    values = {float(v) for t in tensors.values() for v in t.flatten()}
    assert values == {float(have)}, (have, values)  # all of one version
    print(have, flush=True)
reader.close()
"""


@pytest.mark.slow
def test_another_process_reads_whole_versions() -> None:
    shared = Shared.create(TENSORS)
    try:
        assert shared.pull(-1) is None
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, shared.name], stdout=subprocess.PIPE, text=True
        )
        assert reader.stdout is not None
        version = 0
        shared.publish({n: torch.full_like(t, 0.0) for n, t in TENSORS.items()}, 0)
        for line in reader.stdout:  # the reader is ever behind the writer
            for _ in range(3):
                version += 1
                shared.publish(
                    {n: torch.full_like(t, float(version)) for n, t in TENSORS.items()}, version
                )
            if int(line) >= 60:
                break
        assert reader.wait() == 0 and version > 30
        with pytest.raises(DataError, match="not newer"):
            shared.publish(TENSORS, 3)
        with pytest.raises(DataError, match="another model"):
            Shared.attach(shared.name, {"a": [7, 32]})
    finally:
        shared.close(unlink=True)
    with pytest.raises(DataError, match="no weights are shared"):
        Shared.attach(shared.name, {"a": [7, 33]})


def test_a_delta_is_what_changed() -> None:
    new = {**TENSORS, "b": TENSORS["b"] + 1}
    assert list(changed(TENSORS, new)) == ["b"]


def test_quantised_weights_have_few_levels() -> None:
    low = quantised(TENSORS["a"], 3)
    assert all(len(row.unique()) <= 7 for row in low)
    assert torch.equal(quantised(TENSORS["b"], 3), TENSORS["b"])


# -- the learner ----------------------------------------------------------------------------------


def samples(count: int = 9) -> list[Sample]:
    return [
        Sample(
            tuple(range(3, 5 + n)),
            tuple(range(40, 43 + n % 4)),
            (-2.0,) * (3 + n % 4),
            (0,) * (3 + n % 4),
            1.0 if n % 2 else -1.0,
        )
        for n in range(count)
    ]


def test_packing_keeps_every_sequence_apart(model: LanguageModel) -> None:
    module, known = module_of(model), samples()
    policy, seen = Policy(module), []
    for batch in pack(known, 20, 2):
        flat, _ = policy(batch, 1.0)
        for place, index in enumerate(batch.sequences):
            one = known[index]
            logits = module(torch.tensor([[*one.prompt, *one.answer]])).logits[0]
            logp = torch.log_softmax(logits, -1)[len(one.prompt) - 1 : -1]
            alone = logp.gather(1, torch.tensor(one.answer)[:, None])[:, 0]
            assert torch.allclose(flat[batch.owner == place], alone, atol=1e-5)
            seen.append(index)
    assert sorted(seen) == list(range(len(known)))
    (long,) = pack([Sample((1,) * 30, (2,), (0.0,), (0,), 0.0)], 8, 1)
    assert long.ids.shape == (1, 31)


def test_how_a_batch_is_cut_changes_nothing(model: LanguageModel) -> None:
    found = []
    for width, rows in ((16, 1), (64, 8)):
        module = module_of(model)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        learner = Learner(Policy(module), Loss(Everything()), optimizer, width=width, rows=rows)
        metrics = learner.update(samples(), 1).metrics
        found.append((metrics["norm"], metrics["loss"], learner.tensors()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-6)
    for name, tensor in found[0][2].items():
        assert torch.allclose(tensor, found[1][2][name], atol=1e-6)
