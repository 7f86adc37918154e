"""Language models: padding, weights that stay, queries and files that are none (acceptance 7, 8,
9, 11)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import agentkit
from agentkit.capabilities import LanguageModel, Message, Request, Tokens, Weights
from agentkit.errors import DataError, UsageError
from agentkit.testing.progress import Recorder
from agentkit.testing.tiny import tiny_model_folder
from agentkit_bayes_influence.language import (
    Example,
    asked,
    borrowed,
    causal,
    chosen,
    encode,
    load_trained,
    read_examples,
    said_in,
    still,
    used_in,
)
from agentkit_bayes_influence.posterior import Items, Posterior
from agentkit_bayes_influence.sampling import Sampling
from agentkit_bayes_influence.tail import shortened
from agentkit_bayes_influence.traces import TraceStore


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageModel]:
    folder = tiny_model_folder(tmp_path_factory.mktemp("tiny") / "model")
    with agentkit.load() as kit:
        kit.define("model", "influence-tiny", use="transformers", model=str(folder))
        yield kit.model("influence-tiny")


def bits(model: LanguageModel) -> list[bytes]:
    with model.ability(Weights).borrow("read") as module:
        return [p.detach().view(torch.uint8).numpy().tobytes() for p in module.parameters()]


@pytest.mark.slow
def test_padding_changes_nothing_that_counts(model: LanguageModel) -> None:
    tokens = model.ability(Tokens)
    some = [Example("a", "a short one"), Example("b", "rain", "It fell all day, the")]
    items, pieces = encode(some, tokens, chat=False, longest=64)
    assert "".join(pieces[1]) == " rain" and items.mask[1].sum() == 5
    assert items.mask[0].sum() == len(tokens.encode("a short one")) - 1
    with borrowed(model) as module:
        loss = causal(module)
        weights = {name: p for name, p in chosen(module, "").items()}
        padded = loss(weights, items.inputs[0])
        for row in range(2):
            end = int(items.mask[row].nonzero().max()) + 2
            alone = loss(weights, items.inputs[0][row : row + 1, :end])
            mask = items.mask[row, : end - 1]
            assert torch.allclose(padded[row, : end - 1][mask], alone[0][mask], atol=1e-5)


def test_the_tail_is_the_model(model: LanguageModel) -> None:
    """At w* and elsewhere, values and gradients; weights below it leave the whole model."""
    tokens = model.ability(Tokens)
    some = [Example("a", "a short one"), Example("b", "rain", "It fell all day, the")]
    items, _ = encode(some, tokens, chat=False, longest=64)
    with borrowed(model) as module:
        weights = chosen(module, "")
        loss, cut, _ = shortened(module, weights, items, items, 4)
        assert len(cut.inputs) == 3 and not torch.equal(cut.inputs[0][0], cut.inputs[0][1])
        shorter = Posterior(loss, weights, cut, side_by_side=False)
        whole = Posterior(causal(module), weights, items, side_by_side=False)
        there = whole.centre + 0.05 * torch.randn(
            whole.dimension, generator=torch.Generator().manual_seed(0)
        )
        found, wanted = (at.losses(there[None], at.items) for at in (shorter, whole))
        assert torch.allclose(found, wanted, atol=1e-4) and wanted.max() > 1
        rows = torch.arange(2)[None]
        ways = [at.gradient(there[None], rows) for at in (shorter, whole)]
        assert torch.allclose(*ways, atol=1e-3 * float(ways[1].abs().max()))
        assert len(module.get_decoder().layers) == 2
        plain = shortened(module, chosen(module, "embed_tokens"), items, items, 4)[1]
        assert len(plain.inputs) == 1


@pytest.mark.slow
def test_the_models_weights_stay_whatever_happens(model: LanguageModel, tmp_path: Path) -> None:
    before = bits(model)
    tokens = model.ability(Tokens)
    items, _ = encode([Example("a", "one two"), Example("b", "six")], tokens, chat=False, longest=9)
    with borrowed(model) as module:
        module.train()
        module.requires_grad_(True)
        own = [p.detach().clone() for p in module.parameters()]
        with still(module):
            at = Posterior(causal(module), chosen(module, ""), items, chunk=4, side_by_side=False)
            wanted = Sampling(chains=2, draws=3, step=1.0)
            with pytest.raises(KeyboardInterrupt):

                class Struck(Recorder):
                    def update(self, *args: object) -> None:
                        raise KeyboardInterrupt

                TraceStore(tmp_path / "a").sample(at, items, wanted, Struck())
            traces = TraceStore(tmp_path / "b").sample(at, items, wanted, Recorder())
            assert traces.train.shape == (2, 3, 2, items.width)
            assert not module.training and traces.distance.min() > 0
        assert module.training and all(p.requires_grad for p in module.parameters())
        assert all(torch.equal(a, b) for a, b in zip(own, module.parameters()))
    assert bits(model) == before


@pytest.mark.slow
def test_a_half_precision_model_goes_as_far_as_a_whole_one(model: LanguageModel) -> None:
    tokens = model.ability(Tokens)
    items, _ = encode([Example("a", "one two six")], tokens, chat=False, longest=20)
    from agentkit_bayes_influence.sampling import draws, resolve

    far = []
    for kind in (torch.float32, torch.bfloat16):
        with borrowed(model) as module:
            module.to(kind)
            at = Posterior(causal(module), chosen(module, ""), items, chunk=4, side_by_side=False)
            wanted = Sampling(chains=1, draws=40, epsilon=1e-6, gamma=1.0, burn_in=0, force=True)
            last = list(draws(at, wanted, resolve(at, wanted), range(1)))[-1]
            far.append(float((last.weights - at.centre).norm()))
    assert far[1] == pytest.approx(far[0], rel=0.05)


def test_weights_are_named_by_an_expression(model: LanguageModel) -> None:
    with borrowed(model) as module:
        assert all(name.startswith("model.layers.1.mlp.") for name in chosen(module, ""))
        assert len(chosen(module, r"layers\.0\..*q_proj")) == 1
        for pattern, message in (("nothing", "finds none"), ("(", "no expression")):
            with pytest.raises(UsageError, match=message):
                chosen(module, pattern)


def test_a_query_is_told_or_answered_now(model: LanguageModel) -> None:
    one = asked(model, "The sky is => blue", chat=False)
    assert (one.prompt, one.answer) == ("The sky is", "blue")
    with pytest.raises(UsageError, match="asks nothing"):
        asked(model, " => blue", chat=False)
    said = Request((Message.user("Which way?"),))
    from agentkit.capabilities import Completion
    from agentkit.runs.codec import request_to

    calls = {json.dumps(request_to(said)): Completion("north")}
    found = said_in(calls, "r1", None)
    assert (found.answer, found.prompt, found.id) == ("north", "Which way?", "run:r1:1")
    items, _ = encode([found], model.ability(Tokens), chat=False, longest=200)
    assert items.inputs[0].shape[1] == len(model.ability(Tokens).render(said)) + 5
    with pytest.raises(DataError, match="1 model calls"):
        said_in(calls, "r1", 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no examples"),
        ("{", "1: is no example"),
        ('{"prompt": "a"}', "1: is no example"),
        ('{"text": " "}', "1: is no example"),
        ("[1]", "1: is no example"),
        ('{"id": 1, "text": "a"}\n\n{"id": 1, "text": "b"}', "3: the id '1' came before"),
    ],
)
def test_a_file_that_holds_no_examples_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_examples(path)


def test_a_trainers_folder_gives_weights_and_steps(model: LanguageModel, tmp_path: Path) -> None:
    """In the form that agentkit-ring-rl writes; its own tests hold it to that."""
    assert used_in(tmp_path) == {}
    steps = [{"step": 1, "loss": 2.0, "examples": ["a", "b"]}, {"step": 2, "examples": ["a"]}]
    (tmp_path / "steps.jsonl").write_text("".join(json.dumps(s) + "\n" for s in steps))
    assert used_in(tmp_path) == {"a": (1, 2), "b": (1,)}
    with borrowed(model) as module:
        name, weight = next(iter(chosen(module, "").items()))
        with pytest.raises(DataError, match="cannot be read"):
            load_trained(module, tmp_path)
        (tmp_path / "checkpoint").mkdir()
        save_file({name: weight + 1}, tmp_path / "checkpoint" / "model.safetensors")
        load_trained(module, tmp_path)
        assert torch.equal(dict(module.named_parameters())[name], weight)
        save_file({"other": weight}, tmp_path / "checkpoint" / "model.safetensors")
        with pytest.raises(DataError, match="another model"):
            load_trained(module, tmp_path)
    (tmp_path / "steps.jsonl").write_text("no\n")
    with pytest.raises(DataError, match="no step"):
        used_in(tmp_path)


def test_an_example_of_one_token_is_refused(model: LanguageModel) -> None:
    with pytest.raises(DataError, match="too short"):
        encode([Example("a", "x")], model.ability(Tokens), chat=False, longest=9)
    with pytest.raises(UsageError, match="none"):
        Items((torch.zeros(0),), torch.zeros(0, 1), ())
